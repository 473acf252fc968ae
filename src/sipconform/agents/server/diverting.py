"""How a forwarded call tells who forwarded it: Diversion (RFC 5806), History-Info (RFC 7044), or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sipconform.features.diversion import write_diversion, write_history
from sipconform.sip.fault import Fault
from sipconform.sip.headers import history_info
from sipconform.sip.headers.history_info import HistoryEntry
from sipconform.sip.uri import escape

Telling = Literal["diversion", "history-info", "both", "none"]


@dataclass(frozen=True, slots=True)
class Diverted:
    """One diversion of a call: from whom, to whom, and why ("unconditional", "user-busy", "no-answer")."""

    by: str
    to: str
    reason: str


def told(history: Sequence[Diverted], domain: str, how: str) -> list[tuple[str, str]]:
    """The header fields a forwarded call carries, latest Diversion first and History-Info oldest first."""
    headers: list[tuple[str, str]] = []
    if how in ("history-info", "both"):
        headers += [("History-Info", value) for value in _history(history, domain)]
    if how in ("diversion", "both"):
        latest_first = reversed(history)
        headers += [("Diversion", write_diversion(_uri(d.by, domain), d.reason)) for d in latest_first]
    return headers


def _history(history: Sequence[Diverted], domain: str) -> list[str]:
    written: list[str] = []
    for step in history:
        before = [entry for entry in map(history_info.parse, written) if not isinstance(entry, Fault)]
        known: Sequence[HistoryEntry] = before
        written = write_history(_uri(step.by, domain), _uri(step.to, domain), step.reason, known)
    return written


def _uri(number: str, domain: str) -> str:
    """A number of the domain as a URI; one that is a URI stays as it is."""
    return number if ":" in number else f"sip:{escape(number)}@{domain}"
