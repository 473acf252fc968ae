from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import Params
from sipconform.sip.headers.name_addr import NameAddr, parse, parse_list
from sipconform.sip.uri import SipUri


def address(text: str) -> NameAddr:
    read = parse(text)
    assert isinstance(read, NameAddr)
    return read


def test_parts() -> None:
    read = address('"A \\"B\\" <x>" <sip:a@b;lr> ; tag = 1;q=0.3')
    assert read.display == 'A "B" <x>'
    assert read.uri == SipUri("sip", "a", "b", params=Params.of("lr"))
    assert (read.tag, read.params.get("q")) == ("1", "0.3")
    assert read.faults == []


@pytest.mark.parametrize(
    "text",
    [
        "sip:a@b",
        "sip:a@b;tag=1",
        "<sip:a@b>",
        '<sip:a@b;lr?x=y>;tag=1;+x="a"',
        '"A, B" <sip:a@b>',
        "A b <sip:a@b>;tag=1",
        "<tel:+1234>;tag=x",
        "urn:service:sos",
    ],
)
def test_legal_addresses(text: str) -> None:
    read = address(text)
    assert read.faults == []
    assert str(read) == text


def test_parameters_of_a_bare_uri_are_the_header_fields() -> None:
    read = address("sip:a@b;transport=tcp;tag=1")
    assert read.uri == SipUri("sip", "a", "b")
    assert read.tag == "1"
    assert read.bare


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Bell, Alexander <sip:a@b>;tag=1", "a display name that is more than tokens is quoted"),
        ("<sip:a@b>;tag=", "the value of parameter tag is a token, a host or a quoted string"),
        ("<sip:a@b>;tag=1;tag=2", "parameter tag stands once"),
        ('"A" <sip:a@b >', "a URI has no white space, quotes or angle brackets"),
        ('"A" < sip:a@b>', "a URI begins with its scheme"),
        ("1234;tag=1", "a URI begins with its scheme"),
        ("<>", "a URI begins with its scheme"),
        ("sip:a,b@c;tag=1", "a URI with a comma stands in angle brackets"),
        ("<sip:a#b@c>", "the user part escapes what it must"),
    ],
)
def test_readable_but_not_legal(text: str, rule: str) -> None:
    assert [fault.rule for fault in address(text).faults] == [rule]


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";tag=1",
        '"open <sip:a@b>',
        "A sip:a@b",
        "sip:a@b?x=y",
        "<sip:a@b",
        "<sip:a@b> x;tag=1",
        '"A" sip:a@b',
        '<sip:a@b>;x="',
    ],
)
def test_unreadable(text: str) -> None:
    assert isinstance(parse(text), Fault)


def test_list() -> None:
    read = parse_list(['"a,b" <sip:a@b,c>, sip:d@e', "*", ""])
    assert [str(value) for value in read[:2]] == ['"a,b" <sip:a@b,c>', "sip:d@e"]
    assert [isinstance(value, Fault) for value in read] == [False, False, True]


@given(st.text(alphabet='sip:a@b<>";,\\= ?\udcff', max_size=40))
def test_writing_is_the_inverse_of_reading(text: str) -> None:
    read = parse(text)
    if isinstance(read, NameAddr):
        assert parse(str(read)) == read
