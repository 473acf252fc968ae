from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.sip.message import Message
from sipconform.sip.wellformed import VIEWS, flaws
from tests.sip.test_message import CRUMBS, INVITE


def found(raw: bytes) -> list[tuple[str, str]]:
    return [(place, fault.rule) for place, fault in flaws(Message(raw))]


def with_row(row: bytes) -> bytes:
    return INVITE.replace(b"Max-Forwards", row + b"\r\nMax-Forwards")


def test_an_honest_message_has_none() -> None:
    assert found(INVITE) == []
    digest = b'Authorization: Digest username="u", realm="r", nonce="n", uri="sip:a@b", response="x"'
    assert found(with_row(digest)) == []
    assert found(with_row(b"Authorization: Bearer x=y")) == []


@pytest.mark.parametrize("name", VIEWS)
def test_every_reader_of_a_header_field_is_asked(name: str) -> None:
    assert any(place == name for place, _ in found(with_row(name.encode() + b': <"')))


@pytest.mark.parametrize(
    ("raw", "flaw"),
    [
        (INVITE.replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1), ("start line", "the version is SIP/2.0")),
        (INVITE.replace(b" sip:bob", b" bob"), ("start line", "a Request-URI is a URI")),
        (INVITE.replace(b" sip:bob", b" sip:b%b"), ("start line", "the user part escapes what it must")),
        (
            INVITE.replace(b"example SIP", b"example;method=BYE SIP"),
            ("start line", "a Request-URI has neither headers nor a method parameter"),
        ),
        (b"SIP/2.0 700 Odd\r\n\r\n", ("start line", "a status code is between 100 and 699")),
        (INVITE.replace(b"Via", b"X-Via"), ("Via", "there is a Via")),
        (INVITE.replace(b"Max-", b"X-Max-"), ("Max-Forwards", "there is a Max-Forwards")),
        (with_row(b"f: <sip:a@b>"), ("From", "From stands once")),
        (INVITE.replace(b"59 INVITE", b"59 BYE"), ("CSeq", "CSeq names the method of the request")),
        (INVITE[:-1], ("body", "the body is as long as Content-Length says")),
        (with_row(b"no colon"), ("lines", "a header field has a colon")),
        (with_row(b'WWW-Authenticate: Digest realm="r"'), ("WWW-Authenticate", "nonce is there")),
        (with_row(b'Authorization: Digest realm="'), ("Authorization", "a quoted string ends with a quote")),
        (
            with_row(b"Content-Type: multipart/mixed;boundary=b"),
            ("body", "delimiter lines begin with -- and the boundary"),
        ),
    ],
)
def test_flaws(raw: bytes, flaw: tuple[str, str]) -> None:
    assert flaw in found(raw)


def test_a_flaw_points_at_its_row() -> None:
    message = Message(with_row(b"Contact: <sip:a@exa_mple>"))
    (flaw,) = flaws(message)
    assert message.raw[slice(*flaw.fault.span)] == b"<sip:a@exa_mple>"


@given(st.binary(max_size=300) | st.lists(CRUMBS, max_size=60).map(b"".join))
def test_any_bytes_are_judged(raw: bytes) -> None:
    assert flaws(Message(raw)) or raw
