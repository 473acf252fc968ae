"""The hotspot of a laboratory: hosts with an account, clients without one, and what the record is told of them."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.hotspot.client import Client
from sipconform.agents.hotspot.discovery import Meeting, Place
from sipconform.agents.hotspot.host import Host
from sipconform.agents.user_agent import Account
from sipconform.features.hotspot import DISCOVERY, RingMode, parse_discovery
from sipconform.lab.actor import NotSupportedError
from sipconform.lab.actors import Phone
from sipconform.lab.profile import Profile
from sipconform.lab.settings import PhoneSettings
from sipconform.net.group import Group, broadcast_address, open_group
from sipconform.net.simulated import SimulatedNetwork
from sipconform.net.transport import Network
from sipconform.sip.fault import Fault
from sipconform.trace.packet import Address, Packet

HOSTS = {"host": "2301", "other_host": "2302"}  # name in a scenario -> user
CLIENTS = {f"client_{x}": f"00:a8:59:00:00:0{x}" for x in "bcd"}  # … -> MAC address
OUTSIDE = {"outside_caller": "2310", "second_outside_caller": "2311"}
FOUND_WITHIN = 60.0  # seconds: a client may have to hear several offers before one comes through
SAME_DATAGRAM_NS = 50_000_000  # heard by several within so long, it is one


@dataclass(eq=False, repr=False)
class HotspotHost(Phone):
    """The phone that lends its account."""

    async def set_hotspot(self, **settings: Any) -> None:
        """Sets `listen`, `address`, `port`, `prefix` (while it is off), `ring_mode`, `managed`, `registers`,
        `dials_unregistered`."""
        await self.do("set_hotspot", **settings)

    async def switch_hotspot(self, on: bool) -> None:
        await self.do("switch_hotspot", on=on)

    async def manage(self, client: HotspotClient, on: bool = True) -> None:
        """Moves a device to the managed ones, or back."""
        await self.do("manage_device", mac=client.mac, on=on)

    async def rename(self, client: HotspotClient, name: str) -> None:
        await self.do("rename_device", mac=client.mac, name=name)

    async def delete(self, client: HotspotClient) -> None:
        await self.do("delete_device", mac=client.mac)

    async def add_to_group(self, client: HotspotClient, group: str) -> None:
        """Makes a device a member of the group with this number."""
        await self.do("group_device", mac=client.mac, group=group)

    async def order(self, kind: str, client: HotspotClient, url: str = "") -> bool:
        """Orders a device to "reboot" or "upgrade"; False when the host gives no orders to it."""
        given: bool = await self.do("order_device", kind=kind, mac=client.mac, url=url)
        return given

    async def transfer(self, number: str) -> int:
        """Hands the call over; gives the answer of the one who is to have it."""
        status: int = await self.do("transfer", number=number)
        return status

    async def sign_off(self) -> None:
        """The host loses its registration at the PBX."""
        await self.do("sign_off")


@dataclass(eq=False, repr=False)
class HotspotClient(Phone):
    """A phone that has no account but the one a host lends it.

    `foreign_host` is the SIP address of a real host: our own client cannot speak the discovery of its vendor, which is
    not published, and can only try to sign in there by hand.
    """

    mac: str = field(kw_only=True)
    foreign_host: str = field(default="", kw_only=True)

    @property
    def extension(self) -> str:
        """The number the host has given it."""
        number = self.driver.beliefs.get("extension")
        if not isinstance(number, str):
            raise NotSupportedError(f"nobody can tell which extension {self.name} has")
        return number

    async def connected(self) -> None:
        """Waits until the line that was lent is up. Where that needs the vendor's discovery it is not supported."""
        if self.foreign_host and self.driver.ours:
            number = str(list(CLIENTS).index(self.name) + 1)
            status = await self.do("enter_line", extension=number, host=self.foreign_host)
            if not 200 <= status < 300:
                answer = "nobody answered" if status == 408 else f"the host answered {status}"
                raise NotSupportedError(f"association needs the vendor's discovery, which is not published: {answer}")
        await self.shows(FOUND_WITHIN, line="up")

    async def set_client(self, **settings: Any) -> None:
        """Sets `listen`, `address` and `port`, while the client is off."""
        await self.do("set_client", **settings)

    async def connect(self, name: str = "") -> None:
        await self.do("connect", name=name)

    async def disconnect(self) -> None:
        await self.do("disconnect")

    async def forge_order(self, kind: str, client: HotspotClient, url: str = "") -> None:
        """Says to another client what only its host may say."""
        await self.do("forge_order", kind=kind, mac=client.mac, url=url)


