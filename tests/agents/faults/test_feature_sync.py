"""Every fault of feature synchronisation and of event subscriptions is caught by the checks it names."""

from __future__ import annotations

import pytest

from sipconform.agents.faults import all_faults
from sipconform.killing import try_fault

FAMILIES = ("sipconform.agents.faults.feature_sync.", "sipconform.agents.faults.subscription")
FAULTS = [id_ for id_, fault in all_faults().items() if fault.seed.__module__.startswith(FAMILIES)]


@pytest.mark.parametrize("id_", FAULTS)
def test_caught(id_: str) -> None:
    _, caught = try_fault(id_)
    assert all_faults()[id_].kills <= caught


def test_the_faults_of_the_sheet_are_there() -> None:
    wanted = {f"M{number:02}" for number in (*range(1, 47), 53)}
    assert wanted <= set(all_faults())
