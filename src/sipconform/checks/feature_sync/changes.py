"""A change of a feature: confirmed to who asked for it, told to the others (BroadSoft 11-BD5196)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from itertools import takewhile

from sipconform.checks.catalogue import MUST, PASSED, SERVER, Finding, Verdict, check, finding
from sipconform.checks.evidence import SLACK, seconds, watched
from sipconform.checks.feature_sync.others import is_alive, is_contested, is_forgotten, is_unforgotten, other_phones
from sipconform.checks.feature_sync.told import Wish, after, before, confirmation, states, wishes
from sipconform.checks.feature_sync.users import asked_by_user, is_proved, subscriptions_by_user, user_of
from sipconform.checks.feature_sync.witness import stored
from sipconform.checks.hearing import speaks_again
from sipconform.checks.subscription.course import (
    DEADLINE,
    REPEATS_LOST,
    all_after,
    all_notifications,
    is_final,
    is_missed,
    notifications,
)
from sipconform.checks.subscription.notifying import PROMPT, promptness
from sipconform.features.feature_event import EVENT
from sipconform.trace.trace import Subscription, Trace, WireMessage

NEIGHBOURS = 20  # requests before and after a wish that may fall into a second


def granted(trace: Trace) -> Iterator[tuple[Wish, WireMessage]]:
    """Wishes that were accepted, with their 2xx."""
    for wish in wishes(trace):
        final = wish.transaction.final
        if final is not None and final.status < 300:
            yield wish, final


@check(
    "FS-015", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196; RFC 6665 §4.2.1.2",
    asks="a change of do not disturb that is accepted is confirmed by a NOTIFY with that value",
)  # fmt: skip
def dnd_is_confirmed(trace: Trace) -> Iterator[Finding]:
    """The phone shows what the server says. A server may refuse by telling the old value: that is inconclusive,
    as is a value nobody knew before, unless the record says what the server has stored. Telling a
    value that is neither asked for nor old is wrong. If somebody else asked for a change in between, nothing is said.
    """
    for wish, final in granted(trace):
        others = asked_by_user(trace, wish)
        if wish.feature == "dnd" and not rivals(wish, others):
            told = confirmation(wish, others)
            if told is not None and seconds(told, final) <= DEADLINE:
                yield _confirmation(trace, wish, told)


def rivals(wish: Wish, everybody: list[Wish]) -> bool:
    """Whether somebody else asked for a change of the same user within a second of a wish."""
    at = bisect_left(everybody, wish.request.number, key=lambda w: w.request.number)
    beside = (w for w in everybody[max(0, at - NEIGHBOURS) : at + NEIGHBOURS] if w.request is not wish.request)
    return any(abs(seconds(w.request, wish.request)) <= SLACK for w in beside)


def _confirmation(trace: Trace, wish: Wish, told: WireMessage) -> Finding:
    now, old = states(told)[wish.feature], before(wish.subscription, wish.request, wish.feature)
    kept = stored(trace, wish, told)
    refused = now != wish.value and (old is None or now == old) and kept != wish.value
    verdict = Verdict.INCONCLUSIVE if refused else Verdict.FAIL
    expected, seen = f"{wish.feature} {wish.value[0]}", f"{wish.feature} {now[0]}"
    ok = now in (wish.value, kept)
    return finding(told, ok, expected=expected, observed=seen, also=[wish.request], verdict=verdict)


@check(
    "FS-016", level=MUST, on=SERVER, clause="RFC 6665 §4.2.1.2; BroadSoft 11-BD5196",
    asks="who asked for a change gets a NOTIFY that tells the feature",
)  # fmt: skip
def originator_is_told(trace: Trace) -> Iterator[Finding]:
    """Whatever the server decided, the phone must learn it. A failure if nothing came within 64*T1 and 1 s, on
    whatever hop, though the server is heard afterwards; late, as SHOULD, after 3 s, by UDP 4 s more. The NOTIFY may
    overtake the 2xx. One that ends the subscription will do, for then the phone begins anew. One without the feature
    may mean that the user does not have it: inconclusive.
    """
    for wish, final in granted(trace):
        yield told_in_time(trace, wish, final)


def told_in_time(trace: Trace, wish: Wish, final: WireMessage) -> Finding:
    """Judges that somebody who asked for a change is told what became of it."""
    expected = f"a NOTIFY that tells {wish.feature}"
    told = list(_in_time(trace, wish, final, wish.subscription))
    answer = next((n for n in told if wish.feature in states(n)), None)
    if answer is not None:
        return promptness(answer, final, expected)
    if watched(trace, final) <= DEADLINE or any(is_final(n) for n in told):
        return PASSED
    seen = f"{len(told)} without it" if told else f"none in {min(watched(trace, final), 999):.0f} s"
    sure = not told and is_missed(trace, wish.subscription, final)
    verdict = Verdict.FAIL if sure else Verdict.INCONCLUSIVE
    return finding(final, False, expected=expected, observed=seen, also=[wish.request], verdict=verdict)


@check(
    "FS-017", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196 §2.1",
    asks="every other phone of the user is told the change too, in its own dialog",
)  # fmt: skip
def others_are_told(trace: Trace) -> Iterator[Finding]:
    """All phones of a user show the same. Asked only after a change that took effect (the value told to who
    asked is new), and of subscriptions that were alive by all that was seen and whose NOTIFYs pass the tap.
    Deadline 64*T1 and 1 s. Silence is a failure where the server is known to have kept the subscription, by what it
    does in it later or by the record, and by stream only if its connection is used later.
    """
    for wish, final in granted(trace):
        others = other_phones(trace, wish.subscription)
        if not others:
            continue
        own = after(wish.subscription, wish.request, wish.feature)
        old = before(wish.subscription, wish.request, wish.feature)
        if own is None or old is None or states(own)[wish.feature] in (old, None) or is_contested(trace, wish):
            continue
        for other in others:
            if is_alive(other, wish.request) and not is_forgotten(trace, other, wish.request):
                yield _told_too(trace, wish, final, other)


def _told_too(trace: Trace, wish: Wish, final: WireMessage, other: Subscription) -> Finding:
    """Judges that one other phone is told what the phone that asked is told, then or by a later change."""
    mine = {states(n)[wish.feature] for n in _tellings(trace, wish, final, wish.subscription)}
    theirs = _tellings(trace, wish, final, other)
    expected = f"a NOTIFY that tells {wish.feature} to {other.subscriber}"
    if not mine or any(states(n)[wish.feature] in mine for n in theirs) or watched(trace, final) <= DEADLINE:
        return PASSED
    if theirs:
        sure = all(n.transaction is not None and n.transaction.succeeded for n in theirs)
        on, to = states(theirs[-1])[wish.feature]
        seen, of = f"{wish.feature} {on} {to}".strip(), theirs[-1]
        expected = f"{wish.feature} as told to {wish.subscription.subscriber}"
    else:
        sure, of = _would_know(trace, final, other), final
        seen = f"none in {min(watched(trace, final), 999):.0f} s"
    verdict = Verdict.FAIL if sure else Verdict.INCONCLUSIVE
    return finding(of, False, expected=expected, observed=seen, also=[wish.request], verdict=verdict)


def _tellings(trace: Trace, wish: Wish, final: WireMessage, subscription: Subscription) -> list[WireMessage]:
    """The NOTIFYs in time after a wish that tell its feature in one subscription, on whichever hop."""
    return [n for n in _in_time(trace, wish, final, subscription) if wish.feature in states(n)]


def _in_time(trace: Trace, wish: Wish, final: WireMessage, subscription: Subscription) -> Iterator[WireMessage]:
    later = all_after(all_notifications(trace, subscription), wish.request)
    return takewhile(lambda n: seconds(n, final) <= DEADLINE, later)


def _would_know(trace: Trace, final: WireMessage, other: Subscription) -> bool:
    """Whether a NOTIFY to another phone would have been sent, and seen."""
    hop, due = notifications(other)[0], final.packet.time_ns + round(DEADLINE * 1e9)
    able = hop.transport == "udp" or speaks_again(trace, hop, other.notifier, due)
    return able and is_unforgotten(trace, other, final)


@check(
    "FS-018", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196 §2.1",
    asks="a change is not told to other users",
)  # fmt: skip
def other_users_are_not_told(trace: Trace) -> Iterator[Finding]:
    """Nobody else is concerned. The same feature with the same value told to another user within 1 s, with no
    SUBSCRIBE of theirs as its cause, may be chance once (inconclusive); the second time for the same two users
    it is not. Two addresses may be one user's: they are another's for sure where another name was proved for each.
    """
    times: defaultdict[tuple[str, str], int] = defaultdict(int)
    if len(subscriptions_by_user(trace)) < 2:
        return
    told = [(n, s) for s in trace.subscriptions_to(EVENT) for n in notifications(s) if s.resource]
    told.sort(key=lambda pair: pair[0].packet.time_ns)
    times_ns = [notify.packet.time_ns for notify, _ in told]
    for wish, _ in granted(trace):
        first = bisect_left(times_ns, wish.request.packet.time_ns)
        last = bisect_right(times_ns, wish.request.packet.time_ns + round(SLACK * 1e9))
        leaks = [(n, s) for n, s in told[first:last] if _leaks(trace, wish, s, n)]
        if not leaks:
            yield PASSED
        for leak, other in leaks:
            pair = (wish.subscription.resource, other.resource)
            times[pair] += 1
            sure = times[pair] > 1 and is_proved(trace, wish.subscription) and is_proved(trace, other)
            verdict = Verdict.FAIL if sure else Verdict.INCONCLUSIVE
            seen = f"{wish.feature} told to {other.resource}"
            yield finding(leak, False, expected="no NOTIFY", observed=seen, also=[wish.request], verdict=verdict)


def _leaks(trace: Trace, wish: Wish, other: Subscription, notify: WireMessage) -> bool:
    same = user_of(trace, other) == user_of(trace, wish.subscription)
    if same or states(notify).get(wish.feature) != wish.value:
        return False
    own = (t.request for t in other.subscribes if t.request is not None)
    return not any(-SLACK <= seconds(notify, r) <= PROMPT + REPEATS_LOST for r in own)


@check(
    "FS-019", level=MUST, on=SERVER, clause="RFC 6665 §4.2.1.2",
    asks="a Set with the value that already holds is confirmed like any other",
)  # fmt: skip
def repeated_wish_is_confirmed(trace: Trace) -> Iterator[Finding]:
    """It is a SUBSCRIBE, and every accepted SUBSCRIBE brings a NOTIFY. Deadlines as for FS-016."""
    for wish, final in granted(trace):
        if before(wish.subscription, wish.request, wish.feature) == wish.value:
            yield told_in_time(trace, wish, final)
