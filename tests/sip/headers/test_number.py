from __future__ import annotations

import pytest

from sipconform.sip.fault import Fault
from sipconform.sip.headers.number import parse


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("0068", 68), ("4294967295", 2**32 - 1)])
def test_read(text: str, number: int) -> None:
    assert parse(text) == number


@pytest.mark.parametrize("text", ["", "-1", "1.0", "1 2", "4294967296", "9" * 5000, "\u0661", "0x1"])
def test_unreadable(text: str) -> None:
    assert isinstance(parse(text), Fault)


def test_bound() -> None:
    assert parse("255", 256) == 255
    assert isinstance(parse("256", 256), Fault)
