"""What a slot is doing follows from the legs that are there."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from sipconform.agents.call import Leg
from sipconform.agents.server.conference import Party
from sipconform.agents.server.lines import Device, Line, Location, Rules, Seizure, Slot, Talker
from sipconform.features.appearance import State
from sipconform.sip.offer_answer import compose_audio, compose_hold

DESK, OTHER = Device("2100", "sip:2100@10.0.0.2"), Device("2100-2", "sip:2100-2@10.0.0.3")


def test_a_phone_is_known_whatever_its_contact_says_of_the_connection() -> None:
    plain = Device.at("2100", "sip:2100@10.0.0.2:5062")
    assert plain == Device.at("2100", "sip:2100@10.0.0.2:5062;transport=udp;ob")
    assert Device.at("2100", "sip:2100@10.0.0.2") == Device.at("2100", "sip:2100@10.0.0.2:5060")
    assert plain != Device.at("2100", "sip:2100@10.0.0.2:5064")
    assert plain != Device.at("2100-2", "sip:2100@10.0.0.2:5062")


def talker(device: Device = DESK, *, held: bool = False, private: bool = False) -> Talker:
    sdp = compose_hold("10.0.0.2", 4000, 1, 1) if held else compose_audio("10.0.0.2", 4000, 1)
    leg: Any = SimpleNamespace(remote_sdp=sdp)
    return Talker(device, cast(Leg, leg), cast(Party, None), private)


@pytest.mark.parametrize(
    ("talkers", "state"),
    [
        ([], State.IDLE),
        ([talker()], State.ACTIVE),
        ([talker(held=True)], State.HELD),
        ([talker(held=True, private=True)], State.HELD_PRIVATE),
        ([talker(private=True)], State.ACTIVE),
        ([talker(), talker(OTHER)], State.BRIDGE_ACTIVE),
        ([talker(), talker(OTHER, held=True)], State.BRIDGE_HELD),
    ],
)
def test_the_state_of_a_call(talkers: list[Talker], state: State) -> None:
    assert Slot(1, Rules(), talkers=talkers).state is state


def test_a_bridge_is_held_by_all_where_the_rule_says_so() -> None:
    rules = Rules(bridge_held="all")
    assert Slot(1, rules, talkers=[talker(), talker(OTHER, held=True)]).state is State.BRIDGE_ACTIVE
    assert Slot(1, rules, talkers=[talker(held=True), talker(OTHER, held=True)]).state is State.BRIDGE_HELD


def test_before_a_call() -> None:
    assert Slot(1, Rules(), seizure=Seizure(DESK, ("c", "t"))).state is State.SEIZED
    assert Slot(1, Rules(), alerting=True).state is State.ALERTING
    calling = cast(Leg, SimpleNamespace())
    assert Slot(1, Rules(), caller=calling, seizure=Seizure(DESK, ("c", "t"))).state is State.PROGRESSING


def test_a_line_has_as_many_slots_as_it_may() -> None:
    line = Line("2100", {"2100": Location("2100")}, Rules(appearances=2))
    assert line.slot(3) is None
    for index in (1, 2):
        free = line.lowest_free()
        assert free is not None
        assert free.index == index
        free.alerting = True
    assert line.lowest_free() is None
    assert line.snapshot().busy == [1, 2]


def test_whose_call_it_is() -> None:
    line = Line("2100", {"2100": Location("2100")})
    slot = line.slot(1)
    assert slot is not None
    slot.talkers.append(talker())
    assert line.taken_by_others(OTHER)
    assert not line.taken_by_others(DESK)
