"""Joins the fragments of IP datagrams (RFC 791 §3.2, RFC 8200 §4.5), in whatever order they came."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from sipconform.trace.notes import Notes

WAIT_NS = 60_000_000_000  # RFC 8200 §4.5 gives a datagram 60 s to become whole
DATAGRAMS_KEPT = 1024
PIECES_KEPT = 256
OVERLAP = "Fragments of a datagram overlap, the first to come was believed"
NEVER_WHOLE = "A fragmented datagram never became whole"

Joined = tuple[bytes, tuple[int, ...]]
"""A payload and the frames it came in."""


class Piece(NamedTuple):
    """One fragment: its place in the datagram in octets, and whether it is the last."""

    offset: int
    data: bytes
    last: bool


class _Unfinished:
    """A datagram of which some fragments have been seen."""

    def __init__(self, since: int) -> None:
        self.since = since
        self.pieces: dict[int, bytes] = {}
        self.frames: list[int] = []
        self.received = 0
        self.length: int | None = None
        self.overlap = False

    def add(self, piece: Piece, frame: int) -> None:
        """Takes one fragment; the first to come keeps its place."""
        offset, data, last = piece
        if self.pieces.get(offset) == data:
            return  # the same fragment captured twice
        end = offset + len(data)
        if any(offset < at + len(known) and at < end for at, known in self.pieces.items()):
            self.overlap = True
        if offset in self.pieces:
            return
        self.received += len(data)
        self.pieces[offset] = data
        self.frames.append(frame)
        if last and self.length is None:
            self.length = end

    def payload(self) -> bytes | None:
        """The whole payload once no hole is left."""
        if self.length is None or self.received < self.length:
            return None
        out = bytearray()
        for offset in sorted(self.pieces):
            if offset > len(out):
                return None
            out += self.pieces[offset][len(out) - offset :]
        return bytes(out[: self.length])


class Fragments:
    """Datagrams under way. Memory is bounded by count and by capture time."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._unfinished: dict[Hashable, _Unfinished] = {}

    def join(self, key: Hashable, piece: Piece, frame: int, time_ns: int) -> Joined | None:
        """Takes a fragment of the datagram `key`; its payload and frames once it is whole."""
        self._expire(time_ns)
        unfinished = self._unfinished.setdefault(key, _Unfinished(time_ns))
        unfinished.add(piece, frame)
        payload = unfinished.payload()
        if payload is not None:
            del self._unfinished[key]
            frames = tuple(sorted(unfinished.frames))
            if unfinished.overlap:
                self._notes.add("fragment-overlap", OVERLAP, frames)
            return payload, frames
        if len(unfinished.pieces) > PIECES_KEPT:
            self._give_up(key)
        elif len(self._unfinished) > DATAGRAMS_KEPT:
            self._give_up(next(iter(self._unfinished)))
        return None

    def close(self) -> None:
        """Names the datagrams that never became whole."""
        for key in list(self._unfinished):
            self._give_up(key)

    def _expire(self, time_ns: int) -> None:
        while self._unfinished:
            key, oldest = next(iter(self._unfinished.items()))
            if time_ns - oldest.since <= WAIT_NS:
                return
            self._give_up(key)

    def _give_up(self, key: Hashable) -> None:
        self._notes.add("fragment", NEVER_WHOLE, self._unfinished.pop(key).frames)
