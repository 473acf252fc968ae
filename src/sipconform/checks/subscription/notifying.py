"""What a notifier tells (RFC 6665 §4.2.1.2, §4.2.2, §8.2.3)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache

from sipconform.checks.catalogue import (
    EITHER,
    INFO,
    MUST,
    PASSED,
    SHOULD,
    Finding,
    Verdict,
    check,
    finding,
)
from sipconform.checks.evidence import SLACK, author, seconds, seconds_of, watched
from sipconform.checks.subscription.course import (
    DEADLINE,
    REPEATS_LOST,
    free_since,
    granted,
    is_final,
    is_missed,
    next_notification,
    notifications,
    requested,
    state_of,
)
from sipconform.sip.fault import Fault
from sipconform.sip.headers import subscription_state
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

STATES = frozenset({"active", "pending", "terminated"})
PROMPT = 2.0  # seconds that still count as "immediately"
ROUNDING = 2.0  # seconds by which a countdown may be off: one for rounding, one for the way


@check(
    "SUB-001", level=MUST, on=EITHER, clause="RFC 6665 §4.2.1.2",
    asks="every SUBSCRIBE that is accepted, a refresh too, is followed by a NOTIFY at once",
)  # fmt: skip
def notify_follows(trace: Trace) -> Iterator[Finding]:
    """The first NOTIFY is what completes the subscription, and it may overtake the 2xx.

    Missing after 64*T1 and 1 s it is a failure, if it would have passed the tap and the notifier is heard afterwards
    (by stream, on the same connection); sooner than that the capture says nothing. After more than 2 s (by UDP 4 s
    more, for three lost sendings) it is late, as SHOULD.
    """
    for subscription in trace.subscriptions:
        for transaction in subscription.subscribes:
            if requested(transaction) != 0:
                yield from immediate_notify(trace, subscription, transaction)


def immediate_notify(trace: Trace, subscription: Subscription, subscribe: Transaction) -> Iterator[Finding]:
    """Judges that one accepted SUBSCRIBE is followed by a NOTIFY; nothing when it was not accepted."""
    request, final = subscribe.request, subscribe.final
    if request is None or final is None or final.status >= 300:
        return
    next_ = next_notification(trace, subscription, request)
    if next_ is not None and seconds(next_, final) <= DEADLINE:
        yield promptness(next_, final, "a NOTIFY at once")
    elif watched(trace, final) > DEADLINE:
        seen = f"no NOTIFY in {watched(trace, final) if next_ is None else seconds(next_, final):.0f} s"
        verdict = Verdict.FAIL if is_missed(trace, subscription, final) else Verdict.INCONCLUSIVE
        yield finding(final, False, expected="a NOTIFY at once", observed=seen, also=[request], verdict=verdict)


def promptness(notify: WireMessage, answer: WireMessage, expected: str) -> Finding:
    """Judges how soon after an answer a NOTIFY came that was to come at once, or after the one before it was answered:
    late is a warning."""
    delay = seconds(notify, free_since(notify, answer))
    limit = PROMPT + SLACK + (REPEATS_LOST if notify.transport == "udp" else 0)
    seen = f"NOTIFY {seconds(notify, answer):.1f} s after the {answer.status}"
    return finding(notify, delay <= limit, expected=expected, observed=seen, also=[answer], level=SHOULD)


@check(
    "SUB-002", level=SHOULD, on=EITHER, clause="RFC 6665 §4.1.2.4, §4.2.1.2, §4.4.1",
    asks="the NOTIFY leaves after the 2xx; a subscriber whom it reaches first takes it all the same",
)  # fmt: skip
def notify_after_answer(trace: Trace) -> Iterator[Finding]:
    """Two datagrams may change places on the way, so by UDP a NOTIFY up to 1 s early passes. The subscriber
    must take either order: refusing the early NOTIFY is a MUST failure of its own.
    """
    for subscription in trace.subscriptions:
        initial = subscription.initial
        if initial is None or initial.final is None or initial.request is None or initial.final.status >= 300:
            continue
        final = initial.final
        told = [t for t in subscription.notifies if t.request is not None]
        early = [t for t in told if t.request is not None and _between(t.request, initial.request, final)]
        if not early or early[0].request is None:
            yield PASSED
            continue
        first = early[0].request
        ahead = seconds(final, first)
        ok = first.transport == "udp" and ahead <= SLACK
        seen = f"NOTIFY {ahead * 1000:.0f} ms before the {final.status}"
        yield finding(first, ok, expected=f"the {final.status} before the NOTIFY", observed=seen, also=[final])
        yield from early_notify_is_taken(early)


def _between(message: WireMessage, after: WireMessage, before: WireMessage) -> bool:
    return after.number < message.number < before.number


def early_notify_is_taken(early: Iterable[Transaction]) -> Iterator[Finding]:
    """Judges the subscriber's answers to NOTIFYs that came before the 2xx to SUBSCRIBE. A challenge is no refusal, nor
    is 500 to one that a later one has overtaken (RFC 3261 §12.2.2)."""
    highest = -1
    for transaction in early:
        final, request = transaction.final, transaction.request
        if final is not None and request is not None:
            ok = final.status < 300 or final.status in (401, 407)
            ok |= final.status == 500 and request.cseq_number < highest
            highest = max(highest, request.cseq_number)
            seen = f"{final.status} to a NOTIFY that overtook the 2xx"
            yield finding(final, ok, expected="200", observed=seen, level=MUST)


@check(
    "SUB-007", level=MUST, on=EITHER, clause="RFC 6665 §4.1.3, §8.2.3",
    asks="every NOTIFY says whether the subscription is active, pending or terminated",
)  # fmt: skip
def state_is_told(trace: Trace) -> Iterator[Finding]:
    """One Subscription-State with parameters behind semicolons. Another state word is allowed by the grammar and only
    noted; `reason` behind terminated is optional. What is told unasked by old custom, outside any dialog and of
    packages that nobody subscribes to, is a warning.
    """
    for notify in trace.requests("NOTIFY"):
        yield state_finding(notify)


def state_finding(notify: WireMessage) -> Finding:
    """Judges the Subscription-State of one NOTIFY."""
    if notify.count("Subscription-State") == 1 and _is_plain(notify.text("Subscription-State")):
        return PASSED
    state = notify.subscription_state
    seen = f"Subscription-State: {', '.join(notify.texts('Subscription-State')) or 'none'}"
    at = "Subscription-State"
    expected, party = "active, pending or terminated, with ;expires=… or ;reason=…", author(notify)
    if isinstance(state, Fault) or notify.count("Subscription-State") > 1 or state.faults:
        level = None if notify.to_tag or is_subscribed_to(notify) else SHOULD
        return finding(notify, False, expected=expected, observed=seen, at=at, party=party, level=level)
    ok = state.state in STATES
    return finding(notify, ok, expected=expected, observed=seen, at=at, party=party, level=INFO)


# Packages that are told to subscribers only. Others are told unasked by old custom: message waiting, and what makes
# phones restart, read their configuration, or keep a NAT open.
SUBSCRIBED = frozenset(
    {"as-feature-event", "call-info", "conference", "consent-pending-additions", "dialog", "kpml", "line-seize",
     "presence", "reg", "ua-profile", "x-broadworks-callcenter", "x-broadworks-hoteling", "xcap-diff"}
)  # fmt: skip


def is_subscribed_to(notify: WireMessage) -> bool:
    """Whether a NOTIFY is of a package that nobody tells unasked."""
    event = notify.event
    return not isinstance(event, Fault) and event.package.partition(".")[0] in SUBSCRIBED


@lru_cache(maxsize=4096)
def _is_plain(text: str) -> bool:
    state = subscription_state.parse(text)
    return not isinstance(state, Fault) and state.state in STATES and not state.faults


@check(
    "SUB-008", level=SHOULD, on=EITHER, clause="RFC 6665 §4.2.2, §8.2.3",
    asks="a NOTIFY says how long the subscription still lives: not longer than granted, and less and less",
)  # fmt: skip
def countdown_is_told(trace: Trace) -> Iterator[Finding]:
    """The subscriber follows the last number it was told. Tolerance 2 s: one for rounding, one for the way; by UDP 4 s
    more, for what was written before three sendings were lost."""
    for subscription in trace.subscriptions:
        yield from countdown(subscription)


def countdown(subscription: Subscription) -> Iterator[Finding]:
    """Judges `expires` in the active and pending NOTIFYs of one subscription."""
    for notify in notifications(subscription):
        state = state_of(notify)
        if state is None or state.state == "terminated":
            continue
        left = seconds_of(state.expires)
        bound = _longest(subscription, notify)
        slack = ROUNDING + (REPEATS_LOST if notify.transport == "udp" else 0)
        if left is not None and left > 0 and (bound is None or left <= bound + slack):
            yield PASSED
            continue
        expected = "expires" if bound is None else f"expires={max(bound, 0):.0f} or less"
        seen, party = f"Subscription-State: {notify.text('Subscription-State')}", author(notify)
        yield finding(notify, False, expected=expected, observed=seen, at="Subscription-State", party=party)


def _longest(subscription: Subscription, notify: WireMessage) -> float | None:
    """The seconds a subscription can still have at a NOTIFY, by the last two SUBSCRIBEs: the newest may be on
    its way.
    """
    bounds: list[float] = []
    asked = subscription.subscribes
    until = bisect_right(asked, notify.number, key=_first_number)
    for transaction in (asked[place] for place in range(until - 1, -1, -1)):
        request, final = transaction.request, transaction.final
        if request is None or request.number > notify.number or (final is not None and final.status >= 300):
            continue
        time = granted(transaction) if final is not None else requested(transaction)
        if time is None:
            return None
        since = final if final is not None and final.number < notify.number else request
        bounds.append(time - seconds(notify, since))
        if len(bounds) == 2:
            break
    return max(bounds, default=None)


def _first_number(transaction: Transaction) -> int:
    """Where a transaction begins; one whose request was not seen, by its answer."""
    return (transaction.requests or transaction.responses)[0].number


@check(
    "SUB-012", level=SHOULD, on=EITHER, clause="RFC 6665 §4.4.3",
    asks="a SUBSCRIBE with Expires 0 outside a dialog brings one NOTIFY that ends at once",
)  # fmt: skip
def fetch_brings_one_notify(trace: Trace) -> Iterator[Finding]:
    """That is how a state is polled. Later NOTIFYs are counted only if they have a CSeq of their own."""
    for subscription in trace.subscriptions:
        initial = subscription.initial
        if initial is None or requested(initial) != 0 or not initial.succeeded or len(subscription.subscribes) > 2:
            continue
        told = notifications(subscription)
        if not told:
            continue
        ok = len(told) == 1 and is_final(told[0])
        seen = f"{len(told)} NOTIFY, first {told[0].text('Subscription-State')}"
        yield finding(told[-1], ok, expected="one NOTIFY, terminated", observed=seen, also=told[:-1])
