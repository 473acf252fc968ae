"""How host and clients find each other here: our own stand-in, for the vendor's datagram is not published.

It proves nothing about a real device's discovery; everything it leads to, from the first REGISTER on, is SIP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from sipconform.features.hotspot import DEFAULT_GROUP, DEFAULT_PORT, Discovery, parse_discovery
from sipconform.net.group import Group, open_group
from sipconform.net.transport import Network
from sipconform.sip.fault import Fault
from sipconform.trace.packet import Address, Packet

Heard = Callable[[Discovery, Address], None]
"""Told what was said, and from which address."""


NOWHERE = Address("", 0)


class Witness(Protocol):
    """Keeps a record of what is said at the place."""

    def said(self, packet: Packet) -> None: ...

    def heard(self, packet: Packet, ttl: int | None) -> None: ...


@dataclass(slots=True)
class Place:
    """Where they meet: broadcast or multicast, address and port must be the same on both sides (guide §2.1.3)."""

    listen: Literal["broadcast", "multicast"] = "broadcast"
    address: str = DEFAULT_GROUP
    port: int = DEFAULT_PORT


@dataclass(eq=False, repr=False)
class Meeting:
    """One agent's part. `here` is its own IPv4 address, `broadcast` that of its network."""

    network: Network
    here: str
    broadcast: str
    witness: Witness | None = None
    heard: Heard | None = None
    _group: Group | None = None
    _at: Address = NOWHERE

    @property
    def is_open(self) -> bool:
        return self._group is not None

    async def open(self, place: Place) -> None:
        """From now on hears what is said at a place. Raises OSError where that address is not to be had."""
        self.close()
        address = self.broadcast if place.listen == "broadcast" else place.address
        self._at = Address(address, place.port)
        self._group = await open_group(self.network, self.here, self._at, self._hears)

    def say(self, told: Discovery) -> None:
        """Says something to everybody at the place; nothing while it is closed."""
        if self._group is None:
            return
        payload = told.to_bytes()
        if self.witness:
            self.witness.said(Packet(self.network.now_ns(), self._group.local, self._at, "udp", payload))
        self._group.send(payload)

    def close(self) -> None:
        if self._group is not None:
            self._group.close()
            self._group = None

    def _hears(self, packet: Packet, ttl: int | None) -> None:
        if self.witness:
            self.witness.heard(packet, ttl)
        told = parse_discovery(packet.payload)
        if not isinstance(told, Fault) and self.heard is not None:
            self.heard(told, packet.source)
