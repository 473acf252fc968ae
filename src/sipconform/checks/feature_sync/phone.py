"""How a phone keeps its features in step (BroadSoft 11-BD5196; RFC 6665 §4.1)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from sipconform.checks.catalogue import MUST, PASSED, PHONE, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import (
    SLACK,
    author,
    heard_after,
    overtaken,
    passed_on,
    seconds,
    sendings,
    watched,
)
from sipconform.checks.feature_sync.told import Wish, documents, is_ours, requests, states, telling, wishes_of
from sipconform.checks.feature_sync.witness import wanted
from sipconform.checks.hearing import said_on
from sipconform.checks.subscription.course import dialog_of, requested
from sipconform.checks.subscription.notifying import early_notify_is_taken
from sipconform.checks.subscription.subscribing import refreshes, strays
from sipconform.features.feature_event import CONTENT_TYPE, EVENT
from sipconform.sip.fault import Fault
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

PROMPT_ANSWER = 0.5  # seconds a phone may take to answer a NOTIFY
ECHO = 2.0  # seconds in which nobody presses a key to say what the display has just begun to show
WATCH = 10.0  # seconds in which an echo is looked for
FRESH = 10.0  # seconds in which a phone has not forgotten what it subscribed to
NAT_KEEPS = 20.0  # seconds for which any NAT keeps a mapping that was used
LOOP = 3  # times after which chance is no explanation


@check(
    "FS-103", level=MUST, on=PHONE, clause="RFC 6665 §4.1.2.4, §4.4.1",
    asks="a NOTIFY that overtakes the 2xx is taken",
)  # fmt: skip
def early_state_is_taken(trace: Trace) -> Iterator[Finding]:
    """Datagrams change places. A challenge is not a refusal."""
    for subscription in trace.subscriptions_to(EVENT):
        initial = subscription.initial
        if initial is None or initial.final is None or initial.request is None or not initial.succeeded:
            continue
        first, last = initial.request.number, initial.final.number
        early = [t for t in subscription.notifies if t.request is not None and first < t.request.number < last]
        yield from early_notify_is_taken(early)


@check(
    "FS-104", level=MUST, on=PHONE, clause="RFC 3261 §17.2.2; RFC 6665 §4.1.3",
    asks="every NOTIFY of a live subscription is answered 200, soon",
)  # fmt: skip
def notify_is_answered(trace: Trace) -> Iterator[Finding]:
    """Half a second, with 1 s of slack for the way, is a warning. An answer may be lost, and a NAT forgets a phone
    that says nothing, so silence counts only after three sendings that each came within 20 s of the phone's own word,
    or 4 s by stream, and if the phone is heard afterwards. A refusal is judged only where the document could be read
    and nothing had ended; a challenge passes, and so does 500 to an overtaken one, and 415 to a multipart body the
    phone had not said it accepts. With 481 a phone says that it has lost the subscription: that is true unless it had
    just begun it, or goes on using it, and had not heard that the server has lost it, nor begun another.
    """
    for subscription in trace.subscriptions_to(EVENT):
        if not subscription.began_here:
            continue
        for transaction in subscription.notifies:
            if transaction.request is not None and transaction.request.to_tag == subscription.subscriber_tag:
                yield from _answer(trace, subscription, transaction, transaction.request)


def _answer(
    trace: Trace, subscription: Subscription, transaction: Transaction, notify: WireMessage
) -> Iterator[Finding]:
    final = transaction.final
    if final is None:
        yield from _silence(trace, transaction, notify)
    elif final.status < 300:
        delay = seconds(final, sendings(m for m in transaction.requests if m.number < final.number)[-1])
        ok = delay <= PROMPT_ANSWER + SLACK
        seen = f"after {delay:.1f} s"
        yield finding(final, ok, expected="200 within 0.5 s", observed=seen, also=[notify], level=SHOULD)
    elif final.status not in (401, 407, 500) and _is_fine(subscription, notify) and not passed_on(trace, final):
        seen = f"{final.status} {final.reason}"
        asked = _needs_it(trace, subscription, final) if final.status == 481 else notify
        asked = None if final.status in (406, 415) and not _accepts(subscription, notify) else asked
        yield finding(final, asked is None, expected="200", observed=seen, also=[notify, asked or notify])


def _accepts(subscription: Subscription, notify: WireMessage) -> bool:
    """Whether the phone had said that it accepts a NOTIFY's type, or nothing of what it accepts."""
    request, kind = subscription.initial.request if subscription.initial else None, notify.content_type
    taken = [a.type for a in request.accept if not isinstance(a, Fault)] if request is not None else []
    named = kind.type if not isinstance(kind, Fault) else ""
    return not taken or any(t in ("*/*", named) or t == f"{named.partition('/')[0]}/*" for t in taken)


