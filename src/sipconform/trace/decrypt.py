"""Opens TLS with tshark when the secrets are there, and cuts the SIP messages out of the plaintext.

tshark's own export of upper-layer PDUs gives two messages of one record as one, twice, and knows SIP only on
its own ports. So SIP is switched off in it: what TLS carried then comes out as plain data, in order, on any port.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sipconform.trace.framing import NO_LENGTH, Framed
from sipconform.trace.notes import Notes
from sipconform.trace.packet import Address, Packet
from sipconform.trace.tcp import ACK, Segment, Way

TIME_LIMIT = 600.0  # seconds
MISSING = "There are TLS secrets but no tshark to use them: install it (Debian and Ubuntu: apt install tshark)"
_FIELDS = (
    "frame.number", "frame.time_epoch", "tcp.stream",
    "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport", "data.data",
)  # fmt: skip
_SWITCHED_OFF = ("sip", "http", "http2")  # else they would take the plaintext for themselves


class Plaintext(NamedTuple):
    """What one frame's TLS records carried in one direction of a connection."""

    stream: str
    source: Address
    destination: Address
    data: bytes
    frame: int
    time_ns: int


class Decryption:
    """The SIP messages that a capture carries inside TLS. `opened`: the connections that gave plaintext."""

    def __init__(self, path: Path, keylog: Path | None, notes: Notes) -> None:
        self._path = path
        self._keylog = keylog
        self._notes = notes
        self.opened: set[frozenset[Address]] = set()

    def packets(self) -> Iterator[Packet]:
        """Runs tshark over the whole file, then gives message after message with transport "tls"."""
        program = shutil.which("tshark")
        if program is None:
            self._notes.add("tshark", MISSING)
            return
        with tempfile.TemporaryDirectory(prefix="sipconform-") as folder:
            output = Path(folder) / "plaintext"
            self._run(program, output)
            with output.open(encoding="ascii", errors="replace") as lines:
                yield from self._messages(filter(None, map(read_line, lines)))

    def _run(self, program: str, output: Path) -> None:
        # A folder of its own keeps the user's preferences and decode-as rules out.
        environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(output.parent)}
        command = [program, *tshark_arguments(self._path, self._keylog)]
        with output.open("wb") as out:
            try:
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL,
                    env=environment, timeout=TIME_LIMIT, check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                self._notes.add("tshark", f"tshark was stopped after {TIME_LIMIT:.0f} s, some TLS was not read")
                return
            except OSError as error:
                self._notes.add("tshark", f"tshark could not be run ({error.strerror}), TLS was not read")
                return
        if done.returncode:
            text = f"tshark ended with exit code {done.returncode}, some TLS may not have been read"
            self._notes.add("tshark", text)

    def _messages(self, plaintexts: Iterable[Plaintext]) -> Iterator[Packet]:
        ways: dict[tuple[str, Address], Way] = {}
        for plain in plaintexts:
            self.opened.add(frozenset((plain.source, plain.destination)))
            way = ways.setdefault((plain.stream, plain.source), Way(plain.source, plain.destination))
            peer = ways.get((plain.stream, plain.destination))
            if peer is not None and peer.framer.open_ended:
                yield from self._rest(peer)
            sequence = way.framer.end & 0xFFFFFFFF
            segment = Segment(sequence, 0, ACK, plain.data, (plain.frame,), plain.time_ns)
            for part in way.arrive(segment):
                for framed in way.framer.feed(part.data):
                    yield self._packet(way, framed)
                way.forget(way.framer.start)
        for way in ways.values():
            if way.framer.open_ended:
                yield from self._rest(way)

    def _rest(self, way: Way) -> Iterator[Packet]:
        framed = way.framer.take(NO_LENGTH)
        if framed is not None:
            yield self._packet(way, framed)

    def _packet(self, way: Way, framed: Framed) -> Packet:
        frames, time_ns = way.contribution(framed.start, framed.end)
        if framed.trouble:
            self._notes.add("framing", framed.trouble, frames)
        return Packet(time_ns, way.source, way.destination, "tls", framed.payload, frames)


def tshark_arguments(path: Path, keylog: Path | None) -> list[str]:
    """What to ask tshark: a line for every frame in which TLS gave plaintext."""
    arguments = ["-n", "-r", str(path.resolve()), "-Y", "tls && data.data", "-T", "fields"]
    arguments += ["-o", "tcp.reassemble_out_of_order:TRUE"]
    if keylog is not None:
        arguments += ["-o", f"tls.keylog_file:{keylog.resolve()}"]
    for protocol in _SWITCHED_OFF:
        arguments += ["--disable-protocol", protocol]
    for field in _FIELDS:
        arguments += ["-e", field]
    return arguments


def read_line(line: str) -> Plaintext | None:
    """One line of tshark's output, None for one not as asked for. Of stacked headers the innermost counts."""
    columns = [column.strip() for column in line.rstrip("\n").split("\t")]
    if len(columns) != len(_FIELDS):
        return None
    number, epoch, stream, v4, v6, port, v4_to, v6_to, port_to = (c.rpartition(",")[2] for c in columns[:-1])
    seconds, _, fraction = epoch.partition(".")
    try:
        return Plaintext(
            stream,
            Address(v4 or v6, int(port)),
            Address(v4_to or v6_to, int(port_to)),
            bytes.fromhex(columns[-1].replace(",", "").replace(":", "")),
            int(number),
            int(seconds) * 1_000_000_000 + int(fraction[:9].ljust(9, "0")),
        )
    except ValueError:
        return None
