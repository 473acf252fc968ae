from typing import Any

import pytest

from sipconform.report.words import has_words, notes
from sipconform.trace.packet import Observation


def seen(who: str, kind: str, what: dict[str, Any], time_ns: int = 0) -> Observation:
    return Observation(time_ns, who, kind, what)


def texts(*observations: Observation) -> list[str]:
    return [f"{note.who} {note.text}" for note in notes(observations)]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"dnd": True}, "phone Do Not Disturb on"),
        ({"cfna": "2002", "rings": 3}, "phone forward of calls not answered to 2002; after 3 rings"),
        ({"call": "ringing", "tone": "usual"}, "phone rings"),
        ({"line.1": "active, mine", "lamp.1": "green"}, "phone line 1 active here, lamp green"),
        ({"line.2": "held, theirs", "lamp.2": "slow red"}, "phone line 2 held elsewhere, lamp slow red"),
        ({"line.1": "alerting, theirs"}, "phone line 1 alerting"),
        ({"2001.dnd": True}, "phone 2001: Do Not Disturb on"),
        ({"hotspots": ["one", "two"]}, "phone hotspots one, two"),
        ({"dnd": "blinking"}, "phone dnd blinking"),
        ({"call": ["odd"]}, "phone call ['odd']"),
    ],
)
def test_what_a_display_shows_is_told_in_words(what: dict[str, Any], said: str) -> None:
    assert texts(seen("phone", "belief", what)) == [said]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"do": "dial", "number": "600", "by_proxy": False}, "dials 600"),
        ({"do": "set_dnd", "on": True}, "switches Do Not Disturb on"),
        ({"do": "set_dnd", "on": False, "user": "2001"}, "switches Do Not Disturb off for 2001"),
        ({"do": "forward", "kind": "cfu", "active": True, "to": "2002", "rings": None}, "forwards all calls to 2002"),
        (
            {"do": "forward", "kind": "cfna", "active": True, "to": "2002", "rings": 3, "user": "2001"},
            "forwards calls not answered to 2002 after 3 rings for 2001",
        ),
        ({"do": "forward", "kind": "cfb", "active": False, "to": ""}, "switches the forward of calls on busy off"),
        ({"do": "hold_line", "private": True}, "puts the call on hold, privately"),
        ({"do": "seize", "index": 0}, "takes the receiver off"),
        ({"do": "press_line"}, "presses line key …"),
    ],
)
def test_what_a_user_did_is_told_in_words(what: dict[str, Any], said: str) -> None:
    (note,) = notes([seen("phone", "intent", what)])
    assert (note.text, note.did) == (said, True)


def test_what_is_off_from_the_beginning_and_what_stays_is_not_told() -> None:
    begin = {"dnd": False, "call": "idle", "line.1": "idle, theirs", "lamp.1": "off", "missed": 0, "cfu": ""}
    assert texts(seen("phone", "belief", begin)) == []
    told = texts(
        seen("phone", "belief", begin),
        seen("phone", "belief", {"dnd": True}, 1),
        seen("phone", "belief", {"dnd": True, "missed": 1}, 2),
        seen("phone", "belief", begin, 3),
        seen("other", "belief", begin, 4),
    )
    assert told == [
        "phone Do Not Disturb on",
        "phone missed calls: 1",
        "phone Do Not Disturb off; no missed call",
    ]


def test_what_one_party_shows_at_one_time_is_one_note() -> None:
    told = texts(
        seen("manager", "belief", {"line.1": "alerting, theirs", "lamp.1": "fast green"}),
        seen("assistant", "belief", {"line.1": "alerting, theirs", "lamp.1": "fast green"}),
        seen("manager", "belief", {"call": "ringing"}),
        seen("manager", "intent", {"do": "answer"}),
        seen("manager", "belief", {"call": "active"}),
    )
    assert told == [
        "manager line 1 alerting, lamp fast green; rings",
        "assistant line 1 alerting, lamp fast green",
        "manager answers",
        "manager in a call",
    ]


def test_what_the_network_did_stands_at_who_met_it() -> None:
    lost = {"event": "lost", "local": "10.0.0.1:5060", "remote": "10.0.1.11:5060"}
    assert texts(seen("network", "network", lost)) == ["10.0.0.1:5060 lost on the way to 10.0.1.11:5060"]
    found = {"from": "10.0.1.11:49152", "to": "224.0.2.0:16360", "kind": "offer"}
    assert texts(seen("network", "discovery", found)) == ["10.0.1.11:49152 discovery: offer to 224.0.2.0:16360"]


def test_what_the_judge_alone_needs_has_no_words() -> None:
    for kind, what in (("lab", {"ours": []}), ("stimulus", {"call_id": "x"}), ("intent", {"do": "speak"}), ("x", {})):
        assert not has_words(seen("lab", kind, what))
    assert has_words(seen("phone", "intent", {"do": "answer"}))
