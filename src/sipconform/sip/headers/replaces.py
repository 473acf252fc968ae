"""Replaces and Join: which dialog an INVITE takes over or enters (RFC 3891 §6.1, RFC 3911 §7.1)."""

from __future__ import annotations

from dataclasses import dataclass

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import NO_PARAMS, Params, parse_params


@dataclass(frozen=True, slots=True)
class DialogId:
    call_id: str
    params: Params = NO_PARAMS

    @property
    def to_tag(self) -> str:
        return self.params.get("to-tag") or ""

    @property
    def from_tag(self) -> str:
        return self.params.get("from-tag") or ""

    @property
    def early_only(self) -> bool:
        return "early-only" in self.params

    @property
    def faults(self) -> list[Fault]:
        both = self.to_tag and self.from_tag
        return self.params.faults + ([] if both else [Fault("to-tag and from-tag are there")])

    def __str__(self) -> str:
        return f"{self.call_id}{self.params}"


def parse(text: str) -> DialogId | Fault:
    """A Fault when the Call-ID is missing or has white space inside."""
    call_id, semicolon, rest = text.partition(";")
    call_id = call_id.strip()
    if not call_id or " " in call_id or "\t" in call_id:
        return Fault("a Call-ID comes first")
    params = parse_params(semicolon + rest)
    return params if isinstance(params, Fault) else DialogId(call_id, params)
