"""A uaCSTA session: opened by the server, taken without ringing, kept and ended (ECMA TR/87 §7.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sipconform.checks.bindings import contacts, registers, takes_away
from sipconform.checks.catalogue import EITHER, MUST, PHONE, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.csta.course import LOOKED_AT_FIRST, Session, invites, player, sessions
from sipconform.checks.csta.log import document, is_csta
from sipconform.checks.csta.state import dnd_of
from sipconform.checks.engaged import is_engaged
from sipconform.checks.evidence import author, once_per_trace, same_place, seconds, watched
from sipconform.checks.feature_code.course import believed
from sipconform.sip.digest import parse_challenge, parse_credentials
from sipconform.sip.fault import Fault
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, Transaction, WireMessage

RENEWED = 35.0  # seconds in which a server that lost its session calls again
NO_SERVICE = (405, 406, 415, 488, 501)
BUSY = (480, 486, 600)
OTHER_ANSWERS = (401, 407, 408, 422, 481, 491, 500, 503)  # to a re-INVITE, that say nothing against renewing
AT_ONCE = 0.6  # seconds in which nobody has looked at a display and pressed a key


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
    """A phone that has no uaCSTA says so with 415 or the like: not supported, not broken. 183 without a body is no
    ringing and no media.
    """
    for transaction, request in invites(trace):
        final = transaction.final
        if final is None or trace.party(transaction.client) not in trace.servers:
            continue
        rang = next((r for r in transaction.provisional if r.status == 180 or (r.status == 183 and r.content)), None)
        seen = f"{rang.status} {rang.reason}" if rang is not None else ""
        yield finding(rang or final, rang is None, expected="no ringing", observed=seen, also=[request])
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
    """Who holds the session holds the phone. Asked where the lab said which addresses are servers. A server may call
    from another port of its host, or through a proxy, which its Via tells. Who has proved himself is no stranger.
    """
    known = [o for o in trace.observations if o.kind == "lab" and o.what.get("servers")]
    hosts = {address.host for address in trace.servers}
    for transaction, request in invites(trace) if known else ():
        final, caller = transaction.final, trace.party(author(request))
        strange = caller in trace.phones or caller.host not in hosts
        if final is not None and trace.party(transaction.client) not in trace.servers and strange:
            ok, seen = final.status >= 300 or _is_proven(trace, request), f"{final.status} to {caller}"
            verdict = Verdict.INCONCLUSIVE if _may_be_proven(trace, request) else Verdict.FAIL
            yield finding(final, ok, expected="401 or 403", observed=seen, also=[request], verdict=verdict)


def _is_proven(trace: Trace, request: WireMessage) -> bool:
    """Whether a request answers a challenge of the very phone it goes to."""
    phone, given = trace.party(request.destination), _nonces(request)
    return any(_challengers(trace).get(nonce) == phone for nonce in given)


def _may_be_proven(trace: Trace, request: WireMessage) -> bool:
    """Whether a request answers a challenge nobody was seen to make."""
    return any(nonce not in _challengers(trace) for nonce in _nonces(request))


def _nonces(request: WireMessage) -> list[str]:
    texts = (*request.texts("Authorization"), *request.texts("Proxy-Authorization"))
    return [given.nonce for given in map(parse_credentials, texts) if not isinstance(given, Fault)]


@once_per_trace
def _challengers(trace: Trace) -> Mapping[str, Address]:
    """Who gave out each nonce."""
    found: dict[str, Address] = {}
    for answer in (*trace.responses(status=401), *trace.responses(status=407)):
        for text in (*answer.texts("WWW-Authenticate"), *answer.texts("Proxy-Authenticate")):
            challenge = parse_challenge(text)
            if not isinstance(challenge, Fault):
                found.setdefault(challenge.nonce, trace.party(answer.source))
    return found


@check(
    "CSTA-016", level=SHOULD, on=PHONE, clause="ECMA TR/87 §7.1; RFC 3261 §14.2",
    asks="the session is renewed by re-INVITE",
)  # fmt: skip
def session_is_renewed(trace: Trace) -> Iterator[Finding]:
    """Refused it lapses, and the phone is deaf until it registers again. A challenge, a longer interval that is asked
    for, or a session that is gone, are other answers, and a phone in trouble may say so.
    """
    for session in sessions(trace):
        for transaction in session.dialog.transactions:
            request, final = transaction.request, transaction.final
            again = transaction.method == "INVITE" and request is not None and bool(request.to_tag)
            if again and request is not None and final is not None and trace.party(final.source) == session.phone:
                seen = f"{final.status} {final.reason}"
                if final.status not in OTHER_ANSWERS:
                    yield finding(final, final.status < 300, expected="200", observed=seen, also=[request])


@check(
    "CSTA-017", level=SHOULD, on=SERVER, clause="feature sync sheet §5.1",
    asks="a phone that registers anew is called for a session anew",
)  # fmt: skip
def session_is_made_anew(trace: Trace) -> Iterator[Finding]:
    """Else it is left out of every change. Asked of a phone whose session was ended by its own BYE and which then
    began to register the same Contact again: under another Call-ID, or after it had signed off. A mere refresh is no
    wish for a session: its user may have switched uaCSTA off.
    """
    for session in sessions(trace):
        bye = next((m for m in session.dialog.messages if m.is_request and m.method == "BYE"), None)
        place = session.invite.request.request_uri if session.invite.request is not None else ""
        if bye is None or trace.party(bye.source) != session.phone:
            continue
        again = _registered(trace, session, place, bye)
        if again is None:
            continue
        calls = [r for _, r in invites(trace) if r.number > again.number and same_place(r.request_uri, place)]
        if calls:
            yield finding(calls[0], True)
        elif watched(trace, again) > RENEWED:
            seen = f"none in {watched(trace, again):.0f} s"
            yield finding(again, False, expected=f"an INVITE to {place}", observed=seen)


def _registered(trace: Trace, session: Session, place: str, after: WireMessage) -> WireMessage | None:
    """The first 2xx to a REGISTER that binds a place anew, after a message."""
    bound: set[str] = set()  # Call-IDs under which the place is bound
    signed_off = False
    for transaction, request in registers(trace):
        final, mine = transaction.final, next((c for c in contacts(request) if same_place(c.uri_text, place)), None)
        everything = request.contact_star and trace.party(transaction.client) == session.phone
        if final is None or final.status >= 300 or not (everything or mine is not None):
            continue
        begins = signed_off or bound or request.cseq_number <= 2
        if everything or (mine is not None and takes_away(request, mine)):
            bound, signed_off = set(), True
        elif request.number > after.number and request.call_id not in bound and begins:
            return final
        else:
            bound, signed_off = bound | {request.call_id}, False
    return None


@check(
    "CSTA-020", level=MUST, on=PHONE, clause="feature sync sheet §7.5",
    asks="a session is no call: do not disturb does not refuse it, and it does not make the phone busy",
)  # fmt: skip
def session_is_no_call(trace: Trace) -> Iterator[Finding]:
    """A phone that refuses the session because do not disturb is on can never be told that it is off; asked where it is
    known to be on. 603 says that the phone wants none, and one session beside another may be refused.
    """
    for transaction, request in invites(trace):
        final = transaction.final
        if final is not None and trace.party(transaction.client) in trace.servers:
            yield from _refused(trace, transaction, request, final)
    for session, transaction in _calls_beside(trace):
        yield from _busy_with_it(trace, session, transaction)


def _refused(trace: Trace, transaction: Transaction, request: WireMessage, final: WireMessage) -> Iterator[Finding]:
    phone = trace.party(transaction.server)
    known, seen = dnd_of(trace, phone, request), f"{final.status} {final.reason}"
    beside = any(s.phone == phone and s.is_up(request) for s in sessions(trace))
    if final.status == 603:
        verdict = Verdict.INCONCLUSIVE if True in known else Verdict.NOT_SUPPORTED
        yield finding(final, False, expected="200", observed=seen, also=[request], verdict=verdict)
    elif final.status not in BUSY:
        yield finding(final, True)
    elif not beside:
        verdict = Verdict.FAIL if known == {True} else Verdict.INCONCLUSIVE
        yield finding(final, False, expected="200", observed=seen, also=[request], verdict=verdict)


def _calls_beside(trace: Trace) -> Iterator[tuple[Session, Transaction]]:
    """Ordinary calls to a phone while its session is up."""
    by_phone: dict[Address, list[Session]] = {}
    for session in sessions(trace):
        by_phone.setdefault(session.phone, []).append(session)
    for transaction in trace.transactions_of("INVITE") if by_phone else ():
        invite = transaction.request
        if invite is not None and not invite.to_tag and not is_csta(invite):
            here = by_phone.get(trace.party(transaction.server), [])
            yield from ((session, transaction) for session in here if session.is_up(invite))


def _busy_with_it(trace: Trace, session: Session, transaction: Transaction) -> Iterator[Finding]:
    """An ordinary call refused as busy by a phone that has only the session. It may be do not disturb that refuses,
    and a user who lifts the handset is busy too: a failure where the display says that it was neither."""
    invite, final, own = transaction.request, transaction.final, frozenset({session.dialog.call_id})
    if invite is None or final is None or is_engaged(trace, session.phone, invite, own):
        return
    rang = any(r.status in (180, 183) for r in transaction.provisional)
    refused = final.status == 486 and not rang and seconds(final, invite) < AT_ONCE
    if not refused:
        yield finding(final, True)
    elif dnd_of(trace, session.phone, invite) == {False}:
        who, at = player(trace, session.phone), invite.packet.time_ns
        shown = [believed(trace, who, key, at) for key in ("dnd", "call")] if who else []
        verdict = Verdict.FAIL if shown == [False, "idle"] else Verdict.INCONCLUSIVE
        yield finding(final, False, expected="180", observed="486 at once", also=[invite], verdict=verdict)
