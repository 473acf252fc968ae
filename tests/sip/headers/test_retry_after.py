from __future__ import annotations

import pytest

from sipconform.sip.fault import Fault
from sipconform.sip.headers.retry_after import RetryAfter, parse


def test_read() -> None:
    read = parse("120 (I'm in (a) \\) meeting) ; duration=3600")
    assert isinstance(read, RetryAfter)
    assert (read.seconds, read.comment, read.duration) == (120, "I'm in (a) \\) meeting", 3600)
    assert read.faults == []
    assert parse(str(read)) == read
    assert parse("5") == RetryAfter(5)
    assert RetryAfter(5).duration is None


@pytest.mark.parametrize("text", ["", "soon", "-1", "5 x", "5 (x", "5 (x (y)", "4294967296", '5;x="'])
def test_unreadable(text: str) -> None:
    assert isinstance(parse(text), Fault)
