from __future__ import annotations

import pytest

from sipconform.sip.fault import Fault
from sipconform.sip.headers.replaces import DialogId, parse


def test_read() -> None:
    read = parse("a@b ;to-tag=1;From-Tag=2;early-only")
    assert isinstance(read, DialogId)
    assert (read.call_id, read.to_tag, read.from_tag, read.early_only) == ("a@b", "1", "2", True)
    assert read.faults == []
    assert parse(str(read)) == read


def test_both_tags_are_wanted() -> None:
    read = parse("a;to-tag=1")
    assert isinstance(read, DialogId)
    assert [fault.rule for fault in read.faults] == ["to-tag and from-tag are there"]
    assert not read.early_only


@pytest.mark.parametrize("text", ["", ";to-tag=1", "a b;to-tag=1", 'a;x="'])
def test_unreadable(text: str) -> None:
    assert isinstance(parse(text), Fault)
