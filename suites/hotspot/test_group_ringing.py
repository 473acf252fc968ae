"""One account for the phones of a home: a call from outside rings in every room, and one of them takes it."""

import asyncio

import pytest

from sipconform.lab.actors import Phone
from sipconform.lab.clock import Clock
from sipconform.lab.hotspot import HotspotClient, HotspotHost
from sipconform.lab.hotspot_scenes import at_home

pytestmark = pytest.mark.profile("fanvil-hotspot")
A_MOMENT = 0.0015  # seconds: long enough for the host to have heard of an answer, too short for its CANCEL


async def ring(outside_caller: Phone, host: HotspotHost, *phones: Phone) -> "asyncio.Future[int]":
    """The outside caller dials the host's number, and these phones ring."""
    await outside_caller.start(sync=False)
    calling = asyncio.ensure_future(outside_caller.dial(host.user))
    for phone in phones:
        await phone.shows(call="ringing")
    return calling


@pytest.mark.rows("E1")
@pytest.mark.parametrize("who", ["host", "client_b", "client_c"])
async def test_a_call_rings_in_every_room(
    who: str, outside_caller: Phone, host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient
) -> None:
    """Somebody outside calls the host's number: host and clients ring. One of them answers, the others stop ringing
    and nobody else can take the call. It is held, taken up and ended like any other."""
    phones: dict[str, Phone] = {"host": host, "client_b": client_b, "client_c": client_c}
    await at_home(host, client_b, client_c)
    calling = await ring(outside_caller, host, *phones.values())
    await phones[who].answer()
    assert await calling == 200, "the call from outside was not answered"
    for name, phone in phones.items():
        if name != who:
            await phone.shows(call="idle", missed=0)
    assert await outside_caller.hold() == 200, "the hold was refused"
    assert await outside_caller.resume() == 200, "the call could not be resumed"
    await outside_caller.hang_up()
    await phones[who].shows(call="idle")


@pytest.mark.rows("E1")
@pytest.mark.parametrize("mode", ["extensions", "host"])
async def test_the_ring_mode_says_who_rings(
    mode: str, outside_caller: Phone, host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient
) -> None:
    """The ring mode for calls from outside is "extensions" or "host": only those ring, the others stay silent."""
    await host.set_hotspot(ring_mode=mode)
    await at_home(host, client_b, client_c)
    rung: list[Phone] = [host] if mode == "host" else [client_b, client_c]
    silent: list[Phone] = [client_b, client_c] if mode == "host" else [host]
    calling = await ring(outside_caller, host, *rung)
    for phone in silent:
        await phone.shows(call="idle", missed=0)
    await rung[-1].answer()
    assert await calling == 200, "the call from outside was not answered"
    await rung[-1].hang_up()
    await outside_caller.shows(call="idle")


@pytest.mark.race("who answers first")
@pytest.mark.rows("E1")
async def test_two_answer_at_once(
    outside_caller: Phone, host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient
) -> None:
    """Two clients lift the receiver in the same instant: one gets the call, the other's is ended."""
    await at_home(host, client_b, client_c)
    calling = await ring(outside_caller, host, client_b, client_c)
    await asyncio.gather(client_b.answer(), client_c.answer())
    assert await calling == 200, "the call from outside was not answered"
    await host.shows(call="idle")
    await outside_caller.hang_up()
    await client_b.shows(call="idle", within=40)
    await client_c.shows(call="idle", within=40)


@pytest.mark.rows("E1")
async def test_the_host_answers_while_a_client_does(
    outside_caller: Phone, host: HotspotHost, client_b: HotspotClient
) -> None:
    """The host answers, and a client lifts its receiver before it has heard of it: the client's call is ended."""
    await at_home(host, client_b)
    calling = await ring(outside_caller, host, host, client_b)
    await host.answer()
    await client_b.answer()
    assert await calling == 200, "the call from outside was not answered"
    await client_b.shows(call="idle", within=40)
    await host.hang_up()
    await outside_caller.shows(call="idle")


@pytest.mark.rows("E1")
async def test_the_caller_gives_up(
    outside_caller: Phone, host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient
) -> None:
    """The caller hangs up while it rings: every phone falls silent and shows a missed call."""
    await at_home(host, client_b, client_c)
    calling = await ring(outside_caller, host, host, client_b, client_c)
    await outside_caller.hang_up()
    await calling
    for phone in (host, client_b, client_c):
        await phone.shows(call="idle", missed=1)


@pytest.mark.rows("E1")
async def test_one_refuses_and_another_answers(
    outside_caller: Phone, host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient, clock: Clock
) -> None:
    """The host and one client refuse the call; it rings on at the other client, who answers."""
    await at_home(host, client_b, client_c)
    calling = await ring(outside_caller, host, host, client_b, client_c)
    await client_b.reject()
    await host.reject()
    await clock.passes(1)
    await client_c.answer()
    assert await calling == 200, "the call from outside was refused for all"
    await client_c.hang_up()
    await outside_caller.shows(call="idle")


@pytest.mark.rows("E1")
async def test_a_second_call_while_one_is_busy(
    outside_caller: Phone, second_outside_caller: Phone, host: HotspotHost, client_b: HotspotClient
) -> None:
    """While a client talks to the outside, a second call comes in. What the hotspot does with it is not written
    down; that it does something is expected."""
    await at_home(host, client_b)
    calling = await ring(outside_caller, host, host, client_b)
    await client_b.answer()
    assert await calling == 200, "the call from outside was not answered"
    await host.shows(call="idle")
    await second_outside_caller.start(sync=False)
    second = asyncio.ensure_future(second_outside_caller.dial(host.user))
    await host.shows(call="ringing")
    await client_b.shows(call="ringing")
    await host.reject()
    await client_b.reject()
    assert await second == 486, "everybody was busy, and the caller was told something else"
    await outside_caller.hang_up()
    await client_b.shows(call="idle")
