"""The client: how it gets its line, keeps it, and loses it."""

import asyncio

from sipconform.agents.hotspot.discovery import Meeting
from sipconform.features.hotspot import Discovery
from tests.agents.hotspot.home import BROADCAST, FOUND, Home, play


def test_the_line_comes_goes_and_comes_back() -> None:
    async def story(home: Home) -> None:
        host, client = await home.host(), await home.client(1)
        await home.found(host, client)
        assert (client.extension, client.host) == ("1", host.address)
        await client.disconnect()
        await asyncio.sleep(FOUND)
        assert (client.line, client.extension, client.agent.account) == ("", "", None)
        await client.connect()
        await asyncio.sleep(1)
        assert client.line == "up"
        await client.stop()
        assert (client.line, client.hotspots) == ("", {})

    play(story)


def test_a_vanished_host_takes_the_line_down_in_time() -> None:
    async def story(home: Home) -> None:
        host, client = await home.host(), await home.client(1)
        await home.found(host, client)
        host.close()
        await asyncio.sleep(120)
        assert client.line == "down"

    play(story)


def test_a_closed_hotspot_refuses_and_an_open_one_takes_back() -> None:
    async def story(home: Home) -> None:
        host, client = await home.host(), await home.client(1)
        await home.found(host, client)
        await host.switch(on=False)
        await asyncio.sleep(120)
        assert (client.line, client.registration.status) == ("down", 403)
        await host.switch(on=True)
        await asyncio.sleep(FOUND)
        assert client.line == "up"

    play(story)


def test_a_reboot_order_said_twice_is_one() -> None:
    async def story(home: Home) -> None:
        host, client = await home.host(), await home.client(1)
        await home.found(host, client)
        for _ in range(3):
            host._say("reboot", client.mac)
        await asyncio.sleep(FOUND + 3)
        assert (client.reboots, client.line) == (1, "up")

    play(story)


def test_a_neighbour_gives_no_orders_and_no_line() -> None:
    async def story(home: Home) -> None:
        host, client = await home.host(), await home.client(1)
        neighbour = Meeting(home.network, "10.0.2.9", BROADCAST)
        await neighbour.open(client.place)
        await client.start()
        neighbour.say(Discovery("welcome", host.name, client.mac, sip="no address at all", extension="1"))
        neighbour.say(Discovery("offer", sip="10.0.2.9:5060"))
        await asyncio.sleep(1)
        assert client.line == ""
        await home.found(host)
        await asyncio.sleep(FOUND)
        assert client.line == "up"
        neighbour.say(Discovery("reboot", host.name, client.mac, sip=host.address))
        await asyncio.sleep(FOUND)
        neighbour.close()
        assert client.reboots == 0

    play(story)


def test_a_line_entered_by_hand() -> None:
    async def story(home: Home) -> None:
        host, client = await home.host(), await home.client(1)
        await home.found(host)
        assert await client.enter_line("1", "no address at all") == 0
        assert await client.enter_line("1", host.address) == 404, "the host knows no such client"
        host.devices.manage(client.mac, on=True)
        assert await client.enter_line("1", host.address) == 200
        assert client.line == "up"

    play(story)
