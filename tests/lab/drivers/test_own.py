"""Our own agents behind the actors: every intent has a deed, and what is shown is told once, when it changes."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.lab import actors, line_phone
from sipconform.lab.actor import CouldNotRunError, NotSupportedError
from sipconform.lab.drivers.own import OwnPhone, OwnServer, told
from tests.agents.world import World, later, play
from tests.support import PROJECT

DOCUMENT = PROJECT / "docs" / "driver.md"


def intents(*classes: type) -> set[str]:
    """The verbs that actors of these classes send to their drivers."""
    return {verb for each in classes for verb in re.findall(r'self\.do\(\s*"(\w+)"', inspect.getsource(each))}


def test_our_phone_and_our_server_can_do_whatever_an_actor_asks() -> None:
    async def story(world: World) -> None:
        phone, server = OwnPhone(await world.phone()), OwnServer(await world.server())
        wanted = intents(actors.Phone, line_phone.LinePhone)
        assert len(wanted) > 30
        assert wanted - phone._verbs.keys() == set()
        assert intents(actors.Server) - server._verbs.keys() == set()

    play(story)


def test_the_documented_verbs_are_those_we_know() -> None:
    async def story(world: World) -> None:
        phone, server = OwnPhone(await world.phone()), OwnServer(await world.server())
        of_phones, of_servers = re.search(r"Verbs of a phone: (.*?)Verbs of a server: (.*?)\n\n", text, re.S).groups()  # type: ignore[union-attr]
        for verbs, device in ((of_phones, phone), (of_servers, server)):
            named = set(re.findall(r"`(\w+)", verbs))
            assert named
            assert named - device._verbs.keys() - {"probe"} == set()

    text = DOCUMENT.read_text("utf-8")
    play(story)


def test_a_verb_nobody_knows_is_not_supported() -> None:
    async def story(world: World) -> None:
        with pytest.raises(NotSupportedError, match="'make_coffee'"):
            await OwnPhone(await world.phone()).do("make_coffee")

    play(story)


def test_what_is_shown_is_told_when_it_changes_and_only_then() -> None:
    async def story(world: World) -> None:
        await world.server()
        seen: list[dict[str, Any]] = []
        phone = OwnPhone(await world.phone(), seen.append)
        assert seen[0]["registered"] is False  # all of it, at first
        first = len(seen)
        assert await phone.do("start", sync=False) == 200
        assert {"registered": True} in seen[first:]
        known = len(seen)
        phone.look()
        assert len(seen) == known
        await phone.do("set_dnd", on=True)
        assert seen[-1]["dnd"] is True
        assert phone.beliefs["dnd"] is True

    play(story)


def test_the_portal_shows_what_each_user_has() -> None:
    async def story(world: World) -> None:
        server = OwnServer(await world.server())
        await server.do("forward", user="2001", kind="cfna", active=True, to="2002", rings=4)
        assert (server.beliefs["2001.cfna"], server.beliefs["2001.rings"]) == ("2002", 4)
        assert server.beliefs["2002.cfna"] == ""
        await server.do("forward", user="2001", kind="cfna", active=False, to="", rings=None)
        assert server.beliefs["2001.cfna"] == ""

    play(story)


@pytest.mark.parametrize("verb", ["answer", "reject", "hang_up", "hold", "resume", "remember_call"])
def test_without_a_call_there_is_none_to_speak_of(verb: str) -> None:
    async def story(world: World) -> None:
        with pytest.raises(CouldNotRunError, match="no call"):
            await OwnPhone(await world.phone()).do(verb)

    play(story)


def test_a_probe_needs_the_dialog_it_names_and_a_phone_that_is_there() -> None:
    async def story(world: World) -> None:
        server, phone = OwnServer(await world.server()), OwnPhone(await world.phone())
        with pytest.raises(CouldNotRunError, match="2001 is not registered"):
            await server.do("probe", user="2001", method="OPTIONS", where="outside")
        with pytest.raises(CouldNotRunError, match="no call dialog"):
            await phone.do("probe", method="INFO", where="call")
        await phone.do("start", sync=False)
        assert await server.do("probe", user="2001", method="OPTIONS", where="outside") == 200

    play(story)


def test_an_unplugged_phone_says_nothing_more() -> None:
    async def story(world: World) -> None:
        await world.server()
        phone = OwnPhone(await world.phone())
        await phone.do("start", sync=True)
        await phone.do("unplug")
        said = len(world.tap.packets)
        await later(lambda: all(p.source.host != "10.0.0.2" for p in world.tap.packets[said:]), 7200)

    play(story)


def test_beliefs_tell_unknown_from_off() -> None:
    state = FeatureState(None, {ForwardType.IMMEDIATE: Forward(True, "2002"), ForwardType.BUSY: Forward(False, "2003")})
    assert told(state) == {"dnd": None, "cfu": "2002", "cfb": "", "cfna": "", "rings": None}
