"""The hunt group: who is rung, what the losers hear, what the caller hears."""

from __future__ import annotations

import asyncio

import pytest

from sipconform.agents.call import Leg
from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.hunt_group import REASONS, Group
from sipconform.sip.offer_answer import compose_answer
from sipconform.sip.sdp import Sdp
from tests.agents.pair import DOMAIN, Pair, play

MEMBERS = ("2011", "2012", "2013")


async def staffed(pair: Pair, *users: str) -> tuple[Phone, list[Phone]]:
    """A caller, and signed-in members of group 600."""
    pair.server.hunting.add(Group("600", MEMBERS, desk_only=frozenset({"2013"})))
    caller = await pair.phone("2010")
    members = [await pair.phone(user) for user in users]
    for phone in (caller, *members):
        assert await phone.start() == 200
    return caller, members


async def ring(caller: Phone) -> Leg:
    leg = caller.calls.begin("600")
    await asyncio.sleep(1)
    return leg


def test_all_softphones_ring_and_the_first_answer_wins() -> None:
    async def story(pair: Pair) -> None:
        caller, (one, two, desk) = await staffed(pair, *MEMBERS)
        leg = await ring(caller)
        assert [len(p.calls.legs) for p in (one, two, desk)] == [1, 1, 0]
        two.calls.answer(two.calls.legs[0])
        assert await leg.outcome() == 200
        await asyncio.sleep(1)
        assert one.calls.legs == []
        assert one.calls.missed == []
        assert one.calls.taken_elsewhere == ["2012"]

    play(story)


def test_the_caller_is_not_rung_himself() -> None:
    async def story(pair: Pair) -> None:
        _, (one, two) = await staffed(pair, "2011", "2012")
        await ring(one)
        assert len(two.calls.legs) == 1
        assert len(one.calls.legs) == 1, "his own call, and no other"

    play(story)


def test_nobody_there() -> None:
    async def story(pair: Pair) -> None:
        caller, _ = await staffed(pair)
        assert await (await ring(caller)).outcome() == 480

    play(story)


@pytest.mark.parametrize(("policy", "outcome"), [(False, 200), (True, 603)])
def test_a_decline_ends_all_where_the_policy_says_so(policy: bool, outcome: int) -> None:
    async def story(pair: Pair) -> None:
        pair.server.hunting.decline_ends_all = policy
        caller, (one, two) = await staffed(pair, "2011", "2012")
        leg = await ring(caller)
        one.calls.legs[0].reject(603)
        await asyncio.sleep(1)
        if two.calls.legs:
            two.calls.answer(two.calls.legs[0])
        assert await leg.outcome() == outcome

    play(story)


@pytest.mark.parametrize("refusal", [486, 603])
def test_all_refuse(refusal: int) -> None:
    async def story(pair: Pair) -> None:
        caller, members = await staffed(pair, "2011", "2012")
        leg = await ring(caller)
        for member in members:
            member.calls.legs[0].reject(refusal)
        assert await leg.outcome() == 486

    play(story)


def test_patience_ends() -> None:
    async def story(pair: Pair) -> None:
        pair.server.hunting.ring_seconds = 20
        caller, members = await staffed(pair, "2011", "2012")
        leg = await ring(caller)
        assert await leg.outcome() == 480
        await asyncio.sleep(1)
        assert [len(m.calls.missed) for m in members] == [1, 1]
        assert pair.server.calls.sessions == []

    play(story)


def test_two_answers_leave_one_call() -> None:
    async def story(pair: Pair) -> None:
        caller, members = await staffed(pair, "2011", "2012")
        leg = await ring(caller)
        for member in members:
            member.calls.answer(member.calls.legs[0])
        assert await leg.outcome() == 200
        await asyncio.sleep(1)
        assert sorted(len(m.calls.legs) for m in members) == [0, 1]
        leg.hang_up()
        await asyncio.sleep(1)
        assert [len(m.calls.legs) for m in members] == [0, 0]

    play(story)


def test_a_second_fork_is_ended_by_the_caller() -> None:
    async def story(pair: Pair) -> None:
        pair.server.hunting.as_proxy = True
        caller, (one,) = await staffed(pair, "2011")
        leg = await ring(caller)
        one.calls.answer(one.calls.legs[0])
        assert await leg.outcome() == 200
        await asyncio.sleep(1)
        assert len(pair.server.agent.usages) == 2, "the caller's leg and the member's: the other fork is gone"

    play(story)


