from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sipconform.sip.fault import Fault
from sipconform.sip.headers.date import parse


def test_read() -> None:
    assert parse("Sat, 13 Nov 2010 23:29:00 GMT") == datetime(2010, 11, 13, 23, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Fri, 01 Jan 2010 16:00:00 EST",
        "Fri, 1 Jan 2010 16:00:00 GMT",
        "Fri, 31 Feb 2010 16:00:00 GMT",
        "Fri, 01 Jan 2010 24:00:00 GMT",
        "Fri, 01 Jan 0000 00:00:00 GMT",
    ],
)
def test_unreadable(text: str) -> None:
    assert isinstance(parse(text), Fault)
