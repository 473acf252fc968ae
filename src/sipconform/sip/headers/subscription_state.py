"""Subscription-State: what a NOTIFY says of its subscription (RFC 6665 §8.2.3, §4.1.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import NO_PARAMS, TOKEN_CHARS, Params, parse_params
from sipconform.sip.headers import number

_STATE = re.compile(rf"([{TOKEN_CHARS}]+)([^;]*)")


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    state: str  # lower case: "active", "pending", "terminated" or an extension
    params: Params = NO_PARAMS
    surplus: str = ""  # what stood between the state and the first semicolon: ", 3599" in `active, 3599`

    @property
    def expires(self) -> int | Fault | None:
        """Seconds left, None when not said."""
        return self._seconds("expires")

    @property
    def retry_after(self) -> int | Fault | None:
        """Seconds to wait before subscribing again, None when not said."""
        return self._seconds("retry-after")

    @property
    def reason(self) -> str:
        """Why it ended, in lower case ("timeout", "noresource"); "" when not said."""
        return (self.params.get("reason") or "").lower()

    @property
    def faults(self) -> list[Fault]:
        found = self.params.faults
        if self.surplus:
            found.append(Fault("semicolons stand between the state and its parameters"))
        return found + [value for value in (self.expires, self.retry_after) if isinstance(value, Fault)]

    def _seconds(self, name: str) -> int | Fault | None:
        text = self.params.get(name)
        return None if text is None else number.parse(text)

    def __str__(self) -> str:
        return f"{self.state}{self.surplus}{self.params}"


@lru_cache(maxsize=256)
def parse(text: str) -> SubscriptionState | Fault:
    """A Fault when it does not begin with a token; odd separators are kept in `surplus`."""
    found = _STATE.match(text)
    if not found:
        return Fault("Subscription-State begins with a token, the state")
    params = parse_params(text[found.end() :])
    if isinstance(params, Fault):
        return params
    return SubscriptionState(found[1].lower(), params, found[2].rstrip())