@dataclass(eq=False, repr=False)
class Surroundings:
    """The network around a hotspot. `port` is where they meet: the profile's, or on this machine's loopback one that
    no other run uses. What is said there is told to the record: `keep` gets each datagram once."""

    network: Network
    profile: Profile
    here: str
    broadcast: str
    port: int
    keep: Callable[[Packet, int | None], None]
    _own: set[Address] = field(default_factory=set)
    _last: dict[tuple[Address, bytes], int] = field(default_factory=dict)
    _ears: list[Group] = field(default_factory=list)

    @classmethod
    def of(
        cls, network: Network, profile: Profile, local: str, keep: Callable[[Packet, int | None], None]
    ) -> Surroundings:
        simulated = isinstance(network, SimulatedNetwork)
        here = local if simulated or ":" not in local else "127.0.0.1"
        lonely = not simulated and ipaddress.ip_address(here).is_loopback
        broadcast = "10.0.255.255" if simulated else broadcast_address(here)
        return cls(network, profile, here, broadcast, _spare_port() if lonely else profile.hotspot.port, keep)

    @property
    def place(self) -> Place:
        """Where they meet unless a scenario says otherwise."""
        spot = self.profile.hotspot
        return Place(spot.listen, spot.address, self.port)

    def meeting(self, here: str) -> Meeting:
        return Meeting(self.network, here or self.here, self.broadcast, self)

    async def listen(self) -> None:
        """Hears what real devices say there, without a word."""
        if not self._ears:
            at = self.broadcast if self.place.listen == "broadcast" else self.place.address
            self._ears.append(await open_group(self.network, self.here, Address(at, self.port), self.heard))

    def said(self, packet: Packet) -> None:
        """One of our own has spoken."""
        self._own.add(packet.source)
        self.keep(packet, None)

    def heard(self, packet: Packet, ttl: int | None) -> None:
        """One of ours has heard something: news only if a stranger said it, and nobody else has heard it yet."""
        key = packet.source, packet.payload
        before = self._last.get(key, 0)
        if packet.source not in self._own and packet.time_ns - before > SAME_DATAGRAM_NS:
            self._last[key] = packet.time_ns
            self.keep(packet, ttl)

    def close(self) -> None:
        for ear in self._ears:
            ear.close()


def _spare_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind(("127.0.0.1", 0))
        return int(asking.getsockname()[1])


def make_host(endpoint: Endpoint, account: Account, proxy: Address, around: Surroundings, here: str) -> Host:
    """A host as its profile has it."""
    spot = around.profile.hotspot
    host = Host(endpoint, account, proxy, around.meeting(here), f"SIP Hotspot {account.user}", around.place)
    host.exchange.ring_mode = RingMode(spot.ring_mode)
    host.devices.only_managed = spot.managed
    host.devices.renumber(spot.prefix)
    host.registers = not spot.without_registration
    return host


def make_client(name: str, endpoint: Endpoint, around: Surroundings, here: str) -> Client:
    """A client as its profile has it."""
    return Client(endpoint, around.meeting(here), CLIENTS[name], place=around.place)


def facts(around: Surroundings, places: dict[str, str]) -> dict[str, Any]:
    """What a judge must know: who hosts, who is a client, and how everything was set at the beginning."""
    spot, port = around.profile.hotspot, around.port
    settings = {
        "listen": spot.listen, "address": spot.address, "port": port, "prefix": spot.prefix,
        "ring_mode": spot.ring_mode, "managed": spot.managed, "registers": not spot.without_registration,
        "dials_unregistered": True,
    }  # fmt: skip
    hosts = {name: {"place": places[name], "user": HOSTS[name]} for name in HOSTS if name in places}
    clients = {name: {"place": places[name], "mac": mac} for name, mac in CLIENTS.items() if name in places}
    told = {"hotspots": hosts, "hotspot_clients": clients, "hotspot_settings": settings}
    return {**told, "hotspot_discovery": DISCOVERY}


def foreign_host(phones: Mapping[str, PhoneSettings]) -> str:
    """The address of the real host of the lab file; "" where the hosts are ours."""
    found = (phones[name] for name in HOSTS if name in phones)
    return next((settings.address for settings in found if settings.kind == "remote"), "")


def heard(packet: Packet, ttl: int | None) -> dict[str, Any]:
    """What the record is told of one discovery datagram; the datagram itself stays in the capture."""
    told = parse_discovery(packet.payload)
    what = {
        "from": str(packet.source),
        "to": str(packet.destination),
        "octets": len(packet.payload),
        "ttl": ttl,
    }
    if isinstance(told, Fault):
        return {**what, "protocol": "unknown"}
    return {**what, "protocol": DISCOVERY, "kind": told.kind, "mac": told.mac}
