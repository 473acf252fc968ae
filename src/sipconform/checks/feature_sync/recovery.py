"""What a phone does when the server refuses or forgets (RFC 6665 §4.1.2; RFC 3261 §22)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PHONE, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import GIVE_UP, SLACK, is_relayed, said_by, seconds, seconds_of
from sipconform.checks.feature_sync.told import is_ours
from sipconform.checks.feature_sync.witness import name_of, said
from sipconform.checks.subscription.course import (
    all_after,
    granted,
    is_final,
    notifications,
    requested,
    state_of,
    subscribe_requests,
)
from sipconform.checks.subscription.subscribing import lost, recoveries
from sipconform.features.feature_event import EVENT
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

_NONCE = re.compile(r'\bnonce\s*=\s*"([^"]*)"', re.IGNORECASE)
BACK_OFF, TOO_SOON = 300.0, 30.0  # seconds before the next try after a refusal: recommended, and least
LOOP = 5.0  # seconds at least between subscriptions that end again at once


def _following(subscription: Subscription, transaction: Transaction) -> WireMessage | None:
    """The subscriber's next SUBSCRIBE in the same subscription."""
    known = transaction.request or transaction.final
    return next(all_after(subscribe_requests(subscription), known), None) if known is not None else None


@check(
    "FS-112", level=MUST, on=PHONE, clause="RFC 3261 §22.1, §22.2",
    asks="a change that is challenged is asked for again: same body, a higher CSeq, the new nonce",
)  # fmt: skip
def challenged_change_is_repeated(trace: Trace) -> Iterator[Finding]:
    """Else the key press is lost. Judged by the next SUBSCRIBE of the dialog within 32 s; a phone that sends
    none may lack the password, and that is not judged here.
    """
    for subscription in trace.subscriptions_to(EVENT):
        for transaction in subscription.subscribes:
            request, final = transaction.request, transaction.final
            if request is None or final is None or final.status not in (401, 407) or not request.body:
                continue
            again = _following(subscription, transaction)
            if again is not None and seconds(again, final) <= GIVE_UP:
                yield _repeated(request, final, again)


def _repeated(request: WireMessage, challenge: WireMessage, again: WireMessage) -> Finding:
    if again.content != request.content:
        seen = f"{len(again.content)} octets of body"
        expected = f"the same {len(request.content)} octets of body"
        return finding(again, False, expected=expected, observed=seen, also=[request, challenge])
    if again.cseq_number <= request.cseq_number:
        at, seen = "CSeq", f"CSeq: {again.text('CSeq')}"
        expected = f"CSeq above {request.cseq_number}"
        return finding(again, False, expected=expected, observed=seen, at=at, also=[challenge])
    asked, name = ("WWW-Authenticate", "Authorization") if challenge.status == 401 else _PROXY
    offered = {n for text in challenge.texts(asked) for n in _NONCE.findall(text)}
    used = {n for text in again.texts(name) for n in _NONCE.findall(text)}
    ok = not offered or bool(offered & used)
    return finding(again, ok, expected="the nonce of the challenge", observed="another nonce or none", also=[challenge])


_PROXY = ("Proxy-Authenticate", "Proxy-Authorization")


@check(
    "FS-113", level=MUST, on=PHONE, clause="RFC 6665 §4.1.2.2",
    asks="after 481 the phone opens a new dialog with an empty SUBSCRIBE",
)  # fmt: skip
def forgotten_phone_begins_anew(trace: Trace) -> Iterator[Finding]:
    """It learns the state before it asks for changes again. The minute it is given is our own limit, so coming
    late is a failure only if it never comes in that time; a first SUBSCRIBE with a body is a failure of its
    own.
    """
    yield from recoveries(trace, trace.subscriptions_to(EVENT))
    for subscription, refused in lost(trace.subscriptions_to(EVENT)):
        said = (m for m in said_by(trace, subscription.subscriber) if m.method == "SUBSCRIBE" and m.is_request)
        begun = next((m for m in said if m.number > refused.number and not m.to_tag and is_ours(m)), None)
        if begun is not None:
            seen = f"{len(begun.body)} octets of body"
            yield finding(begun, not begun.body, expected="an empty SUBSCRIBE", observed=seen, also=[refused])


@check(
    "FS-114", level=MUST, on=PHONE, clause="RFC 3261 §8.1.3.4; RFC 6665 §4.1.2.1",
    asks="after 489, 403 or 405 the phone does not keep trying",
)  # fmt: skip
def refused_phone_backs_off(trace: Trace) -> Iterator[Finding]:
    """The server will not change its mind. Less than 30 s is a failure, less than five minutes a warning;
    attempts at another server or for another user are separate. Slack 1 s.
    """
    last: dict[tuple[object, ...], WireMessage] = {}
    for subscription in trace.subscriptions_to(EVENT):
        for transaction in subscription.subscribes:
            request, final = transaction.request, transaction.final
            if request is None or request.to_tag or is_relayed(request):
                continue
            key = (subscription.subscriber, subscription.notifier, subscription.resource)
            refused = last.pop(key, None)
            if refused is not None:
                wait = seconds(request, refused)
                level = SHOULD if wait >= TOO_SOON - SLACK else None
                expected, seen = "no new try for five minutes", f"after {wait:.0f} s"
                ok = wait >= BACK_OFF - SLACK
                yield finding(request, ok, expected=expected, observed=seen, also=[refused], level=level)
            if final is not None and final.status in (403, 405, 489):
                last[key] = final


