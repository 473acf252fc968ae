"""A telephone with two lines behind one address: what comes finds its line."""

from __future__ import annotations

import pytest

from sipconform.agents.phone.lines import Lines
from sipconform.agents.phone.phone import Phone
from sipconform.agents.server.directory import Directory
from sipconform.agents.server.server import Server
from sipconform.agents.user_agent import Account
from sipconform.features.feature_state import FeatureState
from sipconform.trace.packet import Address
from tests.agents.world import World, later, play, request

ELSEWHERE, ABROAD = Address("10.0.0.7", 5060), "example.org"


async def device(world: World) -> tuple[Server, Server, Phone, Phone]:
    """Two servers that each know a user 2001, and a phone with a line at both."""
    home = await world.server()
    directory = Directory(ABROAD)
    directory.add("2001", "other")
    abroad = Server(await world.endpoint(ELSEWHERE, "abroad"), directory)
    first = await world.phone()
    second = Lines(first).add(Account("2001", ABROAD, "other"), ELSEWHERE)
    for line in (first, second):
        line.features.on = True
        assert await line.start() == 200
    await later(lambda: first.features.subscriber.active and second.features.subscriber.active, 1)
    return home, abroad, first, second


def test_each_line_follows_its_own_server() -> None:
    async def story(world: World) -> None:
        home, abroad, first, second = await device(world)
        assert first.others == [second]
        assert second.others == [first]
        home.features.set_dnd(home.user("2001"), True)
        await later(lambda: first.features.shown.dnd, 1)
        assert second.features.shown == FeatureState.assigned()
        await second.press_dnd(True)
        await later(lambda: second.features.shown.dnd, 1)
        home.features.set_dnd(home.user("2001"), False)
        await later(lambda: not first.features.shown.dnd, 1)
        assert second.features.shown.dnd is True
        assert abroad.user("2001").features.dnd is True

    play(story)


@pytest.mark.parametrize(
    "to", ["<sip:2001@example.org>", "<sip:nobody@nowhere.example>", "<sip:2001@example.org>;tag=x"]
)
def test_a_stray_state_is_refused_whichever_line_it_means(to: str) -> None:
    async def story(world: World) -> None:
        await device(world)
        stranger = await world.stranger()
        place = Address("10.0.0.2", 5060)
        stranger.say(request("NOTIFY", To=to, Event="as-feature-event"), place)
        await later(lambda: stranger.statuses, 1)
        assert stranger.statuses == [481]

    play(story)
