"""The uaCSTA sessions in the evidence, and the documents that went to and fro in them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sipconform.checks.csta.log import Log, is_csta
from sipconform.checks.evidence import once_per_trace
from sipconform.features.csta import CstaDocument, device_user
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.packet import Address
from sipconform.trace.trace import Dialog, Trace, Transaction, WireMessage

LOOKED_AT_FIRST = frozenset(
    (400, 401, 403, 404, 405, 407, 413, 415, 416, 420, 421, 469, 482, 483, 489, 493, 494, 500, 501, 503, 505, 513)
)
"""Refusals for what comes before the dialog: syntax, method, who asks, where to, extensions, body, loops, overload."""

KEYS = ("set_dnd", "forward")  # intents that are pressed
AROUND = 3_000_000_000  # nanoseconds


class Session(NamedTuple):
    """A session that was accepted: the server has called."""

    dialog: Dialog
    invite: Transaction
    server: Address
    phone: Address
    log: Log

    def is_up(self, at: WireMessage) -> bool:
        """Whether it has been taken, and not ended, when a message passes."""
        taken, bye = self.invite.final, self.log.bye.request if self.log.bye is not None else None
        return taken is not None and taken.number < at.number and (bye is None or bye.number > at.number)


def invites(trace: Trace) -> Iterator[tuple[Transaction, WireMessage]]:
    """Calls for a session, challenged ones too."""
    for transaction in trace.transactions_of("INVITE"):
        request = transaction.request
        if request is not None and not request.to_tag and is_csta(request):
            yield transaction, request


@once_per_trace
def sessions(trace: Trace) -> tuple[Session, ...]:
    """Sessions in the order of their INVITEs."""
    found: list[Session] = []
    for transaction, _ in invites(trace):
        dialog = transaction.final.dialog if transaction.final is not None and transaction.succeeded else None
        if dialog is not None:
            server, phone = trace.party(transaction.client), trace.party(transaction.server)
            found.append(Session(dialog, transaction, server, phone, Log(trace, dialog)))
    return tuple(found)


class Asked(NamedTuple):
    """A document sent by INFO, and what became of it."""

    session: Session
    transaction: Transaction
    request: WireMessage
    document: CstaDocument
    final: WireMessage | None
    answer: CstaDocument | None


def asked(trace: Trace, *, by_server: bool = True) -> Sequence[Asked]:
    """What one side sent in every session, with its answers: in the 200, or in an INFO the other way soon after. What
    was challenged, overtaken, or sent into a session that was gone, is left out."""
    return _asked(trace)[by_server]


@once_per_trace
def _asked(trace: Trace) -> Mapping[bool, Sequence[Asked]]:
    said = _sent(trace)
    return {by: [of for of in said[by] if not of.session.log.says_nothing(of.transaction)] for by in (True, False)}


def sent(trace: Trace, *, by_server: bool = True) -> Sequence[Asked]:
    """As `asked`, with nothing left out."""
    return _sent(trace)[by_server]


@once_per_trace
def _sent(trace: Trace) -> Mapping[bool, Sequence[Asked]]:
    found: dict[bool, list[Asked]] = {True: [], False: []}
    for session in sessions(trace):
        for transaction in session.dialog.transactions:
            request, final = transaction.request, transaction.final
            told = session.log.document(request) if transaction.method == "INFO" else None
            if request is None or told is None:
                continue
            answer = session.log.document(final)
            if final is not None and answer is None:
                answer = session.log.answer_by_info(told, final)
            source = trace.party(request.source)
            if source in (session.server, session.phone):
                by_server = source == session.server
                found[by_server].append(Asked(session, transaction, request, told, final, answer))
    return found


def called(request: WireMessage) -> str:
    """The user To names."""
    return device_user(request.to.uri_text) if isinstance(request.to, NameAddr) else ""


def player(trace: Trace, address: Address) -> str:
    """The name of the actor at an address, "" where the lab did not say."""
    return _actors(trace).get(str(trace.party(address)), "")


@once_per_trace
def _actors(trace: Trace) -> Mapping[str, str]:
    places = next((o.what.get("actors") for o in reversed(trace.observations) if o.kind == "lab"), None)
    named = places.items() if isinstance(places, dict) else ()
    return {str(place): str(name) for name, place in reversed(list(named))}


def pressed(trace: Trace, who: str, at_ns: int) -> bool:
    """Whether somebody pressed a key on a phone in the seconds around a moment, or may have: an actor of whom the lab
    tells nothing that was wanted is one of a slice."""
    if who and who not in _wanted(trace):
        return True
    times = _presses(trace).get(who, [])
    first = bisect_left(times, at_ns - AROUND + 1)
    return first < len(times) and times[first] < at_ns + AROUND


@once_per_trace
def _wanted(trace: Trace) -> frozenset[str]:
    return frozenset(seen.who for seen in trace.observations if seen.kind == "intent")


@once_per_trace
def _presses(trace: Trace) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {}
    for seen in trace.observations:
        if seen.kind == "intent" and seen.what.get("do") in KEYS:
            found.setdefault(seen.who, []).append(seen.time_ns)
    return {who: sorted(times) for who, times in found.items()}


def told_not_to_apply(trace: Trace, who: str) -> bool:
    """Whether a phone of ours was told to take part and change nothing."""
    return who in _told_not_to_apply(trace)


@once_per_trace
def _told_not_to_apply(trace: Trace) -> frozenset[str]:
    told = (o for o in trace.observations if o.kind == "intent" and o.what.get("do") == "cannot_apply")
    return frozenset(o.who for o in told)
