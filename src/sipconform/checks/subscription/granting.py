"""How a notifier answers SUBSCRIBE (RFC 6665 §4.2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sipconform.checks.catalogue import EITHER, MAY, MUST, PASSED, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import author, passed_on, seconds_of
from sipconform.checks.sip_core.requests import contact_finding
from sipconform.checks.subscription.course import requested
from sipconform.sip.fault import Fault
from sipconform.trace.packet import Address
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

MADE_ON_THE_WAY = frozenset({408, 503, 504})


def accepted(trace: Trace) -> Iterator[tuple[Transaction, WireMessage]]:
    """Every SUBSCRIBE with its 2xx, unless the sender of that only passed it on."""
    for transaction in trace.transactions_of("SUBSCRIBE"):
        final = transaction.final
        if final is None or final.status >= 300:
            continue
        if not passed_on(trace, final):
            yield transaction, final


@check(
    "SUB-003", level=MUST, on=EITHER, clause="RFC 6665 §4.2.1.1",
    asks="a 2xx to SUBSCRIBE says an Expires that is not longer than asked",
)  # fmt: skip
def grant_is_not_longer(trace: Trace) -> Iterator[Finding]:
    """The subscriber must know when to refresh. The notifier may shorten; if nothing was asked it may grant
    anything.
    """
    yield from grants((t for t, _ in accepted(trace)))


def grants(transactions: Iterable[Transaction]) -> Iterator[Finding]:
    """Judges the Expires of every 2xx among the answers to these SUBSCRIBEs."""
    for transaction in transactions:
        final = transaction.final
        if final is None or final.status >= 300:
            continue
        asked, told = requested(transaction), seconds_of(final.expires)
        ok = told is not None and (asked is None or told <= asked)
        expected = f"Expires: {asked} or less" if asked is not None else "an Expires"
        seen = f"Expires: {final.text('Expires') or 'none'}"
        yield finding(final, ok, expected=expected, observed=seen, at="Expires")


@check(
    "SUB-004", level=MUST, on=EITHER, clause="RFC 6665 §4.2.1.1; RFC 3261 §20.23, §21.4.17",
    asks="423 says with Min-Expires which time would be long enough, and is for times below that and below an hour",
)  # fmt: skip
def too_brief_says_minimum(trace: Trace) -> Iterator[Finding]:
    """The subscriber is to try again with that time. A notifier may also grant a short time or shorten a long
    one.
    """
    yield from minimums(trace.transactions_of("SUBSCRIBE"))


def minimums(transactions: Iterable[Transaction]) -> Iterator[Finding]:
    """Judges every 423 among the answers to these requests."""
    for transaction in transactions:
        final = transaction.final
        if final is None or final.status != 423:
            continue
        asked, least = requested(transaction), seconds_of(final.min_expires)
        ok = least is not None and (asked is None or (asked < least and asked < 3600))
        expected = "Min-Expires" if asked is None else f"Min-Expires above the {asked} asked for"
        seen = f"Min-Expires: {final.text('Min-Expires') or 'none'}"
        yield finding(final, ok, expected=expected, observed=seen, at="Min-Expires")


@check(
    "SUB-005", level=SHOULD, on=EITHER, clause="RFC 6665 §8.3.2, §8.2.2",
    asks="489 lists the event packages that are known",
)  # fmt: skip
def bad_event_lists_packages(trace: Trace) -> Iterator[Finding]:
    """So that the subscriber need not try. Refusing is no failure in itself; a notifier without any package may
    leave the list empty, but the header field is to be there.
    """
    for response in trace.responses(status=489):
        if not passed_on(trace, response):
            ok = response.has("Allow-Events")
            yield finding(response, ok, expected="Allow-Events in the 489", observed="no Allow-Events")


@check(
    "SUB-006", level=MUST, on=EITHER, clause="RFC 6665 §4.1.2.1, §8.2.1",
    asks="SUBSCRIBE and NOTIFY name exactly one event package, and one that names none is not accepted",
)  # fmt: skip
def event_is_named(trace: Trace) -> Iterator[Finding]:
    """Without it nobody knows what is subscribed to. That the receiver answers 489, and not another refusal, is
    left open; accepting it is its own failing, as SHOULD.
    """
    for request in trace.requests():
        if request.method not in ("SUBSCRIBE", "NOTIFY"):
            continue
        if request.count("Event") == 1 and not isinstance(request.event, Fault):
            yield PASSED
            continue
        seen = f"Event: {', '.join(request.texts('Event')) or 'none'}"
        yield finding(request, False, expected="one Event", observed=seen, at="Event", party=author(request))
        final = request.transaction.final if request.transaction is not None else None
        if final is not None and not request.has("Event"):
            ok = final.status >= 300
            seen = f"{final.status} to a {request.method} without Event"
            yield finding(final, ok, expected="489", observed=seen, also=[request], level=SHOULD)


@check(
    "SUB-018", level=MUST, on=EITHER, clause="RFC 6665 §4.1.2.1, §4.2.1, §4.4.1",
    asks="SUBSCRIBE, its 2xx and NOTIFY carry exactly one Contact with a SIP URI",
)  # fmt: skip
def subscription_contacts(trace: Trace) -> Iterator[Finding]:
    """A SUBSCRIBE makes a dialog, so both sides say where they are; NOTIFY refreshes that.

    The 2xx to NOTIFY need not carry one.
    """
    for request in trace.requests():
        if request.method in ("SUBSCRIBE", "NOTIFY"):
            yield contact_finding(request)
    for _, final in accepted(trace):
        yield contact_finding(final)


@check(
    "SUB-022", level=MAY, on=EITHER, clause="RFC 6665 §4.4.4, §8.2.2",
    asks="who takes subscriptions says so with Allow-Events in its INVITE, its 2xx to INVITE and to OPTIONS",
)  # fmt: skip
def packages_are_advertised(trace: Trace) -> Iterator[Finding]:
    """Recommended only. Asked of those who were seen accepting a subscription; one finding for each address."""
    notifiers = {final.source for _, final in accepted(trace)}
    told: set[Address] = set()
    for message in trace.messages if notifiers else ():
        if message.source not in notifiers or message.source in told or message.method not in ("INVITE", "OPTIONS"):
            continue
        if message.is_response and 200 <= message.status < 300 and not passed_on(trace, message):
            told.add(message.source)
            ok = message.has("Allow-Events")
            yield finding(message, ok, expected="Allow-Events", observed="no Allow-Events")


@check(
    "SUB-024", level=MUST, on=SERVER, clause="RFC 6665 §4.2.1.3",
    asks="a SUBSCRIBE that was refused makes no subscription",
)  # fmt: skip
def refusal_makes_no_subscription(trace: Trace) -> Iterator[Finding]:
    """Who may not subscribe gets no state, and no dialog is held before authentication.

    Judged where the beginning was seen and every SUBSCRIBE of the Call-ID seen was refused; a NOTIFY that ends the
    subscription tells nothing and passes. 408, 503 and 504 may be those of a proxy that has lost the notifier's 200.
    """
    accepted_calls = {t.request.call_id for t, _ in accepted(trace) if t.request is not None}
    for subscription in trace.subscriptions:
        if not subscription.began_here or subscription.call_id in accepted_calls or not _all_refused(subscription):
            continue
        telling = next((n.request for n in subscription.notifies if n.request is not None and _tells(n.request)), None)
        if telling is None:
            yield PASSED
        else:
            also = [t.final for t in subscription.subscribes if t.final is not None]
            seen = f"NOTIFY after {also[-1].status}"
            party = author(telling)
            yield finding(telling, False, expected="no NOTIFY after a refusal", observed=seen, also=also, party=party)


def _all_refused(subscription: Subscription) -> bool:
    finals = [t.final for t in subscription.subscribes]
    return bool(finals) and all(f is not None and f.status >= 300 and f.status not in MADE_ON_THE_WAY for f in finals)


def _tells(notify: WireMessage) -> bool:
    return not notify.text("Subscription-State").lower().startswith("terminated")
