"""The subscriber: it keeps one subscription alive, and comes back as the notifier's reason asks (RFC 6665 §4.1)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sipconform.agents.faults.tampering import instead_of
from sipconform.agents.notifier import Content, Notifier, NotifierSubscription
from sipconform.agents.server import storage
from sipconform.agents.server.server import Server
from sipconform.agents.subscriber import Subscriber
from sipconform.sip.message import Message
from tests.agents.world import PHONE, SERVER, World, later, play, request

PACKAGE = "x-test"


class Both:
    """A subscriber of ours at a notifier of ours."""

    def __init__(self, world: World, server: Server, subscriber: Subscriber, told: list[Message]) -> None:
        self.world, self.server, self.subscriber, self.told = world, server, subscriber, told
        self.content = [Content(b"state", "text/plain")]
        self.notifier = Notifier(server.agent, PACKAGE, lambda _: "2001", lambda _: self.content)

    @classmethod
    async def of(cls, world: World, expires: int = 600) -> Both:
        server, phone = await world.server(), await world.phone()
        told: list[Message] = []
        return cls(world, server, Subscriber(phone.agent, PACKAGE, "text/plain", expires, told.append), told)

    @property
    def asked(self) -> list[Message]:
        return self.world.requests("SUBSCRIBE")


def test_it_subscribes_and_hears() -> None:
    async def story(world: World) -> None:
        both = await Both.of(world)
        assert await both.subscriber.subscribe() == 200
        await later(lambda: [m.content for m in both.told] == [b"state"], 1)
        first = both.asked[0]
        assert (first.text("Event"), first.text("Accept"), first.text("Expires")) == (PACKAGE, "text/plain", "600")

    play(story)


def test_it_refreshes_in_time_and_in_its_dialog() -> None:
    async def story(world: World) -> None:
        both = await Both.of(world)
        await both.subscriber.subscribe()
        await later(lambda: len(both.told) == 3, 1000)  # at 480 s, and at 960 s
        assert len({m.call_id for m in both.asked}) == 1
        assert [m.cseq_number for m in both.asked] == [1, 2, 3]
        assert both.asked[-1].to_tag == both.subscriber.dialog.remote_tag

    play(story)


def test_it_asks_for_the_minimum() -> None:
    async def story(world: World) -> None:
        both = await Both.of(world, expires=5)
        assert await both.subscriber.subscribe() == 200
        assert [m.text("Expires") for m in both.asked] == ["5", "60"]

    play(story)


def test_it_unsubscribes_and_hears_the_last_word() -> None:
    async def story(world: World) -> None:
        both = await Both.of(world)
        await both.subscriber.subscribe()
        await both.subscriber.unsubscribe()
        await later(lambda: both.told[-1].text("Subscription-State").startswith("terminated"), 1)
        await later(lambda: len(both.asked) == 2, 2000)

    play(story)


@pytest.mark.parametrize(
    ("reason", "back"),
    [("deactivated", True), ("timeout", True), ("rejected", False), ("noresource", False), ("invariant", False)],
)
def test_it_comes_back_as_the_reason_asks(reason: str, back: bool) -> None:
    async def story(world: World) -> None:
        both = await Both.of(world)
        await both.subscriber.subscribe()
        both.notifier.subscriptions[0].end(reason)
        await later(lambda: (len({m.call_id for m in both.asked}) == 2) == back, 10)

    play(story)


@pytest.mark.parametrize(
    ("status", "more", "again"),
    [
        (503, [("Retry-After", "20")], 500.0),
        (500, [], 510.0),
        (423, [("Min-Expires", "900")], 510.0),
        (302, [("Contact", "<sip:elsewhere@10.0.0.77>")], 510.0),
    ],
)
def test_a_refresh_that_fails_is_tried_again(status: int, more: list[tuple[str, str]], again: float) -> None:
    async def story(world: World) -> None:
        both = await Both.of(world)
        await both.subscriber.subscribe()
        instead_of(both.notifier, "resubscribed", lambda _, request, __: request.respond(status, headers=more))
        await later(lambda: len(both.asked) == 2, 485)
        del both.notifier.resubscribed
        await later(lambda: len(both.told) == 2, 60)
        assert world.times("SUBSCRIBE") == pytest.approx([0.0, 480.0, again], abs=0.1)
        assert len({m.call_id for m in both.asked}) == 1
        assert both.asked[-1].text("Expires") == ("900" if status == 423 else "600")

    play(story)


def test_a_subscription_that_cannot_be_refreshed_is_begun_anew_when_it_has_run_out() -> None:
    async def story(world: World) -> None:
        both = await Both.of(world)
        await both.subscriber.subscribe()
        instead_of(both.notifier, "resubscribed", lambda _, request, __: request.respond(500))
        await later(lambda: len({m.call_id for m in both.asked}) == 2, 650)
        assert both.subscriber.active

    play(story)


@pytest.mark.parametrize("early", [False, True])
def test_a_notify_that_leaves_less_time_counts(early: bool) -> None:
    async def story(world: World) -> None:
        both = await Both.of(world)
        both.notifier.answer_after = 0.05 if early else 0.0

        def granted(subscription: NotifierSubscription) -> list[Content]:
            subscription.grant(60)
            return both.content

        both.notifier.content = granted
        await both.subscriber.subscribe()
        await later(lambda: len(both.told) == 2, 50)
        assert both.told[0].text("Subscription-State") == "active;expires=60"
        assert world.times("SUBSCRIBE") == pytest.approx([0.0, 48.0], abs=0.1)

    play(story)


def test_what_is_never_told_is_taken_for_failed() -> None:
    async def story(world: World) -> None:
        both = await Both.of(world)
        instead_of(both.notifier, "tell", lambda *_: None)
        assert await both.subscriber.subscribe() == 200
        await later(lambda: not both.subscriber.active, 33)
        del both.notifier.tell
        await later(lambda: both.subscriber.active, 40)
        assert len({m.call_id for m in both.asked}) == 2

    play(story)


def test_a_notify_that_overtakes_the_answer_brings_the_route() -> None:
    async def story(world: World) -> None:
        server, phone = await world.stranger(SERVER), await world.phone()
        subscriber = Subscriber(phone.agent, PACKAGE)
        asking = asyncio.ensure_future(subscriber.subscribe())
        await later(lambda: server.heard, 0.1)
        asked = server.heard[0]
        proxies = "<sip:10.0.0.1;lr>, <sip:10.0.0.77;lr>"
        told: dict[str, Any] = {
            "To": asked.text("From"),
            "Contact": "<sip:n@10.0.0.88>",
            "Event": PACKAGE,
            "Record_Route": proxies,
        }
        notify = request("NOTIFY", call=asked.call_id, Subscription_State="active;expires=600", **told)
        server.say(notify.replace(";tag=s", ";tag=n1"), PHONE)
        await later(lambda: server.statuses[-1] == 200, 0.1)
        rows = [f"{name}: {asked.text(name)}" for name in ("Via", "From", "Call-ID", "CSeq")]
        rows += [f"To: {asked.text('To')};tag=n1", "Contact: <sip:n@10.0.0.88>", "Expires: 600"]
        server.say(
            "\r\n".join(["SIP/2.0 200 OK", *rows, f"Record-Route: {proxies}", "Content-Length: 0", "", ""]), PHONE
        )
        assert await asking == 200
        assert subscriber.dialog.routes == ["<sip:10.0.0.1;lr>", "<sip:10.0.0.77;lr>"]

    play(story)


def test_a_forgotten_subscription_is_begun_anew() -> None:
    async def story(world: World) -> None:
        both = await Both.of(world)
        await both.subscriber.subscribe()
        storage.restart(both.server)
        answer = await both.subscriber.ask_within()
        assert answer is not None
        assert answer.status == 481
        await later(lambda: both.subscriber.active, 10)
        assert len({m.call_id for m in both.asked}) == 2

    play(story)


@pytest.mark.parametrize("lost", ["nothing", "server"])
def test_a_refusal_is_not_asked_again(lost: str) -> None:
    async def story(world: World) -> None:
        both = await Both.of(world)
        both.server.agent.stop_serving("SUBSCRIBE", PACKAGE)
        if lost == "server":
            both.server.close()
        status = await both.subscriber.subscribe()
        assert status == (489 if lost == "nothing" else 408)
        await later(lambda: (len({m.call_id for m in both.asked}) == 1) == (lost == "nothing"), 100)

    play(story)


def test_requests_of_one_dialog_do_not_overtake_each_other() -> None:
    async def story(world: World) -> None:
        both = await Both.of(world)
        await both.subscriber.subscribe()
        for _ in range(3):
            both.subscriber._do(both.subscriber.ask_within())
        await later(lambda: len(both.asked) == 4, 5)
        assert [m.cseq_number for m in both.asked] == [1, 2, 3, 4]

    play(story)
