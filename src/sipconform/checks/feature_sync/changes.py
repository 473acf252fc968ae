"""A change of a feature: confirmed to who asked for it, told to the others (BroadSoft 11-BD5196)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from sipconform.checks.catalogue import INFO, MUST, PASSED, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import SLACK, seconds, watched
from sipconform.checks.feature_sync.others import is_alive, is_contested, is_forgotten, is_other_phone
from sipconform.checks.feature_sync.told import Wish, after, before, confirmation, states, wishes
from sipconform.checks.feature_sync.witness import stored
from sipconform.checks.subscription.course import DEADLINE, REPEATS_LOST, notifications
from sipconform.checks.subscription.notifying import PROMPT
from sipconform.features.feature_event import EVENT
from sipconform.trace.trace import Subscription, Trace, WireMessage

NEIGHBOURS = 20  # requests before and after a wish that may fall into a second


def _by_resource(trace: Trace) -> dict[str, list[Subscription]]:
    """The subscriptions of each user."""
    found: dict[str, list[Subscription]] = {}
    for subscription in trace.subscriptions_to(EVENT):
        found.setdefault(subscription.resource, []).append(subscription)
    return found


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
    everybody = wishes_by_user(trace)
    for wish, final in granted(trace):
        others = everybody[wish.subscription.resource]
        if wish.feature == "dnd" and not rivals(wish, others):
            told = confirmation(wish, others)
            if told is not None and seconds(told, final) <= DEADLINE:
                yield _confirmation(trace, wish, told)


def wishes_by_user(trace: Trace) -> dict[str, list[Wish]]:
    """Every wish, by the user it concerns."""
    return _wishes_by_user(trace, len(trace.messages))


@lru_cache(maxsize=2)
def _wishes_by_user(trace: Trace, _length: int) -> dict[str, list[Wish]]:
    found: dict[str, list[Wish]] = {}
    for wish in wishes(trace):
        found.setdefault(wish.subscription.resource, []).append(wish)
    for several in found.values():
        several.sort(key=lambda w: w.request.number)
    return found


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
    """Whatever the server decided, the phone must learn it. A failure after 64*T1 and 1 s; late, as SHOULD,
    after 3 s, by UDP 4 s more. The NOTIFY may overtake the 2xx.
    """
    for wish, final in granted(trace):
        told = after(wish.subscription, wish.request, wish.feature)
        yield from _told_in_time(trace, wish, final, told)


def _told_in_time(trace: Trace, wish: Wish, final: WireMessage, told: WireMessage | None) -> Iterator[Finding]:
    expected = f"a NOTIFY that tells {wish.feature}"
    if told is not None:
        delay = seconds(told, final)
        limit = PROMPT + SLACK + (REPEATS_LOST if told.transport == "udp" else 0)
        level = SHOULD if delay <= DEADLINE else None
        also = [wish.request, final]
        yield finding(told, delay <= limit, expected=expected, observed=f"{delay:.1f} s later", also=also, level=level)
    elif watched(trace, final) > DEADLINE:
        seen = f"none in {watched(trace, final):.0f} s"
        yield finding(final, False, expected=expected, observed=seen, also=[wish.request])


@check(
    "FS-017", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196 §2.1",
    asks="every other phone of the user is told the change too, in its own dialog",
)  # fmt: skip
def others_are_told(trace: Trace) -> Iterator[Finding]:
    """All phones of a user show the same. Asked only after a change that took effect (the value told to who
    asked is new), and of subscriptions that were alive by all that was seen and whose NOTIFYs pass the tap.
    Deadline 64*T1 and 1 s.
    """
    users = _by_resource(trace)
    for wish, final in granted(trace):
        others = [s for s in users[wish.subscription.resource] if is_other_phone(wish, s)]
        if not others:
            continue
        own = after(wish.subscription, wish.request, wish.feature)
        old = before(wish.subscription, wish.request, wish.feature)
        if own is None or old is None or states(own)[wish.feature] in (old, None) or is_contested(trace, wish):
            continue
        for other in others:
            if is_alive(other, wish.request) and not is_forgotten(trace, other, wish.request):
                yield from _told_too(trace, wish, final, other)


def _told_too(trace: Trace, wish: Wish, final: WireMessage, other: Subscription) -> Iterator[Finding]:
    told = after(other, wish.request, wish.feature)
    if told is not None and seconds(told, final) <= DEADLINE:
        yield PASSED
    elif watched(trace, final) > DEADLINE:
        expected = f"a NOTIFY that tells {wish.feature} to {other.subscriber}"
        seen = f"none in {min(watched(trace, final), 999):.0f} s"
        yield finding(final, False, expected=expected, observed=seen, also=[wish.request])


@check(
    "FS-018", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196 §2.1",
    asks="a change is not told to other users",
)  # fmt: skip
def other_users_are_not_told(trace: Trace) -> Iterator[Finding]:
    """Nobody else is concerned. The same feature with the same value told to another user within 1 s, with no
    SUBSCRIBE of theirs as its cause, may be chance once (inconclusive); the second time for the same two users
    it is not.
    """
    times: defaultdict[tuple[str, str], int] = defaultdict(int)
    if len(_by_resource(trace)) < 2:
        return
    told = [(n, s) for s in trace.subscriptions_to(EVENT) for n in notifications(s) if s.resource]
    told.sort(key=lambda pair: pair[0].packet.time_ns)
    times_ns = [notify.packet.time_ns for notify, _ in told]
    for wish, _ in granted(trace):
        first = bisect_left(times_ns, wish.request.packet.time_ns)
        last = bisect_right(times_ns, wish.request.packet.time_ns + round(SLACK * 1e9))
        leaks = [(n, s) for n, s in told[first:last] if _leaks(wish, s, n)]
        if not leaks:
            yield PASSED
        for leak, other in leaks:
            pair = (wish.subscription.resource, other.resource)
            times[pair] += 1
            verdict = Verdict.FAIL if times[pair] > 1 else Verdict.INCONCLUSIVE
            seen = f"{wish.feature} told to {other.resource}"
            yield finding(leak, False, expected="no NOTIFY", observed=seen, also=[wish.request], verdict=verdict)


def _leaks(wish: Wish, other: Subscription, notify: WireMessage) -> bool:
    if other.resource == wish.subscription.resource or states(notify).get(wish.feature) != wish.value:
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
            told = after(wish.subscription, wish.request, wish.feature)
            yield from _told_in_time(trace, wish, final, told)


@check(
    "FS-039", level=INFO, on=SERVER, clause="BroadSoft 11-BD5196 §2.1",
    asks="a change on the server is told once, and only the changed feature",
)  # fmt: skip
def only_the_change_is_told(trace: Trace) -> Iterator[Finding]:
    """Telling all of it is harmless and only noted. A NOTIFY that no SUBSCRIBE of the last 6 s explains is
    taken for a change on the server; one that repeats everything unchanged is noted too.
    """
    asked = {user: _times_asked(several) for user, several in _by_resource(trace).items()}
    for subscription in trace.subscriptions_to(EVENT):
        for notify in notifications(subscription)[1:]:
            now = states(notify)
            if now and not _asked_for(asked[subscription.resource], notify):
                same = [name for name, value in now.items() if before(subscription, notify, name) == value]
                seen = f"{', '.join(same)} unchanged"
                yield finding(notify, not same, expected="the changed feature only", observed=seen)


def _times_asked(subscriptions: list[Subscription]) -> list[int]:
    """When any phone of a user sent a SUBSCRIBE."""
    return sorted(t.request.packet.time_ns for s in subscriptions for t in s.subscribes if t.request is not None)


def _asked_for(asked: list[int], notify: WireMessage) -> bool:
    """Whether a SUBSCRIBE of any phone of the user, this one's included, can be the cause."""
    at = bisect_right(asked, notify.packet.time_ns)
    return at > 0 and notify.packet.time_ns - asked[at - 1] <= (PROMPT + REPEATS_LOST) * 1e9
