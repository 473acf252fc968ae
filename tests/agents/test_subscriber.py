"""The subscriber: it keeps one subscription alive, and comes back as the notifier's reason asks (RFC 6665 §4.1)."""

from __future__ import annotations

import pytest

from sipconform.agents.notifier import Content, Notifier
from sipconform.agents.server import storage
from sipconform.agents.server.server import Server
from sipconform.agents.subscriber import Subscriber
from sipconform.sip.message import Message
from tests.agents.world import World, later, play

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