def _needs_it(trace: Trace, subscription: Subscription, refusal: WireMessage) -> WireMessage | None:
    """A SUBSCRIBE that shows that the phone knew the subscription when it answered 481."""
    asked = [t.request for t in subscription.subscribes if t.request is not None and requested(t) != 0]
    after = next((r for r in asked if r.number > refusal.number), None)
    if after is not None:
        return after
    fresh = next((r for r in asked if seconds(refusal, r) < FRESH), None)
    told = any(t.final is not None and t.final.status == 481 and t.final.number < refusal.number
               for t in subscription.subscribes)  # fmt: skip
    return None if fresh is None or told or _has_begun_another(trace, subscription, fresh, refusal) else fresh


def _has_begun_another(trace: Trace, subscription: Subscription, asked: WireMessage, refusal: WireMessage) -> bool:
    """Whether the phone began a new subscription between a SUBSCRIBE and its 481: it has been started anew, say."""
    for other in trace.subscriptions_to(EVENT):
        opening = other.subscribes[0].request if other.began_here and other.subscribes else None
        mine = other is not subscription and (other.subscriber, other.resource) == (
            subscription.subscriber, subscription.resource)  # fmt: skip
        if mine and opening is not None and asked.number < opening.number < refusal.number:
            return True
    return False


def _silence(trace: Trace, transaction: Transaction, notify: WireMessage) -> Iterator[Finding]:
    sent = sendings(transaction.requests)
    if notify.transport == "udp":
        sent = [s for s in sent if _is_reachable(trace, transaction, s)]
    if not sent or watched(trace, sent[-1]) < 4.0 or (notify.transport == "udp" and len(sent) < 3):
        return
    if heard_after(trace, transaction.server, sent[-1], transaction.client):
        seen = f"no answer to {len(sent)} sending(s)"
        party = transaction.server
        yield finding(sent[-1], False, expected="200", observed=seen, also=[notify], party=party)


def _is_reachable(trace: Trace, transaction: Transaction, sending: WireMessage) -> bool:
    """Whether a NAT before the phone surely lets a datagram through: the phone has just sent one this way."""
    now = sending.packet.time_ns
    return bool(said_on(trace, sending, transaction.server, now - round(NAT_KEEPS * 1e9), now))


def _is_fine(subscription: Subscription, notify: WireMessage) -> bool:
    ended = any(requested(t) == 0 and t.request and t.request.number < notify.number for t in subscription.subscribes)
    earlier = [t for t in subscription.notifies if t.request is not None and t.request.number < notify.number]
    over = any(t.request is not None and t.request.text("Subscription-State").startswith("term") for t in earlier)
    readable = not any(isinstance(told.document, Fault) for told in documents(notify))
    return readable and not ended and not over


@check(
    "FS-108", level=MUST, on=PHONE, clause="BroadSoft 11-BD5196 §2.1",
    asks="a change told by the server is shown and not sent back",
)  # fmt: skip
def change_is_not_echoed(trace: Trace) -> Iterator[Finding]:
    """Two such parties toggle each other for ever. A Set with the value last told, within 10 s of the phone's own
    200 to it, is an echo if the record tells what the user did and it was not this. Without such a record somebody
    may have pressed the key: inconclusive, until it has happened three times within 2 s each, which is a loop. An
    opposite value is always somebody's wish.
    """
    for subscription in trace.subscriptions_to(EVENT):
        asked = wishes_of(subscription)
        loops = 0
        for notify, answer in _told_and_taken(subscription):
            echo = _echo(asked, notify, answer)
            want = wanted(trace, echo) if echo is not None else True
            if echo is None or want:
                yield PASSED
                continue
            delay = seconds(echo.request, answer)
            loops += delay <= ECHO
            sure = want is False or loops >= LOOP
            verdict = Verdict.FAIL if sure else Verdict.INCONCLUSIVE
            seen = f"the same value sent back after {delay:.1f} s"
            yield finding(echo.request, False, expected="nothing", observed=seen, also=[notify], verdict=verdict)


