"""A fault that changes what crosses the wire shows as a difference from the reference."""

import pytest

from sipconform.agents.faults import Fault, all_faults
from sipconform.compare.comparison import compare
from sipconform.killing import scenarios_for
from sipconform.lab.scenarios import Known
from sipconform.lab.stage import race_of
from sipconform.trace.trace import Trace
from tests.compare.runs import LONG, good, play

MOST_SCENARIOS = 2
ALLOWED = {  # fault, and part of a scenario: why what changes there is no difference
    ("FX07", "refuses_a_call"): "202 means what 200 means",
    ("FX37", "challenged"): "the report that comes before its time repeats itself when it is due",
    ("F27", "elsewhere"): "the reports that are too many repeat the state",
    ("F53", "retrieve[False]"): "how what is told and a call that is ended interleave is not compared",
    ("F53", "retrieve[True]"): "how what is told and a call that is ended interleave is not compared",
    ("FC18", "two_presses"): "how long a phone waits for another key before it dials is seen on no wire",
    ("HS39", "vanishes"): "what a line key shows is seen on no wire; of the line nothing but a time differs",
    ("M41", "deactivated"): "to come back at once is what this reason asks for",
    ("M41", "timeout"): "to come back at once is what this reason asks for",
}


@pytest.mark.parametrize("name", sorted(all_faults()))
def test_a_fault_that_changes_the_wire_shows(name: str) -> None:
    fault = all_faults()[name]
    for known in _scenarios(fault):
        changed, shows = _changed_and_shows(known, fault)
        assert shows == (changed and not _excuse(known, fault)), f"{known.id}: {fault.story}"


@pytest.mark.parametrize(("name", "scenario"), ALLOWED)
def test_what_is_excused_needs_it(name: str, scenario: str) -> None:
    fault = all_faults()[name]
    excused = [known for known in _scenarios(fault) if scenario in known.id]
    assert [_changed_and_shows(known, fault) for known in excused] == [(True, False)]


def _scenarios(fault: Fault) -> list[Known]:
    """With one seed and in fair weather the honest run of a race takes one course too."""
    played = [known for known in scenarios_for(fault) if known.name not in LONG] or scenarios_for(fault)
    return sorted(played, key=lambda known: bool(race_of(known.play)))[:MOST_SCENARIOS]


def _excuse(known: Known, fault: Fault) -> bool:
    return any(name == fault.id and scenario in known.id for name, scenario in ALLOWED)


def _changed_and_shows(known: Known, fault: Fault) -> tuple[bool, bool]:
    reference = _reference(known, fault)
    _, run = play(known, fault=fault)
    return _wire(run) != _wire(reference), bool(compare(run, reference).differences)


def _reference(known: Known, fault: Fault) -> Trace:
    """The same lab with nothing seeded: same seed, so every octet is the same until the fault shows."""
    if not fault.lab:
        return good(known.id)
    honest = Fault(fault.id, fault.on, frozenset(), "", (), fault.lab, lambda agent: None)
    return play(known, fault=honest)[1]


def _wire(trace: Trace) -> list[tuple[object, ...]]:
    return [(m.source, m.destination, m.packet.time_ns, m.raw) for m in trace.messages]
