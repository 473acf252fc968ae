"""The stack under an agent: what it repeats, when it gives up, and what it makes of nonsense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.agents.endpoint import Tamper
from sipconform.agents.requests import ServerRequest
from sipconform.sip.compose import Draft
from tests.agents.world import SERVER, STRANGER, World, later, play, request


def draft(method: str) -> Draft:
    made = Draft.request(method, "sip:example.com")
    for name, value in (("From", "<sip:a@b>;tag=1"), ("To", "<sip:c@d>"), ("Call-ID", "x"), ("CSeq", f"1 {method}")):
        made.add(name, value)
    return made


def test_silence_ends_after_32_seconds_and_the_sendings_are_those_of_the_timers() -> None:
    async def story(world: World) -> None:
        endpoint = await world.endpoint(SERVER)
        for method in ("INVITE", "OPTIONS"):
            assert await endpoint.begin(endpoint.prepare(draft(method), STRANGER)).final() is None
        assert world.times("INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert world.times("OPTIONS") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert endpoint.clients == {}

    play(story)


def test_an_error_to_invite_is_acknowledged_on_its_branch() -> None:
    async def story(world: World) -> None:
        endpoint, stranger = await world.endpoint(SERVER), await world.stranger()
        sent = endpoint.begin(endpoint.prepare(draft("INVITE"), STRANGER))
        stranger.say(answer_to(sent.sent.raw, 486))
        final = await sent.final()
        assert final is not None
        assert final.status == 486
        [ack] = world.requests("ACK")
        assert (ack.branch, ack.to_tag) == (sent.branch, "t")

    play(story)


def answer_to(raw: bytes, status: int) -> bytes:
    head = raw.partition(b"\r\n")[2].replace(b"To: <sip:c@d>", b"To: <sip:c@d>;tag=t")
    return b"SIP/2.0 %d X\r\n" % status + head


def test_a_repeated_request_is_served_once_and_answered_twice() -> None:
    async def story(world: World) -> None:
        endpoint, stranger = await world.endpoint(SERVER), await world.stranger()
        served: list[ServerRequest] = []
        endpoint.on_request = served.append
        stranger.say(request())
        await later(lambda: served)
        served[0].respond(200)
        stranger.say(request())
        await later(lambda: len(stranger.packets) == 2)
        assert len(served) == 1
        assert stranger.packets[0].payload == stranger.packets[1].payload

    play(story)


def test_an_invite_is_tried_after_200_ms_and_a_cancel_ends_it() -> None:
    async def story(world: World) -> None:
        endpoint, stranger = await world.endpoint(SERVER), await world.stranger()
        served: list[ServerRequest] = []
        endpoint.on_request = served.append
        stranger.say(request("INVITE"))
        await later(lambda: stranger.statuses == [100])
        stranger.say(request("CANCEL"))
        await later(lambda: served[0].cancelled)
        assert stranger.statuses[:3] == [100, 200, 487]
        assert len({message.to_tag for message in stranger.heard[1:]}) == 1

    play(story)


def test_a_cancel_of_nothing_is_481_and_an_ack_of_nothing_is_dropped() -> None:
    async def story(world: World) -> None:
        endpoint, stranger = await world.endpoint(SERVER), await world.stranger()
        stranger.say(request("CANCEL"))
        stranger.say(request("ACK", to_tag="x"))
        await later(lambda: stranger.statuses == [481])
        endpoint.close()

    play(story)


FAULTS: dict[str, tuple[Tamper, int]] = {
    "swallows": (lambda _: [], 0),
    "adds": (lambda honest: [honest, b"and more"], 2),
    "replaces": (lambda _: [b"other"], 1),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_changes_what_leaves(kind: str) -> None:
    fault, heard = FAULTS[kind]

    async def story(world: World) -> None:
        endpoint, stranger = await world.endpoint(SERVER), await world.stranger()
        endpoint.on_request = lambda got: got.respond(200)
        endpoint.tampers = [fault]
        stranger.say(request())
        await later(lambda: len(stranger.packets) == heard)

    play(story)


def test_whoever_waits_when_it_closes_is_told_nothing_came() -> None:
    async def story(world: World) -> None:
        endpoint = await world.endpoint(SERVER)
        sent = endpoint.begin(endpoint.prepare(draft("OPTIONS"), STRANGER))
        endpoint.close()
        assert await sent.final() is None
        await later(lambda: len(world.requests("OPTIONS")) == 1)

    play(story)


pieces = st.sampled_from(
    [
        b"SIP/2.0 ",
        b"200 OK",
        b"\r\n",
        b"Via: ",
        b"CSeq: 1 OPTIONS",
        b"INVITE sip:x SIP/2.0",
        b"\r\n\r\n",
        b"ACK ",
        b"\0",
        b"\xff",
    ]
)


@given(st.lists(st.one_of(st.binary(max_size=40), st.lists(pieces, max_size=12).map(b"".join)), max_size=8))
def test_garbage_is_survived_and_the_next_request_is_served(garbage: list[bytes]) -> None:
    async def story(world: World) -> None:
        endpoint, stranger = await world.endpoint(SERVER), await world.stranger()
        endpoint.on_request = lambda got: got.respond(200)
        for payload in garbage:
            stranger.say(payload)
        stranger.say(request(call="the honest one"))
        await later(lambda: any(m.status == 200 and m.call_id == "the honest one" for m in stranger.heard))
        endpoint.close()

    play(story)


@given(st.lists(st.one_of(st.binary(max_size=40), st.lists(pieces, max_size=12).map(b"".join)), max_size=5))
def test_garbage_for_an_answer_is_no_answer(garbage: list[bytes]) -> None:
    async def story(world: World) -> None:
        endpoint, stranger = await world.endpoint(SERVER), await world.stranger()
        sent = endpoint.begin(endpoint.prepare(draft("OPTIONS"), STRANGER))
        for payload in garbage:
            stranger.say(payload)
        assert await sent.final() is None
        endpoint.close()

    play(story)
