"""The kill matrix: what counts as caught, as survived, and as a finding against honest agents."""

from __future__ import annotations

from sipconform.agents.faults import fault_named
from sipconform.killing import Matrix, play_once, scenarios_for, try_fault
from sipconform.lab.scenarios import known_scenarios
from sipconform.lab.stage import Ending


def test_an_honest_scenario_is_played_without_a_finding() -> None:
    first = next(s for s in known_scenarios() if s.feature == "calls")
    seen = play_once(first)
    assert (seen.ending, seen.failed, seen.broken) == (Ending.PLAYED, {}, frozenset())


def test_a_fault_is_caught_by_the_check_it_names() -> None:
    name, caught, broken = try_fault("SC02")
    assert name == "SC02"
    assert "SIP-002" in caught
    assert not broken


def test_only_scenarios_with_its_words_show_a_fault() -> None:
    fault = fault_named("SC24")
    assert fault.scenarios
    assert {s.id for s in scenarios_for(fault)} < {s.id for s in known_scenarios()}


def test_what_escapes_and_what_survives() -> None:
    matrix = Matrix()
    matrix.caught["SC02"] = {"SIP-002"}
    faults = [fault_named("SC02"), fault_named("SC03")]
    assert matrix.escaped(faults) == {"SC03": {"SIP-003"}}
    assert matrix.survivors(["SIP-002", "SIP-003"]) == ["SIP-003"]
