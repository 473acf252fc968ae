"""A phone's registration over hours: refreshed, lost, made again, given up (RFC 3261 §10.2)."""

import asyncio

import pytest

from tests.agents.world import SERVER, World, later, play


def test_it_is_refreshed_at_half_of_what_was_granted() -> None:
    async def story(world: World) -> None:
        server, phone = await world.server(()), await world.phone()
        phone.registration.expires = 100
        assert await phone.registration.register() == 200
        await asyncio.sleep(330)
        assert [round(at) for at in world.times("REGISTER")] == [0, 50, 100, 150, 200, 250, 300]
        numbers = [m.cseq_number for m in world.requests("REGISTER")]
        assert numbers == sorted(set(numbers))
        assert len({m.call_id for m in world.requests("REGISTER")}) == 1
        assert server.user("2001").contacts(asyncio.get_running_loop().time())
        phone.close()

    play(story)


def test_a_time_too_brief_is_asked_for_again_as_the_server_wants_it() -> None:
    async def story(world: World) -> None:
        await world.server(())
        phone = await world.phone()
        phone.registration.expires = 3
        assert await phone.registration.register() == 200
        assert (phone.registration.expires, phone.registration.granted) == (10, 10)
        phone.close()

    play(story)


def test_a_wrong_password_is_not_tried_for_ever() -> None:
    async def story(world: World) -> None:
        await world.server()
        phone = await world.phone(password="wrong")
        assert await phone.registration.register() == 401
        await asyncio.sleep(86_400)
        assert len(world.requests("REGISTER")) == 2
        assert not phone.registration.registered

    play(story)


def test_a_server_that_is_silent_is_asked_again_ever_more_seldom_and_the_loss_is_shown() -> None:
    async def story(world: World) -> None:
        phone = await world.phone()
        assert await phone.registration.register() == 408
        assert phone.registration.lost
        await asyncio.sleep(6 * 3600)
        tries = {m.branch for m in world.requests("REGISTER")}
        assert 8 <= len(tries) <= 40
        server = await world.server()
        await later(lambda: phone.registration.registered, 3600)
        assert not phone.registration.lost
        server.close()
        phone.close()

    play(story)


@pytest.mark.parametrize("everything", [False, True])
def test_it_signs_out(everything: bool) -> None:
    async def story(world: World) -> None:
        server, phone = await world.server(), await world.phone()
        await phone.registration.register()
        assert await phone.registration.query() == [f"sip:2001@{phone.endpoint.transports[0].local}"]
        assert await phone.registration.unregister(everything=everything) == 200
        assert server.user("2001").bindings == {}
        assert not phone.registration.registered
        asked = len(world.requests("REGISTER"))
        await asyncio.sleep(7200)
        assert len(world.requests("REGISTER")) == asked

    play(story)


def test_a_silent_phone_stays_silent() -> None:
    async def story(world: World) -> None:
        await world.server()
        phone = await world.phone()
        await phone.start()
        phone.close()
        said = sum(packet.source != SERVER for packet in world.tap.packets)
        await asyncio.sleep(7200)
        assert sum(packet.source != SERVER for packet in world.tap.packets) == said

    play(story)
