"""Taps: those who see every packet once (the contract is `net.transport.Tap`).

Who sends lets the tap see the packet when it is sent; who hears lets it see only what strangers sent.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from sipconform.net import rtp
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


class Writer(Protocol):
    """Where a `CaptureTap` writes: `trace.capture_writer.CaptureWriter`."""

    def write(self, item: Packet | Observation) -> None: ...

    def write_media(self, packet: Packet) -> None: ...


class CaptureTap:
    """Writes everything to a capture, in the order it was seen, audio as media, and so what goes to `other_ports`,
    where no SIP is spoken. The caller closes the writer."""

    def __init__(self, writer: Writer, other_ports: Collection[int] = ()) -> None:
        self._writer = writer
        self._other_ports = frozenset(other_ports)
        self._over = False

    def stop(self) -> None:
        """From now on it looks away."""
        self._over = True

    def packet(self, packet: Packet) -> None:
        if self._over:
            return
        source, destination = _without_zone(packet.source), _without_zone(packet.destination)
        is_media = destination.port in self._other_ports or rtp.parse(packet.payload)
        write = self._writer.write_media if is_media else self._writer.write
        write(packet._replace(source=source, destination=destination))

    def observe(self, observation: Observation) -> None:
        if not self._over:
            self._writer.write(observation)


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


def _without_zone(address: Address) -> Address:
    """A link-local address's zone (RFC 4007 §11) means something on this machine only, not in a packet."""
    return address._replace(host=address.host.partition("%")[0]) if "%" in address.host else address
