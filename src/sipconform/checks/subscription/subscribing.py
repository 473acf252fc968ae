"""What a subscriber does (RFC 6665 §4.1)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from math import inf

from sipconform.checks.catalogue import EITHER, MUST, PASSED, PHONE, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import SLACK, author, contact, is_relayed, said_by, same_place, seconds, watched
from sipconform.checks.hearing import is_there_around
from sipconform.checks.subscription.course import (
    DEADLINE,
    all_notifications,
    dialog_of,
    expiry_ns,
    in_sight,
    is_final,
    notifications,
    requested,
)
from sipconform.checks.subscription.notifying import is_subscribed_to
from sipconform.sip.fault import Fault, Span
from sipconform.sip.uri import SipUri
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

RECOVERY = 60.0  # seconds in which a phone is to be back


@check(
    "SUB-009", level=MUST, on=EITHER, clause="RFC 6665 §4.1.3, §4.4.1",
    asks="a NOTIFY that belongs to no subscription is answered 481",
)  # fmt: skip
def stray_notify_is_refused(trace: Trace) -> Iterator[Finding]:
    """Else anybody could tell the phone what lamp to light.

    A NOTIFY without a To tag belongs to no dialog, so to no subscription. Any refusal passes, and so does silence.
    For packages that are told unasked by old custom (message waiting, restarts…) taking it is a warning only.
    """
    yield from strays(trace.requests("NOTIFY"))


def strays(notifies: Iterable[WireMessage]) -> Iterator[Finding]:
    """Judges the answers to NOTIFYs that have no To tag."""
    for notify in notifies:
        final = notify.transaction.final if notify.transaction is not None else None
        if notify.to_tag or final is None:
            continue
        level = None if is_subscribed_to(notify) else SHOULD
        seen = f"{final.status} to a NOTIFY outside any dialog"
        yield finding(final, final.status >= 300, expected="481", observed=seen, also=[notify], level=level)


@check(
    "SUB-016", level=MUST, on=EITHER, clause="RFC 6665 §4.1.2.2; RFC 3261 §12.2.1.1",
    asks="a refresh stays in its dialog: same Event and id, addressed to the notifier's Contact, CSeq higher",
)  # fmt: skip
def refresh_stays_in_dialog(trace: Trace) -> Iterator[Finding]:
    """The notifier knows the subscription by these. Judged where the beginning was seen and the refresh on a
    hop next to the subscriber; for 1 s after a new Contact, and if no answer shows that it arrived, the old one passes
    too.
    """
    yield from refreshes(trace.subscriptions)
    begun = {s.call_id: s for s in trace.subscriptions if s.began_here}
    for subscription in trace.subscriptions:
        request = subscription.subscribes[0].request if subscription.subscribes else None
        known = begun.get(subscription.call_id)
        if subscription.began_here or request is None or known is None or request.dialog is None:
            continue
        if dialog_of(known) is request.dialog and known.subscriber == subscription.subscriber:
            seen, expected = f"Event: {request.text('Event')}", f"Event: {known.package}"
            at = "Event"
            yield finding(request, False, expected=expected, observed=seen, at=at, level=SHOULD)


def refreshes(subscriptions: Iterable[Subscription]) -> Iterator[Finding]:
    """Judges Request-URI and CSeq of the SUBSCRIBEs inside the dialogs of these subscriptions."""
    for subscription in subscriptions:
        if not subscription.began_here or len(subscription.subscribes) < 2:
            continue
        before, (given, strict) = subscription.subscribes[0].request, _given(subscription)
        for transaction in subscription.subscribes[1:]:
            request = transaction.request
            if request is not None and before is not None and request.to_tag and not is_relayed(request):
                yield _refresh(request, before, _targets(given, request) if request.number < strict else [])
            before = request or before


def _refresh(request: WireMessage, before: WireMessage, targets: Sequence[str]) -> Finding:
    if request.cseq_number == before.cseq_number:
        seen, expected = f"CSeq: {request.text('CSeq')} again", f"CSeq above {before.cseq_number}"
        return finding(request, False, expected=expected, observed=seen, at="CSeq", also=[before])
    ok = not targets or not isinstance(request.uri, SipUri) or any(same_place(t, request.request_uri) for t in targets)
    at = Span(0, len(request.start_line))
    expected = f"Request-URI {targets[-1] if targets else ''}"
    return finding(request, ok, expected=expected, observed=request.request_uri, at=at)


def _given(subscription: Subscription) -> tuple[list[WireMessage], float]:
    """The messages in which the notifier may give a Contact, and the number of the first that shows a strict router:
    from there on the Request-URI of a refresh is the route's.
    """
    answers = [t.final for t in subscription.subscribes if t.final is not None and t.final.status < 300]
    told = [t.request for t in subscription.notifies if t.request is not None]
    given = sorted((*answers, *told), key=lambda m: m.number)
    strict = (m.number for m in given if m.has("Record-Route") and ";lr" not in m.text("Record-Route"))
    return given, next(strict, inf)


def _targets(given: Sequence[WireMessage], request: WireMessage) -> list[str]:
    """The notifier's Contacts that may still count at a refresh: the last that is known to have arrived, and all later
    ones; and those of the last second."""
    found: list[str] = []
    for place in range(bisect_left(given, request.number, key=lambda m: m.number) - 1, -1, -1):
        message = given[place]
        found.insert(0, contact(message))
        arrived = message.is_response or (message.transaction is not None and message.transaction.succeeded)
        if arrived and seconds(request, message) > SLACK:
            break
    return [uri for uri in found if uri]


@check(
    "SUB-020", level=SHOULD, on=EITHER, clause="RFC 6665 §4.1.2.2",
    asks="after 481 to a refresh the subscriber begins anew, with a new Call-ID or tag",
)  # fmt: skip
def lost_subscription_begins_anew(trace: Trace) -> Iterator[Finding]:
    """The old dialog is gone, nothing sent in it will be known. What was sent within 1 s of the 481 is left
    alone.
    """
    for subscription, refused in lost(trace.subscriptions):
        for later in _later(trace, subscription, refused):
            old = later.call_id == subscription.call_id and later.from_tag == subscription.subscriber_tag
            seen = "SUBSCRIBE with the old Call-ID and tag"
            yield finding(later, not old, expected="a new dialog", observed=seen, also=[refused], party=author(later))


def lost(subscriptions: Iterable[Subscription]) -> Iterator[tuple[Subscription, WireMessage]]:
    """Subscriptions whose in-dialog SUBSCRIBE got 481, with that answer; those being ended anyway are left out."""
    for subscription in subscriptions:
        for transaction in subscription.subscribes:
            request, final = transaction.request, transaction.final
            if request is not None and request.to_tag and final is not None and final.status == 481:
                if requested(transaction) != 0:
                    yield subscription, final
                break


def _later(trace: Trace, subscription: Subscription, refused: WireMessage) -> Iterator[WireMessage]:
    for message in said_by(trace, subscription.subscriber):
        if message.method != "SUBSCRIBE" or not message.is_request or message.repeats is not None:
            continue
        event = message.event
        if seconds(message, refused) > SLACK and not isinstance(event, Fault) and event.package == subscription.package:
            yield message


@check(
    "SUB-025", level=SHOULD, on=PHONE, clause="RFC 6665 §4.1.2.2",
    asks="a subscriber whose subscription the server forgot is back within a minute",
)  # fmt: skip
def forgotten_subscriber_recovers(trace: Trace) -> Iterator[Finding]:
    """A restart of the server must not leave the phone deaf. Any new SUBSCRIBE to the package from the same address
    counts, and so does another subscription that lives. A failure if the phone is heard shortly before the minute is
    over and shortly after it, for it may have been switched off; the capture must go on for a minute and 1 s.
    """
    yield from recoveries(trace, trace.subscriptions)


def recoveries(trace: Trace, subscriptions: Iterable[Subscription]) -> Iterator[Finding]:
    """Judges that lost subscriptions are begun anew in time."""
    for subscription, refused in lost(subscriptions):
        begun = next((r for r in _new(trace, subscription) if r.number > refused.number), None)
        after = seconds(begun, refused) if begun is not None else watched(trace, refused)
        if (begun is not None and after <= RECOVERY + SLACK) or _has_another(trace, subscription, refused):
            yield PASSED
        elif after > RECOVERY + SLACK:
            due = refused.packet.time_ns + round((RECOVERY + SLACK) * 1e9)
            party = subscription.subscriber
            verdict = Verdict.FAIL if is_there_around(trace, party, due, RECOVERY / 2) else Verdict.INCONCLUSIVE
            seen = f"SUBSCRIBE {after:.0f} s after the 481" if begun is not None else f"none in {after:.0f} s"
            of, expected = begun or refused, "a new SUBSCRIBE within 60 s"
            yield finding(of, False, expected=expected, observed=seen, also=[refused], party=party, verdict=verdict)


def _new(trace: Trace, subscription: Subscription) -> Iterator[WireMessage]:
    """The beginnings of the same subscriber's subscriptions to the package."""
    for other in trace.subscriptions_to(subscription.package):
        opening: Transaction | None = other.subscribes[0] if other.subscribes else None
        request = opening.request if opening is not None else None
        if other.subscriber == subscription.subscriber and request is not None and not request.to_tag:
            yield request


