"""In which order a notifier tells, and what it carries (RFC 6665 §4.2.2; RFC 4235, RFC 3680)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sipconform.checks.catalogue import EITHER, MAY, MUST, SHOULD, Finding, check, finding
from sipconform.checks.credentials import CHALLENGES
from sipconform.checks.evidence import author
from sipconform.checks.sip_core.dialogs import rising
from sipconform.checks.subscription.course import dialog_of, notifications, state_of
from sipconform.sip.fault import Fault
from sipconform.trace.trace import Subscription, Trace, WireMessage

VERSIONED = frozenset(
    {"application/dialog-info+xml", "application/reginfo+xml", "application/conference-info+xml",
     "application/watcherinfo+xml"}
)  # fmt: skip
_VERSION = re.compile(
    rb"<(?:[\w.-]+:)?(?:dialog-info|reginfo|conference-info|watcherinfo)\b[^>]*?\bversion\s*=\s*[\"'](\d{1,18})[\"']"
)


@check(
    "SUB-019", level=MUST, on=EITHER, clause="RFC 3261 §12.2.1.1; RFC 4235 §4.3; RFC 3680 §4",
    asks="NOTIFYs rise in CSeq, and so do the versions of the documents they carry",
)  # fmt: skip
def notifications_are_ordered(trace: Trace) -> Iterator[Finding]:
    """An old state must not overwrite a new one. CSeq as in SIP-004, gaps and late repetitions left alone; versions
    are compared in the order of CSeq, for datagrams may change places. A NOTIFY that was challenged comes again as it
    was.
    """
    for subscription in trace.subscriptions:
        if len(subscription.notifies) > 1:
            dialog = dialog_of(subscription)
            if dialog is not None:
                yield from rising(dialog, "NOTIFY")
            yield from _versions(subscription)


def _versions(subscription: Subscription) -> Iterator[Finding]:
    last: tuple[int, WireMessage] | None = None
    for notify in sorted(notifications(subscription), key=lambda n: n.cseq_number):
        version, answer = _version(notify), notify.transaction.final if notify.transaction is not None else None
        if version is None or (answer is not None and answer.status in CHALLENGES):
            continue
        if last is not None and last[1].cseq_number < notify.cseq_number:
            ok = version > last[0]
            expected, seen = f"a version above {last[0]}", f"version {version}"
            party = author(notify)
            yield finding(notify, ok, expected=expected, observed=seen, also=[last[1]], party=party)
        last = (version, notify)


def _version(notify: WireMessage) -> int | None:
    kind = notify.content_type
    if isinstance(kind, Fault) or kind.type not in VERSIONED:
        return None
    found = _VERSION.search(notify.body)
    return int(found[1]) if found else None


@check(
    "SUB-023", level=SHOULD, on=EITHER, clause="RFC 6665 §4.1.2.1, §4.2.1; RFC 3261 §20.1",
    asks="a NOTIFY carries a body of a type that SUBSCRIBE accepts",
)  # fmt: skip
def accept_is_respected(trace: Trace) -> Iterator[Finding]:
    """Asked only where the SUBSCRIBE has an Accept: without it the package's default counts. A multipart body
    is only an envelope, so it passes.
    """
    for subscription in trace.subscriptions:
        request = subscription.initial.request if subscription.initial is not None else None
        if request is None or not request.accept:
            continue
        taken = [a.type for a in request.accept if not isinstance(a, Fault)]
        for notify in notifications(subscription):
            kind = notify.content_type
            if notify.body and not isinstance(kind, Fault) and not kind.type.startswith("multipart/"):
                ok = any(_matches(kind.type, a) for a in taken)
                at = "Content-Type"
                seen = f"Content-Type: {kind.type}"
                expected, party = " or ".join(taken), author(notify)
                yield finding(notify, ok, expected=expected, observed=seen, at=at, also=[request], party=party)


def _matches(kind: str, accepted: str) -> bool:
    return accepted in ("*/*", kind) or (accepted.endswith("/*") and kind.startswith(accepted[:-1]))


@check(
    "SUB-026", level=MAY, on=EITHER, clause="RFC 6665 §4.1.3",
    asks="a NOTIFY of a pending subscription gives no state away",
)  # fmt: skip
def pending_is_neutral(trace: Trace) -> Iterator[Finding]:
    """Nobody has allowed the subscription yet. A package may define a neutral document, so a body is only noted."""
    for notify in trace.requests("NOTIFY"):
        state = state_of(notify)
        if state is not None and state.state == "pending":
            seen = f"{len(notify.body)} octets of {notify.text('Content-Type')}"
            party = author(notify)
            yield finding(notify, not notify.body, expected="no body while pending", observed=seen, party=party)
