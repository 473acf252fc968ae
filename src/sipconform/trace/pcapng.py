"""Reads pcapng: several sections and interfaces, any time resolution, unknown blocks passed over."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sipconform.trace.frame import OURS, Frame, Interface, Secrets
from sipconform.trace.notes import Notes
from sipconform.trace.source import Source

SECTION = 0x0A0D0D0A
INTERFACE = 1
OLD_PACKET = 2
SIMPLE_PACKET = 3
ENHANCED_PACKET = 6
SECRETS = 10
# Journal, system-call and custom blocks: nothing to us, but Wireshark numbers them as frames.
COUNTED = frozenset((9, 0x204, 0x216, 0x221, 0x0BAD, 0x40000BAD))
MAGIC = b"\x0a\x0d\x0d\x0a"
LONGEST_BLOCK = 1 << 25
TLS_KEY_LOG = 0x544C534B
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}


class Clock(NamedTuple):
    """How an interface's time stamps become nanoseconds: stamp * factor // divisor + offset."""

    factor: int = 1000
    divisor: int = 1
    offset: int = 0


class PcapngReader:
    """One pass over one pcapng stream."""

    def __init__(self, source: Source, first: bytes, notes: Notes) -> None:
        self._source = source
        self._data = first
        self._position = 0
        self._notes = notes
        self._order = "<"
        self._interfaces: list[tuple[Interface, Clock, int]] = []
        self._number = 0
        self._last_time = 0

    def __iter__(self) -> Iterator[Frame | Secrets]:
        while True:
            yield from self._walk_enhanced()
            block = self._next_block()
            if block is None:
                return
            kind, body = block
            reader = self._READERS.get(kind)
            if reader is not None:
                yield from reader(self, body)
            elif kind in COUNTED:
                self._number += 1

    def _walk_enhanced(self) -> Iterator[Frame]:
        """Enhanced packet blocks that lie whole in the buffer: all but a handful of a file's blocks."""
        unpack = struct.Struct(self._order + "IIIIIII").unpack_from
        data, position, number, interfaces = self._data, self._position, self._number, self._interfaces
        end, known = len(data), len(self._interfaces)
        while position + 28 <= end:
            kind, size, index, high, low, captured, length = unpack(data, position)
            body = position + 28
            if kind != ENHANCED_PACKET or position + size > end or size < captured + 32 or index >= known or size & 3:
                break
            interface, clock, _ = interfaces[index]
            time_ns = ((high << 32) + low) * clock.factor // clock.divisor + clock.offset
            position += size
            number += 1
            self._position, self._number, self._last_time = position, number, time_ns
            yield number, time_ns, interface, data[body : body + captured], length

    def _next_block(self) -> tuple[int, bytes] | None:
        """The next block's type and body, or None at the end or at damage."""
        if not self._have(12):
            if self._position < len(self._data):
                self._damage("The file ends inside a block")
            return None
        data, position = self._data, self._position
        if data[position : position + 4] == MAGIC:
            order = _ORDERS.get(data[position + 8 : position + 12])
            if order is None:
                self._damage("A section header has no byte-order mark, what follows it was not read")
                return None
            self._order = order
        kind, size = struct.unpack_from(self._order + "II", data, position)
        if size < 12 or size & 3 or size > LONGEST_BLOCK:
            self._damage("A block's length is impossible, what follows it was not read")
            return None
        if not self._have(size):
            self._damage("The file ends inside a block")
            return None
        body = self._data[self._position + 8 : self._position + size - 4]
        self._position += size
        return kind, body

    def _have(self, wanted: int) -> bool:
        while len(self._data) - self._position < wanted:
            fresh = self._source.read()
            if not fresh:
                return False
            self._data, self._position = self._data[self._position :] + fresh, 0
        return True

    def _damage(self, text: str) -> None:
        self._notes.add("truncated", text, (self._number + 1,))

    # -- blocks ---------------------------------------------------------------------------------------------

    def _section(self, body: bytes) -> Iterator[Frame]:
        self._interfaces = []
        yield from ()

    def _interface(self, body: bytes) -> Iterator[Frame]:
        if len(body) < 8:
            self._damage("An interface description is cut short")
            return
        link, _, snap = struct.unpack_from(self._order + "HHI", body)
        options = dict(self._options(body, 8))
        name = options.get(2, b"").decode("utf-8", "replace")
        ours = options.get(3, b"").startswith(OURS.encode())
        self._interfaces.append((Interface(link, name, ours), self._clock(options), snap))
        yield from ()

    def _options(self, body: bytes, position: int) -> Iterator[tuple[int, bytes]]:
        while position + 4 <= len(body):
            code, size = struct.unpack_from(self._order + "HH", body, position)
            if code == 0:
                return
            yield code, body[position + 4 : position + 4 + size]
            position += 4 + size + (-size & 3)

    def _clock(self, options: dict[int, bytes]) -> Clock:
        resolution = options.get(9, b"\x06")[:1] or b"\x06"
        exponent = resolution[0] & 0x7F
        divisor = 1 << exponent if resolution[0] & 0x80 else 10**exponent
        offset = options.get(14, b"")
        seconds = struct.unpack_from(self._order + "q", offset)[0] if len(offset) == 8 else 0
        if 1_000_000_000 % divisor == 0:
            return Clock(1_000_000_000 // divisor, 1, seconds * 1_000_000_000)
        return Clock(1_000_000_000, divisor, seconds * 1_000_000_000)

    def _enhanced(self, body: bytes) -> Iterator[Frame]:
        if len(body) < 20:
            self._damage("A packet block is cut short")
            self._number += 1
            return
        index, high, low, captured, length = struct.unpack_from(self._order + "IIIII", body)
        yield from self._frame(index, (high << 32) + low, body[20 : 20 + captured], length)

    def _old(self, body: bytes) -> Iterator[Frame]:
        if len(body) < 20:
            self._damage("A packet block is cut short")
            self._number += 1
            return
        index, _, high, low, captured, length = struct.unpack_from(self._order + "HHIIII", body)
        yield from self._frame(index, (high << 32) + low, body[20 : 20 + captured], length)

    def _simple(self, body: bytes) -> Iterator[Frame]:
        """A block without a time stamp: the time of the frame before it is the best that is known."""
        if len(body) < 4 or not self._interfaces:
            self._damage("A packet block belongs to no interface")
            self._number += 1
            return
        self._number += 1
        (length,) = struct.unpack_from(self._order + "I", body)
        interface, _, snap = self._interfaces[0]
        captured = min(length, snap or length)
        self._notes.add("no-time", "A frame has no time stamp and was given that of the one before", (self._number,))
        yield self._number, self._last_time, interface, body[4 : 4 + captured], length

    def _frame(self, index: int, stamp: int, data: bytes, length: int) -> Iterator[Frame]:
        self._number += 1
        if index >= len(self._interfaces):
            self._notes.add("damaged", "A frame names an interface nobody described", (self._number,))
            return
        interface, clock, _ = self._interfaces[index]
        self._last_time = stamp * clock.factor // clock.divisor + clock.offset
        yield self._number, self._last_time, interface, data, length

    def _secrets(self, body: bytes) -> Iterator[Secrets]:
        if len(body) < 8:
            return
        kind, size = struct.unpack_from(self._order + "II", body)
        if kind == TLS_KEY_LOG:
            yield Secrets(body[8 : 8 + size])

    _READERS: dict[int, Callable[[Any, bytes], Iterator[Frame | Secrets]]] = {  # noqa: RUF012 - a table
        SECTION: _section,
        INTERFACE: _interface,
        ENHANCED_PACKET: _enhanced,
        OLD_PACKET: _old,
        SIMPLE_PACKET: _simple,
        SECRETS: _secrets,
    }
