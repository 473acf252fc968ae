from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import (
    Params,
    is_quoted,
    is_token,
    parse_params,
    quote,
    quotes_closed,
    split_list,
    unquote,
)


def params(text: str) -> Params:
    read = parse_params(text)
    assert isinstance(read, Params)
    return read


def test_params_keep_order_and_spelling() -> None:
    read = params(' ; Tag = 1;lr ;x="a;b\\"c";X=2')
    assert list(read) == [("Tag", "1"), ("lr", None), ("x", '"a;b\\"c"'), ("X", "2")]
    assert (read.get("TAG"), read.get("LR"), read.get("X"), read.get("none")) == ("1", "", 'a;b"c', None)
    assert read.all("x") == ['a;b"c', "2"]
    assert "Lr" in read
    assert "none" not in read
    assert len(read) == 4
    assert str(read) == ';Tag=1;lr;x="a;b\\"c";X=2'


def test_params_are_changed_in_a_copy() -> None:
    read = params(";a=1;b=2")
    assert str(read.with_("A", 3)) == ";a=3;b=2"
    assert str(read.with_("c", None)) == ";a=1;b=2;c"
    assert str(read.without("A")) == ";b=2"
    assert str(Params.of("lr", transport="tcp", to_tag=1)) == ";lr;transport=tcp;to-tag=1"
    assert str(read) == ";a=1;b=2"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (';a=1;b=[2001:db8::1];c=192.0.2.1;d=2001:db8::1;e="\\"x"', 0),
        (";", 1),
        (";a=", 1),
        (";a=<x>", 1),
        (";a;A", 1),
        (";a b=1", 1),
        (";;a=@", 2),
    ],
)
def test_params_faults(text: str, count: int) -> None:
    assert len(params(text).faults) == count


@pytest.mark.parametrize("text", ["x;a=1", ';a="open', "a=1"])
def test_unreadable_params(text: str) -> None:
    assert isinstance(parse_params(text), Fault)


@given(st.text())
def test_quote_and_unquote_are_inverse(text: str) -> None:
    assert is_quoted(quote(text))
    assert unquote(quote(text)) == text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('a, "b,\\",c" ,<d,e>,', ["a", '"b,\\",c"', "<d,e>", ""]),
        ('"open, to the end', ['"open, to the end']),
        ("<open, to the end", ["<open, to the end"]),
        ('"<", ">"', ['"<"', '">"']),
        ("a,b", ["a", "b"]),
    ],
)
def test_split_list(text: str, parts: list[str]) -> None:
    assert split_list(text) == parts


@given(st.text(alphabet='a,;"<>\\ '))
def test_split_list_loses_nothing_but_white_space(text: str) -> None:
    assert ",".join(split_list(text)).replace(" ", "") == text.replace(" ", "")


@given(st.text(alphabet='a;="\\ '))
def test_params_read_their_own_writing(text: str) -> None:
    read = parse_params(f";{text}")
    if isinstance(read, Params):
        assert parse_params(str(read)) == read


def test_words() -> None:
    assert is_token("INVITE-.!%*_+`'~1")
    assert not is_token("a b")
    assert not is_token("")
    assert unquote("plain") == "plain"
    assert quotes_closed('"a\\"b" "c"')
    assert not quotes_closed('"a" "b')
    assert not quotes_closed('"a\\')
