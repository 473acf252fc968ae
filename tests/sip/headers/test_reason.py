from __future__ import annotations

import pytest

from sipconform.sip.fault import Fault
from sipconform.sip.headers.reason import Reason, parse, parse_list


def test_read() -> None:
    sip, q850 = parse_list(['SIP ;cause=200 ;text="Call completed, elsewhere",Q.850;cause=16'])
    assert isinstance(sip, Reason)
    assert isinstance(q850, Reason)
    assert (sip.protocol, sip.cause, sip.text) == ("SIP", 200, "Call completed, elsewhere")
    assert (q850.protocol, q850.cause, q850.text) == ("Q.850", 16, "")
    assert sip.faults == []
    assert parse(str(sip)) == sip
    assert Reason("SIP").cause is None


def test_cause_that_is_no_number() -> None:
    read = parse("SIP;cause=x")
    assert isinstance(read, Reason)
    assert isinstance(read.cause, Fault)
    assert read.faults == [read.cause]


@pytest.mark.parametrize("text", ["", ";cause=1", "SIP cause=1", 'SIP;text="'])
def test_unreadable(text: str) -> None:
    assert isinstance(parse(text), Fault)
