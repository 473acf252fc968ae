"""The host: who rings, whose identity goes out, and what an order or a switch does."""

import asyncio

import pytest

from sipconform.agents.hotspot.discovery import Meeting, Place
from sipconform.features.hotspot import CONFIG_KEYS, Discovery, RingMode
from tests.agents.hotspot.home import BROADCAST, FOUND, Home, play


@pytest.mark.parametrize(("mode", "rung"), [("all", (1, 1)), ("extensions", (0, 1)), ("host", (1, 0))])
def test_the_ring_mode(mode: str, rung: tuple[int, int]) -> None:
    async def story(home: Home) -> None:
        host, client, outside = await home.host(), await home.client(1), await home.outside()
        host.exchange.ring_mode = RingMode(mode)
        await home.found(host, client)
        assert await outside.start() == 200
        outside.calls.begin("2301")
        await asyncio.sleep(1)
        assert (len(host.telephone.legs), len(client.calls.legs)) == rung

    play(story)


def test_a_refusal_here_lets_the_clients_ring_on() -> None:
    async def story(home: Home) -> None:
        host, client, outside = await home.host(), await home.client(1), await home.outside()
        await home.found(host, client)
        await outside.start()
        leg = outside.calls.begin("2301")
        await asyncio.sleep(1)
        host.telephone.refuse_call(host.telephone.legs[0])
        await asyncio.sleep(1)
        assert (host.telephone.legs, len(client.calls.legs), leg.state) == ([], 1, "ringing")
        client.calls.legs[0].reject(603)
        assert await leg.outcome() == 486, "a 6xx of a client speaks for nobody else"

    play(story)


def test_nobody_there_and_patience() -> None:
    async def story(home: Home) -> None:
        host, outside = await home.host(), await home.outside()
        host.exchange.ring_mode = RingMode.EXTENSIONS
        await home.found(host)
        await outside.start()
        assert (await outside.calls.dial("2301")).status == 480, "nobody to ring"
        host.exchange.ring_mode = RingMode.ALL
        assert (await outside.calls.dial("2301")).status == 480, "nobody answers"
        assert host.exchange.sessions == []

    play(story)


def test_a_stranger_is_no_client() -> None:
    async def story(home: Home) -> None:
        host, outside = await home.host(), await home.outside()
        await home.found(host)
        await outside.start()
        outside.agent.proxy = None
        leg = outside.calls.begin("1", uri=f"sip:1@{host.address}")
        assert await leg.outcome() == 404

    play(story)


def test_a_client_entered_by_hand_is_known_by_its_registration() -> None:
    """A real phone is not found by our stand-in: it is entered in the list, and signs in with its number."""

    async def story(home: Home) -> None:
        host, client, outside = await home.host(), await home.client(1), await home.outside()
        await home.found(host)
        host.devices.manage(client.mac, True)
        assert await client.enter_line("1", host.address) == 200
        inside = client.calls.begin("0")
        await asyncio.sleep(1)
        assert [leg.state for leg in host.telephone.legs] == ["ringing"]
        inside.hang_up()
        await outside.start()
        leg = outside.calls.begin("2301")
        await asyncio.sleep(1)
        client.calls.answer(client.calls.legs[0])
        assert await leg.outcome() == 200
        assert await client.registration.unregister() == 200
        assert await client.calls.begin("0").outcome() == 404, "he is a stranger again"

    play(story)


def test_calls_out_need_a_line() -> None:
    async def story(home: Home) -> None:
        host, client = await home.host(), await home.client(1)
        host.registers = False
        await home.found(host, client)
        assert (await client.calls.dial("2310")).status == 503

    play(story)


def test_orders_are_repeated_until_the_client_stirs() -> None:
    async def story(home: Home) -> None:
        host, client = await home.host(), await home.client(1)
        await home.found(host, client)
        assert not host.order("reboot", client.mac), "it is not managed"
        host.devices.manage(client.mac, on=True)
        client.meeting.close()  # deaf for a while
        assert host.order("upgrade", client.mac, "http://192.0.2.1/2.txt")
        await asyncio.sleep(3)
        await client.meeting.open(client.place)
        await asyncio.sleep(3)
        assert client.fetched == ["http://192.0.2.1/2.txt"]
        assert client.firmware == "2.txt"

    play(story)


def test_a_late_word_about_one_order_does_not_end_another() -> None:
    async def story(home: Home) -> None:
        host, client = await home.host(), await home.client(1)
        await home.found(host, client)
        host.devices.manage(client.mac, on=True)
        client.meeting.close()  # deaf for a while
        host.order("reboot", client.mac)
        neighbour = Meeting(home.network, "10.0.2.9", BROADCAST)
        await neighbour.open(client.place)
        neighbour.say(Discovery("join", host.name, client.mac, firmware="2.txt", sip="10.0.2.1:5060"))
        await asyncio.sleep(1)
        neighbour.close()
        await client.meeting.open(client.place)
        await asyncio.sleep(FOUND)
        assert client.reboots == 1

    play(story)


def test_what_it_exports_has_the_vendors_names() -> None:
    async def story(home: Home) -> None:
        host = await home.host()
        exported = host.exported()
        assert exported.keys() <= set(CONFIG_KEYS.values())
        assert (exported["EnableHotspot"], exported["ListenIP"], exported["ListenPort"]) == ("0", "224.0.2.0", "16360")

    play(story)


def test_it_hears_nothing_that_is_meant_for_others() -> None:
    async def story(home: Home) -> None:
        host = await home.host()
        await home.found(host)
        stranger = Meeting(home.network, "10.0.2.9", BROADCAST)
        stranger.say(Discovery("join", "", "00:00"))  # not open: nothing is said
        await stranger.open(Place())
        stranger.say(Discovery("join", "another hotspot", "00:00", sip="10.0.2.9:5060"))
        stranger.say(Discovery("reboot", host.name, "00:00"))
        await asyncio.sleep(FOUND)
        stranger.close()
        assert host.devices.known == {}

    play(story)
