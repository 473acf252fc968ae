"""Retry-After: when to try again (RFC 3261 §20.33)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import NO_PARAMS, Params, parse_params
from sipconform.sip.headers import number

_RETRY = re.compile(r"([0-9]+)[ \t]*(?:\(((?:[^()\\]|\\.)*)\)[ \t]*)?(?=;|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RetryAfter:
    seconds: int
    comment: str = ""
    params: Params = NO_PARAMS

    @property
    def duration(self) -> int | Fault | None:
        """Seconds the party will then be reachable; None when not said."""
        text = self.params.get("duration")
        return None if text is None else number.parse(text)

    @property
    def faults(self) -> list[Fault]:
        return self.params.faults

    def __str__(self) -> str:
        comment = f" ({self.comment})" if self.comment else ""
        return f"{self.seconds}{comment}{self.params}"


def parse(text: str) -> RetryAfter | Fault:
    """A Fault when it does not begin with seconds below 2**32."""
    found = _RETRY.match(text)
    if not found:
        return Fault("Retry-After begins with seconds")
    seconds = number.parse(found[1])
    if isinstance(seconds, Fault):
        return seconds
    params = parse_params(text[found.end() :])
    return params if isinstance(params, Fault) else RetryAfter(seconds, found[2] or "", params)
