"""What is set of a line at our own server, by the words of a story."""

import pytest

from sipconform.agents.server.lines import Location
from sipconform.features.call_park import NOBODY, Parked
from sipconform.lab.actor import CouldNotRunError, NotSupportedError
from sipconform.lab.drivers.lines import server_line_verbs
from tests.agents.world import World, play


def test_rules_and_places_are_set() -> None:
    async def story(world: World) -> None:
        server = await world.server()
        line = server.lines.add("2001", [Location("2001")])
        slot, verbs = line.slot(1), server_line_verbs(server.lines)
        await verbs["line_rules"](bridging=False, warning_tone="barge-in")
        await verbs["line_place"](user="2001", originates=False)
        await verbs["park"](uri="sip:2002@example.com", display="Rosa")
        assert slot is not None
        assert (line.rules.bridging, slot.rules.warning_tone) == (False, "barge-in")
        assert not line.locations["2001"].originates
        assert line.parked == Parked("sip:2002@example.com", "Rosa")
        await verbs["park"]()
        assert line.parked == NOBODY

    play(story)


def test_what_our_server_does_not_know_is_not_supported() -> None:
    async def story(world: World) -> None:
        server = await world.server()
        verbs = server_line_verbs(server.lines)
        with pytest.raises(CouldNotRunError, match="no shared line"):
            await verbs["line_rules"](bridging=False)
        server.lines.add("2001", [Location("2001")])
        with pytest.raises(NotSupportedError, match="colour"):
            await verbs["line_rules"](colour="red")
        with pytest.raises(NotSupportedError, match="colour"):
            await verbs["line_place"](user="2001", colour=True)
        with pytest.raises(CouldNotRunError, match="2009 is no place"):
            await verbs["line_place"](user="2009", originates=False)

    play(story)
