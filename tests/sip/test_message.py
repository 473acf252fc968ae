from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.sip.fault import Fault, Span
from sipconform.sip.headers.cseq import CSeq
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.headers.via import Via
from sipconform.sip.message import Message, looks_like_sip
from sipconform.sip.uri import SipUri

INVITE = (
    b"INVITE sip:bob@biloxi.example SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP pc33.atlanta.example;branch=z9hG4bKnashds8, SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKx\r\n"
    b"Max-Forwards: 70\r\n"
    b'To: "Bob" <sip:bob@biloxi.example>\r\n'
    b"From: Alice <sip:alice@atlanta.example>;tag=1928301774\r\n"
    b"Call-ID: a84b4c76e66710\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Contact: <sip:alice@pc33.atlanta.example>\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"body"
)


def rules(message: Message) -> list[str]:
    return [fault.rule for fault in message.faults]


def test_request() -> None:
    message = Message(INVITE)
    assert message.is_request
    assert not message.is_response
    assert (message.method, message.request_uri) == ("INVITE", "sip:bob@biloxi.example")
    assert message.version == "SIP/2.0"
    assert message.uri == SipUri("sip", "bob", "biloxi.example")
    assert message.body == b"body"
    assert message.raw is INVITE
    assert message.faults == []


def test_response_is_of_the_method_its_cseq_names() -> None:
    message = Message(b"SIP/2.0 487 Request Terminated\r\nCSeq: 7 INVITE\r\n\r\n")
    assert message.is_response
    assert (message.status, message.reason, message.method) == (487, "Request Terminated", "INVITE")
    assert message.faults == []


def test_identity() -> None:
    message = Message(INVITE)
    assert message.call_id == "a84b4c76e66710"
    assert (message.from_tag, message.to_tag) == ("1928301774", "")
    assert message.branch == "z9hG4bKnashds8"
    assert message.cseq_number == 314159
    assert message.cseq == CSeq(314159, "INVITE")


def test_identity_of_a_message_that_has_none() -> None:
    message = Message(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n")
    assert (message.call_id, message.from_tag, message.to_tag, message.branch) == ("", "", "", "")
    assert message.cseq_number == -1
    assert isinstance(message.cseq, Fault)
    assert isinstance(message.top_via, Fault)
    assert message.via == []
    assert message.expires is None


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        (b"<sip:a@b>;tag=1", "1"),
        (b"sip:a@b;tag=1", "1"),
        (b"<sip:a@b;tag=uri>", ""),
        (b"<sip:a@b> ; x=y ; TAG = 1 ;z", "1"),
        (b'"x>;tag=evil" <sip:a@b>;tag=real', "real"),
        (b'<sip:a@b>;x=">;tag=evil";tag=real', "real"),
        (b'<sip:a@b>;x=";tag=evil";tag=real', "real"),
        (b"<sip:a@b>;untag=1", ""),
        (b"<sip:a@b>;tag=", ""),
        (b"<sip:a@b>\r\n ;tag=1", "1"),
    ],
)
def test_tag_is_the_header_fields_own(value: bytes, tag: str) -> None:
    message = Message(b"OPTIONS sip:a@b SIP/2.0\r\nFrom: " + value + b"\r\n\r\n")
    assert message.from_tag == tag
    assert isinstance(message.from_, NameAddr)
    assert message.from_.tag == tag


@pytest.mark.parametrize(
    ("value", "branch"),
    [
        (b"SIP/2.0/UDP a;branch=1", "1"),
        (b"SIP/2.0/UDP a, SIP/2.0/UDP b;branch=2", ""),
        (b'SIP/2.0/UDP a;x=",;branch=evil";branch=real', "real"),
        (b"SIP / 2.0 / UDP a : 5060 ; BRANCH = 1 ;rport", "1"),
        (b"garbage", ""),
    ],
)
def test_branch_is_the_top_vias(value: bytes, branch: str) -> None:
    message = Message(b"OPTIONS sip:a@b SIP/2.0\r\nVia: " + value + b"\r\nv: SIP/2.0/UDP z;branch=9\r\n\r\n")
    assert message.branch == branch
    if isinstance(message.top_via, Via):
        assert message.top_via.branch == branch


@pytest.mark.parametrize("text", [b"", b"x INVITE", b"-1 INVITE", b"2147483648 INVITE", b"9" * 5000 + b" INVITE"])
def test_unreadable_cseq(text: bytes) -> None:
    message = Message(b"OPTIONS sip:a@b SIP/2.0\r\nCSeq: " + text + b"\r\n\r\n")
    assert message.cseq_number == -1
    assert isinstance(message.cseq, Fault)
    assert message.raw[slice(*message.cseq.span)] == text


