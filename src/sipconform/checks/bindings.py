"""What a REGISTER asks for, what its answer grants, and which Contacts a registrar knows at any moment."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from sipconform.checks.evidence import GIVE_UP, author, once_per_trace, passed_on, same_uri, seconds, seconds_of
from sipconform.checks.names import aor_of, host_of, user_of
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, Transaction, WireMessage

Line = tuple[str, str, Address, Address]
"""A phone's registrations at one registrar: Call-ID, address-of-record, client, server."""
Account = tuple[str, Address, Address, str]
"""The same whatever the Call-ID: address-of-record, author, server, first Contact."""
Owner = tuple[Address, str]
"""A registrar, and an address-of-record of it: two domains at one registrar may have the same extension number."""


# -- one REGISTER -------------------------------------------------------------------------------------------------


def registers(trace: Trace) -> Iterator[tuple[Transaction, WireMessage]]:
    """Every REGISTER transaction whose request was seen."""
    for transaction in trace.transactions_of("REGISTER"):
        if transaction.request is not None:
            yield transaction, transaction.request


def answered(trace: Trace) -> Iterator[tuple[WireMessage, WireMessage]]:
    """Every REGISTER with its final answer, unless the sender of that only passed it on."""
    for transaction, request in registers(trace):
        final = transaction.final
        if final is not None and not passed_on(trace, final):
            yield request, final


def line(transaction: Transaction, request: WireMessage) -> Line:
    """What a REGISTER belongs to."""
    return request.call_id, aor(request), transaction.client, transaction.server


def account(trace: Trace, transaction: Transaction, request: WireMessage) -> Account:
    """Whose registration a REGISTER is about, whichever Call-ID it has."""
    asked = contacts(request)
    place = f"{asked[0].uri_text} {flow_of(asked[0])}" if asked else request.text("Contact")
    return aor(request), trace.party(author(request)), transaction.server, place


def aor(request: WireMessage) -> str:
    """The address-of-record: the URI in To, in one spelling when it can be read."""
    to = request.to
    return aor_of(to.uri_text) if isinstance(to, NameAddr) else request.text("To")


def contacts(message: WireMessage) -> list[NameAddr]:
    """The readable Contacts."""
    return [c for c in message.contacts if isinstance(c, NameAddr)]


def lifetime(message: WireMessage, contact: NameAddr) -> int | None:
    """Seconds for one Contact: its own parameter before the header field (RFC 3261 §10.2.1.1); None if unsaid."""
    own = contact.params.get("expires")
    if own is not None:
        return int(own) if own.isascii() and own.isdigit() and len(own) < 12 else 3600  # malformed counts as 3600
    return seconds_of(message.expires)


def granted(answer: WireMessage, asked: NameAddr) -> int | None:
    """Seconds an answer grants to one Contact of its request, None when it is not listed."""
    listed = next((c for c in contacts(answer) if same_binding(c, asked)), None)
    return lifetime(answer, listed) if listed is not None else None


def refreshes(request: WireMessage) -> bool:
    """Whether a REGISTER asks for a binding to live on, as opposed to a query or a removal."""
    return not request.contact_star and any(lifetime(request, contact) != 0 for contact in contacts(request))


def takes_away(request: WireMessage, contact: NameAddr) -> bool:
    """Whether a REGISTER asks for this Contact's binding to go."""
    if request.contact_star:
        return request.expires == 0
    return any(same_binding(c, contact) and lifetime(request, c) == 0 for c in contacts(request))


def flow_of(contact: NameAddr) -> tuple[str, str] | None:
    """Instance and flow, where a Contact names both (RFC 5626 §4.2)."""
    instance, flow = contact.params.get("+sip.instance"), contact.params.get("reg-id")
    return (instance, flow) if instance and flow else None


def same_binding(one: NameAddr, other: NameAddr) -> bool:
    """Whether two Contacts are one binding: by instance and flow where both name them (RFC 5626 §6), else by URI."""
    mine, theirs = flow_of(one), flow_of(other)
    return mine == theirs if mine and theirs else same_uri(one.uri_text, other.uri_text)


# -- what a registrar knows ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Grant:
    """A Contact as one answer lists it: until when, in nanoseconds."""

    answer: WireMessage
    contact: NameAddr
    until_ns: int

    @property
    def uri(self) -> str:
        return self.contact.uri_text


@dataclass(frozen=True, slots=True)
class Change:
    """An accepted REGISTER, be it a question: each answer lists everything, in place of the list before."""

    request: WireMessage
    answer: WireMessage
    listed: list[Grant]