@check(
    "FS-115", level=MUST, on=PHONE, clause="RFC 6665 §4.1.2.1; RFC 3261 §21.4.17",
    asks="after 423 the phone asks for at least Min-Expires",
)  # fmt: skip
def minimum_is_used(trace: Trace) -> Iterator[Finding]:
    """Asking for the same again is a loop. Giving up is the phone's right."""
    refused: dict[tuple[object, ...], WireMessage] = {}
    for subscription in trace.subscriptions_to(EVENT):
        for transaction in subscription.subscribes:
            key = (subscription.subscriber, subscription.resource)
            final, asked = refused.pop(key, None), requested(transaction)
            request = transaction.request
            least = seconds_of(final.min_expires) if final is not None else None
            if request is not None and final is not None and least is not None and asked:
                expected, seen = f"Expires: {least} or more", f"Expires: {asked}"
                at = "Expires"
                yield finding(request, asked >= least, expected=expected, observed=seen, at=at, also=[final])
            if transaction.final is not None and transaction.final.status == 423:
                refused[key] = transaction.final


@check(
    "FS-116", level=MUST, on=PHONE, clause="RFC 6665 §4.1.3",
    asks="a phone whose subscription is ended does not subscribe in a loop, and not at all when told so",
)  # fmt: skip
def ended_phone_does_not_loop(trace: Trace) -> Iterator[Finding]:
    """Coming back at once is right after deactivated or timeout; four beginnings within 5 s of each other are a
    loop. After rejected, noresource or invariant a return within a minute is a warning, unless the phone itself had
    asked for the end.
    """
    quick: dict[tuple[object, ...], int] = {}
    ends: dict[tuple[object, ...], WireMessage] = {}
    last_opening: dict[tuple[object, ...], WireMessage] = {}
    for subscription in trace.subscriptions_to(EVENT):
        opening = subscription.subscribes[0].request if subscription.began_here and subscription.subscribes else None
        key = (subscription.subscriber, subscription.notifier, subscription.resource)
        end, previous = ends.pop(key, None), last_opening.get(key)
        if opening is not None and end is not None:
            wait = seconds(opening, end)
            hurried = previous is not None and 0 <= seconds(opening, previous) < LOOP
            quick[key] = quick.get(key, 0) + 1 if hurried else 0
            state = state_of(end)
            forbidden = state is not None and state.reason in ("rejected", "noresource", "invariant") and 0 <= wait < 60
            ok = quick[key] < 3 and not forbidden
            level = SHOULD if quick[key] < 3 else None
            seen = f"a new SUBSCRIBE {wait:.1f} s after {end.text('Subscription-State')}"
            yield finding(opening, ok, expected="a pause", observed=seen, also=[end], level=level)
        if opening is not None:
            last_opening[key] = opening
        if not any(requested(t) == 0 for t in subscription.subscribes):
            last = next((n for n in notifications(subscription) if is_final(n)), None)
            if last is not None:
                ends[key] = last


@check(
    "FS-117", level=MUST, on=PHONE, clause="RFC 6665 §4.1.2.2",
    asks="the subscription is refreshed in its dialog before it runs out",
)  # fmt: skip
def subscription_is_refreshed(trace: Trace) -> Iterator[Finding]:
    """Else changes are missed. A refresh after the end (2 s of slack) is too late. A phone that sends no
    refresh but is heard both in the second half of the time and after it is alive and has forgotten, also if it begins
    anew once it was told that its time was out; if it was not heard in between, its refreshes may have been lost:
    inconclusive. Not asked of a phone that was made to forget, as the record knows.
    """
    for subscription in trace.subscriptions_to(EVENT):
        told_to_forget = said(trace, "intent", name_of(trace, subscription) or "nobody", "forget_sync")
        ended = any(requested(t) == 0 for t in subscription.subscribes) or next(told_to_forget, None) is not None
        if not subscription.began_here or ended:
            continue
        for transaction in subscription.subscribes:
            time = granted(transaction)
            if not time or transaction.final is None:
                continue
            later = _following(subscription, transaction)
            if later is not None:
                after = seconds(later, transaction.final)
                ok = after <= time + 2 * SLACK
                expected, seen = f"a refresh within {time} s", f"after {after:.0f} s"
                verdict = Verdict.INCONCLUSIVE if after <= time + GIVE_UP else Verdict.FAIL
                also = [transaction.final]
                yield finding(later, ok, expected=expected, observed=seen, also=also, verdict=verdict)
            else:
                yield from _forgotten(trace, subscription, transaction.final, time)


def _forgotten(trace: Trace, subscription: Subscription, final: WireMessage, time: int) -> Iterator[Finding]:
    ended = any(is_final(n) and seconds(n, final) < time for n in notifications(subscription))
    if ended or (trace.end_ns - final.packet.time_ns) / 1e9 < time + GIVE_UP:
        return
    said = [m for m in said_by(trace, subscription.subscriber) if m.is_request]
    after = [m for m in said if seconds(m, final) > time + 2 * SLACK]
    between = [m for m in said if time / 2 < seconds(m, final) < time]
    begun = [seconds(m, final) for m in said if m.method == "SUBSCRIBE" and seconds(m, final) > 0 and not m.to_tag]
    timed_out = any((state := state_of(n)) and state.reason == "timeout" for n in notifications(subscription))
    if after and (not begun or (timed_out and min(begun) >= time)):
        verdict = Verdict.FAIL if between else Verdict.INCONCLUSIVE
        expected, seen = f"a refresh within {time} s", f"none, but {after[0].method} later"
        party = subscription.subscriber
        yield finding(after[0], False, expected=expected, observed=seen, also=[final], party=party, verdict=verdict)
