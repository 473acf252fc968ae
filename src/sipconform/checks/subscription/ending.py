"""How a subscription ends (RFC 6665 §4.1.2.3, §4.2.2, §4.4.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sipconform.checks.catalogue import EITHER, MUST, PASSED, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import GIVE_UP, SLACK, passed_on, seconds, watched
from sipconform.checks.hearing import would_be_heard
from sipconform.checks.subscription.course import (
    DEADLINE,
    all_notifications,
    begun_again,
    expiry_ns,
    is_final,
    is_missed,
    notifications,
    requested,
    state_of,
)
from sipconform.trace.packet import Address
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

LAST_PAUSE = 8.0  # seconds before 64*T1 in which the last two sendings of a request fall
# Refusals of a NOTIFY that end the subscription, RFC 6665 §4.2.2 with RFC 5057 §5.1.
ENDING = frozenset({404, 405, 410, 416, *range(480, 486), 489, 501, 604})


@check(
    "SUB-010", level=MUST, on=EITHER, clause="RFC 6665 §4.1.3, §4.2.2, §4.4.1",
    asks="after the NOTIFY that ends a subscription no other is sent, and one that comes is answered 481",
)  # fmt: skip
def nothing_after_the_end(trace: Trace) -> Iterator[Finding]:
    """Both sides have forgotten it. A NOTIFY with a lower CSeq was overtaken; what was on its way (1 s) is left
    alone; and a SUBSCRIBE in between may have begun it again. The notifier answers for the sending, the
    subscriber for a 2xx.
    """
    for subscription in trace.subscriptions:
        end = next((t for t in subscription.notifies if is_final(t.request)), None)
        if end is None or end.request is None:
            continue
        late = [t for t in subscription.notifies if t.request is not None and _is_late(subscription, end, t.request)]
        if not late:
            yield PASSED
        for transaction in late:
            yield from _late_notify(trace, transaction, end.request)


def _is_late(subscription: Subscription, end: Transaction, notify: WireMessage) -> bool:
    last = end.request
    if last is None or notify.cseq_number <= last.cseq_number or seconds(notify, last) <= SLACK:
        return False
    return not begun_again(subscription, last, notify) and not is_final(notify)


def _late_notify(trace: Trace, transaction: Transaction, end: WireMessage) -> Iterator[Finding]:
    request, final = transaction.request, transaction.final
    if request is None:
        return
    yield finding(request, False, expected="no NOTIFY after terminated", observed="another NOTIFY", also=[end])
    if final is not None and end.transaction is not None and end.transaction.succeeded and not passed_on(trace, final):
        ok = final.status >= 300
        seen = f"{final.status} after the end"
        yield finding(final, ok, expected="481", observed=seen, also=[end, request])


@check(
    "SUB-011", level=MUST, on=EITHER, clause="RFC 6665 §4.1.2.3, §4.2.1.4",
    asks="a SUBSCRIBE with Expires 0 is followed by a NOTIFY that ends the subscription",
)  # fmt: skip
def unsubscribing_ends(trace: Trace) -> Iterator[Finding]:
    """So the subscriber knows it is over. The reason given is free. Missing after 64*T1 and 1 s it is a failure
    if it would have passed the tap and the notifier is heard afterwards (by stream, on the same connection).
    """
    yield from endings(trace, trace.subscriptions)


def endings(trace: Trace, subscriptions: Iterable[Subscription]) -> Iterator[Finding]:
    """Judges the NOTIFY after each accepted SUBSCRIBE with Expires 0."""
    for subscription in subscriptions:
        for transaction in subscription.subscribes:
            request, final = transaction.request, transaction.final
            if request is None or final is None or final.status >= 300 or requested(transaction) != 0:
                continue
            told = [n for n in all_notifications(trace, subscription) if n.number > request.number]
            if any(is_final(n) for n in told):
                yield PASSED
            elif watched(trace, final) > DEADLINE:
                seen = f"{len(told)} NOTIFY, none of them terminated" if told else "no NOTIFY"
                verdict = Verdict.FAIL if is_missed(trace, subscription, final) else Verdict.INCONCLUSIVE
                expected = "NOTIFY with Subscription-State: terminated"
                also = [request, *told[-1:]]
                yield finding(final, False, expected=expected, observed=seen, also=also, verdict=verdict)


@check(
    "SUB-013", level=MUST, on=EITHER, clause="RFC 6665 §4.2.2; RFC 5057 §5.1",
    asks="a subscription whose NOTIFY was refused with 481 or the like is dropped",
)  # fmt: skip
def refused_notify_ends(trace: Trace) -> Iterator[Finding]:
    """The subscriber knows nothing of it. NOTIFYs sent within 1 s were under way; a later SUBSCRIBE begins
    anew. Other refusals, and a time-out, leave the notifier free; one that went on repeating its NOTIFY to the end has
    not heard the refusal.
    """
    yield from drops(trace.subscriptions)


def drops(subscriptions: Iterable[Subscription]) -> Iterator[Finding]:
    """Judges that nothing is notified after a refusal that ends the subscription."""
    for subscription in subscriptions:
        heard = (t.final for t in subscription.notifies if t.final is not None and not _is_deaf(t))
        refused = next((f for f in heard if f.status in ENDING), None)
        if refused is None:
            continue
        late = (n for n in notifications(subscription) if n.number > refused.number and seconds(n, refused) > SLACK)
        later = next((n for n in late if not begun_again(subscription, refused, n)), None)
        if later is None:
            yield PASSED
        else:
            seen = f"NOTIFY {seconds(later, refused):.1f} s after the {refused.status}"
            yield finding(later, False, expected="no NOTIFY any more", observed=seen, also=[refused])


def _is_deaf(notify: Transaction) -> bool:
    """Whether a NOTIFY was repeated until its time was up, whatever was answered."""
    sent = notify.requests
    return len(sent) > 1 and seconds(sent[-1], sent[0]) > GIVE_UP - LAST_PAUSE


@check(
    "SUB-015", level=MUST, on=EITHER, clause="RFC 6665 §4.2.2",
    asks="a subscription that runs out is ended with a NOTIFY, and told nothing more",
)  # fmt: skip
def expiry_is_told(trace: Trace) -> Iterator[Finding]:
    """The subscriber may have lost its refresh. The notifier has 64*T1 and 1 s for it, since many sweep now and
    then. A failure if the notifier is heard on this hop before and after that, by stream on the same connection.

    Not asked where the last NOTIFY was refused or unanswered, for then the subscription was dropped before, nor
    where the subscriber asked for the end itself.
    """
    for subscription in trace.subscriptions:
        yield from expiry(trace, subscription)


def expiry(trace: Trace, subscription: Subscription) -> Iterator[Finding]:
    """Judges one subscription's NOTIFYs at and after the time it ran out."""
    until = expiry_ns(subscription)
    last = subscription.notifies[-1] if subscription.notifies else None
    if until is None or last is None or last.request is None or _ended_otherwise(subscription):
        return
    late = [n for n in notifications(subscription) if n.packet.time_ns > until]
    overdue = (trace.end_ns - until) / 1e9
    if any(is_final(n) for n in late):
        yield PASSED
    elif overdue > DEADLINE and last.succeeded and not is_final(last.request):
        seen = f"{overdue:.0f} s after the expiry none has come"
        due = until + round(DEADLINE * 1e9)
        missed = would_be_heard(trace, last.request, subscription.notifier, until, due)
        verdict = Verdict.FAIL if missed else Verdict.INCONCLUSIVE
        yield finding(last.request, False, expected="a NOTIFY, terminated", observed=seen, verdict=verdict)


