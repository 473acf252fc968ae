"""An agent in a process of its own starts every story as if it were the first."""

import asyncio
import random
from typing import Any

from sipconform.agents.endpoint import Endpoint
from sipconform.agents.server.directory import Directory
from sipconform.agents.server.server import Server
from sipconform.lab.drivers.control import ControlledDriver, serve_control
from sipconform.lab.drivers.own import OwnServer
from sipconform.lab.drivers.renewed import RenewedDriver
from sipconform.net.sockets import SocketNetwork
from sipconform.trace.packet import Address

HERE = Address("127.0.0.1", 0)


class Workshop:
    """Makes servers, each where the first was."""

    def __init__(self) -> None:
        self.network = SocketNetwork()
        self.made: list[OwnServer] = []
        self.place = HERE

    async def build(self) -> OwnServer:
        endpoint = Endpoint(self.network, "server", random.Random(1))
        self.place = (await endpoint.listen("udp", self.place)).local
        directory = Directory("example.com")
        directory.add("2001", "pw2001")
        self.made.append(OwnServer(Server(endpoint, directory)))
        return self.made[-1]


def test_reset_forgets_everything_and_keeps_the_address() -> None:
    async def story() -> None:
        shop = Workshop()
        driver = await RenewedDriver.made(shop.build)
        first = shop.place
        await driver.do("set_dnd", user="2001", on=True)
        assert driver.beliefs["2001.dnd"] is True
        await driver.do("reset")
        assert driver.beliefs["2001.dnd"] is False
        assert (shop.place, len(shop.made)) == (first, 2)
        await driver.do("set_dnd", user="2001", on=True)
        assert shop.made[1].beliefs["2001.dnd"] is True
        await shop.network.close()

    asyncio.run(story())


def test_whoever_listens_over_the_control_connection_goes_on_hearing() -> None:
    async def story() -> None:
        shop = Workshop()
        control = await serve_control(await RenewedDriver.made(shop.build), HERE)
        there = Address(*control.sockets[0].getsockname())
        heard: list[dict[str, Any]] = []
        remote = await ControlledDriver.connect(there, heard.append)
        await remote.do("set_dnd", user="2001", on=True)
        assert await remote.changes.until(lambda: remote.beliefs.get("2001.dnd") is True, 5)
        await remote.do("reset")
        assert await remote.changes.until(lambda: remote.beliefs.get("2001.dnd") is False, 5)
        await remote.do("forward", user="2001", kind="cfu", active=True, to="2002", rings=None)
        assert await remote.changes.until(lambda: remote.beliefs.get("2001.cfu") == "2002", 5)
        await remote.close()
        control.close()
        await shop.network.close()

    asyncio.run(story())
