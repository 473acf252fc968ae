"""Recorded words made live: identifiers, addresses, domains and users as they are in this replay."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote, unquote

from sipconform.lab.addresses import bracketed
from sipconform.sip.compose import Draft
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address

LEFT_OUT = frozenset(  # what the live transaction, dialog or credentials write anew
    {"Via", "Content-Length", "Authorization", "Proxy-Authorization", "Route", "Call-ID", "CSeq", "From", "To"}
)
_HOST_PORT = re.compile(r"(?<![\w.])(\[[0-9A-Fa-f:.]+\]|(?:[0-9]{1,3}\.){3}[0-9]{1,3})(?::([0-9]{1,5}))?(?![\w.]*\w)")
_WORD = re.compile(r"[^\s;,=<>\"&?]{4,}")
_SHORT_TAG = re.compile(r"(\btag=\"?)([^\s;,=<>\"&?]{1,3})(?![^\s;,=<>\"&?])", re.IGNORECASE)
_ESCAPED = re.compile(r"(?<=[?&])(Replaces=)([^&>]+)", re.IGNORECASE)
_TRANSPORT = re.compile(r";transport=\w+", re.IGNORECASE)
_USER = re.compile(r"\b(sips?:)([^\s@<>\":;]+)@", re.IGNORECASE)


@dataclass(slots=True)
class Leg:
    """What one of our parties knows of one live call: as many dialogs as there are remote tags, forks answered."""

    call_id: str = ""  # the live one, once there is one
    cseq: int = 0  # our last
    names: dict[str, str] = field(default_factory=dict)  # recorded Call-ID and tags -> live ones
    targets: dict[str, str] = field(default_factory=dict)  # remote tag -> the peer's Contact
    routes: dict[str, list[str]] = field(default_factory=dict)

    def learn(self, tag: str, target: str, routes: list[str]) -> None:
        """Takes the target, which may change, and the route, which may not (RFC 3261 §12.2)."""
        if target:
            self.targets[tag] = target
        if routes:
            self.routes.setdefault(tag, routes)


@dataclass(slots=True)
class Rewriting:
    """`addresses`: recorded party -> where it is now; `users`: recorded user -> account's user."""

    addresses: dict[Address, Address]
    users: dict[str, str] = field(default_factory=dict)
    identifiers: dict[str, str] = field(default_factory=dict)  # as somebody sees them: what others are told of a call
    domains: dict[str, str] = field(default_factory=dict)  # recorded domain -> live one
    contacts: dict[str, str] = field(default_factory=dict)  # recorded Contact URI the peer registered -> live one
    protocol: str = "udp"

    def learn(self, leg: Leg, recorded: Message, live: Message) -> None:
        """Takes the peer's identifiers from a live message that stands for a recorded one."""
        for ours, theirs in (
            (recorded.call_id, live.call_id),
            (recorded.from_tag, live.from_tag),
            (recorded.to_tag, live.to_tag),
        ):
            if ours and theirs:
                leg.names[ours] = self.identifiers[ours] = theirs
        was, now = remote_target(recorded), remote_target(live)
        if live.is_request and live.method == "REGISTER" and was and now:
            self.contacts[was] = now

    def text(self, text: str, leg: Leg, *, contact: bool = False) -> str:
        """A header field's value, a URI or a body as it reads here; in a `contact` a host stands for its port too."""
        names = ChainMap(leg.names, self.identifiers)
        text = _HOST_PORT.sub(partial(self._place, contact), text)
        for recorded, live in self.domains.items():
            text = re.sub(rf"(?<=[@:]){re.escape(recorded)}(?![\w.:-])", live, text)
        text = _USER.sub(lambda found: f"{found[1]}{self.users.get(found[2], found[2])}@", text)
        text = _ESCAPED.sub(lambda found: f"{found[1]}{quote(_named(unquote(found[2]), names), safe='')}", text)
        return _named(text, names)

    def _place(self, contact: bool, found: re.Match[str]) -> str:
        host, port = found[1].strip("[]"), found[2]
        live = self.addresses.get(Address(host, int(port or 5060)))
        if live is not None:
            return str(live) if port or contact else bracketed(live.host)
        same = [new for old, new in self.addresses.items() if old.host == host]
        return bracketed(same[0].host) if same and not port else found[0]

    def headers(self, recorded: Message, leg: Leg) -> Iterator[tuple[str, str]]:
        """Everything that is not written anew, in the recorded order and spelling."""
        for row in recorded.fields:
            if row.name not in LEFT_OUT:
                yield row.raw_name.decode("latin-1").strip(), self._value(row.name, row.value, leg)

    def _value(self, name: str, value: str, leg: Leg) -> str:
        if name != "Contact":
            return self.text(value, leg)
        theirs = next((uri for uri in self.contacts if f"<{uri}>" in value), None)
        if theirs is not None:  # a registrar tells a phone its own Contact
            return value.replace(f"<{theirs}>", f"<{self.contacts[theirs]}>")
        return self.with_transport(self.text(value, leg, contact=True))

    def with_transport(self, contact: str) -> str:
        """A Contact of ours, whose URI says over what we are reached (RFC 3261 §19.1.1)."""
        bare = _TRANSPORT.sub("", contact)
        if self.protocol == "udp":
            return bare
        uri, closing, rest = bare.partition(">")
        return f"{uri};transport={self.protocol}{closing}{rest}" if closing else bare

    def _request_uri(self, recorded: Message, leg: Leg) -> str:
        uri = recorded.request_uri
        return self.contacts.get(uri) or self.text(uri, leg)

    def body(self, recorded: Message, leg: Leg) -> bytes:
        return self.text(recorded.body.decode("utf-8", "surrogateescape"), leg).encode("utf-8", "surrogateescape")

    def request(self, recorded: Message, leg: Leg, cseq: int) -> Draft:
        """The recorded request for the live dialog, without Via and credentials."""
        tag = leg.names.get(recorded.to_tag, recorded.to_tag)
        target = leg.targets.get(tag) if tag else None
        draft = Draft.request(recorded.method, target or self._request_uri(recorded, leg))
        draft.add("From", self.text(recorded.text("From"), leg)).add("To", self.text(recorded.text("To"), leg))
        draft.add("Call-ID", leg.call_id).add("CSeq", f"{cseq} {recorded.method}")
        for route in leg.routes.get(tag, ()):
            draft.add("Route", route)
        draft.headers += self.headers(recorded, leg)
        draft.body = self.body(recorded, leg)
        return draft


def _named(text: str, names: Mapping[str, str]) -> str:
    """With the live Call-IDs and tags; a short word is taken for a tag only where it says so."""
    text = _WORD.sub(lambda found: names.get(found[0], found[0]), text)
    return _SHORT_TAG.sub(lambda found: found[1] + names.get(found[2], found[2]), text)


def remote_target(message: Message) -> str:
    """The URI of a Contact, "" when there is none."""
    contact = next(iter(message.contacts), None)
    return str(contact.uri) if isinstance(contact, NameAddr) and isinstance(contact.uri, SipUri) else ""
