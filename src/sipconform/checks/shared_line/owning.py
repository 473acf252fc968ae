"""Whose call it is: a phone may have other accounts, and other lines, at the address from which it follows this one."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.bindings import grants_of
from sipconform.checks.evidence import contact, once_per_trace
from sipconform.checks.names import aor_of, name_of, user_of
from sipconform.checks.shared_line.line import Line
from sipconform.checks.shared_line.phones import contact_of
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, WireMessage

NOBODY = ("anonymous", "unavailable", "unknown", "")


def is_from(trace: Trace, line: Line, invite: WireMessage) -> bool:
    """Whether a phone at the sender's address calls as a place of the line: by From, or where that hides who calls by
    what else says so."""
    said = name_of(invite.from_)
    if said not in NOBODY:
        return said in line.members
    preferred = [user_of(value.strip("<>")) for value in invite.values("P-Preferred-Identity")]
    own = _contacts(line, invite.source) - _others(trace, line, invite.source)
    return any(user in line.members for user in preferred) or aor_of(contact(invite)) in own


def is_to(trace: Trace, line: Line, invite: WireMessage) -> bool:
    """Whether a call to a phone's address is for the line: its Request-URI is a Contact that a place of it registered,
    or names such a place, or is the Contact by which the phone follows the line. Where other accounts have that Contact
    too, To decides; a Request-URI that is another account's alone is not for the line."""
    phone, target = trace.party(invite.destination), invite.request_uri
    owners = {user_of(owner) for owner, _ in grants_of(trace, line.server, target)}
    if user_of(target) in line.members or (owners and owners <= line.members):
        return True
    place, called = aor_of(target), name_of(invite.to) in line.members
    if (owners and owners.isdisjoint(line.members)) or user_of(target) in _accounts(trace, line, phone):
        return False
    shared = bool(owners) or place in _others(trace, line, phone)
    return called or (not shared and place in _contacts(line, phone))


def _contacts(line: Line, phone: Address) -> set[str]:
    """The Contacts by which the phones at an address follow the line."""
    return {aor_of(contact_of(s)) for s in line.subscriptions if s.subscriber == phone}


def _others(trace: Trace, line: Line, phone: Address) -> set[str]:
    """The Contacts that an address has for other accounts than the line's."""
    return {place for user, place in _known(trace).get(phone, ()) if user not in line.members}


def _accounts(trace: Trace, line: Line, phone: Address) -> set[str]:
    """The users of other accounts at an address."""
    return {user for user, _ in _known(trace).get(phone, ()) if user not in line.members}


@once_per_trace
def _known(trace: Trace) -> dict[Address, set[tuple[str, str]]]:
    """The accounts that live at an address, user and Contact: who registers there, follows something and calls."""
    found: dict[Address, set[tuple[str, str]]] = {}
    for request in _introductions(trace):
        user, place = name_of(request.from_), aor_of(contact(request))
        if user not in NOBODY and place:
            found.setdefault(trace.party(request.source), set()).add((user, place))
    return found


def _introductions(trace: Trace) -> Iterator[WireMessage]:
    yield from trace.requests("REGISTER")
    yield from trace.requests("SUBSCRIBE")
    yield from (request for request in trace.requests("INVITE") if not request.to_tag)
