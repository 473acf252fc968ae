"""The phone as a telephone: what the user does, and what the display counts."""

import re

import pytest

from sipconform.agents.call import Leg
from sipconform.agents.phone.phone import Phone
from sipconform.sip.message import Message
from sipconform.sip.sdp import Sdp
from tests.agents.world import PHONE, Stranger, World, later, play, request

OFFER = "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n"
DESK = PHONE._replace(host="10.0.0.3")


def with_offer(message: str, body: str = OFFER) -> str:
    head = message.replace("Content-Length: 0", f"Content-Type: application/sdp\r\nContent-Length: {len(body)}")
    return head + body


async def rung(world: World, replaces: str = "") -> tuple[Phone, Stranger]:
    """A stranger has called the phone with an offer."""
    phone, stranger = await world.phone(), await world.stranger()
    stranger.say(with_offer(request("INVITE", branch="z9hG4bKi", Contact="<sip:s@10.0.0.9>", Replaces=replaces)), PHONE)
    await later(lambda: stranger.packets, 0.1)
    return phone, stranger


def origin(sdp: bytes) -> tuple[str, int]:
    """Id and version of the o= line."""
    _, id_, version, *_ = re.search(rb"o=(.*)", sdp)[1].decode().split()  # type: ignore[index]
    return id_, int(version)


def test_it_rings_and_answers_with_a_codec_that_was_offered() -> None:
    async def story(world: World) -> None:
        phone, stranger = await rung(world)
        assert stranger.statuses == [180]
        phone.calls.answer(phone.calls.legs[0])
        await later(lambda: stranger.statuses[-1] == 200, 0.1)
        [media] = Sdp(stranger.heard[-1].content).media
        assert set(media.formats) <= {"8", "0", "101"}
        assert media.port

    play(story)


@pytest.mark.parametrize(
    ("reason", "missed", "elsewhere"),
    [("", 1, 0), ('SIP;cause=200;text="Call completed elsewhere"', 0, 1), ("SIP;cause=487", 1, 0)],
)
def test_a_call_that_stops_ringing_is_missed_unless_it_was_taken_elsewhere(
    reason: str, missed: int, elsewhere: int
) -> None:
    async def story(world: World) -> None:
        phone, stranger = await rung(world)
        stranger.say(request("CANCEL", branch="z9hG4bKi", Reason=reason), PHONE)
        await later(lambda: not phone.calls.legs, 0.1)
        assert (len(phone.calls.missed), len(phone.calls.taken_elsewhere)) == (missed, elsewhere)

    play(story)


def test_a_call_that_was_refused_or_answered_is_not_missed() -> None:
    async def story(world: World) -> None:
        phone, stranger = await rung(world)
        phone.calls.legs[0].reject(486)
        await later(lambda: stranger.statuses[-1] == 486, 0.1)
        assert phone.calls.missed == []
        assert phone.calls.legs == []

    play(story)


def test_who_does_not_want_to_be_disturbed_is_not_rung() -> None:
    async def story(world: World) -> None:
        phone, stranger = await world.phone(), await world.stranger()
        phone.calls.refuse = lambda _: 480
        stranger.say(request("INVITE", branch="z9hG4bKi", Contact="<sip:s@10.0.0.9>"), PHONE)
        await later(lambda: stranger.statuses == [480], 0.1)
        assert phone.calls.legs == []

    play(story)


async def talking(world: World) -> tuple[Phone, Phone, Leg]:
    """Two phones of ours through our server."""
    await world.server()
    caller, callee = await world.phone(), await world.phone("2002", DESK)
    assert [await caller.start(), await callee.start()] == [200, 200]
    callee.calls.answers_itself = True
    leg = await caller.calls.dial("2002")
    assert leg.status == 200
    return caller, callee, leg


def test_every_description_of_a_leg_is_one_version_on_and_keeps_its_id() -> None:
    async def story(world: World) -> None:
        caller, callee, leg = await talking(world)
        seen = [origin(leg.local_sdp)]
        assert await caller.calls.hold(leg) == 200
        seen.append(origin(leg.local_sdp))
        assert Sdp(callee.calls.legs[0].remote_sdp).media[0].direction == "sendonly"
        assert Sdp(leg.remote_sdp).media[0].direction == "recvonly"  # answered as it asks (RFC 3264 §6.1)
        assert await caller.calls.resume(leg) == 200
        seen.append(origin(leg.local_sdp))
        assert [version for _, version in seen] == [1, 2, 3]
        assert len({id_ for id_, _ in seen}) == 1

    play(story)


def test_hanging_up_ends_both_sides_and_nobody_missed_anything() -> None:
    async def story(world: World) -> None:
        caller, callee, leg = await talking(world)
        leg.hang_up()
        await later(lambda: caller.calls.legs == callee.calls.legs == [], 1)
        assert caller.calls.missed == callee.calls.missed == []

    play(story)


def test_a_call_that_would_replace_none_is_refused() -> None:
    async def story(world: World) -> None:
        phone, stranger = await rung(world, replaces="c;to-tag=no;from-tag=no")
        assert stranger.statuses == [481]
        assert phone.calls.legs == []

    play(story)


def test_a_number_that_needs_escaping_is_dialled_escaped() -> None:
    async def story(world: World) -> None:
        stranger = await world.stranger()
        phone = await world.phone()
        phone.agent.proxy = stranger.transport.local
        phone.calls.begin("*57*2050#")
        await later(lambda: stranger.packets, 0.1)
        invite: Message = stranger.heard[0]
        assert invite.request_uri == "sip:*57*2050%23@example.com"
        assert invite.text("To") == "<sip:*57*2050%23@example.com>"

    play(story)