@pytest.mark.parametrize(("reason", "missed"), [*((name, 0) for name in REASONS if name != "none"), ("none", 1)])
def test_what_the_losers_make_of_the_reason(reason: str, missed: int) -> None:
    async def story(pair: Pair) -> None:
        pair.server.hunting.reason = reason
        caller, (one, two) = await staffed(pair, "2011", "2012")
        leg = await ring(caller)
        one.calls.answer(one.calls.legs[0])
        await leg.outcome()
        await asyncio.sleep(1)
        assert len(two.calls.missed) == missed

    play(story)


@pytest.mark.parametrize(
    ("telling", "shown"),
    [("both", "600"), ("history-info", "600"), ("diversion", "600"), ("conflicting", "600"), ("none", "")],
)
def test_the_group_is_shown(telling: str, shown: str) -> None:
    async def story(pair: Pair) -> None:
        pair.server.hunting.telling = telling  # type: ignore[assignment]
        caller, (one,) = await staffed(pair, "2011")
        await ring(caller)
        assert one.calls.forwarded_by(one.calls.legs[0]) == shown

    play(story)


def offering_nothing(caller: Phone, to: str = "600") -> Leg:
    """A call whose INVITE has no description: what is offered in the 200 is answered in the ACK (RFC 3261 §13.2.1)."""
    leg = Leg(caller.agent)

    def active(_: Leg) -> None:
        if leg.state == "active":
            leg.answer_late(compose_answer(Sdp(leg.remote_sdp), "10.0.1.10", 7000, 1))

    leg.on_state = active
    leg.call(f"sip:{to}@{DOMAIN}", f"<sip:{to}@{DOMAIN}>", b"", answers_later=True)
    return leg


@pytest.mark.parametrize("to", ["600", "2011"])
def test_the_offer_may_come_from_whoever_answers(to: str) -> None:
    async def story(pair: Pair) -> None:
        caller, (one, _) = await staffed(pair, "2011", "2012")
        leg = offering_nothing(caller, to)
        await asyncio.sleep(1)
        one.calls.answer(one.calls.legs[0])
        assert await leg.outcome() == 200
        await asyncio.sleep(1)
        assert leg.remote_sdp == one.calls.legs[0].local_sdp
        assert one.calls.legs[0].remote_sdp == leg.local_sdp != b""
        leg.hang_up()
        await asyncio.sleep(1)
        assert one.calls.legs == []

    play(story)


def test_of_two_offers_one_is_refused() -> None:
    async def story(pair: Pair) -> None:
        caller, members = await staffed(pair, "2011", "2012")
        leg = offering_nothing(caller)
        await asyncio.sleep(1)
        legs = [member.calls.legs[0] for member in members]
        for member in members:
            member.calls.answer(member.calls.legs[0])
        assert await leg.outcome() == 200
        await asyncio.sleep(1)
        ports = [Sdp(each.remote_sdp).media[0].port for each in legs]
        assert sorted(ports) == [0, 7000], "the loser's offer is answered too, and nothing of it taken"
        assert sorted(len(m.calls.legs) for m in members) == [0, 1]

    play(story)


def test_a_caller_who_never_acknowledges_leaves_nobody_behind() -> None:
    async def story(pair: Pair) -> None:
        caller, (one, _) = await staffed(pair, "2011", "2012")
        leg = offering_nothing(caller)
        leg.on_state = None
        await asyncio.sleep(1)
        one.calls.answer(one.calls.legs[0])
        await asyncio.sleep(80)
        assert one.calls.legs == []
        assert pair.server.calls.sessions == []

    play(story)


@pytest.mark.parametrize(("refusal", "heard"), [(302, 480), (401, 480), (407, 480), (420, 480), (404, 404)])
def test_a_refusal_that_means_somebody_else_is_not_passed_on(refusal: int, heard: int) -> None:
    async def story(pair: Pair) -> None:
        caller, (one,) = await staffed(pair, "2011")
        leg = await ring(caller)
        one.calls.legs[0].reject(refusal)
        assert await leg.outcome() == heard

    play(story)


def test_a_users_line_is_no_group() -> None:
    async def story(pair: Pair) -> None:
        await pair.phone("600")
        with pytest.raises(ValueError, match="a group needs a number of its own"):
            pair.server.hunting.add(Group("600", MEMBERS))

    play(story)
