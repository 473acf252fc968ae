"""Reason: why a request was sent, among others CANCEL and BYE (RFC 3326)."""

from __future__ import annotations

from dataclasses import dataclass

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import NO_PARAMS, Params, is_token, parse_params, split_list
from sipconform.sip.headers import number


@dataclass(frozen=True, slots=True)
class Reason:
    protocol: str  # as spelled: "SIP", "Q.850"
    params: Params = NO_PARAMS

    @property
    def cause(self) -> int | Fault | None:
        """The status or cause code, None when not given."""
        text = self.params.get("cause")
        return None if text is None else number.parse(text)

    @property
    def text(self) -> str:
        return self.params.get("text") or ""

    @property
    def faults(self) -> list[Fault]:
        cause = self.cause
        return [*self.params.faults, cause] if isinstance(cause, Fault) else self.params.faults

    def __str__(self) -> str:
        return f"{self.protocol}{self.params}"


def parse(text: str) -> Reason | Fault:
    """One value. A Fault when the protocol is not a token."""
    protocol, semicolon, rest = text.partition(";")
    protocol = protocol.strip()
    if not is_token(protocol):
        return Fault("Reason begins with a token, the protocol")
    params = parse_params(semicolon + rest)
    return params if isinstance(params, Fault) else Reason(protocol, params)


def parse_list(texts: list[str]) -> list[Reason | Fault]:
    """Every value of every row, in order."""
    return [parse(text) for row in texts for text in split_list(row)]
