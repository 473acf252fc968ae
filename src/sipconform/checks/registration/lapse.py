"""What a registrar does with bindings in the course of time: it keeps them, and it lets go of them."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.bindings import (
    Grant,
    Owner,
    answered,
    aor,
    contacts,
    grants_of,
    histories,
    known_at,
    owner_of,
    owners_at,
    refreshes,
    same_binding,
    takes_away,
)
from sipconform.checks.catalogue import MUST, PASSED, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import once_per_trace, seconds
from sipconform.checks.forks import Fork, forks
from sipconform.checks.names import aor_of, user_of
from sipconform.checks.told import intents, places
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, Transaction, WireMessage

OVER = 1.0  # seconds after the end of its time a binding must be out of use
SURE = 2.0  # seconds before it, a binding must still be in use
LONG_RINGING = 180.0  # seconds a server may go on with Contacts it looked up when the call came (§16.6 step 11)


@check(
    "REG-009", level=MUST, on=SERVER, clause="RFC 3261 §10.2.3",
    asks="asking for the bindings changes none of them",
)  # fmt: skip
def query_changes_nothing(trace: Trace) -> Iterator[Finding]:
    """A REGISTER without Contact is a question. What was listed before and still had two seconds to live is listed. A
    phone that was never heard here may have signed off elsewhere: inconclusive.
    """
    for request, final in answered(trace):
        if request.has("Contact") or final.status >= 300:
            continue
        owner = (trace.party(request.destination), aor(request))
        for grant in known_at(trace, owner, request.number, at_least=True) or []:
            if grant.until_ns - final.packet.time_ns > SURE * 1e9:
                ok = any(same_binding(c, grant.contact) for c in contacts(final))
                seen = f"Contact: {', '.join(final.texts('Contact')) or 'none'}"
                expected, also = f"Contact with {grant.uri}", [request, grant.answer]
                verdict = Verdict.FAIL if _registers_here(trace, owner, grant) else Verdict.INCONCLUSIVE
                yield finding(final, ok, expected=expected, observed=seen, also=also, verdict=verdict)


def _registers_here(trace: Trace, owner: Owner, grant: Grant) -> bool:
    """Whether the phone of a binding sends its REGISTERs past this tap."""
    sent = (t.request for t in histories(trace)[owner].sent if t.request is not None)
    return any(same_binding(contact, grant.contact) for request in sent for contact in contacts(request))


# -- calls to Contacts ----------------------------------------------------------------------------------------------


def called(trace: Trace) -> Iterator[tuple[WireMessage, Fork | None]]:
    """Every new call a registrar makes to a Contact that somebody registered with it, and what came in for it."""
    made = {id(branch): fork for fork in forks(trace) for branch in fork.branches}
    for transaction in trace.transactions_of("INVITE"):
        invite = transaction.request
        if invite is not None and not invite.to_tag and grants_of(trace, transaction.client, invite.request_uri):
            yield invite, made.get(id(transaction))


def _certain(trace: Trace, invite: WireMessage, fork: Fork | None, late: float) -> Verdict:
    """How sure it is that a call goes by a binding that is gone: when it came in must be known, or so long ago that
    nobody rings for it any more; and it must be for a user of that binding, for another may have the same Contact."""
    server = trace.party(invite.source)
    owners = {owner for owner, _ in grants_of(trace, server, invite.request_uri)}
    named = [invite.to.uri_text] if isinstance(invite.to, NameAddr) else []
    named += [fork.invite.request_uri] if fork is not None else []
    meant = any(owner_of(trace, server, uri)[1] in owners for uri in named)
    return Verdict.FAIL if meant and (fork is not None or late > LONG_RINGING) else Verdict.INCONCLUSIVE


@check(
    "REG-012", level=MUST, on=SERVER, clause="RFC 3261 §10.3, §16.5",
    asks="a binding whose time is over is not called, and the caller is told 480",
)  # fmt: skip
def expired_is_not_called(trace: Trace) -> Iterator[Finding]:
    """One second after the end of what was granted. The phone may have got a new address, and its old one a new
    owner. What counts is when the call came in, for whom to ring is settled then (§16.5); where that is not seen a
    server may have been ringing others for three minutes. A server that answers 404 denies that the user exists:
    SHOULD, unless he was deleted.
    """
    for invite, fork in called(trace):
        gone = _expired(trace, invite, (fork.invite if fork else invite).packet.time_ns)
        late = (invite.packet.time_ns - gone.until_ns) / 1e9 if gone else 0.0
        verdict = _certain(trace, invite, fork, late)
        expected, seen = "no call to an expired Contact", f"INVITE {invite.request_uri}"
        also = [gone.answer] if gone else []
        yield finding(invite, gone is None, expected=expected, observed=seen, also=also, verdict=verdict)
    deleted = {str(o.what.get("user")) for o in intents(trace, "dismiss")}
    for call, final, known in refused(trace):
        now = call.packet.time_ns
        if all(g.until_ns + OVER * 1e9 < now for g in known) and user_of(call.request_uri) not in deleted:
            seen = f"{final.status} {final.reason}"
            yield finding(final, final.status == 480, expected="480", observed=seen, also=[call], level=SHOULD)


def _expired(trace: Trace, invite: WireMessage, then_ns: int) -> Grant | None:
    """The grant that was over then by which this INVITE goes; None when it goes by a live one, or one may have been
    made that was not seen."""
    server = trace.party(invite.source)
    before = [(o, g) for o, g in grants_of(trace, server, invite.request_uri) if g.answer.number < invite.number]
    if not before or any(g.until_ns + OVER * 1e9 >= then_ns for _, g in before):
        return None
    unsure = any(known_at(trace, (server, owner), invite.number) is None for owner, _ in before)
    return None if unsure else before[-1][1]


@check(
    "REG-027", level=MUST, on=SERVER, clause="RFC 3261 §10.2.2, §10.3 step 7, §16.5",
    asks="a phone that has signed off is called no more",
)  # fmt: skip
def signed_off_is_not_called(trace: Trace) -> Iterator[Finding]:
    """The 200 to the REGISTER that takes a binding away is a promise. Judged by calls that came in a second or more
    after it, until the Contact is registered again.
    """
    for invite, fork in called(trace):
        came, server = fork.invite if fork else invite, trace.party(invite.source)
        owners = [(server, owner) for owner in {owner for owner, _ in grants_of(trace, server, invite.request_uri)}]
        if not any(owner in _signing_off(trace) for owner in owners):
            continue
        gone = [_taken_away(trace, owner, invite.request_uri, came) for owner in owners]
        answers = [answer for answer in gone if answer is not None]
        ok = len(answers) < len(owners)
        late = seconds(invite, answers[0]) if answers else 0.0
        verdict = _certain(trace, invite, fork, late)
        expected, seen = "no call to a Contact that was taken away", f"INVITE {invite.request_uri}"
        yield finding(invite, ok, expected=expected, observed=seen, also=answers, verdict=verdict)


@once_per_trace
def _signing_off(trace: Trace) -> frozenset[Owner]:
    """Whoever has taken any binding away."""
    return frozenset(
        owner
        for owner, history in histories(trace).items()
        if any(change.request.has("Contact") and not refreshes(change.request) for change in history.changes)
    )


def _taken_away(trace: Trace, owner: Owner, uri: str, came: WireMessage) -> WireMessage | None:
    """The 200 to the REGISTER that took a Contact away, if nothing may have brought it, or a flow of it, back since."""
    alive: list[NameAddr] = []
    answer: WireMessage | None = None
    for transaction in histories(trace)[owner].sent:
        request, final = transaction.request, transaction.final
        if request is None or request.number > came.number or (final is not None and final.status >= 300):
            continue
        own = [contact for contact in contacts(request) if aor_of(contact.uri_text) == aor_of(uri)]
        kept = [contact for contact in own if not takes_away(request, contact)]
        accepted = final is not None and seconds(came, final) > OVER
        if accepted and (request.contact_star or len(kept) < len(own)):
            alive = [known for known in alive if not takes_away(request, known)]
            answer = final
        alive += kept
    return answer if not alive else None


def refused(trace: Trace, *, at_least: bool = False) -> Iterator[tuple[WireMessage, WireMessage, list[Grant]]]:
    """Calls to a user whose bindings are known that a server refused with 404 or 480 and called none of his phones: the
    INVITE, the answer, and the bindings."""
    rung = {id(fork.incoming) for fork in forks(trace) if fork.branches}
    for transaction in trace.transactions_of("INVITE"):
        invite, final = transaction.request, transaction.final
        if invite is None or final is None or invite.to_tag or id(transaction) in rung:
            continue
        if final.status not in (404, 480):
            continue
        owner = owner_of(trace, transaction.server, invite.request_uri)
        known = known_at(trace, owner, invite.number, at_least=at_least)
        if known is not None and not _is_called(trace, owner, invite, final):
            yield invite, final, known


def _is_called(trace: Trace, owner: Owner, since: WireMessage, until: WireMessage) -> bool:
    """Whether a server called a phone of a user between two messages, for whatever call that was."""
    server, user = owner
    for branch in _calls_by(trace).get(server, ()):
        invite = branch.request
        if invite is not None and since.number < invite.number < until.number:
            owners = {known for known, _ in grants_of(trace, server, invite.request_uri)}
            if user in owners or user in owners_at(trace, server, branch.server):
                return True
    return False


@once_per_trace
def _calls_by(trace: Trace) -> dict[Address, list[Transaction]]:
    """INVITEs by who sent them."""
    found: dict[Address, list[Transaction]] = {}
    for transaction in trace.transactions_of("INVITE"):
        found.setdefault(transaction.client, []).append(transaction)
    return found


@check(
    "REG-013", level=MUST, on=SERVER, clause="RFC 3261 §10.3, §16.5",
    asks="a binding is used until its time is over",
)  # fmt: skip
def live_binding_is_called(trace: Trace) -> Iterator[Finding]:
    """Up to two seconds before the end: a call to a user who is there is not refused as 404 or 480 with none of his
    phones called. Left out where features were switched, for do not disturb may be answered 480 too. In a stranger's
    capture they may have been switched before it began: inconclusive.
    """
    if next(intents(trace, "set_dnd", "forward", "dial_code"), None) is not None or trace.subscriptions:
        return
    for invite, _ in called(trace):
        grants = grants_of(trace, trace.party(invite.source), invite.request_uri)
        if any(g.answer.number < invite.number and g.until_ns > invite.packet.time_ns for _, g in grants):
            yield PASSED
    verdict = Verdict.FAIL if places(trace) else Verdict.INCONCLUSIVE
    for call, final, known in refused(trace, at_least=True):
        left = max(((g.until_ns - call.packet.time_ns) / 1e9 for g in known), default=0.0)
        expected, seen = "a call to the phone", f"{final.status} {final.reason}, with {left:.0f} s to live"
        yield finding(final, left < SURE, expected=expected, observed=seen, also=[call], verdict=verdict)
