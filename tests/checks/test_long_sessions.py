"""A session may last for weeks: judging one four times as long is about four times the work, counted in calls."""

from __future__ import annotations

import sys
from types import FrameType

import pytest

from sipconform.checks.catalogue import catalogue
from sipconform.trace.packet import Observation
from sipconform.trace.trace import Trace
from tests.checks import scenes
from tests.checks.support import PHONE, SOURCE, Scene

SHORT, LONG = 60, 240
FAMILIES = ("FS-", "SUB-", "SIP-")
ALLOWANCE = 1.5  # by which the work may outgrow the session: searches in sorted lists, and what is done once


def session(changes: int, *, driven: bool) -> Trace:
    """Do not disturb pressed again and again on one of the user's two phones."""
    scene = scenes.second_phone(scenes.features())
    if driven:
        places: dict[str, object] = {"actors": {"phone": str(PHONE)}, "users": {"phone": "2001"}}
        scene.observations.append(Observation(SOURCE * 10**9, "lab", "lab", places))
    for number in range(changes):
        at, on = 2000.0 + 10 * number, number % 2 == 0
        scenes.wish(scene, f"press{number}", at, 5 + number, on)
        scenes.tell(scene, f"told{number}", at + 0.2, 6 + number, 3600, (scenes.ON if on else scenes.OFF).content)
        if driven:
            _pressed(scene, at, on)
    return scene.trace(until=2000.0 + 10 * changes + 100)


def _pressed(scene: Scene, at: float, on: bool) -> None:
    def ns(seconds: float) -> int:
        return SOURCE * 10**9 + round(seconds * 1e9)

    scene.observations.append(Observation(ns(at - 0.1), "phone", "intent", {"do": "set_dnd", "on": on}))
    scene.observations.append(Observation(ns(at + 0.15), "server", "belief", {"2001.dnd": on}))
    scene.observations.append(Observation(ns(at + 0.3), "phone", "belief", {"dnd": on}))


def calls(trace: Trace, check: str) -> int:
    """How many Python functions are entered, generators resumed, while one check looks at a trace."""
    entered = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal entered
        entered += event == "call"

    sys.setprofile(count)
    try:
        for _ in catalogue()[check].ask(trace):
            pass
    finally:
        sys.setprofile(None)
    return entered


@pytest.mark.parametrize("driven", [False, True])
def test_the_work_grows_with_the_session(driven: bool) -> None:
    short, long = session(SHORT, driven=driven), session(LONG, driven=driven)
    asked = [check for check in catalogue() if check.startswith(FAMILIES)]
    for check in asked:  # what all checks share is prepared by the first that asks for it
        calls(short, check)
        calls(long, check)
    bound = LONG / SHORT * ALLOWANCE
    grown = {check: (calls(short, check), calls(long, check)) for check in asked}
    assert {check: pair for check, pair in grown.items() if pair[1] > bound * pair[0] + 100} == {}
