"""A small world for agents: the simulated network, a virtual clock, our server and phone, and a stranger."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.directory import Directory
from sipconform.agents.server.server import Server
from sipconform.agents.user_agent import Account
from sipconform.net.simulated import SimulatedNetwork, SimulatedTransport
from sipconform.net.tap import MemoryTap
from sipconform.net.virtual_clock import run
from sipconform.sip.message import Message
from sipconform.trace.packet import Address, Packet

DOMAIN = "example.com"
SERVER, PHONE, STRANGER = Address("10.0.0.1", 5060), Address("10.0.0.2", 5060), Address("10.0.0.9", 5060)


@dataclass(eq=False)
class Stranger:
    """A peer that says what a test tells it to, octet by octet."""

    transport: SimulatedTransport
    packets: list[Packet] = field(default_factory=list)

    def say(self, payload: bytes | str, to: Address = SERVER) -> None:
        self.transport.send(payload.encode() if isinstance(payload, str) else payload, to)

    @property
    def heard(self) -> list[Message]:
        return [Message(packet.payload) for packet in self.packets]

    @property
    def statuses(self) -> list[int]:
        return [message.status for message in self.heard]


@dataclass(eq=False)
class World:
    network: SimulatedNetwork
    tap: MemoryTap

    async def stranger(self, place: Address = STRANGER) -> Stranger:
        packets: list[Packet] = []
        return Stranger(await self.network.open("udp", place, packets.append), packets)

    async def endpoint(self, place: Address, name: str = "one") -> Endpoint:
        endpoint = Endpoint(self.network, name, random.Random(name))
        await endpoint.listen("udp", place)
        return endpoint

    async def server(self, algorithms: tuple[str, ...] = ("SHA-256", "MD5")) -> Server:
        directory = Directory(DOMAIN)
        for user in ("2001", "2002"):
            directory.add(user, f"pw{user}")
        return Server(await self.endpoint(SERVER, "server"), directory, algorithms)

    async def phone(self, user: str = "2001", place: Address = PHONE, password: str = "") -> Phone:
        account = Account(user, DOMAIN, password or f"pw{user}")
        return Phone(await self.endpoint(place, f"phone {place}"), account, SERVER)

    def requests(self, method: str) -> list[Message]:
        """Every sending of a request of that method that crossed the wire."""
        messages = (Message(packet.payload) for packet in self.tap.packets)
        return [message for message in messages if message.is_request and message.method == method]

    def times(self, method: str) -> list[float]:
        """Seconds after the first at which requests of that method were sent."""
        stamps = [p.time_ns for p in self.tap.packets if p.payload.startswith(method.encode() + b" ")]
        return [round((stamp - stamps[0]) / 1e9, 3) for stamp in stamps]


def play(story: Callable[[World], Awaitable[None]], **weather: float) -> None:
    """Plays a story in a new world; it may take hours and takes no time."""

    async def whole() -> None:
        tap = MemoryTap()
        await story(World(SimulatedNetwork(1, tap=tap, **weather), tap))  # type: ignore[arg-type]

    run(whole())


async def later(true: Callable[[], object], seconds: float = 10) -> None:
    """Some seconds later something must have become true."""
    await asyncio.sleep(seconds)
    assert true()


def request(
    method: str = "OPTIONS", *, branch: str = "z9hG4bK1", call: str = "c", seq: int = 1, to_tag: str = "", **more: str
) -> str:
    """A request of the stranger's; header fields by name, `_` for `-`, an empty one is left out."""
    rows = {
        "Via": f"SIP/2.0/UDP {STRANGER};branch={branch};rport",
        "Max-Forwards": "70",
        "From": f"<sip:2001@{DOMAIN}>;tag=s",
        "To": f"<sip:2001@{DOMAIN}>" + (f";tag={to_tag}" if to_tag else ""),
        "Call-ID": call,
        "CSeq": f"{seq} {method}",
    } | {name.replace("_", "-"): value for name, value in more.items()}
    rows["CSeq"] = rows.pop("CSEQ", rows["CSeq"])
    lines = [f"{method} sip:{DOMAIN} SIP/2.0", *(f"{n}: {v}" for n, v in rows.items() if v), "Content-Length: 0"]
    return "\r\n".join([*lines, "", ""])
