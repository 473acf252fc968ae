"""Call-park documents: written, read back, and read when they are hostile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.features.call_park import NOBODY, Parked, compose, parse
from sipconform.sip.fault import Fault

NAME = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=60)


@given(NAME)
def test_what_is_written_is_read_back(display: str) -> None:
    parked = parse(compose(Parked("sip:2200@example.com", display)))
    assert isinstance(parked, Parked)
    assert parked.uri == "sip:2200@example.com"
    assert parked.display.split() == display.split()


def test_nobody_is_parked() -> None:
    assert parse(compose(NOBODY)) == NOBODY


def test_quotes_and_angles_in_a_name_survive() -> None:
    assert parse(compose(Parked("sip:a@b", 'Ann "<&> Bee'))) == Parked("sip:a@b", 'Ann "<&> Bee')


@pytest.mark.parametrize(
    "body",
    [b"", b"<x/>", b"<x-broadworks-callpark-info/>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
     b'<x-broadworks-callpark-info xmlns="http://schema.broadsoft.com/callpark"/>'],
)  # fmt: skip
def test_anything_else_is_a_fault(body: bytes) -> None:
    assert isinstance(parse(body), Fault)


@given(st.binary(max_size=200))
def test_hostile_octets_do_not_raise(body: bytes) -> None:
    assert isinstance(parse(body), Parked | Fault)
