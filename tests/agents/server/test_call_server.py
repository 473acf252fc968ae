"""Calls through our server: forks, forwards and features, and what each side hears in the end."""

import asyncio
from collections.abc import Sequence

import pytest

from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.call_server import MOST_DIVERSIONS, best_status
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.sip.sdp import Sdp
from tests.agents.pair import Pair, play


@pytest.mark.parametrize(
    ("statuses", "best"),
    [([486, 480], 480), ([404, 500], 404), ([486, 603, 404], 603), ([302, 404], 302), ([408], 408), ([], 480)],
)
def test_of_several_refusals_the_best_is_passed_on(statuses: Sequence[int], best: int) -> None:
    assert best_status(statuses) == best


async def signed_in(pair: Pair, *users: str) -> list[Phone]:
    phones = [await pair.phone(user) for user in users]
    for phone in phones:
        assert await phone.start() == 200
    return phones


def features(pair: Pair, user: str, **forwards: Forward) -> None:
    pair.server.user(user).features = FeatureState(False, {ForwardType[k.upper()]: f for k, f in forwards.items()})


@pytest.mark.parametrize(("user", "status"), [("nobody", 404), ("2003", 480)])
def test_who_is_not_there_is_told(user: str, status: int) -> None:
    async def story(pair: Pair) -> None:
        [caller] = await signed_in(pair, "2001")
        await pair.phone("2003")  # known, and not signed in
        assert (await caller.calls.dial(user)).status == status
        assert pair.server.calls.sessions == []

    play(story)


def test_do_not_disturb_refuses_and_nobody_is_rung() -> None:
    async def story(pair: Pair) -> None:
        caller, callee = await signed_in(pair, "2001", "2002")
        pair.server.user("2002").features = FeatureState(True)
        assert (await caller.calls.dial("2002")).status == 486
        assert callee.calls.missed == []

    play(story)


def test_the_first_of_two_phones_that_answers_has_the_call_and_the_other_missed_nothing() -> None:
    async def story(pair: Pair) -> None:
        caller, one, two = await signed_in(pair, "2001", "2002", "2002")
        two.calls.answers_itself = True
        leg = await caller.calls.dial("2002")
        await asyncio.sleep(0.1)
        assert (leg.status, len(two.calls.legs), one.calls.legs) == (200, 1, [])
        assert one.calls.missed == []
        assert one.calls.taken_elsewhere
        assert Sdp(leg.remote_sdp).media[0].port == two.calls.media_port

    play(story)


def test_a_caller_who_gives_up_stops_every_phone_and_is_missed_on_each() -> None:
    async def story(pair: Pair) -> None:
        caller, one, two = await signed_in(pair, "2001", "2002", "2002")
        leg = caller.calls.begin("2002")
        await asyncio.sleep(0.1)
        assert (leg.state, len(one.calls.legs), len(two.calls.legs)) == ("ringing", 1, 1)
        leg.hang_up()
        await asyncio.sleep(0.1)
        assert (one.calls.legs, two.calls.legs) == ([], [])
        assert (len(one.calls.missed), len(two.calls.missed)) == (1, 1)
        assert pair.server.calls.sessions == []

    play(story)


def test_nobody_answers_within_the_time_of_ringing() -> None:
    async def story(pair: Pair) -> None:
        caller, callee = await signed_in(pair, "2001", "2002")
        began = asyncio.get_running_loop().time()
        assert (await caller.calls.dial("2002")).status == 480
        assert asyncio.get_running_loop().time() - began == pytest.approx(pair.server.calls.ring_seconds, abs=1)
        await asyncio.sleep(0.1)
        assert callee.calls.legs == []

    play(story)


@pytest.mark.parametrize("kind", ["immediate", "busy", "no_answer"])
def test_a_forward_leads_on_and_says_who_forwarded(kind: str) -> None:
    async def story(pair: Pair) -> None:
        caller, callee, third = await signed_in(pair, "2001", "2002", "2003")
        features(pair, "2002", **{kind: Forward(True, "2003", 1)})
        if kind == "busy":
            callee.calls.refuse = lambda _: 486
        leg = caller.calls.begin("2002")
        await asyncio.sleep(8)
        [rung] = third.calls.legs
        assert third.calls.forwarded_by(rung) == "2002"
        third.calls.answer(rung)
        assert await leg.outcome() == 200
        assert callee.calls.legs == []

    play(story)


def test_forwards_in_a_circle_come_to_an_end() -> None:
    async def story(pair: Pair) -> None:
        [caller, _] = await signed_in(pair, "2001", "2002")
        features(pair, "2002", immediate=Forward(True, "2002"))
        assert (await caller.calls.dial("2002")).status == 482
        assert MOST_DIVERSIONS < 70  # before Max-Forwards would

    play(story)


def test_a_hold_passes_through_and_hanging_up_ends_both_legs() -> None:
    async def story(pair: Pair) -> None:
        caller, callee = await signed_in(pair, "2001", "2002")
        callee.calls.answers_itself = True
        leg = await caller.calls.dial("2002")
        assert await caller.calls.hold(leg) == 200
        assert Sdp(callee.calls.legs[0].remote_sdp).media[0].direction == "sendonly"
        callee.calls.legs[0].hang_up()
        await asyncio.sleep(0.1)
        assert (leg.state, leg.ended_by) == ("ended", "peer")
        assert pair.server.calls.sessions == []

    play(story)


def test_who_takes_a_call_first_has_it() -> None:
    async def story(pair: Pair) -> None:
        [caller] = await signed_in(pair, "2001")
        asked: list[str] = []

        def take(incoming: object) -> bool:
            asked.append(incoming.dialled)  # type: ignore[attr-defined]
            incoming.request.respond(410)  # type: ignore[attr-defined]
            return True

        pair.server.calls.intercept(take)
        assert (await caller.calls.dial("7")).status == 410
        assert asked == ["7"]

    play(story)


def test_a_call_that_was_forgotten_is_unknown_to_the_server() -> None:
    async def story(pair: Pair) -> None:
        caller, callee = await signed_in(pair, "2001", "2002")
        callee.calls.answers_itself = True
        leg = await caller.calls.dial("2002")
        pair.server.calls.forget()
        assert pair.server.calls.sessions == []
        assert await caller.calls.hold(leg) == 481
        await asyncio.sleep(0.1)
        assert leg.state == "ended"  # RFC 3261 §12.2.1.2
        assert callee.calls.legs  # nobody told it

    play(story)