def _ended_otherwise(subscription: Subscription) -> bool:
    asked_for = any(requested(t) == 0 for t in subscription.subscribes)
    unanswered = any(t.final is None or t.final.status >= 300 for t in subscription.subscribes[-1:])
    return asked_for or unanswered


@check(
    "SUB-017", level=SHOULD, on=EITHER, clause="RFC 6665 §4.1.3",
    asks="a subscriber heeds why its subscription was ended before it subscribes again",
)  # fmt: skip
def reason_is_heeded(trace: Trace) -> Iterator[Finding]:
    """After rejected, noresource or invariant it should not come back by itself, after probation or giveup not before
    retry-after. Judged for a minute, where the subscriber has answered that NOTIFY; a subscription the subscriber
    ended itself, and line-seize, which a user asks for with every call, are left alone. Tolerance 1 s.
    """
    openings = _openings(trace)
    for subscription in trace.subscriptions:
        end = next((t.request for t in subscription.notifies if is_final(t.request) and t.succeeded), None)
        if end is None or subscription.package == "line-seize" or _asked_for_end(subscription):
            continue
        later = (o for o in openings.get(_who(subscription), ()) if o.number > end.number)
        again = next((o for o in later if seconds(o, end) < 60 + SLACK), None)
        wait = _wait(end)
        if again is None or wait == 0:
            yield PASSED
        else:
            after = seconds(again, end)
            seen = f"SUBSCRIBE {after:.1f} s after {end.text('Subscription-State')}"
            yield finding(again, after >= wait - SLACK, expected=f"none for {wait:.0f} s", observed=seen, also=[end])


def _asked_for_end(subscription: Subscription) -> bool:
    return any(requested(t) == 0 for t in subscription.subscribes)


def _wait(end: WireMessage) -> float:
    state = state_of(end)
    if state is None:
        return 0.0
    if state.reason in ("rejected", "noresource", "invariant"):
        return 60.0
    retry = state.retry_after
    return float(retry) if isinstance(retry, int) and state.reason in ("probation", "giveup") else 0.0


def _who(subscription: Subscription) -> tuple[Address, str, str]:
    return subscription.subscriber, subscription.package, subscription.resource


def _openings(trace: Trace) -> dict[tuple[Address, str, str], list[WireMessage]]:
    """The first SUBSCRIBEs of each subscriber to each resource, in order."""
    found: dict[tuple[Address, str, str], list[WireMessage]] = {}
    for subscription in trace.subscriptions:
        opening = subscription.subscribes[0].request if subscription.began_here and subscription.subscribes else None
        if opening is not None:
            found.setdefault(_who(subscription), []).append(opening)
    return found
