"""Another reader of captures: Wireshark's dissectors through pyshark, for doubts and for encapsulations (GTP, MPLS, …)
that our own reader does not open.

It reads some hundred packets a second. pyshark has an event loop of its own and may die on damaged files, so it runs
in a process of its own, which passes on one JSON object a line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from sipconform.trace.errors import CaptureError
from sipconform.trace.packet import Address, Note, Packet

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
                yield _packet(json.loads(line))
            words = process.stderr.read().decode(errors="replace").strip().splitlines()
        finally:
            process.kill()
    if process.returncode and not seen:
        raise CaptureError(path, f"tshark could not read it: {words[-1] if words else 'no reason given'}", _REMEDY)
    if process.returncode:
        yield Note("tshark", f"tshark broke off before the end: {words[-1] if words else 'no reason given'}")


_REMEDY = "pip install sipconform[tshark], and tshark (Debian and Ubuntu: apt install tshark)"


def _packet(told: dict[str, Any]) -> Packet:
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
    preferences = {"tls.keylog_file": str(Path(arguments[1]).resolve())} if len(arguments) > 1 else {}
    capture = pyshark.FileCapture(
        arguments[0], display_filter=QUOTING, use_json=True, include_raw=True, keep_packets=False,
        override_prefs=preferences,
    )  # fmt: skip
    try:
        for frame in capture:
            for told in _messages(frame):
                _tell(told)
    except (pyshark.capture.capture.TSharkCrashException, EOFError) as error:
        print(str(error).splitlines()[-1] if str(error) else "tshark crashed", file=sys.stderr)
        return 1
    finally:
        capture.close()
    return 0


def _tell(message: dict[str, Any]) -> None:
    """A line on standard output. `print` loses the end of a long one when a signal (the end of tshark) comes while the
    pipe is full: seen in one of a hundred runs on a busy machine."""
    line = json.dumps(message).encode() + b"\n"
    while line:
        line = line[os.write(sys.stdout.fileno(), line) :]


def _messages(frame: Any) -> Iterator[dict[str, Any]]:
    network = _innermost(frame, "ipv6", "ip")
    stream = _position(frame, "tcp") > _position(frame, "udp")
    transport = frame["tcp" if stream else "udp"]
    secure = stream and any(layer.layer_name == "tls" for layer in frame.layers)
    ends = [(_last(network.src), _last(transport.srcport)), (_last(network.dst), _last(transport.dstport))]
    raw = [frame["sip_raw"].value] if stream else [str(_last(transport.payload)).replace(":", "")]
    for payload in raw[0] if isinstance(raw[0], list) else raw:
        yield {
            "frame": int(frame.number),
            "time_ns": int(Decimal(frame.sniff_timestamp) * 1_000_000_000),
            "source": ends[0],
            "destination": ends[1],
            "transport": "tls" if secure else "tcp" if stream else "udp",
            "payload": payload,
        }


def _position(frame: Any, name: str) -> int:
    return max((at for at, layer in enumerate(frame.layers) if layer.layer_name == name), default=-1)


def _innermost(frame: Any, *names: str) -> Any:
    return frame.layers[max(_position(frame, name) for name in names)]


def _last(value: Any) -> str:
    return str(value[-1] if isinstance(value, list) else value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
