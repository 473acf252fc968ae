from __future__ import annotations

from sipconform.sip.fault import Fault
from sipconform.sip.headers.diversion import Diversion, parse, parse_list


def test_read() -> None:
    first, second = parse_list(['"G" <sip:g@a>;reason=No-Answer;counter=2;privacy=off, <sip:h@a>'])
    assert isinstance(first, Diversion)
    assert isinstance(second, Diversion)
    assert (first.reason, first.counter, first.privacy) == ("no-answer", 2, "off")
    assert first.address.display == "G"
    assert first.faults == []
    assert (second.reason, second.counter) == ("", None)
    assert parse(str(first)) == first


def test_faults() -> None:
    read = parse("<sip:g@a>;counter=100")
    assert isinstance(read, Diversion)
    assert isinstance(read.counter, Fault)
    assert read.faults == [read.counter]
    assert isinstance(parse(""), Fault)
