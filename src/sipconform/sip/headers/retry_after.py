"""Retry-After: when to try again (RFC 3261 §20.33)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import NO_PARAMS, Params, parse_params
from sipconform.sip.headers import number

_SECONDS = re.compile(r"([0-9]+)[ \t]*")
_MARK = re.compile(r"\\.|[()]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RetryAfter:
    seconds: int
    comment: str = ""  # without the outer parentheses; inner ones and backslashes as sent
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
    found = _SECONDS.match(text)
    if not found:
        return Fault("Retry-After begins with seconds")
    seconds = number.parse(found[1])
    if isinstance(seconds, Fault):
        return seconds
    end = _end_of_comment(text, found.end())
    if end is None:
        return Fault("a comment ends with a closing parenthesis")
    params = parse_params(text[end:])
    return params if isinstance(params, Fault) else RetryAfter(seconds, text[found.end() + 1 : end - 1], params)


def _end_of_comment(text: str, start: int) -> int | None:
    """Where the comment that begins at `start` is closed; comments nest (RFC 3261 §25.1)."""
    if not text.startswith("(", start):
        return start
    depth = 0
    for mark in _MARK.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end()
    return None
