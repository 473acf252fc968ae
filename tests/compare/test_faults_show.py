"""A fault that changes what crosses the wire shows as a difference from the reference."""

import pytest

from sipconform.agents.faults import Fault, all_faults
from sipconform.compare.comparison import compare
from sipconform.killing import scenarios_for
from sipconform.lab.scenarios import Known
from sipconform.lab.stage import race_of
from sipconform.trace.trace import Trace
from tests.compare.runs import good, play

MOST_SCENARIOS = 3
ALLOWED = {  # what these change is what may differ, or no SIP message
    "FX07": "200 or 202",
    "FX19": "a report that would have repeated the state",
    "FX37": "a report that repeats the state",
    "F27": "reports that repeat the state",
    "M06": "the line ends within a multipart body",
    "FC18": "when somebody presses a key",
    "R03": "when a refresh comes within the lifetime that was granted",
    "M41": "how soon a subscription is asked for again",
    "HS39": "when a client gives up its line",
}


@pytest.mark.parametrize("name", sorted(set(all_faults()) - set(ALLOWED)))
def test_a_fault_that_changes_the_wire_shows(name: str) -> None:
    fault = all_faults()[name]
    played = [known for known in scenarios_for(fault) if not race_of(known.play)][:MOST_SCENARIOS]
    for known in played:
        reference = _reference(known, fault)
        _, run = play(known, fault=fault)
        changed = _wire(run) != _wire(reference)
        assert bool(compare(run, reference).differences) == changed, f"{known.id}: {fault.story}"


def _reference(known: Known, fault: Fault) -> Trace:
    """The same lab with nothing seeded: same seed, so every octet is the same until the fault shows."""
    if not fault.lab:
        return good(known.id)
    honest = Fault(fault.id, fault.on, frozenset(), "", (), fault.lab, lambda agent: None)
    return play(known, fault=honest)[1]


def _wire(trace: Trace) -> list[tuple[object, ...]]:
    return [(m.source, m.destination, m.packet.time_ns, m.raw) for m in trace.messages]
