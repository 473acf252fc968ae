"""Multiplies SIP/UDP captures into one big pcap: every copy has calls, branches and users of its own, and is later."""

from __future__ import annotations

import argparse
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from sipconform.trace.build import udp_packet
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import Packet

RAW_IP = 101
SECOND = 1_000_000_000
CALL_ID = re.compile(rb"(?im)^((?:call-id|i)[ \t]*:[ \t]*)")
BRANCH = re.compile(rb"branch=z9hG4bK")
USER = re.compile(rb"(sips?:[^@\s<>;:]+)@")


def renamed(message: bytes, copy: int) -> bytes:
    """The same message in a world of its own. The body stays, and with it Content-Length."""
    head, end, body = message.partition(b"\r\n\r\n")
    head = CALL_ID.sub(rb"\g<1>%d." % copy, head)
    head = BRANCH.sub(b"branch=z9hG4bK%d." % copy, head)
    head = USER.sub(rb"\g<1>.%d@" % copy, head)
    return head + end + body


def one_after_another(captures: Sequence[Path]) -> list[Packet]:
    """All UDP messages of the captures, from time 0, a second between two captures."""
    chained: list[Packet] = []
    for path in captures:
        udp = [p for p in read_capture(path) if isinstance(p, Packet) and p.transport == "udp"]
        start = chained[-1].time_ns + SECOND if chained else 0
        chained += [p._replace(time_ns=start + p.time_ns - udp[0].time_ns) for p in udp]
    return chained


def multiplied(base: Sequence[Packet], wanted: int) -> Iterator[Packet]:
    length = base[-1].time_ns + SECOND
    for number in range(wanted):
        copy, index = divmod(number, len(base))
        packet = base[index]
        time_ns = 1_700_000_000 * SECOND + copy * length + packet.time_ns
        yield packet._replace(time_ns=time_ns, payload=renamed(packet.payload, copy))


def write_pcap(path: Path, packets: Iterator[Packet]) -> None:
    """Microsecond pcap of raw IP packets."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, RAW_IP))
        for packet in packets:
            data = udp_packet(packet.source, packet.destination, packet.payload)
            seconds, rest = divmod(packet.time_ns, SECOND)
            file.write(struct.pack("<IIII", seconds, rest // 1_000, len(data), len(data)) + data)


def multiply(captures: Sequence[Path], wanted: int, out: Path) -> None:
    """Writes `wanted` messages to `out`. Raises ValueError when there is no SIP over UDP in the captures."""
    base = one_after_another(captures)
    if not base:
        raise ValueError("no SIP over UDP in these captures")
    write_pcap(out, multiplied(base, wanted))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("wanted", type=int, help="messages")
    parser.add_argument("captures", type=Path, nargs="+")
    options = parser.parse_args()
    multiply(options.captures, options.wanted, options.out)
