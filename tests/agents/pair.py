"""A server and phones of ours on the simulated network, on a virtual clock."""

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
from sipconform.net.simulated import SimulatedNetwork
from sipconform.net.virtual_clock import VirtualLoop
from sipconform.trace.packet import Address

DOMAIN = "10.0.0.1"


@dataclass
class Pair:
    """`phone(user)` gives a phone of a user, who is made with it."""

    network: SimulatedNetwork
    protocol: str = "udp"
    server: Server = field(init=False)
    phones: list[Phone] = field(default_factory=list)

    async def open(self) -> None:
        self.server = Server(await self._endpoint("server", DOMAIN), Directory(DOMAIN))

    async def phone(self, user: str) -> Phone:
        if self.server.directory.find(user) is None:
            self.server.directory.add(user, f"pw{user}")
        endpoint = await self._endpoint(f"{user} {len(self.phones)}", f"10.0.1.{10 + len(self.phones)}")
        account = Account(user, DOMAIN, f"pw{user}")
        self.phones.append(Phone(endpoint, account, self.server.endpoint.transports[0].local))
        return self.phones[-1]

    async def _endpoint(self, name: str, host: str) -> Endpoint:
        endpoint = Endpoint(self.network, name, random.Random(name))
        await endpoint.listen(self.protocol, Address(host, 5060))
        return endpoint

    def cut(self, phone: Phone) -> None:
        self.network.cut(phone.endpoint.transports[0].local)

    def heal(self, phone: Phone) -> None:
        self.network.heal(phone.endpoint.transports[0].local)


def play(story: Callable[[Pair], Awaitable[None]], protocol: str = "udp") -> None:
    """Runs a story; everything is closed at its end."""

    async def run() -> None:
        pair = Pair(SimulatedNetwork(1), protocol)
        await pair.open()
        try:
            await story(pair)
        finally:
            for phone in pair.phones:
                phone.close()
            pair.server.close()
            await pair.network.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())
