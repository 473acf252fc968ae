"""What a subscriber does (RFC 6665 §4.1)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from math import inf

from sipconform.checks.catalogue import EITHER, MUST, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.evidence import SLACK, author, contact, is_relayed, said_by, same_place, seconds, watched
from sipconform.checks.subscription.course import dialog_of, requested
from sipconform.sip.fault import Fault, Span
from sipconform.sip.uri import SipUri
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

# Packages that are told without a subscription by old custom; a receiver that takes them is warned of, not failed.
UNSOLICITED = frozenset({"message-summary", "check-sync", "keep-alive", "resync", "talk", "hold", "refer", ""})
RECOVERY = 60.0  # seconds in which a phone is to be back


@check(
    "SUB-009", level=MUST, on=EITHER, clause="RFC 6665 §4.1.3, §4.4.1",
    asks="a NOTIFY that belongs to no subscription is answered 481",
)  # fmt: skip
def stray_notify_is_refused(trace: Trace) -> Iterator[Finding]:
    """Else anybody could tell the phone what lamp to light.

    A NOTIFY without a To tag belongs to no dialog, so to no subscription. Any refusal passes, and so does silence.
    For packages that are told unasked by old custom (message waiting…) taking it is a warning only.
    """
    yield from strays(trace.requests("NOTIFY"))


def strays(notifies: Iterable[WireMessage]) -> Iterator[Finding]:
    """Judges the answers to NOTIFYs that have no To tag."""
    for notify in notifies:
        final = notify.transaction.final if notify.transaction is not None else None
        if notify.to_tag or final is None:
            continue
        event = notify.event
        package = "" if isinstance(event, Fault) else event.package
        level = SHOULD if package in UNSOLICITED else None
        seen = f"{final.status} to a NOTIFY outside any dialog"
        yield finding(final, final.status >= 300, expected="481", observed=seen, also=[notify], level=level)


@check(
    "SUB-016", level=MUST, on=EITHER, clause="RFC 6665 §4.1.2.2; RFC 3261 §12.2.1.1",
    asks="a refresh stays in its dialog: same Event and id, addressed to the notifier's Contact, CSeq higher",
)  # fmt: skip
def refresh_stays_in_dialog(trace: Trace) -> Iterator[Finding]:
    """The notifier knows the subscription by these. Judged where the beginning was seen and the refresh on a
    hop next to the subscriber; for 1 s after a new Contact the old one passes too.
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
    """The notifier's Contacts that may still count at a refresh: the last one, and those of the last second."""
    found: list[str] = []
    for place in range(bisect_left(given, request.number, key=lambda m: m.number) - 1, -1, -1):
        found.insert(0, contact(given[place]))
        if seconds(request, given[place]) > SLACK:
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
    counts; the capture must go on for a minute and 1 s, else nothing is said.
    """
    yield from recoveries(trace, trace.subscriptions)


def recoveries(trace: Trace, subscriptions: Iterable[Subscription]) -> Iterator[Finding]:
    """Judges that lost subscriptions are begun anew in time."""
    for subscription, refused in lost(subscriptions):
        party = subscription.subscriber
        begun = next((r for r in _new(trace, subscription) if r.number > refused.number), None)
        if begun is not None:
            after = seconds(begun, refused)
            seen = f"SUBSCRIBE {after:.0f} s after the 481"
            ok = after <= RECOVERY + SLACK
            yield finding(begun, ok, expected="a new SUBSCRIBE within 60 s", observed=seen, also=[refused], party=party)
        elif watched(trace, refused) > RECOVERY + SLACK:
            seen = f"none in {watched(trace, refused):.0f} s"
            yield finding(refused, False, expected="a new SUBSCRIBE within 60 s", observed=seen, party=party)


def _new(trace: Trace, subscription: Subscription) -> Iterator[WireMessage]:
    for other in trace.subscriptions_to(subscription.package):
        opening: Transaction | None = other.subscribes[0] if other.subscribes else None
        request = opening.request if opening is not None else None
        if other.subscriber == subscription.subscriber and request is not None and not request.to_tag:
            yield request
