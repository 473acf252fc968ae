"""A call at one of its ends, against a stranger who says what no honest peer would (RFC 3261 §13-15)."""

from __future__ import annotations

import pytest

from sipconform.agents.call import Leg
from sipconform.agents.requests import ServerRequest
from sipconform.agents.user_agent import Account, UserAgent
from sipconform.sip.message import Message
from tests.agents.world import DOMAIN, PHONE, STRANGER, Stranger, World, later, play, request

SDP = b"v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
THERE = f"sip:2002@{STRANGER}"


async def agent_of(world: World) -> UserAgent:
    endpoint = await world.endpoint(PHONE)
    return UserAgent(endpoint, Account("2001", DOMAIN, "pw2001"), STRANGER)


def answer(invite: Message, status: int, tag: str = "t", **more: str) -> str:
    """An answer of the stranger's."""
    rows = [f"SIP/2.0 {status} Said", *(f"Via: {via}" for via in invite.texts("Via"))]
    rows += [f"{name}: {invite.text(name)}" for name in ("From", "Call-ID", "CSeq")]
    rows += [f"To: {invite.text('To')};tag={tag}", f"Contact: <{THERE};fork={tag}>"]
    rows += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    return "\r\n".join([*rows, "Content-Length: 0", "", ""])


async def called(world: World) -> tuple[Leg, Stranger, Message]:
    """We have called the stranger, who has the INVITE and has said nothing."""
    stranger, agent = await world.stranger(), await agent_of(world)
    leg = Leg(agent)
    leg.call(THERE, f"<{THERE}>", SDP)
    await later(lambda: stranger.packets, 0.1)
    return leg, stranger, stranger.heard[0]


def methods(stranger: Stranger) -> list[str]:
    return [message.method for message in stranger.heard if message.is_request]


def test_an_answered_call_is_acknowledged_where_the_contact_says_along_the_recorded_route() -> None:
    async def story(world: World) -> None:
        leg, stranger, invite = await called(world)
        stranger.say(answer(invite, 180), PHONE)
        await later(lambda: leg.state == "ringing", 0.1)
        stranger.say(answer(invite, 200, Record_Route=f"<sip:{STRANGER};lr>"), PHONE)
        await later(lambda: leg.state == "active", 0.1)
        assert await leg.outcome() == 200
        ack = next(m for m in stranger.heard if m.method == "ACK")
        assert ack.request_uri == f"{THERE};fork=t"
        assert ack.texts("Route") == [f"<sip:{STRANGER};lr>"]
        assert ack.text("CSeq") == invite.text("CSeq").replace("INVITE", "ACK")

    play(story)


def test_each_repetition_of_a_2xx_is_acknowledged_again() -> None:
    async def story(world: World) -> None:
        _, stranger, invite = await called(world)
        for _ in range(3):
            stranger.say(answer(invite, 200), PHONE)
        await later(lambda: methods(stranger).count("ACK") == 3, 0.2)

    play(story)


def test_a_second_fork_that_answers_is_acknowledged_and_ended_by_itself() -> None:
    async def story(world: World) -> None:
        leg, stranger, invite = await called(world)
        stranger.say(answer(invite, 200, "first"), PHONE)
        stranger.say(answer(invite, 200, "second"), PHONE)
        await later(lambda: "BYE" in methods(stranger), 0.2)
        bye = next(m for m in stranger.heard if m.method == "BYE")
        assert (bye.to_tag, bye.request_uri) == ("second", f"{THERE};fork=second")
        assert (leg.state, leg.dialog.remote_tag) == ("active", "first")

    play(story)


def test_who_gives_up_before_anything_was_heard_cancels_once_he_may() -> None:
    async def story(world: World) -> None:
        leg, stranger, invite = await called(world)
        leg.hang_up(reason="SIP;cause=487")
        await later(lambda: leg.state == "ended", 0.1)
        assert "CANCEL" not in methods(stranger)  # not before a provisional answer (§9.1)
        stranger.say(answer(invite, 180), PHONE)
        await later(lambda: "CANCEL" in methods(stranger), 0.1)
        cancel = next(m for m in stranger.heard if m.method == "CANCEL")
        assert cancel.texts("Via") == invite.texts("Via")
        assert cancel.text("Reason") == "SIP;cause=487"

    play(story)


def test_a_2xx_that_crosses_the_cancel_is_ended_with_bye() -> None:
    async def story(world: World) -> None:
        leg, stranger, invite = await called(world)
        stranger.say(answer(invite, 180), PHONE)
        await later(lambda: leg.state == "ringing", 0.1)
        leg.hang_up()
        stranger.say(answer(invite, 200), PHONE)
        await later(lambda: methods(stranger)[-2:] == ["ACK", "BYE"], 0.1)
        assert leg.status == 487

    play(story)


@pytest.mark.parametrize("status", [302, 404, 486, 500, 603])
def test_a_refusal_ends_it_with_its_status(status: int) -> None:
    async def story(world: World) -> None:
        leg, stranger, invite = await called(world)
        stranger.say(answer(invite, status), PHONE)
        assert await leg.outcome() == status
        assert (leg.state, leg.ended_by) == ("ended", "peer")

    play(story)


def test_silence_is_408() -> None:
    async def story(world: World) -> None:
        leg, _, _ = await called(world)
        assert await leg.outcome() == 408
        assert leg.ended_by == "nobody answered"

    play(story)


def invite_of(branch: str = "z9hG4bKi", seq: int = 1, to_tag: str = "") -> str:
    contact = f"<sip:2002@{STRANGER}>"
    return request("INVITE", branch=branch, seq=seq, to_tag=to_tag, Contact=contact)


