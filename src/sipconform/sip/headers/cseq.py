"""CSeq: the order of requests in a dialog (RFC 3261 §20.16, §8.1.1.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import TOKEN_CHARS

_CSEQ = re.compile(rf"([0-9]+)[ \t]+([{TOKEN_CHARS}]+)")


@dataclass(frozen=True, slots=True)
class CSeq:
    number: int  # below 2**31
    method: str  # as spelled: methods are case-sensitive

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def parse(text: str) -> CSeq | Fault:
    """A Fault for anything but a number, white space and a method, and for numbers of 2**31 and above."""
    found = _CSEQ.fullmatch(text)
    if not found:
        return Fault("CSeq is a number and a method")
    if len(found[1]) > 32 or int(found[1]) >= 2**31:
        return Fault("a CSeq number is less than 2**31")
    return CSeq(int(found[1]), found[2])
