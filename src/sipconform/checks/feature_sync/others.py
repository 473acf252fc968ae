"""The other phones of a user when one asks for a change: whether they can be told, and whether they changed it too."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from math import inf
from typing import NamedTuple

from sipconform.checks.evidence import SLACK
from sipconform.checks.feature_sync.told import Feature, Wish, wishes
from sipconform.checks.feature_sync.users import subscriptions_by_user, user_of
from sipconform.checks.feature_sync.witness import is_driven, said
from sipconform.checks.subscription.course import expiry_ns, is_final, notifications
from sipconform.checks.subscription.subscribing import lost
from sipconform.features.feature_event import EVENT
from sipconform.trace.packet import Address
from sipconform.trace.trace import Subscription, Trace, WireMessage

CONTEST = 10.0  # seconds within which two changes may have been made in either order


def other_phones(trace: Trace, subscription: Subscription) -> list[Subscription]:
    """The other subscriptions to the same user's state at the same server."""
    same = subscriptions_by_user(trace).get(user_of(trace, subscription), []) if subscription.resource else []
    return [s for s in same if s is not subscription and s.notifier == subscription.notifier]


# -- contested -----------------------------------------------------------------------------------------------


class Change(NamedTuple):
    """A change somebody asked for, or made at the server (`by` is None)."""

    time_ns: int
    by: Address | None


def is_contested(trace: Trace, wish: Wish) -> bool:
    """Whether somebody else changed the feature about then: the one may undo what the other did before it is told."""
    now, span = wish.request.packet.time_ns, round(CONTEST * 1e9)
    changes = _changes(trace, len(trace.messages), len(trace.observations))
    for key in ((user_of(trace, wish.subscription), wish.feature), PORTAL):
        made = changes.get(key, [])
        close = made[bisect_left(made, now - span, key=_time) : bisect_right(made, now + span, key=_time)]
        if any(change.by != wish.subscription.subscriber for change in close):
            return True
    return False


def is_meddled(
    trace: Trace, subscription: Subscription, request: WireMessage, until: WireMessage, just_before: float = SLACK
) -> bool:
    """Whether somebody may have changed the user's features, by another request or at the server, between a request and
    a later message, or just before it."""
    start, end = request.packet.time_ns - round(just_before * 1e9), until.packet.time_ns
    user, changes = user_of(trace, subscription), _changes(trace, len(trace.messages), len(trace.observations))
    for (whose, _), made in changes.items():
        if whose in (user, PORTAL[0]):
            close = made[bisect_left(made, start, key=_time) : bisect_right(made, end, key=_time)]
            if any(change.time_ns != request.packet.time_ns for change in close):
                return True
    return False


PORTAL = ("", "")


@lru_cache(maxsize=2)
def _changes(trace: Trace, _messages: int, _observations: int) -> dict[tuple[str, Feature], list[Change]]:
    """What was asked for, by user and feature; what was done at the server, of any of them, under `PORTAL`."""
    found: dict[tuple[str, Feature], list[Change]] = {}
    for wish in wishes(trace):
        change = Change(wish.request.packet.time_ns, wish.subscription.subscriber)
        found.setdefault((user_of(trace, wish.subscription), wish.feature), []).append(change)
    made = (o for o in said(trace, "intent", "server") if o.what.get("do") in ("set_dnd", "forward", "assign"))
    found[PORTAL] = [Change(o.time_ns, None) for o in made]
    for changes in found.values():
        changes.sort(key=_time)
    return found


def _time(change: Change) -> int:
    return change.time_ns


# -- alive ---------------------------------------------------------------------------------------------------


class Life(NamedTuple):
    """The numbers of a subscription's NOTIFYs, of the first message at which it was over, and its end as granted."""

    told: tuple[int, ...]
    over: float
    until_ns: int | None


def is_alive(subscription: Subscription, moment: WireMessage) -> bool:
    """Whether a subscription had been told something, was not ended or refused, and had time left at a message."""
    life = _life(subscription)
    in_time = life.until_ns is not None and life.until_ns > moment.packet.time_ns + SLACK * 1e9
    return in_time and bool(life.told) and life.told[0] < moment.number <= life.over


def _life(subscription: Subscription) -> Life:
    return _lived(subscription, len(subscription.notifies), len(subscription.subscribes))


@lru_cache(maxsize=256)
def _lived(subscription: Subscription, _notifies: int, _subscribes: int) -> Life:
    told = tuple(n.number for n in notifications(subscription))
    over = [n.number for n in notifications(subscription) if is_final(n)]
    failed = [t.request.number for t in subscription.notifies if t.request is not None and not t.succeeded]
    ended = [t.request.number for t in subscription.subscribes if t.request is not None and t.request.expires == 0]
    unknown = [refusal.number for _, refusal in lost([subscription])]
    return Life(told, min([*over, *failed, *ended, *unknown], default=inf), expiry_ns(subscription))


def is_unforgotten(trace: Trace, subscription: Subscription, moment: WireMessage) -> bool:
    """Whether the server knows a subscription at a message for sure: it speaks, or is answered, in it later. A server
    that has restarted has forgotten all of them, and shows it to those alone who ask. If the record knows of no
    restart, there was none."""
    if is_driven(trace) and next(said(trace, "intent", "server", "restart"), None) is None:
        return True
    asked = (t.final for t in subscription.subscribes if t.request is not None and t.request.to_tag and t.succeeded)
    later = [*asked, *notifications(subscription)]
    return any(m is not None and m.number > moment.number for m in later)


def is_forgotten(trace: Trace, subscription: Subscription, moment: WireMessage) -> bool:
    """Whether the server has lost a subscription of the user since it last spoke in this one: after a restart it has
    lost all of them, and nobody can be told (RFC 6665 §4.1.2.2). If the record knows of no restart, there was none."""
    if is_driven(trace) and next(said(trace, "intent", "server", "restart"), None) is None:
        return False
    refusals = _refusals(trace, len(trace.messages)).get((user_of(trace, subscription), subscription.notifier), [])
    told = _life(subscription).told
    last, refused = bisect_left(told, moment.number), bisect_left(refusals, moment.number)
    return refused > 0 and (last == 0 or refusals[refused - 1] > told[last - 1])


@lru_cache(maxsize=2)
def _refusals(trace: Trace, _length: int) -> dict[tuple[str, Address], list[int]]:
    """The numbers of the 481s inside dialogs, by user and server."""
    found: dict[tuple[str, Address], list[int]] = {}
    for subscription in trace.subscriptions_to(EVENT):
        for t in subscription.subscribes:
            if t.request is not None and t.request.to_tag and t.final is not None and t.final.status == 481:
                found.setdefault((user_of(trace, subscription), subscription.notifier), []).append(t.final.number)
    for numbers in found.values():
        numbers.sort()
    return found
