"""What a server does with requests it cannot or must not carry out: nothing, and it lives on."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import INFO, MUST, PASSED, SERVER, SHOULD, Finding, Level, Verdict, check, finding
from sipconform.checks.evidence import GIVE_UP, passed_on, seconds, sendings, watched
from sipconform.checks.feature_sync.documents import is_senseless as senseless_document
from sipconform.checks.feature_sync.others import is_meddled
from sipconform.checks.feature_sync.told import Wish, before, documents, states, wishes_of
from sipconform.checks.feature_sync.witness import is_driven, said
from sipconform.checks.hearing import said_on, speaks_again
from sipconform.checks.subscription.course import notifications
from sipconform.features.feature_event import (
    CONTENT_TYPE,
    EVENT,
    Facts,
)
from sipconform.sip.fault import Fault
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

WATCH = 10.0  # seconds in which an effect is looked for
PROMPT = 2.0  # seconds a hostile body may take to be refused
LARGE = 16 * 1024  # octets: no document of the package is that long
DANGEROUS = (b"<!DOCTYPE", b"<!ENTITY")


def carried(trace: Trace) -> Iterator[tuple[Subscription, Transaction, WireMessage]]:
    """Every SUBSCRIBE of the package that carries a body."""
    for subscription in trace.subscriptions_to(EVENT):
        for transaction in subscription.subscribes:
            if transaction.request is not None and transaction.request.body:
                yield subscription, transaction, transaction.request


def is_labelled(request: WireMessage) -> bool:
    kind = request.content_type
    return not isinstance(kind, Fault) and kind.type == CONTENT_TYPE


def is_dangerous(request: WireMessage) -> bool:
    content = request.content
    return len(content) > LARGE or any(word in content for word in DANGEROUS)


def _facts(request: WireMessage) -> Facts | None:
    told = documents(request)
    return told[0].document.facts if len(told) == 1 and not isinstance(told[0].document, Fault) else None


def is_senseless(request: WireMessage) -> bool:
    """Whether a body asks for nothing anybody could carry out."""
    told = documents(request)
    return len(told) != 1 or senseless_document(told[0])


def effect(trace: Trace, subscription: Subscription, request: WireMessage) -> WireMessage | None:
    """A NOTIFY after a request that tells a feature other than it was; None where somebody else may have changed it."""
    for notify in notifications(subscription):
        if notify.number > request.number and seconds(notify, request) <= WATCH:
            told = states(notify).items()
            if any(before(subscription, request, name) not in (None, now) for name, now in told):
                return None if is_meddled(trace, subscription, request, notify) else notify
    return None


def surely(trace: Trace, request: WireMessage, changed: WireMessage) -> Verdict:
    """How sure it is that a change came of a request: nobody else made it by the record, or it came at once."""
    sure = is_driven(trace) or seconds(changed, request) <= PROMPT
    return Verdict.FAIL if sure else Verdict.INCONCLUSIVE


def unchanged(
    trace: Trace,
    subscription: Subscription,
    transaction: Transaction,
    request: WireMessage,
    level: Level | None = None,
) -> Iterator[Finding]:
    """Judges that a request had no effect, and was no reason for a 5xx. 503 says that the server is busy, and 500 is
    right for a request that a later one has overtaken."""
    final = transaction.final
    changed = effect(trace, subscription, request)
    if changed is not None:
        seen, verdict = f"{', '.join(states(changed))} told otherwise", surely(trace, request, changed)
        expected, also = "the state as it was", [request]
        yield finding(changed, False, expected=expected, observed=seen, also=also, level=level, verdict=verdict)
    elif final is not None:
        ok = final.status < 500 or final.status == 503 or is_overtaken(subscription, request)
        seen = f"{final.status} {final.reason}"
        expected = "2xx or 4xx"
        yield finding(final, ok, expected=expected, observed=seen, also=[request], level=level)


def is_overtaken(subscription: Subscription, request: WireMessage) -> bool:
    """Whether a SUBSCRIBE of the same dialog with a higher number was seen before."""
    asked = (t.request for t in subscription.subscribes if t.request is not None)
    return any(r.number < request.number and r.cseq_number > request.cseq_number for r in asked)


def alive(trace: Trace, transaction: Transaction, request: WireMessage) -> Iterator[Finding]:
    """Judges that a request was answered at all. The line may be down: a failure where the server is heard again, or
    was heard just before the suite sent this on purpose.
    """
    sent = sendings(transaction.requests)
    tried = request.transport != "udp" or len(sent) >= 7
    if transaction.final is None and tried and watched(trace, request) > GIVE_UP:
        seen = f"no answer to {len(sent)} sending(s)"
        party, now = request.destination, request.packet.time_ns
        lately = said_on(trace, request, party, now - round(WATCH * 1e9), now) and _is_tried(trace, request)
        sure = bool(lately) or speaks_again(trace, request, party, now)
        verdict = Verdict.FAIL if sure else Verdict.INCONCLUSIVE
        yield finding(request, False, expected="an answer", observed=seen, party=party, verdict=verdict)


def _is_tried(trace: Trace, request: WireMessage) -> bool:
    """Whether the suite sent a request on purpose."""
    names = (request.call_id, request.branch)
    return any((o.what.get("call_id"), o.what.get("branch")) == names for o in said(trace, "stimulus"))


@check(
    "FS-026", level=MUST, on=SERVER, clause="RFC 3261 §21.4; robustness",
    asks="a document that cannot be read, or asks for nothing known, changes nothing and ends nothing",
)  # fmt: skip
def senseless_document_is_survived(trace: Trace) -> Iterator[Finding]:
    """What it is answered is free: 2xx with the true state, 400 or 415. 489 is a warning, for the package is known;
    5xx, silence and a changed state are failures, but 503 is not, nor 500 to a request that was overtaken. A change
    that somebody else asked for is no effect; where nobody recorded what people did, only one within 2 s is.
    """
    for subscription, transaction, request in carried(trace):
        if not is_labelled(request) or is_dangerous(request) or not is_senseless(request):
            continue
        yield from unchanged(trace, subscription, transaction, request)
        yield from alive(trace, transaction, request)
        final = transaction.final
        if final is not None and final.status == 489 and not passed_on(trace, final):
            expected = "2xx, 400 or 415"
            yield finding(final, False, expected=expected, observed="489", also=[request], level=SHOULD)


@check(
    "FS-027", level=MUST, on=SERVER, clause="XML 1.0 §2.8; RFC 3261 §21.4.11",
    asks="a document with a DOCTYPE or of monstrous size is refused or ignored at once",
)  # fmt: skip
def hostile_document_is_refused(trace: Trace) -> Iterator[Finding]:
    """Entities fetch files and fill memories. An answer within 2 s of the last sending, no effect, no 5xx but 513."""
    for subscription, transaction, request in carried(trace):
        if not is_dangerous(request):
            continue
        final = transaction.final
        changed = effect(trace, subscription, request)
        if changed is not None:
            seen, verdict = "a changed state", surely(trace, request, changed)
            yield finding(changed, False, expected="no effect", observed=seen, also=[request], verdict=verdict)
        elif final is not None:
            last = sendings(m for m in transaction.requests if m.number < final.number)[-1]
            late = seconds(final, last)
            ok = late <= PROMPT and (final.status < 500 or final.status == 513)
            seen = f"{final.status} after {late:.1f} s"
            yield finding(final, ok, expected="a refusal within 2 s", observed=seen, also=[request])
        yield from alive(trace, transaction, request)


@check(
    "FS-028", level=SHOULD, on=SERVER, clause="RFC 3261 §8.2.3, §21.4.13",
    asks="a body of another type changes nothing, and is best refused with 415",
)  # fmt: skip
def other_type_changes_nothing(trace: Trace) -> Iterator[Finding]:
    """Only a changed state or a 5xx is noted: 2xx, 400 and 489 are as good as 415."""
    for subscription, transaction, request in carried(trace):
        if not is_labelled(request) and not is_dangerous(request):
            yield from unchanged(trace, subscription, transaction, request)


@check(
    "FS-029", level=INFO, on=SERVER, clause="BroadSoft 11-BD5196",
    asks="whether a request in a foreign namespace is carried out",
)  # fmt: skip
def foreign_namespace(trace: Trace) -> Iterator[Finding]:
    """Receivers that look by local names do, strict ones do not. Noted, as every answer is; silence is noted too."""
    for subscription, _, request in carried(trace):
        facts = _facts(request)
        if facts is None or facts.is_csta or is_senseless(request) or not is_labelled(request):
            continue
        changed = effect(trace, subscription, request)
        if changed is not None:
            seen, verdict = f"{', '.join(states(changed))} changed", surely(trace, request, changed)
            yield finding(changed, False, expected="no effect", observed=seen, also=[request], verdict=verdict)
        else:
            yield PASSED


@check(
    "FS-045", level=SHOULD, on=SERVER, clause="RFC 6665 §4.2.1.2",
    asks="after a SUBSCRIBE that opens a subscription and asks for a change, what is told is the truth",
)  # fmt: skip
def change_at_the_beginning(trace: Trace) -> Iterator[Finding]:
    """Carried out or ignored, both are right, but all phones of the user must be told the same. Compared with what
    another subscription of the user was told last, within 10 s.
    """
    for subscription in trace.subscriptions_to(EVENT):
        opening = subscription.initial
        request = opening.request if opening is not None else None
        if opening is None or request is None or not opening.succeeded:
            continue
        for wish in (w for w in wishes_of(subscription) if w.request is request):
            told = next((n for n in notifications(subscription) if wish.feature in states(n)), None)
            rest = [s for s in trace.subscriptions_to(EVENT) if s is not subscription]
            known = [k for s in rest if (k := _last(s, subscription, wish.feature, request)) is not None]
            if told is not None and known:
                mine, theirs = states(told)[wish.feature], states(known[-1])[wish.feature]
                ok, seen = mine == theirs, f"{wish.feature} {mine[0]}, to another {theirs[0]}"
                yield finding(told, ok, expected="the same to everybody", observed=seen, also=[request, known[-1]])


def _last(other: Subscription, mine: Subscription, name: str, request: WireMessage) -> WireMessage | None:
    if other.resource != mine.resource:
        return None
    return next((n for n in reversed(notifications(other)) if name in states(n) and seconds(n, request) <= WATCH), None)


@check(
    "FS-046", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196",
    asks="a change that is refused is not carried out",
)  # fmt: skip
def refused_change_is_not_made(trace: Trace) -> Iterator[Finding]:
    """A refusal by 2xx and a NOTIFY of the old value is judged elsewhere; one by 4xx or 6xx must be meant. Challenges,
    481 and 423 are no refusals. What another phone of the user asks for, or somebody at the server does, is no effect
    of this; where nobody recorded what people did, a change later than 2 s is inconclusive.
    """
    for subscription in trace.subscriptions_to(EVENT):
        for wish in wishes_of(subscription):
            final = wish.transaction.final
            if final is None or final.status < 400 or final.status in (401, 407, 423, 481, 491) or final.status >= 500:
                continue
            made = made_as_asked(trace, wish)
            verdict = surely(trace, wish.request, made) if made is not None else Verdict.FAIL
            expected, seen = f"no change after {final.status}", f"{wish.feature} told as asked"
            yield finding(made or final, made is None, expected=expected, observed=seen, also=[final], verdict=verdict)


def made_as_asked(trace: Trace, wish: Wish) -> WireMessage | None:
    """A NOTIFY that tells a wish as it was asked for, news to the phone, with nobody else changing anything."""
    subscription = wish.subscription
    if before(subscription, wish.request, wish.feature) in (None, wish.value):
        return None
    for notify in notifications(subscription):
        late = seconds(notify, wish.request)
        if notify.number > wish.request.number and late <= WATCH and states(notify).get(wish.feature) == wish.value:
            return None if is_meddled(trace, subscription, wish.request, notify) else notify
    return None
