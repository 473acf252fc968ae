"""Cutting a stream into messages."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.trace.framing import LONGEST_HEADER, NO_LENGTH, Framer, content_length
from tests.trace.capture_files import sip


def feed(*pieces: bytes) -> tuple[list[bytes], Framer]:
    framer = Framer()
    return [framed.payload for piece in pieces for framed in framer.feed(piece)], framer


STREAM = [sip("a"), sip("b", b"v=0\r\n\r\nSIP/2.0 200 OK\r\nVia: x\r\n\r\n"), sip("c", b"x" * 3000), sip("d")]


@given(st.lists(st.integers(0, len(b"".join(STREAM))), max_size=40))
def test_any_cut_gives_the_same_messages(cuts: list[int]) -> None:
    whole = b"\r\n\r\n".join(STREAM)
    edges = [0, *sorted(cuts), len(whole)]
    messages, framer = feed(*(whole[a:b] for a, b in pairwise(edges)))
    assert messages == STREAM
    assert len(framer) == 0


def test_keep_alives_between_messages_are_no_part_of_them() -> None:
    messages, framer = feed(b"\r\n\r\n", sip("a") + b"\r\n\r\n\r\n" + sip("b"), b"\r\n", b"\r\n")
    assert messages == [sip("a"), sip("b")]
    assert framer.junk is None


def test_offsets_count_every_octet_of_the_stream() -> None:
    framer = Framer()
    framed = [*framer.feed(b"\r\n" + sip("a")), *framer.feed(sip("b"))]
    first, second = len(sip("a")), len(sip("b"))
    assert [(f.start, f.end) for f in framed] == [(2, 2 + first), (2 + first, 2 + first + second)]


@pytest.mark.parametrize(
    ("row", "length"),
    [
        (b"Content-Length: 5", 5),
        (b"content-length:5", 5),
        (b"CONTENT-LENGTH : 5", 5),
        (b"l: 5", 5),
        (b"L\t:\t5 ", 5),
        (b"Content-Length:\r\n 5", 5),
        (b"Content-Length: 5\r\nl: 5", 5),
        (b"Content-Length: 5\r\nl: 6", None),
        (b"Content-Length: five", None),
        (b"Content-Length: -5", None),
        (b"Content-Length:", None),
        (b"Content-Length: 99999999999", None),
        (b"X-Content-Length: 5", None),
    ],
)
def test_content_length(row: bytes, length: int | None) -> None:
    assert content_length(b"BYE sip:a SIP/2.0\r\n" + row + b"\r\nTo: x\r\n\r\n") == length


def test_without_content_length_a_message_ends_where_the_next_begins() -> None:
    framer = Framer()
    headless = sip("a", b"body\r\n", length=None)
    assert [*framer.feed(headless)] == []
    assert framer.open_ended
    framed = [*framer.feed(sip("b"))]
    assert [(f.payload, f.trouble) for f in framed] == [(headless, NO_LENGTH), (sip("b"), "")]


def test_a_stream_caught_in_the_middle_begins_at_the_next_start_line() -> None:
    messages, framer = feed(b"ength: 3\r\n\r\nabcOPTIONS\r\nv=0 SIP/2.0\r\n", sip("a")[:7], sip("a")[7:] + sip("b"))
    assert messages == [sip("a"), sip("b")]
    assert framer.junk is None


def test_a_wrong_content_length_leaves_junk_that_is_named() -> None:
    messages, framer = feed(sip("a", b"0123456789", length=4) + b"\r\n" + sip("b"))
    assert messages == [sip("a", b"0123", length=4), sip("b")]
    assert framer.junk is not None
    start, end = framer.junk
    assert end - start == len(b"456789\r\n")


def test_memory_is_bounded_whatever_comes() -> None:
    framer = Framer()
    for _ in range(100):
        assert [*framer.feed(b"x" * 10_000)] == []
        assert len(framer) <= LONGEST_HEADER + 10_000
    for _ in range(300):
        assert [*framer.feed(b"BYE sip:a SIP/2.0\r\n" + b"X: " + b"y" * 10_000)] == []
        assert len(framer) <= 2 * LONGEST_HEADER


def test_a_start_line_that_is_no_more_than_text_in_a_body_is_not_one() -> None:
    headless = sip("a", b"SIP/2.0 200 OK\r\n", length=None)
    messages, framer = feed(headless)
    assert messages == []
    rest = framer.take(NO_LENGTH)
    assert rest is not None
    assert rest.payload == headless


@given(
    st.lists(st.binary(max_size=200) | st.sampled_from([*STREAM, b"SIP/2.0", b"\r\n\r\n", b"l: 4\r\n"]), max_size=12)
)
def test_no_octet_is_invented_whatever_comes(pieces: list[bytes]) -> None:
    messages, _ = feed(*pieces)
    stream, at = b"".join(pieces), 0
    for message in messages:
        at = stream.find(message, at)
        assert at >= 0
        at += len(message)
