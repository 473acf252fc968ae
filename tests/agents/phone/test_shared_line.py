"""The phone's line keys: what they show, and what pressing them sends."""

import asyncio

import pytest

from sipconform.agents.phone.shared_line import SharedLine
from sipconform.features.appearance import State
from sipconform.sip.message import Message
from tests.agents.server.test_line_server import answered, desk, line_server, outsider
from tests.agents.world import World, play


def notify(call_info: str) -> Message:
    rows = "".join(f"Call-Info: {row}\r\n" for row in call_info.split("\n"))
    return Message(f"NOTIFY sip:2001 SIP/2.0\r\nEvent: call-info\r\n{rows}Content-Length: 0\r\n\r\n".encode())


@pytest.mark.parametrize(
    ("rows", "states"),
    [
        (
            "<sip:a>;appearance-index=1;appearance-state=held,<sip:a>;appearance-index=*;appearance-state=idle",
            ["held", "idle"],
        ),
        (
            "<sip:a>;appearance-state=active;appearance-index=2\n<sip:a>;appearance-index=*;appearance-state=idle",
            ["idle", "active"],
        ),
        (
            '<sip:a> ; APPEARANCE-INDEX = 1;appearance-state=active;appearance-uri="\\"A, b;c\\" <sip:x@y>";zz',
            ["active", "idle"],
        ),
        ("<sip:a>;appearance-index=1;appearance-state=active-pending", ["active-pending", "idle"]),
        ("<sip:a>;answer-after=0,<sip:a>;appearance-index=2;appearance-state=seized", ["idle", "seized"]),
        ("<sip:a>;appearance-index=0;appearance-state=active", ["idle", "idle"]),
        ("garbage", ["idle", "idle"]),
    ],
)
def test_what_a_notify_says_is_shown(rows: str, states: list[str]) -> None:
    async def story(world: World) -> None:
        await line_server(world)
        line = (await desk(world, 1)).line
        line._notified(notify(rows))
        assert [line.shows(index) for index in (1, 2)] == [(state, False) for state in states]

    play(story)


def test_slots_go_out_with_the_star_alone_and_stay_without_it() -> None:
    async def story(world: World) -> None:
        await line_server(world)
        line: SharedLine = (await desk(world, 1)).line
        line._notified(notify("<sip:a>;appearance-index=1;appearance-state=active"))
        line._notified(notify("<sip:a>;appearance-index=2;appearance-state=active"))
        assert line.told.busy == [1, 2]
        line._notified(notify("<sip:a>;appearance-index=*;appearance-state=idle"))
        assert line.told.busy == []

    play(story)


def test_the_lamps_of_a_call_held_and_taken_over() -> None:
    async def story(world: World) -> None:
        await line_server(world)
        first, second = (await desk(world, 1)), (await desk(world, 2))
        await answered(await outsider(world), "2001", first)
        assert (first.line.lamp(1), second.line.lamp(1)) == ("green", "red")
        await first.line.hold()
        await asyncio.sleep(1)
        assert (first.line.lamp(1), second.line.lamp(1)) == ("slow green", "slow red")
        assert await second.line.press(1) == 200
        await asyncio.sleep(1)
        assert (first.line.lamp(1), second.line.lamp(1)) == ("red", "green")
        assert not first.calls.legs

    play(story)


def test_a_private_hold_looks_like_a_call_to_others() -> None:
    async def story(world: World) -> None:
        await line_server(world)
        first, second = (await desk(world, 1)), (await desk(world, 2))
        await answered(await outsider(world), "2001", first)
        await first.line.hold(private=True)
        await asyncio.sleep(1)
        assert second.line.shows(1) == (State.HELD_PRIVATE, False)
        assert (first.line.lamp(1), second.line.lamp(1)) == ("slow green", "red")
        assert await second.line.press(1) == 0
        assert "held-private" not in world.requests("INVITE")[-1].text("From")

    play(story)


def test_a_refused_slot_is_not_called_on() -> None:
    async def story(world: World) -> None:
        await line_server(world)
        first, second = (await desk(world, 1)), (await desk(world, 2))
        await outsider(world)
        assert await first.line.seize(1) == 200
        assert await second.line.seize(1) == 480
        assert second.line.seized == 0
        assert not world.requests("INVITE")

    play(story)


def test_a_seizure_runs_out_and_is_not_begun_again() -> None:
    async def story(world: World) -> None:
        await line_server(world)
        phone = await desk(world, 1)
        assert await phone.line.seize() == 200
        await asyncio.sleep(60)
        assert phone.line.seized == 0
        assert phone.line.shows(1) == (State.IDLE, False)
        asked = [m for m in world.requests("SUBSCRIBE") if m.text("Event") == "line-seize"]
        assert len({m.branch for m in asked}) == 1

    play(story)


def test_the_index_goes_with_the_call() -> None:
    async def story(world: World) -> None:
        await line_server(world)
        phone, other = await desk(world, 1), await outsider(world)
        calling = asyncio.ensure_future(phone.line.dial("2002"))
        await asyncio.sleep(1)
        other.calls.answer(other.calls.legs[0])
        assert await calling == 200
        invites = [m for m in world.requests("INVITE") if m.has("Call-Info")]
        assert {m.text("Call-Info") for m in invites} == {"<sip:example.com>;appearance-index=1"}

    play(story)
