"""Diversion: who forwarded the call, most recent first (RFC 5806)."""

from __future__ import annotations

from dataclasses import dataclass

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import split_list
from sipconform.sip.headers import name_addr, number
from sipconform.sip.headers.name_addr import NameAddr


@dataclass(frozen=True, slots=True)
class Diversion:
    address: NameAddr  # of the party that diverted the call

    @property
    def reason(self) -> str:
        """In lower case: "unconditional", "user-busy", "no-answer", "do-not-disturb" …"""
        return (self.address.params.get("reason") or "").lower()

    @property
    def counter(self) -> int | Fault | None:
        """How many diversions this entry stands for; None when not said, which means one."""
        text = self.address.params.get("counter")
        return None if text is None else number.parse(text, 100)

    @property
    def privacy(self) -> str:
        return (self.address.params.get("privacy") or "").lower()

    @property
    def faults(self) -> list[Fault]:
        counter = self.counter
        return self.address.faults + ([counter] if isinstance(counter, Fault) else [])

    def __str__(self) -> str:
        return str(self.address)


def parse(text: str) -> Diversion | Fault:
    address = name_addr.parse(text)
    return address if isinstance(address, Fault) else Diversion(address)


def parse_list(texts: list[str]) -> list[Diversion | Fault]:
    return [parse(text) for row in texts for text in split_list(row)]
