"""What a phone does so that it is not forgotten: it proves who it is, comes back, and refreshes (RFC 6665 §4.1.2)."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PHONE, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.credentials import CHALLENGES, challenges, credentials, takes_up
from sipconform.checks.evidence import GIVE_UP, SLACK, is_relayed, said_by, seconds, seconds_of, watched
from sipconform.checks.feature_sync.told import is_ours, requests, wishes_of
from sipconform.checks.feature_sync.witness import name_of, said, wanted
from sipconform.checks.hearing import is_there_around
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

SHORTENED = 60.0  # seconds by which a NOTIFY must fall short of what was granted to be meant so


def _following(subscription: Subscription, transaction: Transaction) -> WireMessage | None:
    """The subscriber's next SUBSCRIBE in the same subscription."""
    known = transaction.request or transaction.final
    return next(all_after(subscribe_requests(subscription), known), None) if known is not None else None


@check(
    "FS-112", level=MUST, on=PHONE, clause="RFC 3261 §22.1, §22.2",
    asks="a change that is challenged is asked for again: same body, a higher CSeq, the new nonce",
)  # fmt: skip
def challenged_change_is_repeated(trace: Trace) -> Iterator[Finding]:
    """Else the key press is lost. Judged by the SUBSCRIBEs of the dialog within 32 s that take up the challenge, or ask
    for the same: several changes may have been on their way and been challenged alike. A phone that sends none may lack
    the password, and that is not judged here. A nonce is counted: no two requests may use it with the same number.
    """
    for subscription in trace.subscriptions_to(EVENT):
        for transaction in subscription.subscribes:
            request, final = transaction.request, transaction.final
            if request is None or final is None or final.status not in CHALLENGES or not request.body:
                continue
            later = [r for r in all_after(subscribe_requests(subscription), request) if r.number > final.number]
            later = [r for r in later if seconds(r, final) <= GIVE_UP]
            found = _repeated(subscription, request, final, later)
            if found is not None:
                yield found
    yield from _counts(trace)


def _repeated(
    subscription: Subscription, request: WireMessage, challenge: WireMessage, later: list[WireMessage]
) -> Finding | None:
    """Judges how a challenged change was asked for again, None where it cannot be told."""
    same = [r for r in later if r.content == request.content]
    again = next((r for r in same if takes_up(r, challenge)), None)
    if again is not None:
        at, seen, expected = "CSeq", f"CSeq: {again.text('CSeq')}", f"CSeq above {request.cseq_number}"
        ok = again.cseq_number > request.cseq_number
        return finding(again, ok, expected=expected, observed=seen, at=at, also=[challenge])
    stale = next((r for r in same if _is_settled(r)), None)
    if stale is not None:
        ok, seen = not challenges(challenge), "another nonce or none"
        return finding(stale, ok, expected="the nonce of the challenge", observed=seen, also=[challenge])
    others = [t.request.content for t in subscription.subscribes if t.request is not None and _is_challenged(t)]
    changed = next((r for r in later if takes_up(r, challenge) and r.content not in others), None)
    if changed is None:
        return None
    seen, expected = f"{len(changed.content)} octets of body", f"the same {len(request.content)} octets of body"
    return finding(changed, False, expected=expected, observed=seen, also=[request, challenge])


def _is_challenged(transaction: Transaction) -> bool:
    return transaction.final is not None and transaction.final.status in CHALLENGES


def _is_settled(request: WireMessage) -> bool:
    """Whether a request was not challenged itself: one that was on its way before the challenge came is."""
    return request.transaction is None or not _is_challenged(request.transaction)


def _counts(trace: Trace) -> Iterator[Finding]:
    """Judges the nonce counts of the package's requests, by who sends them."""
    used: dict[tuple[object, ...], WireMessage] = {}
    for request in requests(trace, "SUBSCRIBE"):
        for given in credentials(request) if not is_relayed(request) else ():
            if not given.qop:
                continue
            key = (trace.party(request.source), given.username, given.nonce, given.nc)
            first = used.setdefault(key, request)
            ok = given.nc > 0 and (first is request or first.call_id != request.call_id)
            seen = f"nc={given.params.get('nc') or 'none'}" + ("" if first is request else " for the second time")
            yield finding(
                request, ok, expected="a higher nc", observed=seen, also=[first] if first is not request else []
            )


