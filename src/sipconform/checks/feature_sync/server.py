"""How a server begins and tells a feature subscription (RFC 6665; BroadSoft 11-BD5196)."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PASSED, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import contact, same_place
from sipconform.checks.feature_sync.told import burst, documents, feature, states
from sipconform.checks.feature_sync.witness import fact, is_reassigned, said, unless_unknown
from sipconform.checks.sip_core.dialogs import rising
from sipconform.checks.sip_core.requests import contact_finding
from sipconform.checks.sip_core.targets import is_rewritten
from sipconform.checks.subscription.course import dialog_of, notifications, requested
from sipconform.checks.subscription.granting import grants
from sipconform.checks.subscription.notifying import countdown, immediate_notify, state_finding
from sipconform.features.feature_event import EVENT
from sipconform.sip.fault import Fault, Span
from sipconform.sip.uri import SipUri
from sipconform.trace.trace import Subscription, Trace, WireMessage

NOT_SUPPORTED = frozenset({405, 489, 501})


@check(
    "FS-001", level=MUST, on=SERVER, clause="RFC 6665 §4.2.1.1",
    asks="an empty SUBSCRIBE is answered 2xx with a To tag, a Contact and an Expires that is not longer than asked",
)  # fmt: skip
def subscription_is_accepted(trace: Trace) -> Iterator[Finding]:
    """It opens the dialog all changes travel in. Refusing the package (489, 405, 501) means that the feature is not
    supported, unless the lab knows that it is; a challenge, or refusing this user, is the server's right and no
    evidence.
    """
    able = fact(trace, "offers_sync") or []
    for subscription in trace.subscriptions_to(EVENT):
        initial = subscription.initial
        final = initial.final if initial is not None else None
        if initial is None or final is None:
            continue
        if final.status in NOT_SUPPORTED:
            known = str(trace.party(final.source)) in able and not _withdrawn(trace)
            verdict = Verdict.FAIL if known else Verdict.NOT_SUPPORTED
            seen = f"{final.status} {final.reason}"
            yield finding(final, False, expected="200", observed=seen, verdict=verdict)
        elif final.status < 300:
            yield finding(final, bool(final.to_tag), expected="a To tag", observed="none", at="To")
            yield contact_finding(final)
            yield from grants([initial])
        elif final.status >= 500:
            seen = f"{final.status} {final.reason}"
            yield finding(final, False, expected="200", observed=seen, verdict=Verdict.INCONCLUSIVE)


def _withdrawn(trace: Trace) -> bool:
    """Whether the record tells that the administrator took the feature away."""
    return any(o.what.get("on") is False for o in said(trace, "intent", "server", "offer_sync"))


@check(
    "FS-002", level=MUST, on=SERVER, clause="RFC 6665 §4.2.1.2",
    asks="a NOTIFY follows the 2xx at once, even if no feature is assigned",
)  # fmt: skip
def state_follows(trace: Trace) -> Iterator[Finding]:
    """Without it the phone shows nothing. As SUB-001: a failure after 64*T1 and 1 s, late after 3 s (SHOULD; by
    UDP 4 s more, since three sendings may be lost).
    """
    for subscription in trace.subscriptions_to(EVENT):
        initial = subscription.initial
        if initial is not None and requested(initial) != 0:
            yield from immediate_notify(trace, subscription, initial)


@check(
    "FS-003", level=MUST, on=SERVER, clause="RFC 6665 §4.2.2, §8.2.3",
    asks="every NOTIFY says active or pending with the seconds left, at most those granted and falling, or terminated",
)  # fmt: skip
def seconds_are_told(trace: Trace) -> Iterator[Finding]:
    """Phones refresh by this number. Tolerance 2 s; `active, 3599` is not the grammar."""
    for subscription in trace.subscriptions_to(EVENT):
        for notify in notifications(subscription):
            yield state_finding(notify)
        yield from countdown(subscription)


@check(
    "FS-004", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196 §2.1.1",
    asks="the first NOTIFYs tell every feature once",
)  # fmt: skip
def full_state_is_told(trace: Trace) -> Iterator[Finding]:
    """One multipart NOTIFY or several single ones, each close behind the answer to the one before, whatever the phone
    asks for meanwhile. Which features are assigned is not known; one that this server tells the same user in the same
    subscription later was, unless it was given to him since: without a record of what was done that is inconclusive.
    """
    for subscription in trace.subscriptions_to(EVENT):
        initial = subscription.initial
        if initial is None or initial.request is None or not initial.succeeded or initial.request.body:
            continue
        first = burst(subscription, initial.request, whole=True)
        if first:
            yield _complete(trace, subscription, first)
            yield _once(first)


def _complete(trace: Trace, subscription: Subscription, first: list[WireMessage]) -> Finding:
    told = {name for notify in first for name in states(notify)}
    later = {name: n for n in notifications(subscription) if n.number > first[-1].number for name in states(n)}
    missing = sorted(set(later) - told)
    expected = f"{', '.join(missing)} in the first state"
    seen = ", ".join(sorted(told)) or "no feature at all"
    also, ok = [later[name] for name in missing], not missing or is_reassigned(trace, first[0])
    verdict = unless_unknown(trace)
    return finding(first[0], ok, expected=expected, observed=seen, also=also, verdict=verdict)


def _once(first: list[WireMessage]) -> Finding:
    """Counted within one NOTIFY only: a second one may already be a change."""
    for notify in first:
        names = [feature(told.document) for told in documents(notify)]
        twice = next((name for name in names if name is not None and names.count(name) > 1), None)
        if twice is not None:
            return finding(notify, False, expected="every feature once", observed=f"{twice} {names.count(twice)} times")
    return PASSED


@check(
    "FS-005", level=MUST, on=SERVER, clause="RFC 6665 §4.2.2; RFC 3261 §12.2.1.1",
    asks="NOTIFY has the dialog's tags the right way round, the phone's Contact as Request-URI, and its Event and id",
)  # fmt: skip
def notify_is_in_the_dialog(trace: Trace) -> Iterator[Finding]:
    """A phone finds its subscription by these. For the URI the Contact of any SUBSCRIBE so far passes, for the
    newest may have been on its way; parameters of the URI are left out of the comparison. That a phone behind a NAT is
    addressed at its public address is a warning, as SIP-030.
    """
    for subscription in trace.subscriptions_to(EVENT):
        if subscription.began_here:
            given: dict[str, int] = {}  # each Contact, and where it was first given
            for request in (t.request for t in subscription.subscribes if t.request is not None):
                given.setdefault(contact(request), request.number)
            for notify in notifications(subscription):
                yield _in_dialog(subscription, notify, [u for u, at in given.items() if u and at < notify.number])


def _in_dialog(subscription: Subscription, notify: WireMessage, targets: list[str]) -> Finding:
    ours = subscription.subscriber_tag
    if notify.to_tag != ours:
        expected, seen = f"To tag {ours}", f"To tag {notify.to_tag or 'missing'}, From tag {notify.from_tag}"
        return finding(notify, False, expected=expected, observed=seen, at="To")
    event = notify.event
    if isinstance(event, Fault) or event.id != subscription.id:
        expected = f"Event: {EVENT}" + (f";id={subscription.id}" if subscription.id else "")
        seen = f"Event: {notify.text('Event')}"
        return finding(notify, False, expected=expected, observed=seen, at="Event")
    ok = not targets or not isinstance(notify.uri, SipUri) or any(same_place(t, notify.request_uri) for t in targets)
    at = Span(0, len(notify.start_line))
    expected = f"Request-URI {targets[-1] if targets else ''}"
    level = SHOULD if any(is_rewritten(notify, target) for target in targets) else None
    return finding(notify, ok, expected=expected, observed=notify.request_uri, at=at, level=level)


@check(
    "FS-006", level=MUST, on=SERVER, clause="RFC 3261 §12.2.1.1",
    asks="CSeq of the NOTIFYs rises in the dialog",
)  # fmt: skip
def notify_cseq_rises(trace: Trace) -> Iterator[Finding]:
    """Phones drop an old one. Gaps and late repetitions (by UDP, 32 s + 1 s) are left alone."""
    seen = set()
    for subscription in trace.subscriptions_to(EVENT):
        dialog = dialog_of(subscription)
        if dialog is not None and id(dialog) not in seen and len(subscription.notifies) > 1:
            seen.add(id(dialog))
            yield from rising(dialog, "NOTIFY")


@check(
    "FS-007", level=SHOULD, on=SERVER, clause="RFC 6665 §8.3.1",
    asks="SUBSCRIBE is accepted with 200, not 202",
)  # fmt: skip
def accepted_with_200(trace: Trace) -> Iterator[Finding]:
    """202 is no longer used, and phones must take both alike; one known server sends it by default."""
    for subscription in trace.subscriptions_to(EVENT):
        for transaction in subscription.subscribes:
            final = transaction.final
            if final is not None and final.status < 300:
                yield finding(final, final.status == 200, expected="200", observed=str(final.status))
