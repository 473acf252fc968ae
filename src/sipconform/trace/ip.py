"""Reads IPv4 (RFC 791) and IPv6 (RFC 8200) packets and puts fragments together, in whatever order they came."""

from __future__ import annotations

import struct
from socket import AF_INET6, inet_ntop
from typing import NamedTuple

from sipconform.trace.link import IPV4
from sipconform.trace.notes import Notes

TCP, UDP = 6, 17
WAIT_NS = 60_000_000_000  # RFC 8200 §4.5 gives a datagram 60 s to become whole
DATAGRAMS_KEPT = 1024
PIECES_KEPT = 256
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _NONE, _OPTIONS = 0, 43, 44, 51, 59, 60
_EXTENSIONS = frozenset((_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS, 135, 139, 140))


class IpPacket(NamedTuple):
    """A whole IP packet: textual addresses, upper protocol, its bytes, and the frames it came in."""

    source: str
    destination: str
    protocol: int
    payload: bytes
    frames: tuple[int, ...]


class _Unfinished:
    """A datagram of which some fragments have been seen."""

    __slots__ = ("frames", "length", "overlap", "pieces", "received", "since")

    def __init__(self, since: int) -> None:
        self.since = since
        self.pieces: dict[int, bytes] = {}
        self.frames: list[int] = []
        self.received = 0
        self.length = -1
        self.overlap = False

    def add(self, offset: int, data: bytes, last: bool, frame: int) -> None:
        """Takes one fragment; the first to come keeps its place."""
        if self.pieces.get(offset) == data:
            return  # the same fragment captured twice
        if any(offset < at + len(piece) and at < offset + len(data) for at, piece in self.pieces.items()):
            self.overlap = True
        if offset in self.pieces:
            return
        self.received += len(data)
        self.pieces[offset] = data
        self.frames.append(frame)
        if last:
            self.length = offset + len(data)

    def whole(self) -> bytes | None:
        """The datagram's payload once no hole is left."""
        if self.length < 0 or self.received < self.length:
            return None
        out = bytearray()
        for offset in sorted(self.pieces):
            if offset > len(out):
                return None
            out += self.pieces[offset][len(out) - offset :]
        return bytes(out[: self.length]) if len(out) >= self.length else None


class IpReader:
    """Turns the bytes behind the link layer into whole IP packets. Memory is bounded by count and by time."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._unfinished: dict[tuple[object, ...], _Unfinished] = {}

    def read(self, kind: int, data: bytes, at: int, frame: int, time_ns: int) -> IpPacket | None:
        """The packet that begins at `at`, or None: not whole yet, cut, or not IP. `kind` is an EtherType."""
        if kind == IPV4:
            return self._read_v4(data, at, frame, time_ns)
        return self._read_v6(data, at, frame, time_ns)

    def close(self) -> None:
        """Names the datagrams that never became whole."""
        while self._unfinished:
            self._give_up()

    def _read_v4(self, data: bytes, at: int, frame: int, time_ns: int) -> IpPacket | None:
        if len(data) < at + 20 or data[at] >> 4 != 4:
            return self._cut(frame)
        header = (data[at] & 15) * 4
        total, ident, fragment = struct.unpack_from("!HHH", data, at + 2)
        # A total length of 0 is what a card that segments by itself leaves in the capture.
        end = at + total if total else len(data)
        if end > len(data) or header < 20 or at + header > end:
            return self._cut(frame)
        source, destination = data[at + 12 : at + 16], data[at + 16 : at + 20]
        protocol, payload, frames = data[at + 9], data[at + header : end], (frame,)
        if fragment & 0x3FFF:
            key = (source, destination, protocol, ident)
            whole = self._join(key, (fragment & 0x1FFF) * 8, payload, not fragment & 0x2000, frame, time_ns)
            if whole is None:
                return None
            payload, frames = whole
        if protocol == _AUTHENTICATION:
            protocol, payload = _behind_authentication(payload)
        return IpPacket(
            "%d.%d.%d.%d" % tuple(source), "%d.%d.%d.%d" % tuple(destination), protocol, payload, frames
        )

    def _read_v6(self, data: bytes, at: int, frame: int, time_ns: int) -> IpPacket | None:
        if len(data) < at + 40 or data[at] >> 4 != 6:
            return self._cut(frame)
        (length,) = struct.unpack_from("!H", data, at + 4)
        end = at + 40 + length if length else len(data)
        if end > len(data):
            return self._cut(frame)
        source, destination = data[at + 8 : at + 24], data[at + 24 : at + 40]
        protocol, payload, frames = data[at + 6], data[at + 40 : end], (frame,)
        while protocol in _EXTENSIONS:
            if len(payload) < 8:
                return self._cut(frame)
            following = payload[0]
            if protocol == _FRAGMENT:
                (field, ident) = struct.unpack_from("!HI", payload, 2)
                if field & 0xFFF9:  # an atomic fragment (RFC 6946) is whole by itself
                    key = (source, destination, ident)
                    whole = self._join(key, field & 0xFFF8, payload[8:], not field & 1, frame, time_ns)
                    if whole is None:
                        return None
                    payload, frames = whole
                else:
                    payload = payload[8:]
            else:
                size = (payload[1] + 2) * 4 if protocol == _AUTHENTICATION else (payload[1] + 1) * 8
                payload = payload[size:]
            protocol = following
        return IpPacket(
            inet_ntop(AF_INET6, source), inet_ntop(AF_INET6, destination), protocol, payload, frames
        )

    def _cut(self, frame: int) -> None:
        self._notes.add(
            "cut", "The capture kept only the beginning of a packet (snap length), it was not read", (frame,)
        )

    # -- fragments ------------------------------------------------------------------------------------------

    def _join(
        self, key: tuple[object, ...], offset: int, data: bytes, last: bool, frame: int, time_ns: int
    ) -> tuple[bytes, tuple[int, ...]] | None:
        self._expire(time_ns)
        unfinished = self._unfinished.get(key)
        if unfinished is None:
            if len(self._unfinished) >= DATAGRAMS_KEPT:
                self._give_up()
            unfinished = self._unfinished[key] = _Unfinished(time_ns)
        unfinished.add(offset, data, last, frame)
        payload = unfinished.whole()
        if payload is None:
            if len(unfinished.pieces) > PIECES_KEPT:
                self._give_up(key)
            return None
        del self._unfinished[key]
        frames = tuple(sorted(unfinished.frames))
        if unfinished.overlap:
            self._notes.add(
                "fragment-overlap", "Fragments of a datagram overlap, the first to come was believed", frames
            )
        return payload, frames

    def _expire(self, time_ns: int) -> None:
        while self._unfinished:
            oldest = next(iter(self._unfinished.values()))
            if time_ns - oldest.since <= WAIT_NS:
                return
            self._give_up()

    def _give_up(self, key: tuple[object, ...] | None = None) -> None:
        unfinished = self._unfinished.pop(next(iter(self._unfinished)) if key is None else key)
        self._notes.add("fragment", "A fragmented datagram never became whole", unfinished.frames)


def _behind_authentication(payload: bytes) -> tuple[int, bytes]:
    if len(payload) < 8:
        return _NONE, b""
    return payload[0], payload[(payload[1] + 2) * 4 :]
