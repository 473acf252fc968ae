from __future__ import annotations

import pytest

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import Params
from sipconform.sip.headers.event import Event, parse


def test_read() -> None:
    read = parse("As-Feature-Event ; Id=7;x")
    assert read == Event("as-feature-event", Params((("Id", "7"), ("x", None))))
    assert (read.id, str(read), read.faults) == ("7", "as-feature-event;Id=7;x", [])
    assert parse(str(read)) == read


def test_template_is_part_of_the_package() -> None:
    assert parse("dialog.winfo") == Event("dialog.winfo")


@pytest.mark.parametrize("text", ["", ";id=1", "a b", "a,b", 'a;x="'])
def test_unreadable(text: str) -> None:
    assert isinstance(parse(text), Fault)