@pytest.mark.parametrize("junk", [b"\x00\x00\x00\x00", b"junk\r\n", b"a b\r\n", b"\x00SIP/2.0\r\n"])
def test_junk_before_the_start_line_is_reported(junk: bytes) -> None:
    message = Message(junk + INVITE)
    assert message.method == "INVITE"
    assert message.call_id == "a84b4c76e66710"
    assert message.faults == [Fault("nothing but empty lines precedes the start line", Span(0, len(junk)))]
    assert message.body == b"body"


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"OPTIONS sip:a@b SIP/2.0\r\nno colon\r\n\r\n", "a header field has a colon"),
        (b"OPTIONS sip:a@b SIP/2.0\r\n: x\r\n\r\n", "a header field has a name"),
        (b"OPTIONS sip:a@b SIP/2.0\r\nX Y: x\r\n\r\n", "a header field's name is a token"),
        (b"OPTIONS sip:a@b SIP/2.0\r\n Y: x\r\n\r\n", "a header field's name is a token"),
        (b"OPTIONS sip:a@b SIP/2.0\r\nA: \x00\r\n\r\n", "no control bytes in the header"),
        (b"OPTIONS sip:a@b SIP/2.0\r\nA: a\rb\r\n\r\n", "no control bytes in the header"),
        (b"OPTIONS sip:a@b SIP/2.0\r\nA: \xff\r\n\r\n", "the header is UTF-8"),
        (b"OPTIONS sip:a@b SIP/2.0\r\nA: x\r\n", "an empty line ends the header"),
        (b"OPTIONS sip:a@b SIP/2.0", "an empty line ends the header"),
        (b"OPTIONS sip:a@b  SIP/2.0\r\n\r\n", "a request line or a status line begins the message"),
        (b"OPT@ONS sip:a@b SIP/2.0\r\n\r\n", "a request line or a status line begins the message"),
        (b"SIP/2.0 2000 OK\r\n\r\n", "a request line or a status line begins the message"),
        (b"OPTIONS sip:a@b sip/2.0\r\n\r\n", "SIP-Version is sent in upper case"),
        (b"SIP/2.0 200\r\n\r\n", "a space follows the status code"),
    ],
)
def test_line_faults(raw: bytes, rule: str) -> None:
    assert rules(Message(raw)) == [rule]


@pytest.mark.parametrize(
    ("line", "kind", "method"),
    [
        (b"INVITE sip:a b SIP/2.0", "request", "INVITE"),
        (b" INVITE sip:a SIP/2.0", "request", "INVITE"),
        (b"SIP/2.0 4294967301 better", "response", "INVITE"),
        (b"hello world", "", ""),
        (b"", "", ""),
    ],
)
def test_malformed_start_line_still_tells_its_kind(line: bytes, kind: str, method: str) -> None:
    message = Message(line + b"\r\nCSeq: 1 INVITE\r\n\r\n")
    assert (message.is_request, message.is_response) == (kind == "request", kind == "response")
    assert message.method == method


@pytest.mark.parametrize(
    ("payload", "sip"),
    [
        (INVITE, True),
        (b"SIP/2.0 200 OK", True),
        (b"\r\n\r\n", False),
        (b"GET / HTTP/1.1", False),
        (b"", False),
    ],
)
def test_looks_like_sip(payload: bytes, sip: bool) -> None:
    assert looks_like_sip(payload) is sip


VIEWS: list[Callable[[Message], object]] = [
    (lambda message, name=name: getattr(message, name))  # type: ignore[misc]
    for name in dir(Message)
    if not name.startswith("_")
]
CRUMBS = st.sampled_from(
    [bytes([octet]) for octet in b'\r\n \t:;,"<>\\=@%[]*\xff\x00']
    + b"INVITE sip:a@b SIP/2.0|SIP/2.0 200 OK|SIP/2.0/UDP|Via:|From:|t:|CSeq:|tag=1|Contact:".split(b"|")
    + b"Event:|Call-Info:|Content-Length:|Subscription-State:|History-Info:|Retry-After:|c:|Expires:".split(b"|")
    + [b"sip:", b"tel:", b"Reason:", b"\r\n", b"9" * 5000]
)


@given(st.one_of(st.binary(max_size=400), st.lists(CRUMBS, max_size=60).map(b"".join)))
def test_any_bytes_are_read(raw: bytes) -> None:
    message = Message(raw)
    for read in VIEWS:
        read(message)
    assert message.raw is raw
    assert all(0 <= fault.span.start <= fault.span.end <= len(raw) for fault in message.faults)
    for field in message.fields:
        assert raw[slice(*field.span)] == field.raw.strip()
        assert field.value in message.texts(field.name)
    assert raw.endswith(message.body)
    for address in message.contacts:
        if isinstance(address, NameAddr):
            assert isinstance(address.faults, list)


@pytest.mark.parametrize("raw", [b"OPTIONS sip:a SIP/2.0\r", b"\r\rINVITE sip:a@b SIP/2.0\r"])
def test_a_lone_carriage_return_ends_no_line_and_the_line_is_read_once(raw: bytes) -> None:
    message = Message(raw)
    assert message.is_request
    assert message.version == "SIP/2.0"
    assert message.faults
