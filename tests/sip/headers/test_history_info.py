from __future__ import annotations

from sipconform.sip.fault import Fault
from sipconform.sip.headers.history_info import HistoryEntry, parse, parse_list
from sipconform.sip.headers.reason import Reason


def entry(text: str) -> HistoryEntry:
    read = parse(text)
    assert isinstance(read, HistoryEntry)
    return read


def test_read() -> None:
    read = entry("<sip:group@a.example?Reason=SIP%3Bcause%3D302&Privacy=none>;index=1.1;mp=1")
    assert (read.index, read.privacy) == ("1.1", "none")
    (reason,) = read.reasons
    assert isinstance(reason, Reason)
    assert (reason.protocol, reason.cause) == ("SIP", 302)
    assert read.faults == []
    assert parse(str(read)) == read


def test_cause_of_the_uri() -> None:
    assert entry("<sip:a@b;cause=486>;index=1").cause == 486
    assert entry("<sip:a@b>;index=1").cause is None
    assert entry("<tel:1>;index=1").cause is None
    assert isinstance(entry("<sip:a@b;cause=x>;index=1").cause, Fault)


def test_faults() -> None:
    assert entry("<sip:a@b>").faults != []
    assert entry("<sip:a@b>;index=1..2").faults != []
    assert entry("<sip:a@b>").reasons == []
    assert isinstance(parse("rubbish here"), Fault)


def test_list() -> None:
    read = parse_list(["<sip:a@b>;index=1, <sip:c@d>;index=1.1", "<sip:e@f>;index=1.2"])
    assert [value.index for value in read if isinstance(value, HistoryEntry)] == ["1", "1.1", "1.2"]
