from __future__ import annotations

import pytest

from sipconform.sip.fault import Fault
from sipconform.sip.headers.info import Info, parse, parse_list
from sipconform.sip.uri import SipUri


def test_appearances_and_other_values_stand_in_one_list() -> None:
    one, rest, other = parse_list(
        [
            '<sip:example.com>; APPEARANCE-INDEX = 1 ;appearance-uri="\\"B, b\\" <sip:b@c;x>";appearance-state=active,'
            "<sip:example.com>;appearance-index=*;appearance-state=idle",
            "<http://www.example.com/a.png>;purpose=icon",
        ]
    )
    assert isinstance(one, Info)
    assert isinstance(rest, Info)
    assert isinstance(other, Info)
    assert one.uri == SipUri("sip", "", "example.com")
    assert one.params.get("appearance-index") == "1"
    assert one.params.get("appearance-uri") == '"B, b" <sip:b@c;x>'
    assert (rest.params.get("appearance-index"), rest.params.get("appearance-state")) == ("*", "idle")
    assert "appearance-index" not in other.params
    assert one.faults == rest.faults == other.faults == []
    assert parse(str(one)) == one


@pytest.mark.parametrize("text", ["<example.com>", "<sip:a@b>;", "<sip:a@b>;x=", "<sip:exa_mple>"])
def test_readable_but_not_legal(text: str) -> None:
    read = parse(text)
    assert isinstance(read, Info)
    assert read.faults != []


@pytest.mark.parametrize("text", ["", "answer-after=0", "sip:a@b;x", "<sip:a@b", "x <sip:a@b>", '<sip:a@b>;x="'])
def test_unreadable(text: str) -> None:
    assert isinstance(parse(text), Fault)
