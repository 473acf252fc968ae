"""Joins the fragments of IP datagrams (RFC 791 §3.2, RFC 8200 §4.5), in whatever order they came."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from sipconform.trace.notes import Notes

WAIT_NS = 60_000_000_000  # RFC 8200 §4.5 gives a datagram 60 s to become whole
DATAGRAMS_KEPT = 1024
PIECES_KEPT = 256
APART_NS = 2_000_000_000  # the fragments of one datagram are sent at once: what comes later has its number anew
COPIED_NS = 400_000_000  # what is caught twice comes twice before anybody would send again (T1, RFC 3261 §17.1.1.1)
OVERLAP = "Fragments of a datagram overlap, the first to come was believed"
CONFLICT = "Fragments of one number contradict each other, what they might make was not read"
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
        self.since = self.latest = since
        self.pieces: dict[int, bytes] = {}
        self.frames: list[int] = []
        self.received = 0
        self.length: int | None = None
        self.overlap = self.conflict = False

    def add(self, piece: Piece, frame: int, time_ns: int) -> None:
        """Takes one fragment; the first to come keeps its place."""
        offset, data, last = piece
        self.latest = time_ns
        if self.pieces.get(offset) == data:
            return  # the same fragment captured twice
        self._compare(offset, data)
        if last and self.length is None:
            self.length = offset + len(data)
        self.frames.append(frame)
        if offset not in self.pieces:
            self.received += len(data)
            self.pieces[offset] = data

    def _compare(self, offset: int, data: bytes) -> None:
        """Whether it lies over others, and says otherwise than they do."""
        end = offset + len(data)
        for at, known in self.pieces.items():
            begin, until = max(offset, at), min(end, at + len(known))
            if begin < until:
                self.overlap = True
                self.conflict |= data[begin - offset : until - offset] != known[begin - at : until - at]

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
        self._whole: dict[Hashable, _Unfinished] = {}  # those that became whole just now

    def join(self, key: Hashable, piece: Piece, frame: int, time_ns: int) -> Joined | None:
        """Takes a fragment of the datagram `key`; its payload and frames once it is whole."""
        self._expire(time_ns)
        if self._is_copy(key, piece, time_ns):
            return None
        if key in self._unfinished and time_ns - self._unfinished[key].latest > APART_NS:
            self._give_up(key)
        unfinished = self._unfinished.setdefault(key, _Unfinished(time_ns))
        unfinished.add(piece, frame, time_ns)
        payload = unfinished.payload()
        if payload is not None:
            self._keep(key, self._unfinished.pop(key))
            return self._joined(unfinished, payload)
        if len(unfinished.pieces) > PIECES_KEPT:
            self._give_up(key)
        elif len(self._unfinished) > DATAGRAMS_KEPT:
            self._give_up(next(iter(self._unfinished)))
        return None

    def close(self) -> None:
        """Names the datagrams that never became whole."""
        for key in list(self._unfinished):
            self._give_up(key)

    def _joined(self, whole: _Unfinished, payload: bytes) -> Joined | None:
        frames = tuple(sorted(whole.frames))
        if whole.conflict:
            self._notes.add("fragment-conflict", CONFLICT, frames)
            return None
        if whole.overlap:
            self._notes.add("fragment-overlap", OVERLAP, frames)
        return payload, frames

    def _keep(self, key: Hashable, whole: _Unfinished) -> None:
        self._whole.pop(key, None)  # the latest stand last
        self._whole[key] = whole
        if len(self._whole) > DATAGRAMS_KEPT:
            del self._whole[next(iter(self._whole))]

    def _is_copy(self, key: Hashable, piece: Piece, time_ns: int) -> bool:
        """Whether it was caught twice, and the datagram it belongs to is whole already."""
        while self._whole and time_ns - (first := next(iter(self._whole.items())))[1].latest > COPIED_NS:
            del self._whole[first[0]]
        return key in self._whole and self._whole[key].pieces.get(piece.offset) == piece.data

    def _expire(self, time_ns: int) -> None:
        while self._unfinished:
            key, oldest = next(iter(self._unfinished.items()))
            if time_ns - oldest.since <= WAIT_NS:
                return
            self._give_up(key)

    def _give_up(self, key: Hashable) -> None:
        given_up = self._unfinished.pop(key)
        code, text = ("fragment-conflict", CONFLICT) if given_up.conflict else ("fragment", NEVER_WHOLE)
        self._notes.add(code, text, given_up.frames)
