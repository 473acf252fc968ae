"""A uaCSTA session: opened by the server, taken without ringing, kept and ended (ECMA TR/87 §7.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sipconform.checks.catalogue import EITHER, MUST, PHONE, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.csta.course import invites, sessions
from sipconform.checks.csta.log import document
from sipconform.checks.evidence import contact, once_per_trace, same_place, seconds, watched
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, Transaction, WireMessage

RENEWED = 35.0  # seconds in which a server that lost its session calls again
NO_SERVICE = (405, 406, 415, 488, 501)
BUSY = (480, 486, 600, 603)
LOOKED_AT_FIRST = frozenset(
    (400, 401, 403, 404, 405, 407, 413, 415, 416, 420, 421, 469, 482, 483, 489, 493, 494, 500, 501, 503, 505, 513)
)
"""Refusals for what comes before the dialog: syntax, method, who asks, where to, extensions, body, loops, overload."""


@check(
    "CSTA-001", level=MUST, on=SERVER, clause="ECMA TR/87 §7.1; RFC 3261 §20.11",
    asks="the server's call for a session asks for the system's status, as a signal that must be handled",
)  # fmt: skip
def session_is_asked_for(trace: Trace) -> Iterator[Finding]:
    """A phone that does not know the body must refuse the call and not ring."""
    for _, request in invites(trace):
        told = document(request)
        ok = told is not None and told.name == "RequestSystemStatus"
        seen = told.name if told is not None else "no legible document"
        yield finding(request, ok, expected="RequestSystemStatus", observed=seen, at="Content-Type")
        text = request.text("Content-Disposition")
        ok = text.replace(" ", "").lower().startswith("signal") and "handling=optional" not in text.lower()
        expected, seen = "signal;handling=required", text or "no Content-Disposition"
        at = "Content-Disposition" if text else None
        yield finding(request, ok, expected=expected, observed=seen, at=at)


@check(
    "CSTA-002", level=MUST, on=PHONE, clause="ECMA TR/87 §7.1",
    asks="the phone takes a session with the status of its system, without ringing and without media",
)  # fmt: skip
def session_is_taken(trace: Trace) -> Iterator[Finding]:
    """A phone that has no uaCSTA says so with 415 or the like: not supported, not broken."""
    for transaction, request in invites(trace):
        final = transaction.final
        if final is None or trace.party(transaction.client) not in trace.servers:
            continue
        rang = next((r for r in transaction.provisional if r.status in (180, 183)), None)
        yield finding(rang or final, rang is None, expected="no ringing", observed="180 or 183", also=[request])
        if final.status in NO_SERVICE:
            verdict, seen = Verdict.NOT_SUPPORTED, f"{final.status} {final.reason}"
            yield finding(final, False, expected="200", observed=seen, also=[request], verdict=verdict)
        elif final.status < 300:
            told = document(final)
            ok = told is not None and told.name == "RequestSystemStatusResponse"
            seen = told.name if told is not None else final.text("Content-Type") or "no body"
            yield finding(final, ok, expected="RequestSystemStatusResponse", observed=seen, also=[request])


@check(
    "CSTA-013", level=MUST, on=EITHER, clause="RFC 6086 §4.2.1; RFC 3261 §12.2.2",
    asks="an INFO outside any dialog is answered 481",
)  # fmt: skip
def info_needs_a_dialog(trace: Trace) -> Iterator[Finding]:
    """With a To tag that names no dialog 481 is the one answer that says so (RFC 3261 §12.2.2); which those are only
    the lab can say. Without a To tag it is outside for certain: any refusal will do, and 481 is best. What is looked at
    before the dialog, from the method to who asks (§8.2), may be refused first with its own status: not judged.
    """
    probes = {o.what.get("call_id") for o in trace.observations if o.kind == "stimulus"}
    for transaction in trace.transactions_of("INFO"):
        request, final = transaction.request, transaction.final
        if request is None or final is None or final.status in LOOKED_AT_FIRST:
            continue
        begun = request.dialog is not None and request.dialog.began_here
        if not request.to_tag or (request.call_id in probes and not begun):
            seen = f"{final.status} {final.reason}"
            refused = final.status >= 400 and final.status != 408
            level = SHOULD if refused and not request.to_tag else MUST
            yield finding(final, final.status == 481, expected="481", observed=seen, also=[request], level=level)


@check(
    "CSTA-014", level=MUST, on=PHONE, clause="ECMA TR/87 §10; feature sync sheet §5.1",
    asks="a stranger's call for a session is refused or challenged",
)  # fmt: skip
def stranger_gets_no_session(trace: Trace) -> Iterator[Finding]:
    """Who holds the session holds the phone. Asked where the lab said which addresses are servers."""
    known = [o for o in trace.observations if o.kind == "lab" and o.what.get("servers")]
    for transaction, request in invites(trace) if known else ():
        final = transaction.final
        if final is not None and trace.party(transaction.client) not in trace.servers:
            seen = f"{final.status} to {transaction.client}"
            yield finding(final, final.status >= 300, expected="401 or 403", observed=seen, also=[request])


@check(
    "CSTA-016", level=SHOULD, on=PHONE, clause="ECMA TR/87 §7.1; RFC 3261 §14.2",
    asks="the session is renewed by re-INVITE",
)  # fmt: skip
def session_is_renewed(trace: Trace) -> Iterator[Finding]:
    """Refused it lapses, and the phone is deaf until it registers again."""
    for session in sessions(trace):
        for transaction in session.dialog.transactions:
            request, final = transaction.request, transaction.final
            again = transaction.method == "INVITE" and request is not None and bool(request.to_tag)
            if again and request is not None and final is not None and trace.party(final.source) == session.phone:
                ok, seen = final.status < 300 or final.status == 491, f"{final.status} {final.reason}"
                yield finding(final, ok, expected="200", observed=seen, also=[request])


@check(
    "CSTA-017", level=SHOULD, on=SERVER, clause="feature sync sheet §5.1",
    asks="a phone that registers anew is called for a session anew",
)  # fmt: skip
def session_is_made_anew(trace: Trace) -> Iterator[Finding]:
    """Else it is left out of every change. Asked of a phone whose session was ended by BYE and which then registered
    the same Contact again.
    """
    for session in sessions(trace):
        bye = next((m for m in session.dialog.messages if m.is_request and m.method == "BYE"), None)
        place = session.invite.request.request_uri if session.invite.request is not None else ""
        again = _registered(trace, place, bye) if bye is not None and trace.party(bye.source) == session.phone else None
        if again is None:
            continue
        calls = [r for _, r in invites(trace) if r.number > again.number and same_place(r.request_uri, place)]
        if calls:
            yield finding(calls[0], True)
        elif watched(trace, again) > RENEWED:
            seen = f"none in {watched(trace, again):.0f} s"
            yield finding(again, False, expected=f"an INVITE to {place}", observed=seen)


def _registered(trace: Trace, place: str, after: WireMessage) -> WireMessage | None:
    """The first 2xx to a REGISTER that binds a place, after a message."""
    for transaction in trace.transactions_of("REGISTER"):
        request, final = transaction.request, transaction.final
        if request is None or final is None or request.number < after.number:
            continue
        if final.status < 300 and request.text("Expires") != "0" and same_place(contact(request), place):
            return final
    return None


@check(
    "CSTA-020", level=MUST, on=PHONE, clause="feature sync sheet §7.5",
    asks="a session is no call: do not disturb does not refuse it, and it does not make the phone busy",
)  # fmt: skip
def session_is_no_call(trace: Trace) -> Iterator[Finding]:
    """A phone that refuses the session because do not disturb is on can never be told that it is off."""
    for transaction, request in invites(trace):
        final = transaction.final
        if final is not None and trace.party(transaction.client) in trace.servers:
            seen = f"{final.status} {final.reason}"
            yield finding(final, final.status not in BUSY, expected="200", observed=seen, also=[request])
    phones = {session.phone for session in sessions(trace)}
    for transaction in trace.transactions_of("INVITE"):
        if trace.party(transaction.server) in phones:
            yield from _busy_with_it(trace, transaction)


def _busy_with_it(trace: Trace, transaction: Transaction) -> Iterator[Finding]:
    """An ordinary call refused as busy by a phone that has only the session. What a user refuses he has heard ring."""
    invite, final = transaction.request, transaction.final
    if invite is None or final is None or invite.to_tag or document(invite) is not None:
        return
    busy = _first_call(trace).get(transaction.server, invite.number) < invite.number
    rang = any(r.status in (180, 183) for r in transaction.provisional)
    refused = final.status == 486 and not rang and seconds(final, invite) < 0.6
    if not busy:
        yield finding(final, not refused, expected="180", observed="486 at once", also=[invite])


@once_per_trace
def _first_call(trace: Trace) -> Mapping[Address, int]:
    """The number of the first message of the first ordinary call each address took part in."""
    own = {session.dialog.call_id for session in sessions(trace)}
    found: dict[Address, int] = {}
    for dialog in trace.dialogs:
        if dialog.invite is not None and dialog.call_id not in own:
            for address in dialog.parties:
                found[address] = min(dialog.messages[0].number, found.get(address, dialog.messages[0].number))
    return found
