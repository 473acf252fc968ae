from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.sip.fault import Fault
from sipconform.sip.headers.media_type import MediaType
from sipconform.sip.message import Message
from sipconform.sip.multipart import Multipart, compose, parse

HEADERS = [("Content-Type", "application/sdp"), ("Content-ID", "<1@a>"), ("Content-Length", "5")]


def rules(read: Multipart) -> list[str]:
    return [fault.rule for fault in read.faults]


def test_what_is_composed_is_read() -> None:
    raw = compose("b", (HEADERS, b"v=0\r\n"), ([], b""), ([("Content-Disposition", "Render;x")], b"\x00\r\n--c\r\n"))
    read = parse(raw, "b")
    assert read.faults == ()
    assert [part.body for part in read.parts] == [b"v=0\r\n", b"", b"\x00\r\n--c\r\n"]
    assert [raw[slice(*part.span)] for part in read.parts] == [part.body for part in read.parts]
    assert read.parts[0].content_type == MediaType("application/sdp")
    assert read.parts[0].content_id == "1@a"
    assert read.parts[1].content_type == MediaType("text/plain")
    assert read.parts[2].disposition == "render"


def test_a_part_that_holds_the_boundary_cannot_be_composed() -> None:
    with pytest.raises(ValueError, match="boundary"):
        compose("b", ([], b"x\r\n--b\r\n"))


def test_a_longer_boundary_is_no_delimiter() -> None:
    read = parse(b"--b\r\n\r\n--bc\r\n--b--\r\n", "b")
    assert read.faults == ()
    assert [part.body for part in read.parts] == [b"--bc"]


def test_preamble_and_epilogue_are_legal() -> None:
    read = parse(b"before\r\n--b  \r\n\r\nx\r\n--b--\r\nafter\r\n--b\r\n", "b")
    assert read.faults == ()
    assert (read.preamble, read.epilogue) == (b"before\r\n", b"after\r\n--b\r\n")
    assert [part.body for part in read.parts] == [b"x"]


def test_folded_part_header() -> None:
    read = parse(b"--b\r\nContent-Type: multipart/mixed;\r\n boundary=x\r\n\r\n\r\n--b--", "b")
    assert read.faults == ()
    kind = read.parts[0].content_type
    assert isinstance(kind, MediaType)
    assert kind.boundary == "x"


@pytest.mark.parametrize(
    ("raw", "boundary", "rule", "parts"),
    [
        (b"--b\r\n\r\nx", "b", "a closing delimiter ends the last part", [b"x"]),
        (b"--b\n\r\nx\r\n--b--\r\n", "b", "a delimiter line ends with CRLF", [b"x"]),
        (b"--b\r\n\r\nx\r\n--b--\r\n", "c", "delimiter lines begin with -- and the boundary", []),
        (b"--b\r\n\r\nx\r\n--b--\r\n", "", "a boundary has 1 to 70 plain characters", []),
        (b"--b!\r\n\r\nx\r\n--b!--\r\n", "b!", "a boundary has 1 to 70 plain characters", [b"x"]),
        (
            b"--b\r\nContent-Length: 2\r\n\r\nx\r\n--b--\r\n",
            "b",
            "a part's Content-Length is the length of its body",
            [b"x"],
        ),
        (b"--b\r\nContent-Length: x\r\n\r\nx\r\n--b--\r\n", "b", "a number has digits only", [b"x"]),
        (b"--b\r\nContent-Type: x\r\n\r\nx\r\n--b--\r\n", "b", "a media type is type/subtype", [b"x"]),
        (
            b"--b\r\nContent-ID: <1>\r\n\r\nx\r\n--b\r\nContent-ID: <1>\r\n\r\ny\r\n--b--\r\n",
            "b",
            "no two parts share a Content-ID",
            [b"x", b"y"],
        ),
    ],
)
def test_faults(raw: bytes, boundary: str, rule: str, parts: list[bytes]) -> None:
    read = parse(raw, boundary)
    assert rule in rules(read)
    assert [part.body for part in read.parts] == parts


def test_part_of_a_message() -> None:
    body = compose("b", ([("Content-Type", "text/plain")], b"x"), (HEADERS, b"v=0\r\n"))
    head = b'INVITE sip:a@b SIP/2.0\r\nContent-Type: multipart/mixed;boundary="b"\r\nContent-Length: %d\r\n\r\n'
    message = Message(head % len(body) + body + b"surplus")
    part = message.part("application/sdp")
    assert part is not None
    body, start = part
    assert message.raw[start : start + len(body)] == body == b"v=0\r\n"
    assert message.part("text/html") is None
    assert message.sdp is not None
    assert message.sdp.raw == b"v=0\r\n"
    assert message.multipart is not None
    assert message.multipart.epilogue == b""


PIECES = st.sampled_from([b"--b", b"--", b"\r\n", b"\n", b" ", b"Content-Length: 3", b"Content-ID: x", b":", b"x"])


@given(st.binary(max_size=200) | st.lists(PIECES, max_size=30).map(b"".join), st.text(max_size=3) | st.just("b"))
def test_any_bytes_are_read(raw: bytes, boundary: str) -> None:
    read = parse(raw, boundary)
    assert all(0 <= fault.span.start <= fault.span.end <= len(raw) for fault in read.faults)
    for part in read.parts:
        assert raw[slice(*part.span)] == part.body
        assert isinstance(part.content_type, MediaType | Fault)
