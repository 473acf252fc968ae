"""Taps: those who see every packet once (the contract is `net.transport.Tap`).

A capture writer is one by its shape; here are the others.
"""

from __future__ import annotations

from sipconform.net.transport import Tap
from sipconform.trace.packet import Address, Observation, Packet


class MemoryTap:
    """Keeps everything in two lists, in the order it was seen."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.observations: list[Observation] = []

    def packet(self, packet: Packet) -> None:
        self.packets.append(packet)

    def observe(self, observation: Observation) -> None:
        self.observations.append(observation)


class TeeTap:
    """Shows everything to several taps, in the order given."""

    def __init__(self, *taps: Tap) -> None:
        self._taps = taps

    def packet(self, packet: Packet) -> None:
        for tap in self._taps:
            tap.packet(packet)

    def observe(self, observation: Observation) -> None:
        for tap in self._taps:
            tap.observe(observation)


class NullTap:
    """Looks away."""

    def packet(self, packet: Packet) -> None:
        """Not kept."""

    def observe(self, observation: Observation) -> None:
        """Not kept."""


def network_says(tap: Tap, now_ns: int, event: str, local: Address, remote: Address, **more: object) -> None:
    """Lets the network itself be a witness: what happened (`event`) between two addresses."""
    what: dict[str, object] = {"event": event, "local": str(local), "remote": str(remote), **more}
    tap.observe(Observation(now_ns, "network", "network", what))
