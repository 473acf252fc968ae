from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import Params
from sipconform.sip.uri import OtherUri, SipUri, TelUri, escape, is_host, parse_uri, unescape


def sip(text: str) -> SipUri:
    uri = parse_uri(text)
    assert isinstance(uri, SipUri)
    return uri


def test_parts() -> None:
    text = "sip:alice;day=tue:se%20cret@[2001:DB8::1]:5080;transport=TCP;lr?Subject=a%20b&Route=%3Csip:x%3E"
    uri = sip(text)
    assert (uri.scheme, uri.user, uri.password) == ("sip", "alice;day=tue", "se%20cret")
    assert (uri.host, uri.port) == ("[2001:DB8::1]", 5080)
    assert (uri.params.get("transport"), uri.params.get("LR")) == ("TCP", "")
    assert uri.headers == Params((("Subject", "a%20b"), ("Route", "%3Csip:x%3E")))
    assert str(uri) == text
    assert uri.faults == []


@pytest.mark.parametrize(
    "text",
    [
        "sip:example.com",
        "sips:bob@biloxi.com:5061",
        "sip:+1-212-555-1212:1234@gateway.com;user=phone",
        "sip:alice@192.0.2.4",
        "sip:%61lice@atlanta.com;transport=TCP",
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        "sip:*57%23@example.com",
        "sip:a@example.com?x=",
    ],
)
def test_legal_uris(text: str) -> None:
    assert sip(text).faults == []
    assert str(sip(text)) == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("sip:#31#1@example.com", "the user part escapes what it must"),
        ("sip:a%2@example.com", "the user part escapes what it must"),
        ("sip:a:#@example.com", "the password escapes what it must"),
        ("sip:a@exa_mple.com", "the host is a name, an IPv4 address or an IPv6 address in brackets"),
        ("sip:a@192.0.2.256", "the host is a name, an IPv4 address or an IPv6 address in brackets"),
        ("sip:a@example.com:65536", "a port is between 1 and 65535"),
        ("sip:a@example.com;", "a URI parameter is name or name=value"),
        ("sip:a@example.com;a=", "a URI parameter is name or name=value"),
        ("sip:a@example.com;a;A=1", "a URI parameter stands once"),
        ("sip:a@example.com?x", "a URI header is name=value"),
    ],
)
def test_readable_but_not_legal(text: str, rule: str) -> None:
    assert [fault.rule for fault in sip(text).faults] == [rule]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        "1234",
        "sip:@example.com",
        "sip:a@b@c",
        "sip:a b@example.com",
        "<sip:a@example.com>",
        "sip:a@example.com:",
        "sip:a@example.com:x",
        "sip:a@2001:db8::1",
        "sip:a@[::1",
        "sip:a@;lr",
        "*",
    ],
)
def test_unreadable(text: str) -> None:
    assert isinstance(parse_uri(text), Fault)


@pytest.mark.parametrize(  # the examples of RFC 3261 §19.1.4
    ("one", "other"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
    ],
)
def test_equivalent(one: str, other: str) -> None:
    assert sip(one).equals(sip(other))
    assert sip(other).equals(sip(one))


@pytest.mark.parametrize(  # the examples of RFC 3261 §19.1.4
    ("one", "other"),
    [
        ("SIP:ALICE@AtlanTa.CoM;Transport=udp", "sip:alice@AtlanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a%3Bb@x.com", "sip:a;b@x.com"),
        ("sip:a:p@x.com", "sip:a:q@x.com"),
        ("sips:a@x.com", "sip:a@x.com"),
    ],
)
def test_not_equivalent(one: str, other: str) -> None:
    assert not sip(one).equals(sip(other))
    assert not sip(other).equals(sip(one))


@pytest.mark.parametrize(
    ("text", "aor"),
    [
        ("sip:%61lice:pw@Example.COM;transport=tcp?a=b", "sip:alice@example.com"),
        ("sip:alice@example.com:5060", "sip:alice@example.com"),
        ("sips:alice@example.com:5061", "sips:alice@example.com"),
        ("sip:alice@example.com:5070", "sip:alice@example.com:5070"),
        ("sip:Alice@example.com", "sip:Alice@example.com"),
        ("sip:example.com", "sip:example.com"),
        ("tel:+1-201-555-0123;x=y", "tel:+12015550123"),
        ("urn:service:sos", "urn:service:sos"),
    ],
)
def test_address_of_record(text: str, aor: str) -> None:
    uri = parse_uri(text)
    assert uri
    assert uri.aor() == aor


def test_user_name_is_what_was_dialled() -> None:
    assert sip("sip:%2331%23*57@example.com").username == "#31#*57"


def test_tel_uri() -> None:
    uri = parse_uri("tel:+1-201-555-0123;phone-context=a")
    assert uri == TelUri("+1-201-555-0123", Params((("phone-context", "a"),)))
    assert uri.faults == []
    assert uri.equals(parse_uri("TEL:+1(201)5550123;Phone-Context=A"))
    assert not uri.equals(parse_uri("tel:+12015550124;phone-context=a"))
    assert str(uri) == "tel:+1-201-555-0123;phone-context=a"
    assert parse_uri("tel:+") == TelUri("+")
    assert TelUri("+").faults != []


def test_other_uri() -> None:
    uri = parse_uri("HTTP://example.com/a;b")
    assert uri == OtherUri("http", "//example.com/a;b")
    assert uri.equals(OtherUri("http", "//example.com/a;b"))
    assert uri.faults == []
    assert OtherUri("x", "").faults != []


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("a", True),
        ("a-b.c.", True),
        ("1.example", True),
        ("192.0.2.1", True),
        ("[::1]", True),
        ("::1", False),
        ("[::g]", False),
        ("1.2.3", False),
        ("-a", False),
        ("a..b", False),
        ("", False),
        ("a" * 300, False),
    ],
)
def test_host(text: str, host: bool) -> None:
    assert is_host(text) is host


@given(st.text())
def test_escape_and_unescape_are_inverse(text: str) -> None:
    assert unescape(escape(text)) == text
    uri = sip(f"sip:{escape(text)}@example.com") if text else None
    assert uri is None or (uri.username == text and uri.faults == [])


@given(st.text(alphabet="sip:te@.;?=&%[]12aA<> \x00\udcff", max_size=60).map("sip:".__add__))
def test_any_text_is_read(text: str) -> None:
    uri = parse_uri(text)
    if isinstance(uri, SipUri):
        assert str(uri) == text
        assert uri.equals(uri)
        assert isinstance(uri.faults, list)
        assert uri.aor().startswith("sip:")
