"""The phone's end of feature synchronisation: what it shows, and when it asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from sipconform.agents.phone.phone import Phone
from sipconform.agents.server import storage
from sipconform.agents.server.server import Server
from sipconform.features.feature_state import Forward, ForwardType
from tests.agents.world import World, later, play


def story_of(told: Callable[[World, Server, Phone], Awaitable[None]], *, on: bool = True) -> None:
    """A phone that has registered, with the switch on or off."""

    async def whole(world: World) -> None:
        server, phone = await world.server(), await world.phone()
        phone.features.on = on
        await phone.start()
        await later(lambda: phone.features.subscriber.active is on, 1)
        await told(world, server, phone)

    play(whole)


def test_it_shows_what_the_server_says() -> None:
    async def story(_: World, server: Server, phone: Phone) -> None:
        server.features.set_dnd(server.user("2001"), True)
        await later(lambda: phone.features.shown.dnd is True, 1)

    story_of(story)


def test_a_wish_is_pending_until_it_is_confirmed() -> None:
    async def story(_: World, server: Server, phone: Phone) -> None:
        seen: list[tuple[bool, bool | None]] = []
        features = phone.features
        features.on_change = lambda: seen.append((features.pending is not None, features.shown.dnd))
        await features.press_dnd(True)
        await later(lambda: features.shown.dnd is True, 1)
        assert seen[0] == (True, False)
        assert seen[-1] == (False, True)
        assert server.user("2001").features.dnd is True

    story_of(story)


@pytest.mark.parametrize("trouble", ["refused", "failed", "silent"])
def test_a_wish_that_comes_to_nothing_is_given_up(trouble: str) -> None:
    async def story(world: World, server: Server, phone: Phone) -> None:
        server.user("2001").barred = trouble == "refused"
        server.features.out_of_order = trouble == "failed"
        if trouble == "silent":
            server.close()
        await phone.features.press_dnd(True)
        await later(lambda: phone.features.pending is None, 6)
        assert phone.features.shown.dnd is False
        bodies = {m.branch for m in world.requests("SUBSCRIBE") if m.content}
        assert len(bodies) == 1

    story_of(story)


def test_an_unconfirmed_wish_is_not_pending_for_ever() -> None:
    async def story(_: World, server: Server, phone: Phone) -> None:
        server.features.apply_request = lambda *_: None  # type: ignore[method-assign]
        await phone.features.press_dnd(True)
        assert phone.features.pending is not None
        await later(lambda: phone.features.pending is None, 6)

    story_of(story)


def test_a_wish_survives_a_lost_subscription() -> None:
    async def story(world: World, server: Server, phone: Phone) -> None:
        storage.restart(server)
        await phone.features.set_forward(ForwardType.NO_ANSWER, Forward(True, "2050", 4))
        await later(lambda: phone.features.shown.forward(ForwardType.NO_ANSWER) == Forward(True, "2050", 4), 1)
        opening = [m for m in world.requests("SUBSCRIBE") if not m.to_tag]
        assert {m.content for m in opening} == {b""}

    story_of(story)


def test_where_there_is_no_synchronisation_a_key_asks_nobody() -> None:
    async def story(world: World, server: Server, phone: Phone) -> None:
        server.agent.stop_serving("SUBSCRIBE", "as-feature-event")
        assert await phone.features.subscriber.subscribe() == 489
        before = len(world.requests("SUBSCRIBE"))
        phone.features.on = True
        await phone.features.press_dnd(True)
        assert len(world.requests("SUBSCRIBE")) == before
        assert phone.features.shown.dnd is False

    story_of(story, on=False)


@pytest.mark.parametrize("obeys", [True, False])
def test_the_switch_counts_where_the_make_goes_by_it(obeys: bool) -> None:
    async def story(world: World) -> None:
        await world.server()
        phone = await world.phone()
        phone.features.obeys_switch = obeys
        await phone.start()
        assert bool(world.requests("SUBSCRIBE")) is not obeys
        await phone.features.switch(True)
        await phone.features.switch(False)
        await later(lambda: phone.features.subscriber.wanted is not obeys, 1)

    play(story)


def test_with_the_switch_off_keys_act_here() -> None:
    async def story(world: World, _: Server, phone: Phone) -> None:
        await phone.features.press_dnd(True)
        await phone.features.set_forward(ForwardType.BUSY, Forward(True, "2050"))
        assert phone.features.shown.dnd is True
        assert world.requests("SUBSCRIBE") == []

    story_of(story, on=False)


def test_without_power_it_forgets_what_it_showed() -> None:
    async def story(_: World, server: Server, phone: Phone) -> None:
        server.features.set_dnd(server.user("2001"), True)
        await later(lambda: phone.features.shown.dnd is True, 1)
        phone.features.forget()
        assert phone.features.shown.dnd is False

    story_of(story)
