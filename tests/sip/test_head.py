from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.sip import head
from sipconform.sip.fault import Fault, Span
from sipconform.sip.head import canonical_name
from sipconform.sip.message import Message
from tests.sip.test_message import INVITE


def test_rows_keep_order_spelling_and_place() -> None:
    message = Message(b"OPTIONS sip:a@b SIP/2.0\r\nf:  <sip:a@b>;tag=1 \r\nTO : <sip:a@b>\r\nX-tra:\r\n\r\n")
    assert [field.name for field in message.fields] == ["From", "To", "X-Tra"]
    assert [field.raw_name for field in message.fields] == [b"f", b"TO ", b"X-tra"]
    assert [message.raw[slice(*f.span)] for f in message.fields] == [b"<sip:a@b>;tag=1", b"<sip:a@b>", b""]
    assert [f.value for f in message.fields] == ["<sip:a@b>;tag=1", "<sip:a@b>", ""]
    assert message.faults == []


def test_folded_row_is_one_value() -> None:
    message = Message(b"OPTIONS sip:a@b SIP/2.0\r\nSubject: one\r\n  two \r\n\tthree\r\nk: a,\r\n b\r\n\r\n")
    assert message.text("Subject") == "one two three"
    assert message.values("Supported") == ["a", "b"]
    row = message.row("Subject")
    assert row is not None
    assert row.value == "one two three"
    assert message.raw[slice(*row.span)] == b"one\r\n  two \r\n\tthree"
    assert message.faults == []


def test_repeated_rows_and_commas_are_one_list() -> None:
    message = Message(b'A b SIP/2.0\r\nAllow: A, B\r\nallow: C\r\nZ: "1,2", <3,4>, 5\r\n\r\n')
    assert message.values("Allow") == ["A", "B", "C"]
    assert message.values("Z") == ['"1,2"', "<3,4>", "5"]
    assert message.count("Allow") == 2
    assert message.text("Allow") == "A, B"
    assert message.has("Allow")
    assert not message.has("Via")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [b"\n", b"\r\n"])
def test_lone_line_feeds_are_read_and_reported(end: bytes, last: bytes) -> None:
    raw = b"OPTIONS sip:a@b SIP/2.0\nX-A: 1" + end + b"X-B: 2\n 3" + end + last + b"x\r\n\r\ny"
    message = Message(raw)
    assert [message.text("X-A"), message.text("X-B")] == ["1", "2 3"]
    assert [raw[slice(*f.span)] for f in message.fields] == [b"1", b"2\n 3"]
    assert message.body == b"x\r\n\r\ny"
    assert message.faults == [Fault("lines end with CRLF", Span(23, 24))]


def test_empty_lines_before_the_start_line_are_no_fault() -> None:
    message = Message(b"\r\n\r\n" + INVITE)
    assert message.method == "INVITE"
    assert message.faults == []
    assert message.raw[slice(*message.start_span)] == message.start_line
    assert message.raw[slice(*message.span("Max-Forwards"))] == b"70"


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        (b"f", "From"),
        (b"CALL-ID", "Call-ID"),
        (b"www-authenticate ", "WWW-Authenticate"),
        (b"x-a", "X-A"),
        (b"", ""),
    ],
)
def test_canonical_name(name: bytes, canonical: str) -> None:
    assert canonical_name(name) == canonical


def test_hostile_names_do_not_fill_the_cache() -> None:
    Message(b"A b SIP/2.0\r\n" + b"".join(b"x%d: 1\r\n" % n for n in range(5000)) + b"\r\n")
    assert len(head._canonical) <= 4096
    assert canonical_name(b"x-" + b"y" * 100) == "X-Y" + "y" * 99


PIECES = st.sampled_from(
    [b"Via", b"VIA", b"v", b":", b" : ", b"x", b"\xff", b"\r\n", b"\n", b"\r", b" ", b"\t", b"\r\n ", b"\r\n\r\n"]
)


@given(st.lists(PIECES, max_size=24).map(b"".join))
def test_a_row_found_alone_is_the_one_found_among_all(rows: bytes) -> None:
    message = Message(b"A b SIP/2.0\r\n" + rows)
    alone = message.row("Via")
    assert alone == next((field for field in message.fields if field.name == "Via"), None)