def _has_another(trace: Trace, subscription: Subscription, moment: WireMessage) -> bool:
    """Whether the subscriber had, at a message, another subscription to the same thing that had time left."""
    for other in trace.subscriptions_to(subscription.package):
        same = (other.subscriber, other.resource) == (subscription.subscriber, subscription.resource)
        if other is subscription or not same or not notifications(other):
            continue
        until = expiry_ns(other)
        ended = any(is_final(n) and n.number < moment.number for n in notifications(other))
        if notifications(other)[0].number < moment.number and not ended and (until or 0) > moment.packet.time_ns:
            return True
    return False


@check(
    "SUB-014", level=SHOULD, on=PHONE, clause="RFC 6665 §4.1.2.4",
    asks="a subscriber that is told nothing within 64*T1 takes its subscription for failed",
)  # fmt: skip
def silent_subscription_is_given_up(trace: Trace) -> Iterator[Finding]:
    """The first NOTIFY is what completes it. Judged where none was seen although it would have passed: going on in that
    dialog 64*T1 and 1 s after the 2xx shows that the subscriber relies on it. Ending it with Expires 0 passes.
    """
    for subscription in trace.subscriptions:
        initial = subscription.initial
        opening = initial.final if initial is not None and initial.succeeded and requested(initial) != 0 else None
        told = next(iter(all_notifications(trace, subscription)), None)
        in_time = told is not None and opening is not None and seconds(told, opening) <= DEADLINE
        if opening is None or in_time or watched(trace, opening) <= DEADLINE:
            continue
        inside = [t for t in subscription.subscribes if t.request is not None and t.request.to_tag and requested(t)]
        late = [t.request for t in inside if t.request is not None and seconds(t.request, opening) > DEADLINE]
        late = [request for request in late if told is None or request.number < told.number]
        verdict = Verdict.FAIL if in_sight(trace, subscription) else Verdict.INCONCLUSIVE
        seen = f"SUBSCRIBE in its dialog {seconds(late[0], opening):.0f} s later" if late else ""
        of, expected = (late or [opening])[0], "a new subscription, or none"
        party = subscription.subscriber
        yield finding(of, not late, expected=expected, observed=seen, also=[opening], party=party, verdict=verdict)


