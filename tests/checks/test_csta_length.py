"""A uaCSTA session lasts for days: what the checks cost grows with what was said, not with its square."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import lru_cache
from types import FrameType
from typing import Any

import pytest

from sipconform.checks.catalogue import Verdict, catalogue
from sipconform.features.csta import csta
from sipconform.trace.trace import Trace
from tests.checks.code_scenes import event, info, noted, session
from tests.checks.support import Scene

IDS = sorted(id_ for id_ in catalogue() if id_.startswith("CSTA-"))
ROUNDS = 40


def long_session(rounds: int) -> Scene:
    """Every ten seconds the server tells an event and asks for the state, with an answer in an INFO of its own, and
    the user presses the key."""
    scene = session().drop("stop", "stop-ok")
    for number in range(rounds):
        at, seq = 100.0 + 10 * number, 100 + 2 * number
        on = bool(number % 2)
        info(scene, f"told {number}", at, seq, event(on))
        noted(scene, at + 0.05, "phone", "belief", dnd=on)
        info(scene, f"get {number}", at + 3, seq + 1, csta("GetDoNotDisturb").to_xml())
        told = csta("GetDoNotDisturbResponse", doNotDisturbOn=on).to_xml()
        info(scene, f"answer {number}", at + 3.2, seq, told, up=True)
        noted(scene, at + 6, "phone", "intent", do="set_dnd", on=not on)
        noted(scene, at + 6, "phone", "belief", dnd=not on)
        info(scene, f"pressed {number}", at + 6.1, seq + 1, event(not on), up=True)
    return scene


@lru_cache(maxsize=2)
def evidence(rounds: int) -> Trace:
    """The trace, with every message read already: what is measured is the judging."""
    trace = long_session(rounds).trace()
    for check in map(catalogue().__getitem__, IDS):
        found = list(check.ask(trace))
        assert all(f.verdict is Verdict.PASS for f in found), check.id
    return trace


def steps(id_: str, trace: Trace) -> int:
    """How many instructions of Python a check takes for a trace it sees for the first time."""
    taken = 0

    def count(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal taken
        frame.f_trace_opcodes = True
        taken += event == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        list(catalogue()[id_].ask(replace(trace)))
    finally:
        sys.settrace(before)
    return taken


@pytest.mark.parametrize("id_", IDS)
def test_twice_as_long_costs_twice_as_much(id_: str) -> None:
    assert steps(id_, evidence(2 * ROUNDS)) < 2.4 * steps(id_, evidence(ROUNDS))
