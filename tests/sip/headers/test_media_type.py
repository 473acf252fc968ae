from __future__ import annotations

import pytest

from sipconform.sip.fault import Fault
from sipconform.sip.headers.media_type import MediaType, parse, parse_list


def test_read() -> None:
    read = parse('Multipart / Mixed ; Boundary="a;b" ;x=y')
    assert isinstance(read, MediaType)
    assert (read.type, read.boundary, read.params.get("X")) == ("multipart/mixed", "a;b", "y")
    assert read.faults == []
    assert parse(str(read)) == read
    assert MediaType("a/b").boundary == ""


@pytest.mark.parametrize("text", ["", "sdp", "a/", "/b", "a b/c", "a/b/c", 'a/b;x="'])
def test_unreadable(text: str) -> None:
    assert isinstance(parse(text), Fault)


def test_list() -> None:
    assert parse_list(["application/sdp, text/*;q=0.5", ""])[0] == MediaType("application/sdp")
    assert len(parse_list(["application/sdp, text/*", "", "x"])) == 3
