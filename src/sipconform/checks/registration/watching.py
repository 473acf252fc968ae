"""The event package `reg`: a registrar tells of bindings (RFC 3680)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sipconform.checks.bindings import aor, contacts, lifetime, registers
from sipconform.checks.catalogue import MUST, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import same_uri, seconds
from sipconform.checks.names import aor_of
from sipconform.checks.told import seconds_left
from sipconform.features.reginfo import CONTENT_TYPE, EVENT, RegInfo, parse_reginfo
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.trace import Subscription, Trace, WireMessage

TOLD_WITHIN = 5.0  # seconds
GONE = frozenset({"expired", "unregistered", "deactivated", "rejected", "probation"})


def documents(subscription: Subscription) -> list[tuple[WireMessage, RegInfo]]:
    """The readable documents of a subscription, in the order of the NOTIFYs' numbers. One that was challenged was not
    taken, and comes again as it was."""
    found = []
    for transaction in subscription.notifies:
        notify, final = transaction.request, transaction.final
        if final is not None and final.status in (401, 407):
            continue
        kind = notify.content_type if notify is not None else None
        if notify is not None and kind and kind.type == CONTENT_TYPE:
            info = parse_reginfo(notify.content)
            if isinstance(info, RegInfo):
                found.append((notify, info))
    return sorted(found, key=lambda pair: pair[0].cseq_number)


@check(
    "REG-024", level=MUST, on=SERVER, clause="RFC 3680 §5",
    asks="documents of a subscription count up by one, fit the schema, and tell of every binding that goes",
)  # fmt: skip
def registration_is_told(trace: Trace) -> Iterator[Finding]:
    """A watcher recognises by `version` what it has missed. Numbers are compared between NOTIFYs with adjoining CSeq
    only, for one may have been lost before the tap. That a removal is told within five seconds is a SHOULD.
    """
    for subscription in trace.subscriptions_to(EVENT):
        known = documents(subscription)
        for notify, info in known:
            faults = [str(fault.rule) for fault in info.faults]
            seen = "; ".join(faults)
            yield finding(notify, not faults, expected="a document after the schema", observed=seen)
        for (first, old), (second, new) in pairwise(known):
            adjoining = second.cseq_number == first.cseq_number + 1
            if adjoining and old.version is not None and new.version is not None:
                expected, seen = f"version {old.version + 1}", f"version {new.version}"
                ok = new.version == old.version + 1
                yield finding(second, ok, expected=expected, observed=seen, also=[first])
        yield from _removals(trace, subscription, known)


def _removals(trace: Trace, subscription: Subscription, known: list[tuple[WireMessage, RegInfo]]) -> Iterator[Finding]:
    """Whether what a REGISTER took away was told as gone."""
    for transaction, request in registers(trace):
        final = transaction.final
        mine = transaction.server == subscription.notifier and aor(request) == aor_of(subscription.resource)
        if final is None or final.status >= 300 or not mine or not known or final.number < known[0][0].number:
            continue
        if _is_over(subscription, final) or seconds_left(trace, final.packet.time_ns) < TOLD_WITHIN:
            continue
        for contact in contacts(request):
            if lifetime(request, contact) == 0 and _was_told_of(contact, final, known):
                ok = any(
                    same_uri(c.uri, contact.uri_text) and c.event in GONE
                    for notify, info in known
                    if -TOLD_WITHIN < seconds(notify, final) < TOLD_WITHIN
                    for r in info.registrations
                    for c in r.contacts
                )
                expected, seen = f"{contact.uri_text} told as unregistered", "no such NOTIFY"
                yield finding(final, ok, expected=expected, observed=seen, also=[request], level=SHOULD)


def _was_told_of(contact: NameAddr, at: WireMessage, known: list[tuple[WireMessage, RegInfo]]) -> bool:
    """Whether the documents had ever named a binding before it was taken away: nobody need be told of what was not
    there."""
    earlier = (info for notify, info in known if seconds(notify, at) < TOLD_WITHIN)
    return any(same_uri(c.uri, contact.uri_text) for info in earlier for r in info.registrations for c in r.contacts)


def _is_over(subscription: Subscription, at: WireMessage) -> bool:
    """Whether the subscription had ended by then, or ends about then."""
    for transaction in subscription.notifies:
        state = transaction.request.subscription_state if transaction.request is not None else None
        if state and state.state == "terminated" and transaction.request is not None:
            return seconds(transaction.request, at) < TOLD_WITHIN
    return any(
        t.request is not None and t.request.expires == 0 and seconds(t.request, at) < TOLD_WITHIN
        for t in subscription.subscribes
    )
