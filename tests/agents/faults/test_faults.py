"""The register of faults. That each is caught is the kill matrix's business (`make kill-matrix`)."""

from __future__ import annotations

import pytest

from sipconform.agents.faults import all_faults, fault, fault_named
from sipconform.checks.catalogue import catalogue
from sipconform.lab.scenarios import known_scenarios


def test_every_fault_kills_checks_that_exist_and_tells_its_story() -> None:
    checks = catalogue()
    for found in all_faults().values():
        assert found.kills, found.id
        assert found.kills <= set(checks), found.id
        assert found.story, found.id


def test_every_fault_names_scenarios_that_exist() -> None:
    ids = [scenario.id for scenario in known_scenarios()]
    for found in all_faults().values():
        for word in found.scenarios:
            assert any(word in id_ for id_ in ids), f"{found.id}: no scenario is called {word!r}"


def test_every_check_has_a_fault() -> None:
    killed = set().union(*(found.kills for found in all_faults().values()))
    assert sorted(set(catalogue()) - killed) == []


def test_an_id_is_declared_once() -> None:
    taken = next(iter(all_faults()))
    with pytest.raises(ValueError, match="declared twice"):
        fault(taken, on="phone", kills={"SIP-001"})(lambda agent: None)


def test_an_unknown_fault_is_named() -> None:
    with pytest.raises(ValueError, match="no fault is called 'Z99'"):
        fault_named("Z99")
