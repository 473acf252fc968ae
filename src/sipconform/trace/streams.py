from __future__ import annotations
from collections.abc import Iterator
from sipconform.trace.ip import IpPacket
from sipconform.trace.notes import Notes
from sipconform.trace.packet import Packet


class Streams:
    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def segment(self, packet: IpPacket, time_ns: int, *, whole_messages: bool) -> Iterator[Packet]:
        yield from ()

    def close(self) -> Iterator[Packet]:
        yield from ()
