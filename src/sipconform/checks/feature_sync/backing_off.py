"""What a phone does when the server wants none of it: it waits, or gives up (RFC 6665 §4.1.2.1, §4.1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sipconform.checks.catalogue import MUST, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.credentials import CHALLENGES
from sipconform.checks.evidence import SLACK, is_relayed, seconds, seconds_of
from sipconform.checks.feature_sync.witness import is_driven, name_of, said
from sipconform.checks.subscription.course import is_final, requested, state_of
from sipconform.features.feature_event import EVENT
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

BACK_OFF, TOO_SOON = 300.0, 30.0  # seconds before the next try after a refusal: recommended, and least
LOOP = 5.0  # seconds at least between subscriptions that end again at once


@check(
    "FS-114", level=MUST, on=PHONE, clause="RFC 3261 §8.1.3.5, §21.4.4; RFC 6665 §4.1.2.1",
    asks="after 489, 403 or 405 the phone does not keep trying",
)  # fmt: skip
def refused_phone_backs_off(trace: Trace) -> Iterator[Finding]:
    """The server will not change its mind. A phone may have been started anew between two tries, so less than five
    minutes is a warning, and only the third refusal with less than 30 s before each is a failure; the record of a run
    tells whether it was, and then the second one is. Attempts at another server or for another user are separate.
    Slack 1 s.
    """
    refused: dict[tuple[object, ...], list[WireMessage]] = {}
    for subscription in trace.subscriptions_to(EVENT):
        for transaction in subscription.subscribes:
            request, final = transaction.request, transaction.final
            if request is None or request.to_tag or is_relayed(request):
                continue
            before_ = refused.setdefault((subscription.subscriber, subscription.notifier, subscription.resource), [])
            if before_ and not _is_answer_to(request, transaction, before_[-1]):
                yield _back_off(trace, subscription, request, before_)
            if final is not None and final.status in (403, 405, 489):
                before_.append(final)
            elif final is not None and final.status not in CHALLENGES:
                before_.clear()


def _is_answer_to(request: WireMessage, transaction: Transaction, refusal: WireMessage) -> bool:
    """Whether a SUBSCRIBE was on its way before the refusal was heard."""
    return request.number < refusal.number or refusal.transaction is transaction


def _back_off(trace: Trace, subscription: Subscription, request: WireMessage, refused: list[WireMessage]) -> Finding:
    """Judges how long a phone waited after its last refusal."""
    wait, who = seconds(request, refused[-1]), name_of(trace, subscription)
    starts = [
        o.time_ns for do in ("start", "power_cycle", "reboot", "switch_sync") for o in said(trace, "intent", who, do)
    ]
    since, now = refused[-1].packet.time_ns, request.packet.time_ns
    restarted = any(since <= at <= now for at in starts)
    alone = bool(who) and is_driven(trace) and not restarted
    hurried = wait < TOO_SOON - SLACK
    times = 1 + sum(seconds(b, a) < TOO_SOON - SLACK for a, b in pairwise(refused))
    level = MUST if hurried and (alone or times > 1) else SHOULD
    expected, seen = "no new try for five minutes", f"after {wait:.0f} s"
    ok = wait >= BACK_OFF - SLACK or restarted
    return finding(request, ok, expected=expected, observed=seen, also=[refused[-1]], level=level)


@check(
    "FS-115", level=MUST, on=PHONE, clause="RFC 6665 §4.1.2.1; RFC 3261 §21.4.17",
    asks="after 423 the phone asks for at least Min-Expires",
)  # fmt: skip
def minimum_is_used(trace: Trace) -> Iterator[Finding]:
    """Asking the same server for the same again is a loop. Giving up is the phone's right."""
    refused: dict[tuple[object, ...], WireMessage] = {}
    for subscription in trace.subscriptions_to(EVENT):
        for transaction in subscription.subscribes:
            key = (subscription.subscriber, subscription.notifier, subscription.resource)
            final, asked = refused.pop(key, None), requested(transaction)
            request = transaction.request
            least = seconds_of(final.min_expires) if final is not None else None
            if request is not None and final is not None and least is not None and asked:
                expected, seen = f"Expires: {least} or more", f"Expires: {asked}"
                at = "Expires"
                yield finding(request, asked >= least, expected=expected, observed=seen, at=at, also=[final])
            if transaction.final is not None and transaction.final.status == 423:
                refused[key] = transaction.final


@check(
    "FS-116", level=MUST, on=PHONE, clause="RFC 6665 §4.1.3",
    asks="a phone whose subscription is ended does not subscribe in a loop, and not at all when told so",
)  # fmt: skip
def ended_phone_does_not_loop(trace: Trace) -> Iterator[Finding]:
    """Coming back at once is right after deactivated or timeout; four beginnings within 5 s of each other are a
    loop. After rejected, noresource or invariant a return within a minute is a warning, unless the phone itself had
    asked for the end. An end that the phone has not answered it may not have heard.
    """
    quick: dict[tuple[object, ...], int] = {}
    ends: dict[tuple[object, ...], WireMessage] = {}
    last_opening: dict[tuple[object, ...], WireMessage] = {}
    for subscription in trace.subscriptions_to(EVENT):
        opening = subscription.subscribes[0].request if subscription.began_here and subscription.subscribes else None
        key = (subscription.subscriber, subscription.notifier, subscription.resource)
        end, previous = ends.pop(key, None), last_opening.get(key)
        if opening is not None and end is not None:
            wait = seconds(opening, end)
            hurried = previous is not None and 0 <= seconds(opening, previous) < LOOP
            quick[key] = quick.get(key, 0) + 1 if hurried else 0
            state = state_of(end)
            forbidden = state is not None and state.reason in ("rejected", "noresource", "invariant") and 0 <= wait < 60
            ok = quick[key] < 3 and not forbidden
            level = SHOULD if quick[key] < 3 else None
            seen = f"a new SUBSCRIBE {wait:.1f} s after {end.text('Subscription-State')}"
            yield finding(opening, ok, expected="a pause", observed=seen, also=[end], level=level)
        if opening is not None:
            last_opening[key] = opening
        if not any(requested(t) == 0 for t in subscription.subscribes):
            last = next((t.request for t in subscription.notifies if is_final(t.request) and t.succeeded), None)
            if last is not None:
                ends[key] = last
