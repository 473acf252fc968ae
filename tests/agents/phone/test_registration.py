"""A phone's registration over hours: refreshed, lost, made again, given up (RFC 3261 §10.2)."""

import asyncio
from collections.abc import Callable

import pytest

from sipconform.agents.requests import ServerRequest
from sipconform.agents.user_agent import UserAgent
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


Answers = Callable[[ServerRequest, int], None]


async def registrar(world: World, answers: Answers) -> None:
    """A registrar that answers as a test tells it to: it is given every REGISTER and its number."""
    asked: list[ServerRequest] = []

    def register(request: ServerRequest) -> None:
        asked.append(request)
        answers(request, len(asked))

    UserAgent(await world.endpoint(SERVER)).serve("REGISTER", register)


@pytest.mark.parametrize(
    ("listed", "header", "granted"),
    [
        ("{uri};line=7>;expires=60", "", 60),  # an equal URI (§19.1.4)
        ("sip:2001@203.0.113.7:40000>;expires=60", "", 60),  # rewritten on the way
        ("sip:2001@203.0.113.7:40000>;expires=60", "90", 90),
        ("{uri}>;expires=60, <sip:2001@10.0.0.8>;expires=10", "", 60),
        ("{uri}>", "90", 90),
        ("{uri}>;expires=²", "", 3600),
        ("{uri}>;expires=" + "9" * 5000, "", 2**32 - 1),
    ],
)
def test_it_takes_what_was_granted(listed: str, header: str, granted: int) -> None:
    async def story(world: World) -> None:
        def accept(request: ServerRequest, _: int) -> None:
            uri = request.message.text("Contact").partition("<")[2].partition(">")[0]
            headers = [("Contact", "<" + listed.format(uri=uri)), *([("Expires", header)] if header else [])]
            request.respond(200, headers=headers)

        await registrar(world, accept)
        phone = await world.phone()
        assert await phone.registration.register() == 200
        assert phone.registration.granted == granted
        phone.close()

    play(story)


def test_a_minimum_that_is_no_number_is_none() -> None:
    async def story(world: World) -> None:
        await registrar(world, lambda request, _: request.respond(423, headers=[("Min-Expires", "²")]))
        phone = await world.phone()
        assert await phone.registration.register() == 423
        phone.close()

    play(story)


@pytest.mark.parametrize("told", ["300", "300;duration=60", "300 (later)"])
def test_it_comes_back_when_it_was_told_to(told: str) -> None:
    async def story(world: World) -> None:
        await registrar(world, lambda request, _: request.respond(503, headers=[("Retry-After", told)]))
        phone = await world.phone()
        assert await phone.registration.register() == 503
        await asyncio.sleep(400)
        assert [round(at) for at in world.times("REGISTER")] == [0, 300]
        phone.close()

    play(story)


def test_a_proxy_asks_for_credentials_and_then_the_registrar() -> None:
    async def story(world: World) -> None:
        def challenge(request: ServerRequest, number: int) -> None:
            asks = {1: (407, "Proxy-Authenticate", "p"), 2: (401, "WWW-Authenticate", "r")}.get(number)
            if asks is None:
                request.respond(200, headers=[("Contact", request.message.text("Contact")), ("Expires", "60")])
            else:
                status, header, realm = asks
                request.respond(status, headers=[(header, f'Digest realm="{realm}", nonce="n", qop="auth"')])

        await registrar(world, challenge)
        phone = await world.phone()
        assert await phone.registration.register() == 200
        last = world.requests("REGISTER")[-1]
        assert last.cseq_number == 3
        assert last.has("Proxy-Authorization")
        assert last.has("Authorization")
        phone.close()

    play(story)
