"""Whether the state that is told holds for calls, too: refused, or forwarded to the number told, with the reason said.

These ids are our own; the sheet ends with the display. Judged are calls to users whose phones were told their state by
this server. A server may have rules nobody told us of (priority callers, black lists), so without the record of a run a
call that goes another way is inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sipconform.checks.catalogue import MUST, PASSED, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import is_relayed, seconds
from sipconform.checks.feature_sync.told import Feature, Value, before, states, user_in
from sipconform.checks.feature_sync.witness import fact, is_driven, said
from sipconform.checks.subscription.course import notifications
from sipconform.features.diversion import forwarded_by
from sipconform.features.feature_event import EVENT
from sipconform.features.feature_state import ForwardType
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.packet import Address
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

SETTLED = 2.0  # seconds within which a change may have crossed a call
RINGING = 180.0  # seconds a call may ring
REASONS = {
    ForwardType.IMMEDIATE: "unconditional",
    ForwardType.BUSY: "user-busy",
    ForwardType.NO_ANSWER: "no-answer",
}
REFUSED_BUSY = frozenset({486, 600})


class Call(NamedTuple):
    """A call to a user whose state is known, and what the server made of it."""

    transaction: Transaction
    invite: WireMessage
    user: str
    state: dict[Feature, Value]
    legs: list[WireMessage]  # the INVITEs the server sent on


def _addressed(request: WireMessage) -> str:
    to = request.to
    return user_in(to.uri_text) if isinstance(to, NameAddr) else ""


def calls(trace: Trace) -> Iterator[Call]:
    """Every new call at a server that tells features, to a user it has told of."""
    users: dict[str, list[Subscription]] = {}
    for subscription in trace.subscriptions_to(EVENT):
        users.setdefault(user_in(subscription.resource), []).append(subscription)
    invites = [t for t in trace.transactions_of("INVITE") if t.request and not t.request.to_tag]
    stimuli = {(o.what.get("call_id"), o.what.get("branch")) for o in said(trace, "stimulus")}
    sent = _sent_on(trace) if users and invites else {}
    for transaction in invites if users else ():
        request = transaction.request
        if request is None or is_relayed(request) or (request.call_id, request.branch) in stimuli:
            continue
        user = user_in(request.request_uri)
        known = [s for s in users.get(user, ()) if s.notifier == transaction.server]
        state = _state(known, request)
        if state and not _crossed(known, request):
            yield Call(transaction, request, user, state, _legs(sent, transaction, request))


def _state(subscriptions: list[Subscription], moment: WireMessage) -> dict[Feature, Value]:
    """What the user's phones were told, as far as all of them were told the same."""
    told: dict[Feature, set[Value]] = {}
    for subscription in subscriptions:
        for name in ("dnd", *ForwardType):
            value = before(subscription, moment, name)
            if value is not None:
                told.setdefault(name, set()).add(value)
    return {name: next(iter(values)) for name, values in told.items() if len(values) == 1}


def _crossed(subscriptions: list[Subscription], moment: WireMessage) -> bool:
    """Whether a change was told, or asked for, around the time of a call."""
    told = (n for s in subscriptions for n in notifications(s) if n.number > moment.number and states(n))
    asked = (t.request for s in subscriptions for t in s.subscribes if t.request is not None and t.request.body)
    late = any(seconds(n, moment) <= SETTLED for n in told)
    return late or any(-SETTLED <= seconds(moment, r) < 0 for r in asked)


def _sent_on(trace: Trace) -> dict[tuple[Address, str], list[WireMessage]]:
    """New INVITEs by who sent them and who calls."""
    found: dict[tuple[Address, str], list[WireMessage]] = {}
    for request in trace.requests("INVITE"):
        if not request.to_tag:
            found.setdefault((trace.party(request.source), _caller(request)), []).append(request)
    return found


def _caller(invite: WireMessage) -> str:
    return user_in(invite.from_.uri_text) if isinstance(invite.from_, NameAddr) else ""


def _legs(
    sent: dict[tuple[Address, str], list[WireMessage]], transaction: Transaction, invite: WireMessage
) -> list[WireMessage]:
    last = transaction.final.number if transaction.final is not None else None
    mine = sent.get((transaction.server, _caller(invite)), [])
    after = [r for r in mine if r.number > invite.number and (last is None or r.number < last)]
    return [r for r in after if seconds(r, invite) <= RINGING]


def _verdict(trace: Trace) -> Verdict:
    return Verdict.FAIL if is_driven(trace) else Verdict.INCONCLUSIVE


