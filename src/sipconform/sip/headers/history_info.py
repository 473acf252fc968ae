"""History-Info: whom a request was meant for before, and why it moved on (RFC 7044)."""

from __future__ import annotations

from dataclasses import dataclass

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import split_list
from sipconform.sip.headers import name_addr, number, reason
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri, unescape


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    address: NameAddr  # the target; its URI may carry Reason and Privacy as headers

    @property
    def index(self) -> str:
        """The place in the tree of forwarding: "1", "1.1", "1.1.1"."""
        return self.address.params.get("index") or ""

    @property
    def reasons(self) -> list[reason.Reason | Fault]:
        """The Reason values escaped into the URI: why this target was left."""
        return reason.parse_list([self._escaped("reason")]) if self._escaped("reason") else []

    @property
    def privacy(self) -> str:
        """The Privacy value escaped into the URI, "" for none."""
        return self._escaped("privacy")

    @property
    def cause(self) -> int | Fault | None:
        """The URI's cause parameter (RFC 4458): 302 forwarded always, 486 when busy, 408 on no answer."""
        uri = self.address.uri
        text = uri.params.get("cause") if isinstance(uri, SipUri) else None
        return None if text is None else number.parse(text)

    @property
    def faults(self) -> list[Fault]:
        ordered = all(part.isascii() and part.isdigit() for part in self.index.split("."))
        return self.address.faults + ([] if ordered else [Fault("index is numbers joined by dots")])

    def _escaped(self, name: str) -> str:
        uri = self.address.uri
        return unescape(uri.headers.get(name) or "") if isinstance(uri, SipUri) else ""

    def __str__(self) -> str:
        return str(self.address)


def parse(text: str) -> HistoryEntry | Fault:
    address = name_addr.parse(text)
    return address if isinstance(address, Fault) else HistoryEntry(address)


def parse_list(texts: list[str]) -> list[HistoryEntry | Fault]:
    """Every entry of every row, oldest first."""
    return [parse(text) for row in texts for text in split_list(row)]
