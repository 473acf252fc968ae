"""Header fields that are one number: Expires, Min-Expires, Max-Forwards, Content-Length (RFC 3261 §20)."""

from __future__ import annotations

import re
from functools import lru_cache

from sipconform.sip.fault import Fault

_DIGITS = re.compile("[0-9]+")
_ENOUGH = 40  # digits; more are a fault whatever they say, and slow to convert


@lru_cache(maxsize=256)
def parse(text: str, below: int = 2**32) -> int | Fault:
    """Digits and nothing else; a Fault also for numbers of `below` and above (delta-seconds: 2**32)."""
    if not _DIGITS.fullmatch(text):
        return Fault("a number has digits only")
    if len(text) > _ENOUGH or int(text) >= below:
        return Fault(f"a number below {below}")
    return int(text)