@check(
    "SUB-021", level=SHOULD, on=EITHER, clause="RFC 6665 §4.1.2.4, §4.4.1",
    asks="a NOTIFY of another notifier than the subscription's, long after the SUBSCRIBE, is answered 481",
)  # fmt: skip
def late_fork_is_refused(trace: Trace) -> Iterator[Finding]:
    """A SUBSCRIBE may fork, and every NOTIFY with a tag of its own that comes within 64*T1 may begin a dialog or be
    refused. Later ones are from somebody who was never asked. Slack 1 s; silence passes.
    """
    begun: dict[tuple[object, ...], list[Subscription]] = {}
    for subscription in trace.subscriptions:
        key = (subscription.call_id, subscription.subscriber_tag, subscription.package, subscription.subscriber)
        begun.setdefault(key, []).append(subscription)
    for forks in begun.values():
        told = [s for s in forks if s.notifies and s.notifies[0].request is not None]
        openings = [s.initial.request for s in forks if s.initial is not None]
        for fork in told[1:] if len({s.notifier_tag for s in told}) > 1 else ():
            yield from _late_fork(fork.notifies[0], openings)


def _late_fork(first: Transaction, openings: list[WireMessage | None]) -> Iterator[Finding]:
    notify, final = first.request, first.final
    if notify is None or final is None:
        return
    asked = [o for o in openings if o is not None and o.number < notify.number]
    if asked and seconds(notify, asked[-1]) > DEADLINE:
        seen = f"{final.status} to a NOTIFY with another From tag after {seconds(notify, asked[-1]):.0f} s"
        yield finding(final, final.status >= 300, expected="481", observed=seen, also=[notify])
