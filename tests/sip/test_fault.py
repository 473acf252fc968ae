from __future__ import annotations

from sipconform.sip.fault import Fault, Span


def test_a_fault_is_false_and_can_be_placed() -> None:
    fault = Fault("a rule")
    assert not fault
    assert fault.placed(Span(1, 2)) == Fault("a rule", Span(1, 2))
