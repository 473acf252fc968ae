"""Recorded words made live: identifiers, addresses, domains and users as they are in this replay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from sipconform.sip.compose import Draft
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address

LEFT_OUT = frozenset(  # what the live transaction, dialog or credentials write anew
    {"Via", "Content-Length", "Authorization", "Proxy-Authorization", "Route", "Call-ID", "CSeq", "From", "To"}
)
_HOST_PORT = re.compile(r"(?<![\w.])(\[[0-9A-Fa-f:.]+\]|(?:[0-9]{1,3}\.){3}[0-9]{1,3})(?::([0-9]{1,5}))?(?![\w.]*\w)")
_USER = re.compile(r"\b(sips?:)([^\s@<>\":;]+)@", re.IGNORECASE)


@dataclass(slots=True)
class Leg:
    """What one of our parties knows of one live dialog: the recorded call, as it is here."""

    call_id: str
    cseq: int = 0  # our last
    target: str = ""  # the peer's Contact
    routes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Rewriting:
    """`addresses`: recorded party -> where it is now; `users`: recorded user -> account's user."""

    addresses: dict[Address, Address]
    users: dict[str, str] = field(default_factory=dict)
    identifiers: dict[str, str] = field(default_factory=dict)  # recorded Call-IDs and tags -> live ones
    domains: dict[str, str] = field(default_factory=dict)  # recorded domain -> live one

    def learn(self, recorded: Message, live: Message) -> None:
        """Takes the peer's identifiers from a live message that stands for a recorded one."""
        for ours, theirs in (
            (recorded.call_id, live.call_id),
            (recorded.from_tag, live.from_tag),
            (recorded.to_tag, live.to_tag),
        ):
            if ours and theirs:
                self.identifiers[ours] = theirs

    def text(self, text: str, *, contact: bool = False) -> str:
        """A header field's value, a URI or a body as it reads here; in a `contact` a host stands for its port too."""
        text = _HOST_PORT.sub(partial(self._place, contact), text)
        for recorded, live in self.domains.items():
            text = re.sub(rf"(?<=[@:]){re.escape(recorded)}(?![\w.:-])", live, text)
        text = _USER.sub(lambda found: f"{found[1]}{self.users.get(found[2], found[2])}@", text)
        for recorded, live in self.identifiers.items():
            if len(recorded) > 3 and recorded in text:
                text = text.replace(recorded, live)
        return text

    def _place(self, contact: bool, found: re.Match[str]) -> str:
        host, port = found[1].strip("[]"), found[2]
        live = self.addresses.get(Address(host, int(port or 5060)))
        if live is not None:
            return str(live) if port or contact else _bracketed(live.host)
        same = [new for old, new in self.addresses.items() if old.host == host]
        return _bracketed(same[0].host) if same and not port else found[0]

    def headers(self, recorded: Message) -> Iterator[tuple[str, str]]:
        """Everything that is not written anew, in the recorded order and spelling."""
        for row in recorded.fields:
            if row.name not in LEFT_OUT:
                yield row.raw_name.decode("latin-1").strip(), self.text(row.value, contact=row.name == "Contact")

    def body(self, recorded: Message) -> bytes:
        return self.text(recorded.body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def request(self, recorded: Message, leg: Leg, cseq: int) -> Draft:
        """The recorded request for the live dialog, without Via and credentials."""
        target = leg.target if recorded.to_tag and leg.target else self.text(recorded.request_uri)
        draft = Draft.request(recorded.method, target)
        draft.add("From", self.text(recorded.text("From"))).add("To", self.text(recorded.text("To")))
        draft.add("Call-ID", leg.call_id).add("CSeq", f"{cseq} {recorded.method}")
        for route in leg.routes if recorded.to_tag else ():
            draft.add("Route", route)
        draft.headers += self.headers(recorded)
        draft.body = self.body(recorded)
        return draft


def remote_target(message: Message) -> str:
    """The URI of a Contact, "" when there is none."""
    contact = next(iter(message.contacts), None)
    return str(contact.uri) if isinstance(contact, NameAddr) and isinstance(contact.uri, SipUri) else ""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
