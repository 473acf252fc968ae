"""The notifier: who gets a subscription, for how long, what it is told, and when it ends (RFC 6665 §4.2)."""

from __future__ import annotations

import pytest

from sipconform.agents.credentials import CredentialStore
from sipconform.agents.notifier import Content, Notifier
from sipconform.sip.message import Message
from tests.agents.world import SERVER, STRANGER, Stranger, World, later, play, request

CONTACT = f"<sip:s@{STRANGER}>"
PACKAGE = "x-test"


async def notifier(world: World, **settings: object) -> Notifier:
    """A notifier that admits everybody and tells one word."""
    server = await world.server(())
    content = [Content(b"state", "text/plain")]
    return Notifier(server.agent, PACKAGE, lambda _: "2001", lambda _: content, **settings)  # type: ignore[arg-type]


async def subscribe(stranger: Stranger, seq: int = 1, expires: str = "600", tag: str = "", answer: int = 0) -> Message:
    """Sends a SUBSCRIBE and gives its answer; `answer` is what NOTIFYs get, 0 for silence."""
    known = len(stranger.packets)
    stranger.say(
        request(
            "SUBSCRIBE", branch=f"z9hG4bK{seq}", seq=seq, to_tag=tag, Event=PACKAGE, Expires=expires, Contact=CONTACT
        )
    )
    await later(lambda: len(stranger.packets) > known, 0.1)
    if answer:
        answer_all(stranger, answer)
    return next(m for m in stranger.heard[known:] if m.is_response)


def answer_all(stranger: Stranger, status: int = 200, *more: str) -> None:
    for notify in notifies(stranger):
        rows = [f"{name}: {value}" for name in ("Via", "From", "To", "Call-ID", "CSeq") for value in notify.texts(name)]
        stranger.say("\r\n".join([f"SIP/2.0 {status} So", *rows, *more, "Content-Length: 0", "", ""]))


def notifies(stranger: Stranger) -> list[Message]:
    return [m for m in stranger.heard if m.method == "NOTIFY" and m.is_request]


@pytest.mark.parametrize(("expires", "status", "granted"), [("600", 200, "600"), ("9999", 200, "3600"), ("5", 423, "")])
def test_it_grants_what_is_asked_within_its_bounds(expires: str, status: int, granted: str) -> None:
    async def story(world: World) -> None:
        await notifier(world)
        answer = await subscribe(await world.stranger(), expires=expires)
        assert (answer.status, answer.text("Expires")) == (status, granted)
        assert answer.text("Min-Expires") == ("60" if status == 423 else "")

    play(story)


def test_the_first_state_follows_the_answer() -> None:
    async def story(world: World) -> None:
        await notifier(world)
        stranger = await world.stranger()
        answer = await subscribe(stranger)
        told = notifies(stranger)[0]
        assert [m.is_response for m in stranger.heard[:2]] == [True, False]
        assert (told.from_tag, told.to_tag, told.request_uri) == (answer.to_tag, "s", f"sip:s@{STRANGER}")
        assert (told.text("Subscription-State"), told.content) == ("active;expires=600", b"state")

    play(story)


def test_one_notify_waits_for_the_answer_to_the_other() -> None:
    async def story(world: World) -> None:
        serving = await notifier(world)
        stranger = await world.stranger()
        await subscribe(stranger)
        serving.subscriptions[0].notify(Content(b"second", "text/plain"))
        await later(lambda: {n.content for n in notifies(stranger)} == {b"state"}, 0.2)
        answer_all(stranger)
        await later(lambda: notifies(stranger)[-1].content == b"second", 0.2)

    play(story)


def test_the_seconds_left_fall_and_a_refresh_renews_them() -> None:
    async def story(world: World) -> None:
        await notifier(world)
        stranger = await world.stranger()
        answer = await subscribe(stranger, answer=200)
        await later(lambda: True, 100)
        await subscribe(stranger, seq=2, tag=answer.to_tag, answer=200)
        assert notifies(stranger)[-1].text("Subscription-State") == "active;expires=600"

    play(story)


def test_expires_0_ends_it() -> None:
    async def story(world: World) -> None:
        serving = await notifier(world)
        stranger = await world.stranger()
        answer = await subscribe(stranger, answer=200)
        await subscribe(stranger, seq=2, expires="0", tag=answer.to_tag, answer=200)
        assert notifies(stranger)[-1].text("Subscription-State").startswith("terminated")
        assert serving.subscriptions == []

    play(story)


def test_what_nobody_refreshes_runs_out() -> None:
    async def story(world: World) -> None:
        serving = await notifier(world)
        stranger = await world.stranger()
        await subscribe(stranger, answer=200)
        await later(lambda: notifies(stranger)[-1].text("Subscription-State") == "terminated;reason=timeout", 601)
        assert serving.subscriptions == []

    play(story)


