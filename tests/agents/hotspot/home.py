"""A hotspot on a simulated network: a PBX, one host, and clients, all honest."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.hotspot.client import Client
from sipconform.agents.hotspot.discovery import Meeting
from sipconform.agents.hotspot.host import Host
from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.directory import Directory
from sipconform.agents.server.server import Server
from sipconform.agents.user_agent import Account
from sipconform.net.simulated import SimulatedNetwork
from sipconform.net.virtual_clock import VirtualLoop
from sipconform.trace.packet import Address

PBX = Address("10.0.0.1", 5060)
BROADCAST = "10.0.255.255"
FOUND = 6.0  # seconds after which a client has heard an offer and registered


class Home:
    """`host()` is user 2301; `client(n)` is at 10.0.2.n; `outside()` is user 2310."""

    def __init__(self) -> None:
        self.network = SimulatedNetwork(1)
        self._open: list[Any] = []

    async def start(self) -> None:
        endpoint = await self._endpoint("pbx", PBX)
        directory = Directory(PBX.host)
        for user in ("2301", "2310"):
            directory.add(user, "secret")
        self.server = Server(endpoint, directory)
        self._open.append(self.server)

    async def host(self) -> Host:
        endpoint = await self._endpoint("host", Address("10.0.1.1", 5060))
        made = Host(endpoint, Account("2301", PBX.host, "secret"), PBX, self._meeting("10.0.1.1"))
        self._open.append(made)
        return made

    async def client(self, number: int) -> Client:
        here = f"10.0.2.{number}"
        endpoint = await self._endpoint(here, Address(here, 5060))
        made = Client(endpoint, self._meeting(here), f"00:00:00:00:00:{number:02x}")
        self._open.append(made)
        return made

    async def outside(self) -> Phone:
        endpoint = await self._endpoint("outside", Address("10.0.3.1", 5060))
        made = Phone(endpoint, Account("2310", PBX.host, "secret"), PBX)
        self._open.append(made)
        return made

    async def found(self, host: Host, *clients: Client) -> None:
        """The host opens its hotspot and every client gets a line."""
        assert await host.start() == 200
        for client in clients:
            await client.start()
            await asyncio.sleep(FOUND)
            assert client.line == "up"

    def close(self) -> None:
        for agent in self._open:
            agent.close()

    def _meeting(self, here: str) -> Meeting:
        return Meeting(self.network, here, BROADCAST)

    async def _endpoint(self, name: str, at: Address) -> Endpoint:
        endpoint = Endpoint(self.network, name, random.Random(name))
        await endpoint.listen("udp", at)
        return endpoint


def play(story: Callable[[Home], Awaitable[None]]) -> None:
    """Plays a story on the virtual clock."""

    async def main() -> None:
        home = Home()
        await home.start()
        await story(home)
        home.close()
        await home.network.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
