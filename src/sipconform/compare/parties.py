"""Who is who in a trace: addresses, domains and users by the part they play, so that two traces can be laid
side by side whatever the addresses, ports and numbers of their laboratories were."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote

from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address, address_of
from sipconform.trace.trace import Trace, WireMessage

_URI = re.compile(r"\b(sips?):(?:([^\s@<>\"]*)@)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w.@:«])(\[[0-9a-fA-F:.]+\]|(?:[0-9]{1,3}\.){3}[0-9]{1,3})(?::([0-9]{1,5}))?(?![\w.])")
_AT_DOMAIN = re.compile(r"(?<![\w@:])([\w.+*#!'-]+)@(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::([0-9]{1,5}))?")
SHORTEST_NUMBER = 3
"""Digits from which a number is taken for a user's wherever it stands."""


@dataclass(slots=True)
class Parties:
    """The parties of one trace by name ("server", "phone 1", …). Their order is that of the lab's own record,
    else of first appearance; `users` in the order in which they come up."""

    trace: Trace
    names: dict[Address, str] = field(default_factory=dict)
    domains: set[str] = field(default_factory=set)
    users: dict[str, str] = field(default_factory=dict)
    called: dict[str, None] = field(default_factory=dict)  # numbers at the domain, in the order of the first call
    contacts: dict[str, set[str]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)  # phone -> the user it registered first
    vague: bool = False  # several parties share a host: an address without a port does not tell which
    _hosts: dict[str, str] = field(default_factory=dict)
    _said: dict[str, str] = field(default_factory=dict)
    _learned: set[tuple[object, ...]] = field(default_factory=set)
    _instead: dict[str, str] = field(default_factory=dict)  # user -> the one whose part he plays

    def __post_init__(self) -> None:
        ordered = list(dict.fromkeys(_ordered(self.trace)))
        for role in ("server", "phone"):
            those = (address for address in ordered if (address in self.trace.servers) == (role == "server"))
            for count, address in enumerate(those, 1):
                self.names[address] = role if role == "server" and count == 1 else f"{role} {count}"
        for address, name in self.names.items():
            self.vague |= address.host in self._hosts
            self._hosts.setdefault(address.host, name)  # servers come first
        for message in self.trace.messages:
            self._learn(message)

    def _learn(self, message: WireMessage) -> None:
        if message.is_request and message.method == "REGISTER" and isinstance(message.uri, SipUri):
            self.domains.add(message.uri.host.lower())
            to = message.to
            if isinstance(to, NameAddr) and isinstance(to.uri, SipUri) and to.uri.user:
                user = unquote(to.uri.user)
                self.users.setdefault(user, f"user {len(self.users) + 1}")
                self.owners.setdefault(self.name(message.source), user)
        if message.is_request and message.method == "INVITE" and not message.to_tag:
            uri = message.uri
            if isinstance(uri, SipUri) and uri.user.isdigit() and len(uri.user) >= SHORTEST_NUMBER:
                self.called.setdefault(uri.user)
        if message.has("Contact") and (told := (message.source, *message.texts("Contact"))) not in self._learned:
            self._learned.add(told)
            sender = self.name(message.source)
            for contact in message.contacts:
                if isinstance(contact, NameAddr) and isinstance(contact.uri, SipUri):
                    uri = contact.uri
                    if self.place(uri.host, str(uri.port or "")) == sender:
                        self.contacts.setdefault(sender, set()).add(uri.user)

    def exchange(self, one: str, other: str) -> None:
        """From now on each of two phones stands for the other, and its user for the other's."""
        mine, theirs = self.owners[one], self.owners[other]
        self._instead = {mine: theirs, theirs: mine}
        self.rename({one: other, other: one})
        self.owners = {name: self._instead.get(user, user) for name, user in self.owners.items()}
        self.contacts = {
            name: {self._instead.get(user, user) for user in users} for name, users in self.contacts.items()
        }

    def rename(self, parts: Mapping[str, str]) -> None:
        """From now on parties play other parts than the order of their appearance has given them."""
        self.names = {address: parts.get(name, name) for address, name in self.names.items()}
        self._hosts = {host: parts.get(name, name) for host, name in self._hosts.items()}
        self.contacts = {parts.get(name, name): users for name, users in self.contacts.items()}
        self.owners = {parts.get(name, name): user for name, user in self.owners.items()}
        self._said.clear()

    def _as_the_other(self, text: str) -> str:
        """A number stands in free text and documents too; a short one only means a user where one has to stand."""
        words = "|".join(re.escape(user) for user in self._instead if len(user) >= SHORTEST_NUMBER) or "(?!)"
        return re.sub(rf"(?<![\w.-])({words})(?![\w.-])", lambda found: self._instead[found[0]], text)

    def name(self, address: Address) -> str:
        """The party at an address."""
        party = self.trace.party(address)
        return self.names.get(party, str(party))

    def place(self, host: str, port: str) -> str:
        """What a host, with or without a port, stands for; itself when it stands for nobody. The domain is served by
        the server, and whether a URI names the one or the other is a matter of the laboratory's addresses."""
        bare = host.strip("[]")
        if self.vague and not port and (bare in self._hosts or host.lower() in self.domains):
            return "somebody"
        named = self.names.get(Address(bare, int(port or 5060)))
        if named:
            return named
        if host.lower() in self.domains:
            return "server"
        return self._hosts.get(bare) or (f"{host}:{port}" if port else host)

    def speak(self, text: str) -> str:
        """A text with addresses, domains and users replaced by the part they play."""
        said = self._said.get(text)
        if said is None:
            said = _URI.sub(self._uri, self._as_the_other(text) if self._instead else text)
            said = _AT_DOMAIN.sub(self._at_domain, said)
            said = _ADDRESS.sub(lambda found: "«" + self.place(found[1], found[2] or "") + "»", said)
            if len(self._said) < 100_000:
                self._said[text] = said
        return said

    def _uri(self, found: re.Match[str]) -> str:
        scheme, user, host, port = found[1].lower(), found[2], found[3], found[4]
        place = self.place(host, port or "")
        if place.startswith("phone") and (user or "") in self.contacts.get(place, ()):
            user = "«contact»"
        else:
            user = self.user(user or "")
        return f"{scheme}:{user}@«{place}»"

    def _at_domain(self, found: re.Match[str]) -> str:
        return f"{self.user(found[1])}@«{self.place(found[2], found[3] or '')}»"

    def account(self, name: str) -> str:
        """Whose credentials they are: a user by himself, outside of any URI."""
        return self.user(self._as_the_other(name) if self._instead else name)

    def user(self, user: str) -> str:
        """A user by the order of registration; anybody else by his name."""
        if "%" in user:
            user = _unescaped(user)
        if len(user) < SHORTEST_NUMBER:
            user = self._instead.get(user, user)
        return f"«{self.users[user]}»" if user in self.users else user