async def ringing(world: World) -> tuple[Leg, Stranger]:
    """The stranger has called us, and it rings."""
    stranger, agent = await world.stranger(), await agent_of(world)
    legs: list[Leg] = []

    def invited(request: ServerRequest) -> None:
        legs.append(Leg.offered(agent, request))
        legs[0].ring()

    agent.serve("INVITE", invited)
    stranger.say(invite_of(), PHONE)
    await later(lambda: stranger.statuses and stranger.statuses[-1] == 180, 0.1)
    return legs[0], stranger


def ack_of(stranger: Stranger, branch: str = "z9hG4bKa") -> str:
    return request("ACK", branch=branch, to_tag=stranger.heard[-1].to_tag)


def test_a_call_without_ack_is_ended_and_not_before_it_may() -> None:
    async def story(world: World) -> None:
        leg, stranger = await ringing(world)
        leg.accept(SDP)
        leg.hang_up()
        await later(lambda: stranger.statuses.count(200) > 1, 5)
        assert "BYE" not in methods(stranger)  # §15: not before the ACK, or its time
        await later(lambda: "BYE" in methods(stranger), 32)

    play(story)


def test_an_acknowledged_call_is_ended_at_once() -> None:
    async def story(world: World) -> None:
        leg, stranger = await ringing(world)
        leg.accept(SDP)
        await later(lambda: stranger.statuses[-1] == 200, 0.1)
        stranger.say(ack_of(stranger), PHONE)
        await later(lambda: leg.state == "active", 0.1)
        leg.hang_up(reason="Q.850;cause=16")
        await later(lambda: methods(stranger) == ["BYE"], 0.1)
        assert stranger.heard[-1].text("Reason") == "Q.850;cause=16"

    play(story)


def test_a_call_that_is_cancelled_is_over_and_a_late_answer_is_not_sent() -> None:
    async def story(world: World) -> None:
        leg, stranger = await ringing(world)
        stranger.say(request("CANCEL", branch="z9hG4bKi"), PHONE)
        await later(lambda: sorted(stranger.statuses[-2:]) == [200, 487], 0.1)
        assert (leg.state, leg.ended_by) == ("ended", "peer")
        leg.accept(SDP)
        await later(lambda: stranger.statuses.count(200) == 1, 1)  # that of the CANCEL

    play(story)


@pytest.mark.parametrize(("method", "status"), [("INVITE", 488), ("INFO", 405), ("BYE", 200)])
def test_what_nobody_takes_in_the_dialog_is_answered(method: str, status: int) -> None:
    async def story(world: World) -> None:
        leg, stranger = await ringing(world)
        leg.accept(SDP)
        await later(lambda: stranger.statuses[-1] == 200, 0.1)
        tag = stranger.heard[-1].to_tag
        stranger.say(ack_of(stranger), PHONE)
        contact = f"<sip:2002@{STRANGER}>"
        stranger.say(request(method, branch="z9hG4bKx", seq=2, to_tag=tag, Contact=contact), PHONE)
        await later(lambda: stranger.statuses[-1] == status, 0.2)
        assert leg.state == ("ended" if method == "BYE" else "active")

    play(story)


def test_one_offer_at_a_time() -> None:
    async def story(world: World) -> None:
        leg, stranger = await ringing(world)
        leg.on_offer = lambda *_: None  # it thinks about it
        leg.accept(SDP)
        await later(lambda: stranger.statuses[-1] == 200, 0.1)
        tag = stranger.heard[-1].to_tag
        stranger.say(ack_of(stranger), PHONE)
        stranger.say(invite_of("z9hG4bK2", 2, tag), PHONE)
        stranger.say(invite_of("z9hG4bK3", 3, tag), PHONE)
        await later(lambda: stranger.statuses[-1] == 500, 0.2)
        assert 0 <= int(stranger.heard[-1].text("Retry-After")) <= 10  # §14.2

    play(story)


def test_a_reinvite_that_meets_another_is_tried_again_after_the_pause_of_its_side() -> None:
    async def story(world: World) -> None:
        leg, stranger = await ringing(world)
        leg.accept(SDP)
        await later(lambda: stranger.statuses[-1] == 200, 0.1)
        stranger.say(ack_of(stranger), PHONE)
        await later(lambda: True, 0.1)
        leg.spawn(leg.reinvite(SDP))
        await later(lambda: methods(stranger) == ["INVITE"], 0.1)
        stranger.say(answer(stranger.heard[-1], 491), PHONE)
        await later(lambda: True, 2.1)  # who was called waits two seconds at most
        assert [m.cseq_number for m in stranger.heard if m.method == "INVITE"][-1] == 2

    play(story)


def test_what_was_said_in_the_pause_is_not_taken_back() -> None:
    async def story(world: World) -> None:
        leg, stranger = await ringing(world)
        leg.on_offer = lambda leg, request: leg.agree(request, SDP + b"a=third\r\n")
        leg.accept(SDP)
        await later(lambda: stranger.statuses[-1] == 200, 0.1)
        tag = stranger.heard[-1].to_tag
        stranger.say(ack_of(stranger), PHONE)
        await later(lambda: True, 0.1)
        leg.spawn(leg.reinvite(SDP + b"a=second\r\n", anew=lambda: SDP + b"a=fourth\r\n"))
        await later(lambda: methods(stranger) == ["INVITE"], 0.1)
        stranger.say(answer(stranger.heard[-1], 491), PHONE)
        await later(lambda: methods(stranger)[-1] == "ACK", 0.004)  # the shortest pause is 10 ms
        stranger.say(invite_of("z9hG4bK2", 2, tag), PHONE)
        await later(lambda: True, 2.1)
        said = [message.content.decode().rpartition("a=")[2].strip() for message in stranger.heard if message.content]
        assert list(dict.fromkeys(said))[-3:] == ["second", "third", "fourth"]

    play(story)
