"""One road for a feature: asked for by SUBSCRIBE or by a code, done by the server or by the phone, never both."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PHONE, Finding, check, finding
from sipconform.checks.engaged import is_engaged
from sipconform.checks.evidence import seconds
from sipconform.checks.feature_code.course import KINDS, book, dialled, intents
from sipconform.checks.feature_sync.told import before, wishes
from sipconform.checks.names import name_of, user_of
from sipconform.features.feature_event import EVENT
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

ONE_PRESS = 3.0  # seconds within which two wishes for the same thing are one press
AT_ONCE = 0.6  # seconds in which nobody has looked at a display and pressed a key
REFUSALS = (404, 480, 486, 600, 603)


@check(
    "FS-131", level=MUST, on=PHONE, clause="feature sync sheet §8; REQUIREMENTS B3, B7",
    asks="one press is a SUBSCRIBE or a call to a code, not both",
)  # fmt: skip
def press_goes_one_road(trace: Trace) -> Iterator[Finding]:
    """Where the code is a toggle the second undoes the first. A wish and a code of the same phone for the same value
    of the same user within 3 s: a key that is pushed to several accounts may go each account's own road.
    """
    known = book(trace)
    coded = [(c, c.match) for c in dialled(trace) if c.match is not None] if known else []
    for wish in wishes(trace):
        feature = KINDS.get(wish.feature, wish.feature)
        both = [
            call
            for call, match in coded
            if trace.party(call.request.source) == trace.party(wish.request.source)
            and call.sender == user_of(wish.subscription.resource)
            and match.feature == feature
            and bool(call.wanted) == wish.value[0]
            and abs(seconds(call.request, wish.request)) <= ONE_PRESS
        ]
        of = both[0].request if both else wish.request
        yield finding(of, not both, expected="one of both", observed="both a SUBSCRIBE and a code", also=[wish.request])


@check(
    "FS-128", level=MUST, on=PHONE, clause="REQUIREMENTS B3; feature sync sheet §1.7",
    asks="a phone whose do not disturb is the server's does not refuse calls by itself",
)  # fmt: skip
def server_does_not_disturb(trace: Trace) -> Iterator[Finding]:
    """The server has let the call through, for a reason: another phone of the user, an emergency. A refusal within
    0.6 s, without ringing, by a phone that was told do not disturb is on, and which nobody told to refuse. Asked of
    calls to the user whose do not disturb it is: another line of the phone has its own. A phone in another call, or
    that calls or rings already, may be busy.
    """
    for subscription in trace.subscriptions_to(EVENT):
        for transaction in trace.transactions:
            invite = transaction.request
            if transaction.method != "INVITE" or invite is None or invite.to_tag:
                continue
            there = trace.party(transaction.server) == trace.party(subscription.subscriber)
            if there and _is_for(subscription, invite) and _on(subscription, invite):
                yield from _refusal(trace, transaction, invite)


def _is_for(subscription: Subscription, invite: WireMessage) -> bool:
    return name_of(invite.to) == user_of(subscription.resource)


def _on(subscription: Subscription, moment: WireMessage) -> bool:
    return before(subscription, moment, "dnd") == (True, "")


def _refusal(trace: Trace, transaction: Transaction, invite: WireMessage) -> Iterator[Finding]:
    final = transaction.final
    if final is None:
        return
    rang = any(r.status in (180, 181, 182, 183) for r in transaction.provisional)
    quick = final.status in REFUSALS and not rang and seconds(final, invite) <= AT_ONCE
    busy = is_engaged(trace, trace.party(transaction.server), invite)
    rejects = list(intents(trace, "reject"))
    if not (quick and (busy or rejects)):
        seen = f"{final.status} after {seconds(final, invite):.1f} s"
        yield finding(final, not quick, expected="180, the server decides", observed=seen, also=[invite])
