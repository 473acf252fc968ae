"""Reads the classic pcap format: both byte orders, microseconds and nanoseconds."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sipconform.trace.frame import Frame, Interface
from sipconform.trace.notes import Notes
from sipconform.trace.source import Source

MAGICS = {  # byte order, nanoseconds in one unit of the fraction, bytes in a record header
    b"\xd4\xc3\xb2\xa1": ("<", 1000, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1000, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1000, 24),  # Kuznetzov's patched libpcap: eight more bytes per record
    b"\xa1\xb2\xcd\x34": (">", 1000, 24),
}
LONGEST_FRAME = 1 << 24


def read_pcap(source: Source, first: bytes, notes: Notes) -> Iterator[Frame]:
    """Every frame of a pcap file whose first piece is `first`; damage ends the reading with a note."""
    order, unit, header = MAGICS[first[:4]]
    if len(first) < 24:
        notes.add("truncated", "The file ends inside its header")
        return
    # The upper bits of the link type field hold the FCS length, not the type.
    interface = Interface(struct.unpack_from(order + "I", first, 20)[0] & 0x0FFFFFFF & 0xFFFF)
    unpack = struct.Struct(order + "IIII").unpack_from
    number, position, data = 0, 24, first
    while True:
        end = len(data)
        while position + header <= end:
            seconds, fraction, captured, length = unpack(data, position)
            body = position + header
            position = body + captured
            if position > end:
                position = body - header
                break
            number += 1
            yield number, seconds * 1_000_000_000 + fraction * unit, interface, data[body:position], length
        if position + header <= end and captured > LONGEST_FRAME:
            notes.add("truncated", "A record header is damaged, what follows it was not read", (number + 1,))
            return
        fresh = source.read()
        if not fresh:
            break
        data, position = data[position:] + fresh, 0
    if position < len(data):
        notes.add("truncated", "The file ends inside a record", (number + 1,))