@lru_cache(1024)
def _unescaped(user: str) -> str:
    """What need not be escaped stands for itself (RFC 3261 §19.1.4); a code's # must, and keeps its look."""
    plain = unquote(user)
    return plain if plain.isalnum() else user


def _ordered(trace: Trace) -> Iterator[Address]:
    for observation in reversed(trace.observations):  # the last knows all: a device may have shown itself late
        if observation.kind == "lab":
            for role in ("servers", "phones"):
                listed = observation.what.get(role)
                for text in listed if isinstance(listed, list) else []:
                    if (address := address_of(str(text))) is not None:
                        yield address
    ends = dict.fromkeys((message.packet.source, message.packet.destination) for message in trace.messages)
    yield from (trace.party(address) for pair in ends for address in pair)


def agree(run: Parties, reference: Parties) -> None:
    """Users of the same name in both keep it, so that who registered first does not matter; so do the phones they have
    registered; and neither tells more of an address than the other can."""
    run.vague = reference.vague = run.vague or reference.vague
    for user in run.users.keys() & reference.users.keys():
        run.users[user] = reference.users[user] = user
    for ours, theirs in zip(_called_only(run, reference), _called_only(reference, run), strict=False):
        run.users[ours] = reference.users[theirs] = f"number {len(run.users)}"
    _match_phones(run, reference)


def _called_only(parties: Parties, other: Parties) -> list[str]:
    """Numbers that are called and never register, a group's for one, in the order of the first call. What both know
    is the same number, and what is not all digits is a code or a name that means something."""
    return [n for n in parties.called if n not in parties.users and n not in other.called and n not in other.users]


def _match_phones(run: Parties, reference: Parties) -> None:
    """Phones of one user beside each other, whoever came first; all others by their order, and so are several that
    have one user, be it at two servers or at one."""
    ours, theirs = _by_user(run), _by_user(reference)
    parts = {phones[0]: theirs[user][0] for user, phones in ours.items() if len(phones) == len(theirs[user]) == 1}
    if any(phone != same for phone, same in parts.items()):
        phones = [name for name in dict.fromkeys(run.names.values()) if name.startswith("phone")]
        others = [phone for phone in phones if phone not in parts]
        left = [name for name in phones if name not in parts.values()]
        run.rename(parts | dict(zip(others, left, strict=False)))


def _by_user(parties: Parties) -> dict[str, list[str]]:
    told: dict[str, list[str]] = defaultdict(list)
    for phone, user in parties.owners.items():
        told[user].append(phone)
    return told
