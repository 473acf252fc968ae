"""Every fault of this family is caught by the checks it names."""

from __future__ import annotations

import pytest

from sipconform.agents.faults import all_faults, hotspot
from sipconform.killing import try_fault

FAULTS = [id_ for id_, fault in all_faults().items() if fault.seed.__module__.startswith(f"{hotspot.__name__}.")]


@pytest.mark.parametrize("id_", FAULTS)
def test_caught(id_: str) -> None:
    _, caught = try_fault(id_)
    assert all_faults()[id_].kills <= caught