@check(
    "FS-301", level=MUST, on=SERVER, clause="REQUIREMENTS B3, B11",
    asks="a call to a user who is told not to be disturbed is refused, and does not reach his phone",
)  # fmt: skip
def dnd_holds_for_calls(trace: Trace) -> Iterator[Finding]:
    """With which answer is the server's choice (480, 486, 600, 603), and so is sending the call to a mailbox. A forward
    that is on goes first.
    """
    for call in calls(trace):
        dnd, always = call.state.get("dnd"), call.state.get(ForwardType.IMMEDIATE)
        if dnd is None or not dnd[0] or (always is not None and always[0]):
            continue
        reached = next((leg for leg in call.legs if _addressed(leg) == call.user), None)
        seen, expected = "an INVITE to the phone", f"no INVITE to {call.user}"
        of, verdict = reached or call.invite, _verdict(trace)
        party = call.transaction.server
        yield finding(
            of, reached is None, expected=expected, observed=seen, also=[call.invite], party=party, verdict=verdict
        )


@check(
    "FS-302", level=MUST, on=SERVER, clause="REQUIREMENTS B4, B11",
    asks="with an unconditional forward a call goes to the number told, and not to the user's phone",
)  # fmt: skip
def forward_holds_for_calls(trace: Trace) -> Iterator[Finding]:
    """By a new INVITE, or by 302 to the caller. A target the server does not know is refused in its own way."""
    for call in calls(trace):
        always = call.state.get(ForwardType.IMMEDIATE)
        final = call.transaction.final
        if always is None or not always[0] or (final is None and not call.legs):
            continue
        target, redirected = user_in(always[1]), final is not None and final.status in range(300, 400)
        reached = [_addressed(leg) for leg in call.legs]
        own = call.user in reached and call.user != target
        expected = f"an INVITE to {target}"
        ok = not own and (target in reached or redirected or not reached)
        seen = f"INVITE to {', '.join(reached) or 'nobody'}"
        of, verdict, party = call.legs[0] if call.legs else call.invite, _verdict(trace), call.transaction.server
        yield finding(of, ok, expected=expected, observed=seen, also=[call.invite], party=party, verdict=verdict)


@check(
    "FS-303", level=SHOULD, on=SERVER, clause="RFC 5806; RFC 7044",
    asks="a forwarded call tells who forwarded it, and why",
)  # fmt: skip
def forwarder_is_told(trace: Trace) -> Iterator[Finding]:
    """By Diversion or History-Info. Asked where the profile says that this make does."""
    if fact(trace, "diversion") in (None, "none"):
        return
    for call in calls(trace):
        for leg in call.legs:
            kind = _forward_taken(call, leg)
            if kind is None:
                continue
            by = forwarded_by(leg)
            told = (user_in(by.party.uri_text), by.reason) if by is not None else ("nobody", "nothing")
            ok = told == (call.user, REASONS[kind])
            expected = f"forwarded by {call.user}, {REASONS[kind]}"
            seen = f"{told[0]}, {told[1]}"
            yield finding(leg, ok, expected=expected, observed=seen, also=[call.invite], party=call.transaction.server)


def _forward_taken(call: Call, leg: WireMessage) -> ForwardType | None:
    """Which of the user's forwards an INVITE to somebody else follows; None when it follows none, or a second one."""
    if _addressed(leg) == call.user:
        return None
    earlier = [other for other in call.legs if other.number < leg.number]
    own = [other for other in earlier if _addressed(other) == call.user]
    if any(_addressed(other) != call.user for other in earlier):
        return None
    busy = any(o.transaction and o.transaction.final and o.transaction.final.status in REFUSED_BUSY for o in own)
    kind = (ForwardType.BUSY if busy else ForwardType.NO_ANSWER) if own else ForwardType.IMMEDIATE
    value = call.state.get(kind)
    return kind if value is not None and value[0] and user_in(value[1]) == _addressed(leg) else None


@check(
    "FS-304", level=MUST, on=SERVER, clause="REQUIREMENTS B4, B11",
    asks="with a forward on busy a call the user's phone refuses as busy goes on to the number told",
)  # fmt: skip
def busy_leads_on(trace: Trace) -> Iterator[Finding]:
    """Judged where every phone of the user answered 486 or 600, the caller did not give up, and the call was not
    forwarded before.
    """
    for call in calls(trace):
        busy = call.state.get(ForwardType.BUSY)
        own = [leg.transaction for leg in call.legs if _addressed(leg) == call.user]
        refused = [t for t in own if t is not None and t.final is not None and t.final.status in REFUSED_BUSY]
        final = call.transaction.final
        if busy is None or not busy[0] or not own or len(refused) < len(own) or final is None or final.status == 487:
            continue
        target = user_in(busy[1])
        if any(_addressed(leg) == target for leg in call.legs) or final.status in range(300, 400):
            yield PASSED
        else:
            seen = f"{final.status} to the caller"
            verdict, party = _verdict(trace), call.transaction.server
            expected = f"an INVITE to {target}"
            yield finding(
                final, False, expected=expected, observed=seen, also=[call.invite], party=party, verdict=verdict
            )