def _told_and_taken(subscription: Subscription) -> Iterator[tuple[WireMessage, WireMessage]]:
    for transaction in subscription.notifies:
        notify, answer = transaction.request, transaction.final
        if notify is not None and answer is not None and answer.status < 300 and states(notify):
            yield notify, answer


def _echo(asked: Sequence[Wish], notify: WireMessage, answer: WireMessage) -> Wish | None:
    """The first Set soon after a NOTIFY was taken that sends it back."""
    first = bisect_left(asked, answer.number, key=lambda w: w.request.number)
    soon = takewhile(lambda w: seconds(w.request, answer) <= WATCH, islice(asked, first, None))
    return next((w for w in soon if _echoes(w, notify)), None)


def _echoes(wish: Wish, notify: WireMessage) -> bool:
    """Whether a Set has a NOTIFY's own value, and nothing else was told of the feature, and taken, in between."""
    if states(notify).get(wish.feature) != wish.value:
        return False
    told = telling(wish.subscription, wish.feature)
    at = bisect_right(told, notify.number, key=lambda t: t.notify.number)
    later = takewhile(lambda t: t.notify.number < wish.request.number, islice(told, at, None))
    return not any(_taken_before(t.notify, wish.request) for t in later)


def _taken_before(notify: WireMessage, moment: WireMessage) -> bool:
    final = notify.transaction.final if notify.transaction is not None else None
    return final is not None and final.status < 300 and final.number < moment.number


@check(
    "FS-109", level=MUST, on=PHONE, clause="BroadSoft 11-BD5196 §2.1; RFC 3261 §12.2.1.1",
    asks="a change is asked for inside the dialog: To tag, CSeq higher, the server's Contact, and the right type",
)  # fmt: skip
def change_is_asked_in_dialog(trace: Trace) -> Iterator[Finding]:
    """The server finds the user by the dialog. The type is compared without parameters; a Set that opens a
    subscription is no change inside one.
    """
    for request in requests(trace, "SUBSCRIBE"):
        if request.body:
            party, at = author(request), "To"
            inside = bool(request.to_tag)
            seen = "To without tag"
            yield finding(request, inside, expected="a To tag", observed=seen, at=at, party=party)
            kind = request.content_type
            ok = not isinstance(kind, Fault) and kind.type == CONTENT_TYPE
            seen, at = f"Content-Type: {request.text('Content-Type') or 'none'}", "Content-Type"
            yield finding(request, ok, expected=CONTENT_TYPE, observed=seen, at=at, party=party)
    yield from refreshes(s for s in trace.subscriptions_to(EVENT) if any(True for _ in wishes_of(s)))


@check(
    "FS-124", level=MUST, on=PHONE, clause="RFC 6665 §4.1.3",
    asks="a NOTIFY outside any dialog is answered 481",
)  # fmt: skip
def stranger_is_refused(trace: Trace) -> Iterator[Finding]:
    """Else anybody could switch do not disturb on. Any refusal passes, and so does silence."""
    yield from strays(requests(trace, "NOTIFY"))


@check(
    "FS-125", level=MUST, on=PHONE, clause="RFC 3261 §12.2.2",
    asks="an overtaken NOTIFY is refused with 500",
)  # fmt: skip
def old_state_is_refused(trace: Trace) -> Iterator[Finding]:
    """It would show an old state. As SIP-005: the newer one was answered before the older one passed the tap."""
    dialogs = {id(dialog): dialog for dialog in map(dialog_of, trace.subscriptions_to(EVENT))}
    for dialog in dialogs.values():
        if dialog is None:
            continue
        for transaction, proof in overtaken(dialog, "NOTIFY"):
            final, request = transaction.final, transaction.request
            if final is not None and request is not None and is_ours(request) and not passed_on(trace, final):
                seen = f"{final.status} to CSeq {final.cseq_number} after {proof.cseq_number}"
                yield finding(final, final.status >= 300, expected="500", observed=seen, also=[proof, request])
