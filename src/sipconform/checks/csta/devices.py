"""Which device a service is asked of: the phone that is called, another, or one nobody can place."""

from __future__ import annotations

from collections.abc import Mapping

from sipconform.checks.csta.course import Asked, Session, called, sessions
from sipconform.checks.evidence import once_per_trace
from sipconform.features.csta import device_user
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri
from sipconform.trace.trace import Dialog, Trace


def is_own(trace: Trace, of: Asked) -> bool:
    """Whether a service is asked of the device that is called: it names no other."""
    user = device_user(of.document.device)
    return not user or user in _names(of) | _own(trace).get(of.session.dialog, set())


def is_foreign(trace: Trace, of: Asked) -> bool:
    """Whether a service is asked of another device for certain. To may name the phone by something that is no user, so
    whose the phone is has to be known: from the lab, from what it registered, or from a monitor it has granted."""
    user, own = device_user(of.document.device), _own(trace).get(of.session.dialog, set())
    return bool(user) and bool(own) and user not in _names(of) | own


def _names(of: Asked) -> set[str]:
    """What the requests call the phone by."""
    invite = of.session.invite.request
    uri = invite.uri if invite is not None else None
    return {called(of.request), uri.username if isinstance(uri, SipUri) else ""}


@once_per_trace
def _own(trace: Trace) -> Mapping[Dialog, set[str]]:
    """The users each session's phone is known to be."""
    known = _users(trace)
    return {s.dialog: known.get(str(s.phone), set()) | _granted(s) for s in sessions(trace)}


def _granted(session: Session) -> set[str]:
    """The devices whose monitor a phone has granted."""
    found: set[str] = set()
    for transaction in session.dialog.transactions:
        told, answer = session.log.document(transaction.request), session.log.document(transaction.final)
        if told is not None and told.name == "MonitorStart" and answer is not None and answer.cross_reference:
            found.add(device_user(told.device))
    return found - {""}


@once_per_trace
def _users(trace: Trace) -> Mapping[str, set[str]]:
    """By address, who the lab says is there and who registered from there."""
    found: dict[str, set[str]] = {}
    for seen in trace.observations:
        places, users = seen.what.get("actors"), seen.what.get("users")
        if seen.kind == "lab" and isinstance(places, dict) and isinstance(users, dict):
            for name in places.keys() & users.keys():
                found.setdefault(str(places[name]), set()).add(str(users[name]))
    for request in trace.requests("REGISTER"):
        if isinstance(request.to, NameAddr) and (user := device_user(request.to.uri_text)):
            found.setdefault(str(trace.party(request.source)), set()).add(user)
    return found
