"""Every fault of this family is caught by the checks it names."""

from __future__ import annotations

import pytest

from sipconform.agents.faults import all_faults, shared_line
from sipconform.killing import try_fault

FAULTS = [id_ for id_, fault in all_faults().items() if fault.seed.__module__.startswith(shared_line.__name__)]
NO_FAULTS = {
    "F58",  # a CANCEL without Call-Info is legal, and what our own phone sends
    "F59",  # how often a display says "Anonymous" is nothing that a phone of ours tells
}


@pytest.mark.parametrize("id_", FAULTS)
def test_caught(id_: str) -> None:
    _, caught = try_fault(id_)
    assert all_faults()[id_].kills <= caught


def test_every_fault_of_the_sheet_is_there() -> None:
    assert {f"F{n:02}" for n in range(1, 64)} - NO_FAULTS <= set(FAULTS)
