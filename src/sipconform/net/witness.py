"""Lets the tap see every packet of the real network once, though both its ends may be ours."""

from __future__ import annotations

import time

from sipconform.net.tap import NullTap, network_says
from sipconform.net.transport import Tap
from sipconform.trace.packet import Address, Packet


class Witness:
    """Knows which addresses are our own: what comes from those was recorded when it was sent.

    `datagrams` holds every address this network has ever sent datagrams from, for some may be under way when
    it is closed. `listeners` are the (protocol, address) we listen on now; `streams` the (caller, called) of
    the connections between two of our own, until the called end has seen the last of it.
    """

    def __init__(self, tap: Tap | None) -> None:
        self.datagrams: set[Address] = set()
        self.listeners: set[tuple[str, Address]] = set()
        self.streams: set[tuple[Address, Address]] = set()
        self._tap = tap or NullTap()

    def sent(self, packet: Packet) -> None:
        self._tap.packet(packet)

    def heard_datagram(self, packet: Packet) -> None:
        if packet.source not in self.datagrams:
            self._tap.packet(packet)

    def heard_stream(self, packet: Packet) -> None:
        if (packet.source, packet.destination) not in self.streams:
            self._tap.packet(packet)

    def says(self, event: str, local: Address, remote: Address, reason: str) -> None:
        network_says(self._tap, time.time_ns(), event, local, remote, reason=reason)
