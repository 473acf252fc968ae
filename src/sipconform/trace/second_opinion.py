"""Another reader of captures: Wireshark's dissectors through pyshark, for doubts and for encapsulations (GTP, MPLS, …)
that our own reader does not open.

It reads some hundred packets a second. pyshark has an event loop of its own and may die on damaged files, so it runs
in a process of its own, which passes on one JSON object a line.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from sipconform.trace.errors import CaptureError
from sipconform.trace.packet import Address, Note, Packet

TAIL = "Part of a TCP stream that no start line begins was left out"
_START = re.compile(
    rb"(?:(?:ACK|BYE|CANCEL|INFO|INVITE|MESSAGE|NOTIFY|OPTIONS|PRACK|PUBLISH|REFER|REGISTER|SUBSCRIBE|UPDATE)"
    rb" [^ \r\n]+ SIP/2\.0|SIP/2\.0 [0-9]{3} [^\r\n]*)\r\n"
)
QUOTING = "sip && !icmp && !icmpv6"  # SIP quoted in an error is no message


def read_with_tshark(path: Path, *, keylog: Path | None = None) -> Iterator[Packet | Note]:
    """Every SIP message that Wireshark sees in a capture, in the order of its frames.

    Raises CaptureError when pyshark or tshark is missing, or when tshark cannot read the file at all; where it breaks
    off later a Note says so.
    """
    command = [sys.executable, "-m", __name__, str(path), *([str(keylog)] if keylog else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        seen = False
        try:
            for line in process.stdout:
                seen = True
                yield _read(json.loads(line))
            words = process.stderr.read().decode(errors="replace").strip().splitlines()
        finally:
            process.kill()
    if process.returncode and not seen:
        raise CaptureError(path, f"tshark could not read it: {words[-1] if words else 'no reason given'}", _REMEDY)
    if process.returncode:
        yield Note("tshark", f"tshark broke off before the end: {words[-1] if words else 'no reason given'}")


_REMEDY = "pip install sipconform[tshark], and tshark (Debian and Ubuntu: apt install tshark)"


def _read(told: dict[str, Any]) -> Packet | Note:
    if "unread" in told:
        return Note("tshark", told["unread"], (told["frame"],))
    source, destination = (Address(host, int(port)) for host, port in (told["source"], told["destination"]))
    payload = bytes.fromhex(told["payload"])
    return Packet(told["time_ns"], source, destination, told["transport"], payload, (told["frame"],))


# -- in the process of its own --------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    try:
        import pyshark  # noqa: PLC0415 - an optional dependency
    except ImportError:
        print("pyshark is not installed", file=sys.stderr)
        return 1
    cut = _has_hole(arguments[0])
    preferences = {"tcp.reassemble_out_of_order": str(not cut).upper()}
    if len(arguments) > 1:
        preferences["tls.keylog_file"] = str(Path(arguments[1]).resolve())
    capture = pyshark.FileCapture(
        arguments[0], display_filter=QUOTING, use_json=True, include_raw=True, keep_packets=False,
        override_prefs=preferences,
    )  # fmt: skip
    try:
        for frame in capture:
            for told in _readable(frame):
                for message in _begun(told) if cut else [told]:
                    _tell(message)
    except (pyshark.capture.capture.TSharkCrashException, EOFError) as error:
        print(str(error).splitlines()[-1] if str(error) else "tshark crashed", file=sys.stderr)
        return 1
    finally:
        capture.close()
    return 0


def _has_hole(path: str) -> bool:
    """Whether a piece of a TCP stream is missing: who waits for pieces to come later waits for it for ever."""
    fields = [word for name in ("tcp.stream", "tcp.srcport", "tcp.seq", "tcp.len") for word in ("-e", name)]
    command = ["tshark", "-n", "-r", path, "-Y", "tcp.len > 0", "-T", "fields", "-E", "occurrence=l", *fields]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    pieces: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for line in told.splitlines():
        *ends, seq, length = line.split("\t")
        if seq.isdigit() and length.isdigit():
            pieces.setdefault(tuple(ends), []).append((int(seq), int(seq) + int(length)))
    return any(_is_cut(sorted(piece)) for piece in pieces.values())


def _is_cut(pieces: list[tuple[int, int]]) -> bool:
    seen = pieces[0][1]
    for start, end in pieces:
        if start > seen:
            return True
        seen = max(seen, end)
    return False


def _tell(message: dict[str, Any]) -> None:
    """A line on standard output. `print` loses the end of a long one when a signal (the end of tshark) comes while the
    pipe is full: seen in one of a hundred runs on a busy machine."""
    line = json.dumps(message).encode() + b"\n"
    while line:
        line = line[os.write(sys.stdout.fileno(), line) :]


def _readable(frame: Any) -> Iterator[dict[str, Any]]:
    """What is in a frame; where that has another shape than we know, that there was something."""
    number = int(frame.number)
    try:
        yield from list(_messages(frame))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"What tshark tells of a frame with SIP is not understood ({type(error).__name__}: {error})"
        yield {"frame": number, "unread": what}


def _begun(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A message of a stream with a hole, without what stands before its start line: the end of one that was cut."""
    payload = bytes.fromhex(told.get("payload", ""))
    found = _START.search(payload)
    if told.get("transport") in (None, "udp") or (found and not found.start()):
        yield told
        return
    yield {"frame": told["frame"], "unread": TAIL}
    if found:
        yield {**told, "payload": payload[found.start() :].hex()}


def _messages(frame: Any) -> Iterator[dict[str, Any]]:
    network = _innermost(frame, "ipv6", "ip")
    stream = _position(frame, "tcp") > _position(frame, "udp")
    transport = frame["tcp" if stream else "udp"]
    secure = stream and any(layer.layer_name == "tls" for layer in frame.layers)
    ends = [(_last(network.src), _last(transport.srcport)), (_last(network.dst), _last(transport.dstport))]
    for payload in _raw(frame) if stream else [str(_last(transport.payload)).replace(":", "")]:
        yield {
            "frame": int(frame.number),
            "time_ns": int(Decimal(frame.sniff_timestamp) * 1_000_000_000),
            "source": ends[0],
            "destination": ends[1],
            "transport": "tls" if secure else "tcp" if stream else "udp",
            "payload": payload,
        }


def _raw(frame: Any) -> list[str]:
    """The octets of every SIP message in a frame. Beside them stand their places, and with more than one message they
    are lists in a list."""
    first = frame["sip_raw"]
    values = [layer.value for layer in (first, *first.duplicate_layers)]
    found = [value[0] if isinstance(value, list) else value for value in values]
    return [octets for octets in found if isinstance(octets, str) and octets]


def _position(frame: Any, name: str) -> int:
    return max((at for at, layer in enumerate(frame.layers) if layer.layer_name == name), default=-1)


def _innermost(frame: Any, *names: str) -> Any:
    return frame.layers[max(_position(frame, name) for name in names)]


def _last(value: Any) -> str:
    return str(value[-1] if isinstance(value, list) else value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