@check(
    "FS-113", level=MUST, on=PHONE, clause="RFC 6665 §4.1.2.2",
    asks="after 481 the phone opens a new dialog with an empty SUBSCRIBE",
)  # fmt: skip
def forgotten_phone_begins_anew(trace: Trace) -> Iterator[Finding]:
    """It learns the state before it asks for changes again. The minute it is given is our own limit, so coming late is
    a failure only if it never comes in that time, as SUB-025; a first SUBSCRIBE with a body is a failure of its own. A
    change that was refused with the 481 is asked for once more in the new dialog: not at all is a warning, for the
    user may press the key again; twice within 32 s, with nobody pressing it by the record, is a failure.
    """
    yield from recoveries(trace, trace.subscriptions_to(EVENT))
    for subscription, refused in lost(trace.subscriptions_to(EVENT)):
        said = (m for m in said_by(trace, subscription.subscriber) if m.method == "SUBSCRIBE" and m.is_request)
        begun = next((m for m in said if m.number > refused.number and not m.to_tag and is_ours(m)), None)
        if begun is not None:
            seen = f"{len(begun.body)} octets of body"
            yield finding(begun, not begun.body, expected="an empty SUBSCRIBE", observed=seen, also=[refused])
            yield from _asked_once_more(trace, subscription, refused, begun)


def _asked_once_more(
    trace: Trace, subscription: Subscription, refused: WireMessage, begun: WireMessage
) -> Iterator[Finding]:
    """Judges what becomes of a change that was refused because the server had forgotten the phone."""
    wish = next((w for w in wishes_of(subscription) if w.transaction.final is refused), None)
    anew = begun.subscription
    if wish is None or anew is None or begun.body or not any(t.succeeded for t in anew.subscribes):
        return
    again = [w for w in wishes_of(anew) if (w.feature, w.value) == (wish.feature, wish.value)]
    again = [w for w in again if w.transaction.succeeded and seconds(w.request, begun) <= GIVE_UP]
    changed = any(w.feature == wish.feature and w.value != wish.value for w in wishes_of(anew))
    if len(again) > 1:
        want = wanted(trace, again[1])
        verdict = Verdict.FAIL if want is False else Verdict.INCONCLUSIVE
        of, seen = again[1].request, "asked for twice"
        yield finding(of, bool(want), expected="once", observed=seen, also=[again[0].request, refused], verdict=verdict)
    elif watched(trace, begun) > GIVE_UP and not changed:
        seen, expected = "never", f"{wish.feature} asked for once more"
        yield finding(begun, bool(again), expected=expected, observed=seen, also=[refused], level=SHOULD)


@check(
    "FS-117", level=MUST, on=PHONE, clause="RFC 6665 §4.1.2.2, §4.1.3",
    asks="the subscription is refreshed in its dialog before it runs out",
)  # fmt: skip
def subscription_is_refreshed(trace: Trace) -> Iterator[Finding]:
    """Else changes are missed. A refresh after the end (2 s of slack) is too late, and none at all is worse, also if
    the phone begins anew once it was told that its time was out: a failure if the phone is heard, and answered or
    answering, within a minute before the end and within a minute after it. Else it may have been asleep or cut off:
    inconclusive. Where a NOTIFY the phone has answered left less time than was granted, not heeding that is a warning.
    Not asked of a phone that was made to forget, as the record knows.
    """
    for subscription in trace.subscriptions_to(EVENT):
        told_to_forget = said(trace, "intent", name_of(trace, subscription) or "nobody", "forget_sync")
        ended = any(requested(t) == 0 for t in subscription.subscribes) or next(told_to_forget, None) is not None
        if not subscription.began_here or ended:
            continue
        for transaction in subscription.subscribes:
            time = granted(transaction)
            if time and transaction.final is not None:
                yield from _refreshed(trace, subscription, transaction, transaction.final, time)


