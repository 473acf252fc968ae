from __future__ import annotations

import pytest

from sipconform.sip.fault import Fault
from sipconform.sip.headers.cseq import CSeq, parse


@pytest.mark.parametrize(
    ("text", "cseq"),
    [("1 INVITE", CSeq(1, "INVITE")), ("0009  \t x-Y", CSeq(9, "x-Y")), ("2147483647 A", CSeq(2**31 - 1, "A"))],
)
def test_read(text: str, cseq: CSeq) -> None:
    assert parse(text) == cseq
    assert parse(str(cseq)) == cseq


@pytest.mark.parametrize("text", ["", "1", "INVITE", "1INVITE", "-1 A", "1 A B", "2147483648 A", "\u0661 A", "1 A@"])
def test_unreadable(text: str) -> None:
    assert isinstance(parse(text), Fault)