@pytest.mark.parametrize(("status", "left"), [(200, 1), (481, 0), (489, 0), (500, 1)])
def test_a_refusal_that_says_nobody_is_there_ends_it(status: int, left: int) -> None:
    async def story(world: World) -> None:
        serving = await notifier(world)
        await subscribe(await world.stranger(), answer=status)
        await later(lambda: len(serving.subscriptions) == left, 1)

    play(story)


def test_silence_ends_it() -> None:
    async def story(world: World) -> None:
        serving = await notifier(world)
        await subscribe(await world.stranger())
        await later(lambda: serving.subscriptions == [], 40)

    play(story)


@pytest.mark.parametrize("contact", ["*", "<tel:+4989>"])
def test_who_cannot_be_told_is_refused(contact: str) -> None:
    async def story(world: World) -> None:
        serving = await notifier(world)
        stranger = await world.stranger()
        stranger.say(request("SUBSCRIBE", Event=PACKAGE, Expires="600", Contact=contact))
        await later(lambda: stranger.statuses == [400], 1)
        assert serving.subscriptions == []

    play(story)


@pytest.mark.parametrize("contact", ["", "<sip:s@phone.example.invalid>", "<sip:s@10.0.0.9:99999>"])
def test_who_says_no_address_is_told_where_he_asked_from(contact: str) -> None:
    async def story(world: World) -> None:
        await notifier(world)
        stranger = await world.stranger()
        stranger.say(request("SUBSCRIBE", Event=PACKAGE, Expires="600", Contact=contact))
        await later(lambda: len(notifies(stranger)) == 1, 0.2)

    play(story)


def test_a_name_will_do_behind_a_proxy_that_stays_on_the_way() -> None:
    async def story(world: World) -> None:
        await notifier(world)
        stranger = await world.stranger()
        contact, way = "<sip:s@phone.example.invalid>", f"<sip:{STRANGER};lr>"
        stranger.say(request("SUBSCRIBE", Event=PACKAGE, Expires="600", Contact=contact, Record_Route=way))
        await later(lambda: len(notifies(stranger)) == 1, 0.2)
        assert notifies(stranger)[0].text("Route") == f"<sip:{STRANGER};lr>"

    play(story)


def test_what_is_refused_for_its_body_makes_no_subscription() -> None:
    async def story(world: World) -> None:
        serving = await notifier(world, accept_body=lambda request, _: request.respond(400))
        stranger = await world.stranger()
        bare = request("SUBSCRIBE", Event=PACKAGE, Expires="600", Contact=CONTACT)
        stranger.say(bare.replace("Content-Length: 0", "Content-Length: 4") + "body")
        await later(lambda: stranger.statuses == [400], 1)
        assert serving.subscriptions == []
        stranger.say(bare.replace("z9hG4bK1", "z9hG4bK2").replace("Call-ID: c", "Call-ID: d") + "\r\n")
        await later(lambda: 200 in stranger.statuses, 1)  # octets behind the message are no body (RFC 3261 §18.3)

    play(story)


def test_nobody_speaks_in_the_subscription_of_another() -> None:
    async def story(world: World) -> None:
        serving = await notifier(world)
        stranger = await world.stranger()
        answer = await subscribe(stranger, answer=200)
        serving.admit = lambda _: "2002"
        assert (await subscribe(stranger, seq=2, expires="0", tag=answer.to_tag)).status == 403
        assert [s.user for s in serving.subscriptions] == ["2001"]

    play(story)


def test_a_notify_that_is_challenged_comes_again_with_proof() -> None:
    async def story(world: World) -> None:
        secret = CredentialStore("2001", "pw2001", world.network._random)
        await notifier(world, credentials=lambda _: secret)
        stranger = await world.stranger()
        await subscribe(stranger)
        answer_all(stranger, 401, 'WWW-Authenticate: Digest realm="phone", nonce="n", algorithm=MD5, qop="auth"')
        await later(lambda: len({n.cseq_number for n in notifies(stranger)}) == 2, 0.2)
        again = notifies(stranger)[-1]
        assert (again.content, 'username="2001"' in again.text("Authorization")) == (b"state", True)

    play(story)


def test_a_package_no_longer_offered_is_refused() -> None:
    async def story(world: World) -> None:
        serving = await notifier(world)
        serving.agent.stop_serving("SUBSCRIBE", PACKAGE)
        stranger = await world.stranger()
        assert (await subscribe(stranger)).status == 489
        serving.offer()
        assert (await subscribe(stranger, seq=2)).status == 200

    play(story)


def test_the_answer_may_be_overtaken_and_carry_a_body() -> None:
    async def story(world: World) -> None:
        await notifier(world, answer_after=0.05, answer_body=("text/plain", b"no state"))
        stranger = await world.stranger()
        answer = await subscribe(stranger)
        assert [m.is_response for m in stranger.heard[:2]] == [False, True]
        assert answer.content == b"no state"

    play(story)


def test_it_answers_at_the_servers_place() -> None:
    async def story(world: World) -> None:
        await notifier(world)
        assert (await subscribe(await world.stranger())).text("Contact") == f"<sip:{SERVER}>"

    play(story)