@dataclass(slots=True)
class History:
    """An owner's accepted REGISTERs in the order of their answers, and all that were sent."""

    changes: list[Change] = field(default_factory=list)
    sent: list[Transaction] = field(default_factory=list)

    def before(self, number: int) -> Change | None:
        """The last list told before a message."""
        place = bisect_left(self.changes, number, key=lambda change: change.answer.number)
        return self.changes[place - 1] if place else None


@once_per_trace
def histories(trace: Trace) -> dict[Owner, History]:
    """What was registered at every registrar for every address-of-record."""
    found: dict[Owner, History] = {}
    for transaction, request in registers(trace):
        history = found.setdefault((transaction.server, aor(request)), History())
        history.sent.append(transaction)
        final = transaction.final
        if final is not None and final.status < 300:
            now = final.packet.time_ns
            listed = [Grant(final, c, now + (lifetime(final, c) or 0) * 10**9) for c in contacts(final)]
            history.changes.append(Change(request, final, listed))
    for history in found.values():
        history.changes.sort(key=lambda change: change.answer.number)
    return found


def known_at(trace: Trace, owner: Owner, number: int, *, at_least: bool = False) -> list[Grant] | None:
    """The bindings of an owner before a message, as last listed; None when nothing was listed, or a REGISTER was under
    way that may have changed them: any, or with `at_least` one that takes something away."""
    history = histories(trace).get(owner)
    last = history.before(number) if history is not None else None
    if history is None or last is None:
        return None
    for transaction in history.sent:
        request, final = transaction.request, transaction.final
        if request is None or request.number >= number or (final is not None and final.number < number):
            continue
        settled = final is None and seconds(last.answer, request) > GIVE_UP
        if not settled and not (at_least and refreshes(request)):
            return None
    return last.listed


def present(trace: Trace, owner: Owner, at: WireMessage, margin: float = 1.0) -> list[Grant]:
    """The bindings an owner has for sure at a moment, and for at least `margin` seconds more."""
    known = known_at(trace, owner, at.number, at_least=True) or []
    return [grant for grant in known if grant.until_ns - at.packet.time_ns > margin * 1e9]


def owner_of(trace: Trace, server: Address, uri_text: str) -> Owner:
    """Who is meant by a URI that is called at a server: the address-of-record itself; where nobody registered that, and
    one of the two names the server by its address, the only one with the same user part."""
    exact = (server, aor_of(uri_text))
    if exact in histories(trace):
        return exact
    here, host = server.host.lower(), host_of(uri_text)
    known = aors_of(trace, server, user_of(uri_text))
    return (server, known[0]) if len(known) == 1 and here in (host, host_of(known[0])) else exact


@once_per_trace
def _aors_at(trace: Trace) -> dict[tuple[Address, str], list[str]]:
    """The addresses-of-record of every registrar, by user part."""
    found: dict[tuple[Address, str], list[str]] = {}
    for server, known in histories(trace):
        found.setdefault((server, user_of(known)), []).append(known)
    return found


def aors_of(trace: Trace, server: Address, name: str) -> list[str]:
    """The addresses-of-record with this user part that anybody registers at a server."""
    return _aors_at(trace).get((server, name), [])


# -- whose phone an INVITE goes to --------------------------------------------------------------------------------


def grants_of(trace: Trace, server: Address, uri_text: str) -> list[tuple[str, Grant]]:
    """Whatever a registrar has ever listed for a Contact, parameters left aside: address-of-record and grant."""
    return _contacts_at(trace).get((server, aor_of(uri_text)), [])


@once_per_trace
def _contacts_at(trace: Trace) -> dict[tuple[Address, str], list[tuple[str, Grant]]]:
    found: dict[tuple[Address, str], list[tuple[str, Grant]]] = {}
    for (server, owner), history in histories(trace).items():
        for change in history.changes:
            for grant in change.listed:
                found.setdefault((server, aor_of(grant.uri)), []).append((owner, grant))
    return found


def owners_at(trace: Trace, server: Address, place: Address) -> frozenset[str]:
    """The addresses-of-record registered from a place, or for a Contact there."""
    return frozenset(_owners_by_place(trace).get((server, place), ()))


@once_per_trace
def _owners_by_place(trace: Trace) -> dict[tuple[Address, Address], set[str]]:
    found: dict[tuple[Address, Address], set[str]] = {}
    for transaction, request in registers(trace):
        places = {trace.party(author(request))}
        for contact in contacts(request):
            if isinstance(uri := contact.uri, SipUri):
                places.add(Address(uri.host.strip("[]"), uri.port or (5061 if uri.scheme == "sips" else 5060)))
        for place in places:
            found.setdefault((transaction.server, place), set()).add(aor(request))
    return found
