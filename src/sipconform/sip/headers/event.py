"""Event: which package a SUBSCRIBE or NOTIFY is about (RFC 6665 §8.2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import NO_PARAMS, Params, is_token, parse_params


@dataclass(frozen=True, slots=True)
class Event:
    package: str  # lower case: "as-feature-event", "call-info"
    params: Params = NO_PARAMS

    @property
    def id(self) -> str:
        return self.params.get("id") or ""

    @property
    def faults(self) -> list[Fault]:
        return self.params.faults

    def __str__(self) -> str:
        return f"{self.package}{self.params}"


@lru_cache(maxsize=256)
def parse(text: str) -> Event | Fault:
    """A Fault when the package is not a token; templates ("dialog.winfo") are part of it."""
    package, semicolon, rest = text.partition(";")
    package = package.strip()
    if not is_token(package):
        return Fault("Event begins with a token, the package")
    params = parse_params(semicolon + rest)
    return params if isinstance(params, Fault) else Event(package.lower(), params)
