"""The life of a feature subscription at the server (RFC 6665 §4.2)."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import INFO, MUST, PASSED, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import SLACK, passed_on, seconds, seconds_of
from sipconform.checks.feature_sync.bodies import is_overtaken, made_as_asked, surely
from sipconform.checks.feature_sync.told import FEATURES, before, burst, states, wishes
from sipconform.checks.feature_sync.witness import is_reassigned, said, unless_unknown
from sipconform.checks.subscription.course import (
    DEADLINE,
    all_after,
    begun_again,
    expiry_ns,
    is_final,
    last_before,
    notifications,
    requested,
    state_of,
    subscribe_requests,
)
from sipconform.checks.subscription.ending import drops, endings, expiry
from sipconform.features.feature_event import EVENT
from sipconform.trace.packet import Address
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

UNKNOWN = "x-nobody-knows-this"  # a package that the suite asks for and no product has
BRIEF = 60  # seconds below which a subscription is short for this package
TOLERANCE = 5.0  # seconds by which a renewed countdown may fall short of the grant


def _answers(trace: Trace, status: int) -> Iterator[tuple[Transaction, WireMessage]]:
    for transaction in trace.transactions:
        final = transaction.final
        if transaction.method == "SUBSCRIBE" and final is not None and final.status == status:
            yield transaction, final


@check(
    "FS-030", level=MUST, on=SERVER, clause="RFC 6665 §4.2.1.1, §8.3.2, §8.2.2",
    asks="a package nobody knows is refused, and a server that knows as-feature-event names it in its 489",
)  # fmt: skip
def package_is_listed(trace: Trace) -> Iterator[Finding]:
    """So a phone can tell a wrong package from no packages at all. The list is asked for, as SHOULD, of servers seen
    accepting the package. That a package is unknown to everybody is known of the one the suite itself asks for: any
    refusal passes, and a busy server (503); accepting it is a failure, and so is breaking down.
    """
    for transaction in trace.transactions_of("SUBSCRIBE"):
        request, final = transaction.request, transaction.final
        event = request.event if request is not None and final is not None else None
        if event and final is not None and event.package == UNKNOWN and not passed_on(trace, final):
            ok = 300 <= final.status < 500 or final.status in (501, 503) or final.status >= 600
            yield finding(final, ok, expected="489", observed=f"{final.status} {final.reason}")
    able: set[Address] = {s.notifier for s in trace.subscriptions_to(EVENT) if any(t.succeeded for t in s.subscribes)}
    for _, final in _answers(trace, 489) if able else ():
        if trace.party(final.source) in able and not passed_on(trace, final):
            seen, at = f"Allow-Events: {', '.join(final.texts('Allow-Events')) or 'none'}", "Allow-Events"
            ok, expected = EVENT in final.allow_events, f"Allow-Events: {EVENT}"
            yield finding(final, ok, expected=expected, observed=seen, at=at, level=SHOULD)


@check(
    "FS-031", level=MUST, on=SERVER, clause="RFC 6665 §4.2.1.4; RFC 3261 §12.2.2",
    asks="a SUBSCRIBE in a dialog that the server does not know is answered 481",
)  # fmt: skip
def unknown_dialog_is_refused(trace: Trace) -> Iterator[Finding]:
    """Then the phone begins anew and gets the whole state. A dialog is known to be unknown if the beginning was
    seen and the To tag is nobody's, or if its terminated NOTIFY was answered 1 s ago. Any refusal passes.
    """
    tags: dict[str, set[str]] = {}
    for subscription in trace.subscriptions_to(EVENT):
        if subscription.began_here:
            finals = [t.final for t in subscription.subscribes if t.final is not None]
            known = tags.setdefault(subscription.call_id, set())
            known |= {subscription.notifier_tag, *(f.to_tag for f in finals if f.status < 300)}
    for subscription in trace.subscriptions_to(EVENT):
        end = next((t.final for t in subscription.notifies if is_final(t.request) and t.succeeded), None)
        for transaction in subscription.subscribes:
            request, final = transaction.request, transaction.final
            if request is None or final is None or not request.to_tag or passed_on(trace, final):
                continue
            foreign = subscription.call_id in tags and request.to_tag not in tags[subscription.call_id]
            ended = end is not None and request.number > end.number and seconds(request, end) > SLACK
            if foreign or ended:
                seen = f"{final.status} {final.reason}"
                yield finding(final, final.status >= 300, expected="481", observed=seen, also=[request])
            elif final.status == 481:
                yield PASSED


@check(
    "FS-032", level=SHOULD, on=SERVER, clause="RFC 6665 §4.2.1.1",
    asks="a very short Expires is refused with 423 and Min-Expires or granted as short",
)  # fmt: skip
def brief_subscription(trace: Trace) -> Iterator[Finding]:
    """Never silently longer: the phone would be told what it no longer wants. Below a minute counts as short."""
    for subscription in trace.subscriptions_to(EVENT):
        for transaction in subscription.subscribes:
            asked, final = requested(transaction), transaction.final
            if asked is None or not 0 < asked < BRIEF or final is None:
                continue
            if final.status == 423:
                least = seconds_of(final.min_expires)
                ok, seen = least is not None and least > asked, f"Min-Expires: {final.text('Min-Expires') or 'none'}"
            elif final.status < 300:
                told = seconds_of(final.expires)
                ok, seen = told is not None and told <= asked, f"Expires: {final.text('Expires') or 'none'}"
            else:
                continue
            yield finding(final, ok, expected=f"Expires: {asked} or less, or 423 with more", observed=seen)


@check(
    "FS-033", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196 §2.1.1",
    asks="a refresh without body brings the whole state again",
)  # fmt: skip
def refresh_brings_state(trace: Trace) -> Iterator[Finding]:
    """So a phone that missed something is right again. Asked for the features this subscription was told
    before, unless they were taken away since: without a record of what was done that is inconclusive. Several NOTIFYs
    count together as for FS-004, and nothing is said if the capture ends sooner or another SUBSCRIBE follows.
    """
    for subscription in trace.subscriptions_to(EVENT):
        for transaction in subscription.subscribes:
            request, final = transaction.request, transaction.final
            if request is None or not request.to_tag or request.body or requested(transaction) == 0:
                continue
            if final is None or final.status >= 300:
                continue
            known = {name for name in FEATURES if before(subscription, request, name) is not None}
            told = burst(subscription, request)
            if known and told and _settled(trace, subscription, request, told[-1]):
                missing = sorted(known - {name for n in told for name in states(n)})
                ok = not missing or is_reassigned(trace, notifications(subscription)[0])
                seen, verdict = f"{', '.join(missing)} missing", unless_unknown(trace)
                expected = f"{', '.join(sorted(known))} after the refresh"
                yield finding(told[0], ok, expected=expected, observed=seen, also=[request], verdict=verdict)


def _settled(trace: Trace, subscription: Subscription, request: WireMessage, last: WireMessage) -> bool:
    following = next(all_after(subscribe_requests(subscription), request), None)
    next_ = following.packet.time_ns if following is not None else trace.end_ns
    return next_ - last.packet.time_ns > DEADLINE * 1e9 or (next_ - request.packet.time_ns) / 1e9 > TOLERANCE


@check(
    "FS-034", level=SHOULD, on=SERVER, clause="RFC 6665 §4.1.2.2",
    asks="a SUBSCRIBE that asks for a change also renews the subscription",
)  # fmt: skip
def set_renews(trace: Trace) -> Iterator[Finding]:
    """It is a refresh like any other. Shown by the next countdown, which may fall short of what was granted by
    5 s; judged where the renewal makes more than twice that difference.
    """
    for wish in wishes(trace):
        final = wish.transaction.final
        time = seconds_of(final.expires) if final is not None and final.status < 300 else None
        told = next(all_after(notifications(wish.subscription), wish.request), None)
        state = state_of(told)
        left = seconds_of(state.expires) if state is not None else None
        if final is None or told is None or time is None or left is None or seconds(told, final) < 0:
            continue
        old = last_before(notifications(wish.subscription), wish.request)
        was = state_of(old)
        before_ = seconds_of(was.expires) if was is not None else None
        if old is None or before_ is None or time - (before_ - seconds(told, old)) < 2 * TOLERANCE:
            continue
        ok = left >= time - seconds(told, final) - TOLERANCE
        seen = f"expires={left}"
        yield finding(told, ok, expected=f"expires={time} or a little less", observed=seen, also=[wish.request])


@check(
    "FS-035", level=MUST, on=SERVER, clause="RFC 6665 §4.1.2.3, §4.2.1.4",
    asks="Expires 0 is followed by a terminated NOTIFY, and then by silence",
)  # fmt: skip
def unsubscribe_is_final(trace: Trace) -> Iterator[Finding]:
    """The phone has switched synchronisation off. As SUB-011; and no NOTIFY may come more than 1 s after the
    last one, unless a SUBSCRIBE began anew. Nor may a server refuse to end what it goes on telling: a challenge, a busy
    server (503), a proxy's time-out and 500 to a request that was overtaken are no refusals.
    """
    subscriptions = [s for s in trace.subscriptions_to(EVENT) if any(requested(t) == 0 for t in s.subscribes)]
    yield from endings(trace, subscriptions)
    for subscription in subscriptions:
        yield from _refused_end(trace, subscription)
        told = notifications(subscription)
        end = next((n for n in told if is_final(n)), None)
        if end is not None:
            late = [n for n in told if n.cseq_number > end.cseq_number and seconds(n, end) > SLACK]
            late = [n for n in late if not begun_again(subscription, end, n)]
            seen = f"{len(late)} more"
            yield finding((late or [end])[0], not late, expected="no more NOTIFY", observed=seen, also=[end])


NO_REFUSAL = frozenset({401, 407, 408, 503, 504})


def _refused_end(trace: Trace, subscription: Subscription) -> Iterator[Finding]:
    """Judges that nothing is told after a refusal of Expires 0, up to the next SUBSCRIBE."""
    for transaction in subscription.subscribes:
        request, final = transaction.request, transaction.final
        if request is None or final is None or final.status < 300 or not request.to_tag or requested(transaction) != 0:
            continue
        overtaken = final.status == 500 and is_overtaken(subscription, request)
        if final.status in NO_REFUSAL or overtaken or passed_on(trace, final):
            continue
        later = (n for n in all_after(notifications(subscription), final) if seconds(n, final) > SLACK)
        told = next((n for n in later if not is_final(n) and not begun_again(subscription, final, n)), None)
        if told is not None:
            seen = f"{final.status} to Expires 0, and a NOTIFY {seconds(told, final):.0f} s later"
            yield finding(final, False, expected="200, and the end", observed=seen, also=[request, told])


@check(
    "FS-306", level=SHOULD, on=SERVER, clause="RFC 6665 §4.4.3; BroadSoft 11-BD5196 §2.1.1",
    asks="a fetch, Expires 0 outside any dialog, brings the whole state",
)  # fmt: skip
def fetch_brings_state(trace: Trace) -> Iterator[Finding]:
    """Nothing more can follow its last NOTIFY. Asked for the features this server has told another subscription of
    the user before, unless the record says that features were given or taken away.
    """
    if next(said(trace, "intent", do="assign"), None) is not None:
        return
    for subscription in trace.subscriptions_to(EVENT):
        initial = subscription.initial
        request = initial.request if initial is not None and initial.succeeded and requested(initial) == 0 else None
        if request is None or request.body or not any(map(is_final, notifications(subscription))):
            continue
        others = [s for s in trace.subscriptions_to(EVENT) if _is_sibling(s, subscription)]
        known = {name for name in FEATURES if any(before(other, request, name) is not None for other in others)}
        told = burst(subscription, request)
        if known and told:
            missing = sorted(known - {name for n in told for name in states(n)})
            seen = f"{', '.join(missing)} missing"
            yield finding(told[-1], not missing, expected=", ".join(sorted(known)), observed=seen, also=[request])


def _is_sibling(other: Subscription, subscription: Subscription) -> bool:
    same = (other.resource, other.notifier) == (subscription.resource, subscription.notifier)
    return same and other is not subscription


@check(
    "FS-036", level=SHOULD, on=SERVER, clause="RFC 6665 §4.2.2",
    asks="a subscription that runs out ends with terminated;reason=timeout",
)  # fmt: skip
def expiry_says_timeout(trace: Trace) -> Iterator[Finding]:
    """The phone then knows to subscribe again at once. As SUB-015; another reason is as bad as none here."""
    for subscription in trace.subscriptions_to(EVENT):
        yield from expiry(trace, subscription)
        end = next((n for n in notifications(subscription) if is_final(n)), None)
        lease = [(t.final, seconds_of(t.final.expires)) for t in subscription.subscribes if t.final and t.succeeded]
        if end is None or not lease or any(requested(t) == 0 for t in subscription.subscribes):
            continue
        final, time = lease[-1]
        state = state_of(end)
        if time is not None and state is not None and seconds(end, final) >= time - SLACK:
            seen = f"Subscription-State: {end.text('Subscription-State')}"
            yield finding(end, state.reason == "timeout", expected="terminated;reason=timeout", observed=seen)


@check(
    "FS-037", level=MUST, on=SERVER, clause="RFC 3261 §22.1, §22.2; RFC 6665 §4.2.1.3",
    asks="a change that was challenged is not carried out before the credentials came",
)  # fmt: skip
def challenged_change_waits(trace: Trace) -> Iterator[Finding]:
    """Else anybody could divert calls. Shown by a NOTIFY with the new value between the challenge and the next
    SUBSCRIBE of any phone of the user, with nobody changing it at the server; as FS-046. Whether a server must
    challenge at all is its own affair.
    """
    for wish in wishes(trace):
        final = wish.transaction.final
        if final is None or final.status not in (401, 407):
            continue
        made = made_as_asked(trace, wish)
        early = made if made is not None and made.number > final.number else None
        verdict = surely(trace, wish.request, early) if early is not None else Verdict.FAIL
        seen, expected, also = f"{wish.feature} told as asked", "no change after a challenge", [wish.request, final]
        yield finding(early or final, early is None, expected=expected, observed=seen, also=also, verdict=verdict)


@check(
    "FS-041", level=MUST, on=SERVER, clause="RFC 6665 §4.2.2; RFC 5057 §5.1",
    asks="after 481 to a NOTIFY nothing more is notified in that subscription",
)  # fmt: skip
def refusal_ends_subscription(trace: Trace) -> Iterator[Finding]:
    """As SUB-013. What a server does after a time-out is its own affair, but noted is one that gives a subscription up
    for a single slow answer: the phone had taken every NOTIFY, and finds itself forgotten.
    """
    yield from drops(trace.subscriptions_to(EVENT))
    for subscription in trace.subscriptions_to(EVENT):
        slow = [t for t in subscription.notifies if len(t.requests) > 2 and t.succeeded]
        if not slow or not all(t.succeeded for t in subscription.notifies):
            continue
        lost = next((t.final for t in subscription.subscribes if t.final and t.final.status == 481), None)
        until = expiry_ns(subscription)
        early = lost is not None and until is not None and lost.packet.time_ns < until
        restarted = next(said(trace, "intent", "server", "restart"), None) is not None
        if not restarted:
            seen = "481 in a subscription that is alive"
            yield finding(lost or slow[0].final, not early, expected="200", observed=seen, level=INFO)
