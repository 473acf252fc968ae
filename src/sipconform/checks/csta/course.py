"""The uaCSTA sessions in the evidence, and the documents that went to and fro in them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from sipconform.checks.evidence import seconds
from sipconform.features.csta import CONTENT_TYPE, CstaDocument, parse_csta
from sipconform.sip.fault import Fault
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri, TelUri, parse_uri
from sipconform.trace.packet import Address
from sipconform.trace.trace import Dialog, Trace, Transaction, WireMessage

LATER = 5.0  # seconds within which the answer to a service may follow in an INFO of its own


@lru_cache(maxsize=1024)
def document(message: WireMessage) -> CstaDocument | None:
    """The document a message carries, None for no document or one that cannot be read."""
    kind = message.content_type
    if not message.content or isinstance(kind, Fault) or kind.type != CONTENT_TYPE:
        return None
    found = parse_csta(message.content)
    return None if isinstance(found, Fault) else found


def is_csta(message: WireMessage) -> bool:
    """Whether a message says that it carries a document."""
    kind = message.content_type
    return not isinstance(kind, Fault) and kind.type == CONTENT_TYPE


class Session(NamedTuple):
    """A session that was accepted: the server has called."""

    dialog: Dialog
    invite: Transaction
    server: Address
    phone: Address


def invites(trace: Trace) -> Iterator[tuple[Transaction, WireMessage]]:
    """Calls for a session, challenged ones too."""
    for transaction in trace.transactions:
        request = transaction.request
        if transaction.method == "INVITE" and request is not None and not request.to_tag and is_csta(request):
            yield transaction, request


def sessions(trace: Trace) -> Iterator[Session]:
    """Sessions in the order of their INVITEs."""
    for transaction, _ in invites(trace):
        final = transaction.final
        if final is not None and final.status < 300 and final.dialog is not None:
            yield Session(final.dialog, transaction, trace.party(transaction.client), trace.party(transaction.server))


class Asked(NamedTuple):
    """A document sent by INFO, and what became of it."""

    session: Session
    transaction: Transaction
    request: WireMessage
    document: CstaDocument
    final: WireMessage | None
    answer: CstaDocument | None


def asked(trace: Trace, *, by_server: bool = True) -> Iterator[Asked]:
    """What one side sent in every session, with its answers: in the 200, or in an INFO the other way soon after."""
    for session in sessions(trace):
        source = session.server if by_server else session.phone
        for transaction in session.dialog.transactions:
            request = transaction.request
            told = document(request) if request is not None else None
            if request is None or told is None or transaction.method != "INFO":
                continue
            if trace.party(request.source) != source:
                continue
            if is_overtaken(session, transaction):
                continue
            final = transaction.final
            answer = document(final) if final is not None else None
            if final is not None and answer is None:
                answer = _later(trace, session, told, final)
            yield Asked(session, transaction, request, told, final, answer)


def is_overtaken(session: Session, transaction: Transaction) -> bool:
    """Whether a request was refused as out of order while a newer one was under way (RFC 3261 §12.2.2)."""
    request, final = transaction.request, transaction.final
    if request is None or final is None or final.status != 500:
        return False
    return any(
        other.request is not None
        and other.client == transaction.client
        and other.request.cseq_number > request.cseq_number
        and other.request.number < final.number
        for other in session.dialog.transactions
    )


def _later(trace: Trace, session: Session, told: CstaDocument, final: WireMessage) -> CstaDocument | None:
    for transaction in session.dialog.transactions:
        request = transaction.request
        elsewhere = request is None or trace.party(request.source) != trace.party(final.source)
        if request is None or elsewhere or abs(seconds(request, final)) > LATER:
            continue
        found = document(request)
        if found is not None and found.name in (f"{told.name}Response", "CSTAErrorCode"):
            return found
    return None


def user_of(text: str) -> str:
    """The user a device names, in any of its forms; "" when it names none."""
    uri = parse_uri(text)
    if isinstance(uri, SipUri):
        return uri.username
    return uri.digits if isinstance(uri, TelUri) else text


def called(request: WireMessage) -> str:
    """The user To names."""
    return user_of(request.to.uri_text) if isinstance(request.to, NameAddr) else ""


def reference(session: Session, before: WireMessage) -> str:
    """The cross reference of the monitor in force at a message; "" where none was seen."""
    found = ""
    for transaction in session.dialog.transactions:
        if transaction.request is None or transaction.request.number > before.number:
            break
        for message in (transaction.request, transaction.final):
            told = document(message) if message is not None and message.number <= before.number else None
            if told is not None and told.name == "MonitorStartResponse":
                found = told.cross_reference
    return found


def player(trace: Trace, address: Address) -> str:
    """The name of the actor at an address, "" where the lab did not say."""
    places = next((o.what.get("actors") for o in reversed(trace.observations) if o.kind == "lab"), None)
    named = places.items() if isinstance(places, dict) else ()
    return next((str(name) for name, place in named if place == str(trace.party(address))), "")


def pressed(trace: Trace, who: str, at_ns: int) -> bool:
    """Whether somebody pressed a key on a phone in the seconds around a moment."""
    return any(
        o.kind == "intent" and o.who == who and o.what.get("do") in ("set_dnd", "forward")
        for o in trace.observations
        if abs(o.time_ns - at_ns) < 3_000_000_000
    )


def told_not_to_apply(trace: Trace, who: str) -> bool:
    """Whether a phone of ours was told to take part and change nothing."""
    return any(o.kind == "intent" and o.who == who and o.what.get("do") == "cannot_apply" for o in trace.observations)
