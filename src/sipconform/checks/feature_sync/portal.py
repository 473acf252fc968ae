"""What is changed at the server: by a portal, an administrator, or a road that is not this one (BroadSoft
11-BD5196)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from sipconform.checks.catalogue import INFO, MUST, SERVER, Finding, check, finding
from sipconform.checks.feature_sync.others import is_alive, is_forgotten, is_unforgotten
from sipconform.checks.feature_sync.told import CLOSELY, Feature, Value, before, pause, states, user_in, wishes
from sipconform.checks.feature_sync.users import subscriptions_by_user, user_of
from sipconform.checks.feature_sync.witness import KEYS, is_restarted, said, showings, shown
from sipconform.checks.hearing import would_be_heard
from sipconform.checks.subscription.course import DEADLINE, REPEATS_LOST, all_notifications, is_final, notifications
from sipconform.checks.subscription.notifying import PROMPT
from sipconform.features.feature_event import EVENT
from sipconform.trace.trace import Subscription, Trace, WireMessage


@check(
    "FS-039", level=INFO, on=SERVER, clause="BroadSoft 11-BD5196 §2.1",
    asks="a change on the server is told once, and only the changed feature",
)  # fmt: skip
def only_the_change_is_told(trace: Trace) -> Iterator[Finding]:
    """Telling all of it is harmless and only noted. A NOTIFY that no SUBSCRIBE of the last 6 s explains, and that does
    not follow closely behind one that is explained, is taken for a change on the server; one that repeats everything
    unchanged is noted too.
    """
    asked = {user: _times_asked(several) for user, several in subscriptions_by_user(trace).items()}
    for subscription in trace.subscriptions_to(EVENT):
        explained = True  # the first comes with the subscription
        for last, notify in pairwise(notifications(subscription)):
            now, queued = states(notify), explained and pause(last, notify) <= CLOSELY
            explained = queued or _asked_for(asked[user_of(trace, subscription)], notify)
            if now and not explained:
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


@check(
    "FS-043", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196 §2.1",
    asks="when changes follow each other quickly, the last word told is the last state",
)  # fmt: skip
def last_word_is_the_truth(trace: Trace) -> Iterator[Finding]:
    """Judged where the server says of itself what it has stored, at the end of the evidence, of subscriptions that were
    told something after the last change. Whether they were told at all is FS-307's question.
    """
    kept: dict[str, tuple[int, object]] = {}
    for observation in said(trace, "belief", "server"):
        for key, value in observation.what.items():
            if key.endswith(".dnd"):
                kept[key.removesuffix(".dnd")] = observation.time_ns, value
    for subscription in trace.subscriptions_to(EVENT):
        user = subscription.resource.partition(":")[2].partition("@")[0]
        if user not in kept:
            continue
        since, value = kept[user]
        told = [n for n in notifications(subscription) if "dnd" in states(n) and not is_final(n)]
        late = [n for n in told if n.packet.time_ns >= since]
        if late and (trace.end_ns - since) / 1e9 > DEADLINE:
            now = states(late[-1])["dnd"][0]
            seen = f"dnd {now} told last, {value} stored"
            yield finding(late[-1], now == value, expected=f"dnd {value}", observed=seen)


class Change(NamedTuple):
    """What the record tells of a change at the server."""

    time_ns: int
    user: str
    feature: Feature
    value: Value


FEATURE_OF = {key: name for name, key in KEYS.items()}


def portal_changes(trace: Trace) -> list[Change]:
    """The changes made at the server, in order."""
    found = []
    for intent in said(trace, "intent", "server"):
        what = intent.what
        name = "dnd" if what.get("do") == "set_dnd" else FEATURE_OF.get(str(what.get("kind")))
        if what.get("do") in ("set_dnd", "forward") and name is not None:
            on = bool(what.get("on") if name == "dnd" else what.get("active"))
            to = str(what.get("to") or "") if on and name != "dnd" else ""
            found.append(Change(intent.time_ns, str(what.get("user")), name, (on, to)))
    return sorted(found, key=lambda change: change.time_ns)


@check(
    "FS-307", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196 §2.1",
    asks="a change made at the server is told to every phone of the user that follows",
)  # fmt: skip
def change_at_the_server_is_told(trace: Trace) -> Iterator[Finding]:
    """Known from the record of a run: who changed what there, and that the server has stored it by its own word (else
    nothing is said). Asked of subscriptions that were alive and had been told otherwise, if nobody changed the feature
    again within 64*T1 and 1 s, and the server is heard on their hop about then.
    """
    changes, due = portal_changes(trace), round(DEADLINE * 1e9)
    for change in changes if trace.messages else ():
        until = change.time_ns + due
        moment = next((m for m in trace.messages if m.packet.time_ns > change.time_ns), trace.messages[-1])
        if until > trace.end_ns or is_restarted(trace, change.time_ns, until):
            continue
        if _is_changed_again(trace, change, changes):
            continue
        for subscription in trace.subscriptions_to(EVENT):
            mine = user_in(subscription.resource) == change.user and is_alive(subscription, moment)
            mine = mine and not is_forgotten(trace, subscription, moment)
            old = before(subscription, moment, change.feature) if mine else None
            if old is not None and old != change.value:
                yield from _told(trace, change, subscription, moment)


def _is_changed_again(trace: Trace, change: Change, changes: list[Change]) -> bool:
    end = change.time_ns + round(DEADLINE * 1e9)
    again = [c for c in changes if c is not change and (c.user, c.feature) == (change.user, change.feature)]
    asked = [w.request.packet.time_ns for w in wishes(trace) if w.feature == change.feature]
    return any(change.time_ns <= at <= end for at in [*(c.time_ns for c in again), *asked])


def _told(trace: Trace, change: Change, subscription: Subscription, moment: WireMessage) -> Iterator[Finding]:
    """Judges that one subscription is told one change, made just before a message; shown by the last it was told
    before."""
    end = change.time_ns + round(DEADLINE * 1e9)
    later = [n for n in all_notifications(trace, subscription) if change.time_ns <= n.packet.time_ns <= end]
    told = any(states(n).get(change.feature) == change.value for n in later) or any(map(is_final, later))
    kept = showings(trace, "server", f"{change.user}.{KEYS[change.feature]}")
    stored = any(change.time_ns <= s.time_ns <= end and s.value == shown(change.value, change.feature) for s in kept)
    hop = [n for n in notifications(subscription) if n.packet.time_ns <= change.time_ns][-1]
    sure = stored and is_unforgotten(trace, subscription, moment)
    sure = sure and would_be_heard(trace, hop, subscription.notifier, change.time_ns, end)
    party = subscription.notifier
    on, to = change.value
    expected, seen = f"a NOTIFY that tells {change.feature} {on} {to}".strip(), f"none in {DEADLINE:.0f} s"
    if told or sure:
        yield finding(hop, told, expected=expected, observed=seen, party=party)