def _refreshed(
    trace: Trace, subscription: Subscription, transaction: Transaction, final: WireMessage, time: int
) -> Iterator[Finding]:
    """Judges whether the next SUBSCRIBE came within the time granted."""
    next_ = _following(subscription, transaction)
    if (shorter := _shortened(subscription, final, next_)) is not None:
        yield from _heeded(trace, subscription, shorter, next_)
    if next_ is not None:
        yield _too_late(trace, subscription, next_, final, time, ok=seconds(next_, final) <= time + 2 * SLACK)
    elif not _is_over(trace, subscription, final, time):
        said = [m for m in all_after(said_by(trace, subscription.subscriber), final) if m.is_request]
        later = [m for m in said if seconds(m, final) > time + 2 * SLACK]
        begun = [m for m in said if _is_beginning(m)]
        timed_out = any((s := state_of(n)) and s.reason == "timeout" for n in notifications(subscription))
        if later and (not begun or (timed_out and seconds(begun[0], final) >= time)):
            yield _too_late(trace, subscription, later[0], final, time, ok=False)


def _heeded(
    trace: Trace, subscription: Subscription, told: WireMessage, next_: WireMessage | None
) -> Iterator[Finding]:
    """Judges whether a phone refreshed within what a NOTIFY left."""
    state = state_of(told)
    left = (seconds_of(state.expires) if state is not None else None) or 0
    due, party = told.packet.time_ns + round((left + 2 * SLACK) * 1e9), subscription.subscriber
    ok = next_ is not None and next_.packet.time_ns <= due
    if ok or trace.end_ns > due:
        verdict = Verdict.FAIL if is_there_around(trace, party, due) else Verdict.INCONCLUSIVE
        expected = f"a refresh within the {left} s left"
        seen = f"after {seconds(next_, told):.0f} s" if next_ is not None else "none"
        yield finding(told, ok, expected=expected, observed=seen, party=party, level=SHOULD, verdict=verdict)


def _is_beginning(message: WireMessage) -> bool:
    return message.method == "SUBSCRIBE" and message.is_request and not message.to_tag


def _is_over(trace: Trace, subscription: Subscription, final: WireMessage, time: int) -> bool:
    """Whether a subscription was ended before its time, or the evidence was."""
    ended = any(is_final(n) and seconds(n, final) < time for n in notifications(subscription))
    return ended or (trace.end_ns - final.packet.time_ns) / 1e9 < time + GIVE_UP


def _too_late(
    trace: Trace, subscription: Subscription, of: WireMessage, final: WireMessage, time: int, *, ok: bool
) -> Finding:
    end = final.packet.time_ns + round((time + 2 * SLACK) * 1e9)
    party = subscription.subscriber
    verdict = Verdict.FAIL if is_there_around(trace, party, end) else Verdict.INCONCLUSIVE
    expected, seen = f"a refresh within {time} s", f"{of.method} after {seconds(of, final):.0f} s"
    return finding(of, ok, expected=expected, observed=seen, also=[final], party=party, verdict=verdict)


def _shortened(subscription: Subscription, final: WireMessage, until: WireMessage | None) -> WireMessage | None:
    """The NOTIFY between a 2xx and the next SUBSCRIBE, taken by the phone, that leaves less time than the 2xx did."""
    time = seconds_of(final.expires) or 0
    for notify in all_after(notifications(subscription), final):
        if until is not None and notify.number > until.number:
            break
        state, taken = state_of(notify), notify.transaction is not None and notify.transaction.succeeded
        left = seconds_of(state.expires) if state is not None else None
        if taken and left is not None and not is_final(notify) and seconds(notify, final) + left < time - SHORTENED:
            return notify
    return None
