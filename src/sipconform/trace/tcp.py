"""One direction of a TCP connection (RFC 9293): its segments put in order, whatever order they came in."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from sipconform.trace.framing import Framer
from sipconform.trace.packet import Address

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
EARLY_OCTETS_KEPT = 1 << 20
EARLY_SEGMENTS_KEPT = 512
PIECE_COST = 200  # octets of memory that remembering a segment takes, roughly
ACKED_GRACE_NS = 1_000_000_000
FARTHEST = 1 << 24  # a sequence number farther off than this belongs to another connection

Frames = tuple[int, ...]


class Segment(NamedTuple):
    """What a TCP segment says, and where it was seen."""

    sequence: int
    acked: int
    flags: int
    data: bytes
    frames: Frames
    time_ns: int


class Way:
    """One direction: what has arrived, what waits for a hole to be filled, and the framer."""

    def __init__(self, source: Address, destination: Address) -> None:
        self.source = source
        self.destination = destination
        self.framer = Framer()
        self._pieces: deque[tuple[int, Frames, int]] = deque()  # up to which offset, in which frames, when
        self._early: dict[int, Segment] = {}
        self._early_octets = 0
        self._accepted = 0  # octets in order so far: the stream offset of the next
        self._first: int | None = None  # the sequence number of the SYN, if it was seen
        self._next: int | None = None  # the next sequence number, once any was seen
        self._fin: int | None = None
        self._lag_since: int | None = None  # when the peer first acknowledged more than we have

    def held(self) -> int:
        """Octets kept in memory, roughly."""
        return len(self.framer) + self._early_octets + PIECE_COST * (len(self._pieces) + len(self._early))

    @property
    def is_over(self) -> bool:
        """Whether everything up to the FIN has been seen."""
        return self._fin is not None and self._next == self._fin

    @property
    def has_hole(self) -> bool:
        """Whether segments wait for others before them."""
        return bool(self._early)

    def is_reused_by(self, segment: Segment) -> bool:
        """Whether the segment belongs to a later connection between the same ports."""
        if self._next is None:
            return False
        if not segment.flags & SYN:
            return abs(self._ahead(segment.sequence)) > FARTHEST
        if self._first is not None:
            return segment.sequence != self._first
        return not -FARTHEST < self._ahead(segment.sequence + 1) <= 0

    def arrive(self, segment: Segment) -> list[Segment]:
        """Takes a segment and gives all that is now in order, cut to what is new."""
        start = segment.sequence
        if segment.flags & SYN:
            self._first, start = start, (start + 1) & 0xFFFFFFFF
            self.framer.from_syn = self.framer.end == 0
        if self._next is None:
            self._next = start
        if segment.flags & FIN:
            self._fin = (start + len(segment.data)) & 0xFFFFFFFF
        if not segment.data:
            return []
        if self._ahead(start) > 0:
            known = self._early.get(start)
            if known is None or len(known.data) < len(segment.data):
                self._early[start] = segment
                self._early_octets += len(segment.data) - (len(known.data) if known else 0)
            return []
        in_order = self._accept(start, segment)
        return in_order + self._drain() if self._early else in_order

    def skip_hole(self) -> list[Segment]:
        """Goes on behind octets that never came: gives what waited for them."""
        self._pieces.clear()
        if self._early:
            self._next = min(self._early, key=self._ahead)
        return self._drain()

    def heed_ack(self, segment: Segment) -> None:
        """Learns from the other direction what its sender has received."""
        unaware = self._next is not None and self._lag_since is None
        if segment.flags & ACK and unaware and self._ahead(segment.acked) > 0:
            self._lag_since = segment.time_ns

    def hole_is_lost(self, now: int) -> bool:
        """Whether waiting is vain: the peer has what we miss and nobody sends it again, or too much waits."""
        if not self._early:
            return False
        if len(self._early) > EARLY_SEGMENTS_KEPT or self._early_octets > EARLY_OCTETS_KEPT:
            return True
        return self._lag_since is not None and now - self._lag_since >= ACKED_GRACE_NS

    def contribution(self, start: int, end: int) -> tuple[Frames, int]:
        """The frames that brought a range of stream offsets and the time of the last of them."""
        frames: set[int] = set()
        time_ns = 0
        for upto, numbers, seen in self._pieces:
            if upto > start:
                frames.update(numbers)
                time_ns = max(time_ns, seen)
            if upto >= end:
                break
        self.forget(end)
        return tuple(sorted(frames)), time_ns

    def forget(self, offset: int) -> None:
        """Drops the memory of where the octets before `offset` came from."""
        while self._pieces and self._pieces[0][0] <= offset:
            self._pieces.popleft()

    def _ahead(self, sequence: int) -> int:
        """How far a sequence number is ahead of the next one; negative for what was seen already."""
        return (sequence - (self._next or 0) + 0x80000000) % 0x100000000 - 0x80000000

    def _accept(self, start: int, segment: Segment) -> list[Segment]:
        known = -self._ahead(start)
        if known >= len(segment.data):
            return []
        if known:
            segment = segment._replace(data=segment.data[known:])
        self._next = (start + known + len(segment.data)) & 0xFFFFFFFF
        self._lag_since = None
        self._accepted += len(segment.data)
        self._pieces.append((self._accepted, segment.frames, segment.time_ns))
        return [segment]

    def _drain(self) -> list[Segment]:
        """What waited and is now in order or overtaken."""
        in_order: list[Segment] = []
        while self._early:
            start = self._next if self._next in self._early else min(self._early, key=self._ahead)
            if start is None or self._ahead(start) > 0:
                break
            segment = self._early.pop(start)
            self._early_octets -= len(segment.data)
            in_order += self._accept(start, segment)
        return in_order
