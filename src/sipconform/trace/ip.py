"""Reads IPv4 (RFC 791) and IPv6 (RFC 8200) packets down to what they carry."""

from __future__ import annotations

import struct
from socket import AF_INET, AF_INET6, inet_ntop
from typing import NamedTuple

from sipconform.trace.fragments import Fragments, Joined, Piece
from sipconform.trace.link import IPV4
from sipconform.trace.notes import Notes

TCP, UDP = 6, 17
CUT = "The capture kept only the beginning of a packet (snap length), it was not read"
_FRAGMENT, _AUTHENTICATION = 44, 51
_EXTENSIONS = frozenset((0, 43, _FRAGMENT, _AUTHENTICATION, 60, 135, 139, 140))  # IPv6 extension headers
_ATOMIC = 0xFFF9  # neither offset nor "more": a fragment that is whole by itself (RFC 6946)


class IpPacket(NamedTuple):
    """A whole IP packet: textual addresses, upper protocol, its bytes, and the frames it came in."""

    source: str
    destination: str
    protocol: int
    payload: bytes
    frames: tuple[int, ...]


class Caught(NamedTuple):
    """Captured bytes, where the IP header begins in them, and in which frame and when they were seen."""

    data: bytes
    at: int
    frame: int
    time_ns: int


class IpReader:
    """Turns the bytes behind the link layer into whole IP packets."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._fragments = Fragments(notes)

    def read(self, ether_type: int, caught: Caught) -> IpPacket | None:
        """The packet, or None when it is not whole yet or, with a note, when it cannot be read."""
        reader = self._read_v4 if ether_type == IPV4 else self._read_v6
        try:
            return reader(caught)
        except (struct.error, IndexError, _Cut):
            self._notes.add("cut", CUT, (caught.frame,))
            return None

    def close(self) -> None:
        """Names the datagrams that never became whole."""
        self._fragments.close()

    def _read_v4(self, caught: Caught) -> IpPacket | None:
        data, at, frame, time_ns = caught
        version, total, ident, fragment, protocol = struct.unpack_from("!BxHHHxB", data, at)
        header = (version & 15) * 4
        # A total length of 0 is what a card that segments by itself leaves in the capture.
        end = at + total if total else len(data)
        if version >> 4 != 4 or header < 20 or end > len(data) or at + header > end:
            raise _Cut
        source, destination = data[at + 12 : at + 16], data[at + 16 : at + 20]
        joined: Joined | None = data[at + header : end], (frame,)
        if fragment & 0x3FFF:
            piece = Piece((fragment & 0x1FFF) * 8, data[at + header : end], not fragment & 0x2000)
            joined = self._fragments.join((source, destination, protocol, ident), piece, frame, time_ns)
        if joined is None:
            return None
        payload, frames = joined
        if protocol == _AUTHENTICATION:
            protocol, payload = payload[0], payload[(payload[1] + 2) * 4 :]
        hosts = inet_ntop(AF_INET, source), inet_ntop(AF_INET, destination)
        return IpPacket(*hosts, protocol, payload, frames)

    def _read_v6(self, caught: Caught) -> IpPacket | None:
        data, at, frame, _ = caught
        version, length, protocol = struct.unpack_from("!BxxxHB", data, at)
        end = at + 40 + length if length else len(data)
        if version >> 4 != 6 or end > len(data) or at + 40 > end:
            raise _Cut
        hosts = data[at + 8 : at + 40]
        payload: bytes = data[at + 40 : end]
        frames: tuple[int, ...] = (frame,)
        while protocol in _EXTENSIONS:
            following = payload[0]
            if protocol == _FRAGMENT:
                joined = self._join_v6(hosts, payload, caught)
                if joined is None:
                    return None
                payload, frames = joined
            else:
                unit, base = (4, 2) if protocol == _AUTHENTICATION else (8, 1)
                payload = payload[(payload[1] + base) * unit :]
            protocol = following
        source, destination = inet_ntop(AF_INET6, hosts[:16]), inet_ntop(AF_INET6, hosts[16:])
        return IpPacket(source, destination, protocol, payload, frames)

    def _join_v6(self, hosts: bytes, payload: bytes, caught: Caught) -> Joined | None:
        field, ident = struct.unpack_from("!HI", payload, 2)
        if not field & _ATOMIC:
            return payload[8:], (caught.frame,)
        piece = Piece(field & 0xFFF8, payload[8:], not field & 1)
        return self._fragments.join((hosts, ident), piece, caught.frame, caught.time_ns)


class _Cut(Exception):
    """The packet says it is longer than what was captured, or its header makes no sense."""
