"""The other phones of a user when one asks for a change: whether they can be told, and whether they changed it too."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from math import inf
from typing import NamedTuple

from sipconform.checks.evidence import SLACK
from sipconform.checks.feature_sync.told import Feature, Wish, wishes
from sipconform.checks.feature_sync.witness import is_driven, said
from sipconform.checks.subscription.course import expiry_ns, is_final, notifications
from sipconform.features.feature_event import EVENT
from sipconform.trace.packet import Address
from sipconform.trace.trace import Subscription, Trace, WireMessage

CONTEST = 10.0  # seconds within which two changes may have been made in either order


def is_other_phone(wish: Wish, other: Subscription) -> bool:
    """Whether a subscription is to the same user's state at the same server, and not the one that asked."""
    mine = wish.subscription
    return other is not mine and other.resource == mine.resource != "" and other.notifier == mine.notifier


# -- contested -----------------------------------------------------------------------------------------------


class Change(NamedTuple):
    """A change somebody asked for, or made at the server (`by` is None)."""

    time_ns: int
    by: Address | None


def is_contested(trace: Trace, wish: Wish) -> bool:
    """Whether somebody else changed the feature about then: the one may undo what the other did before it is told."""
    now, span = wish.request.packet.time_ns, round(CONTEST * 1e9)
    changes = _changes(trace, len(trace.messages), len(trace.observations))
    for key in ((wish.subscription.resource, wish.feature), PORTAL):
        made = changes.get(key, [])
        close = made[bisect_left(made, now - span, key=_time) : bisect_right(made, now + span, key=_time)]
        if any(change.by != wish.subscription.subscriber for change in close):
            return True
    return False


PORTAL = ("", "")


@lru_cache(maxsize=2)
def _changes(trace: Trace, _messages: int, _observations: int) -> dict[tuple[str, Feature], list[Change]]:
    """What was asked for, by user and feature; what was done at the server, of any of them, under `PORTAL`."""
    found: dict[tuple[str, Feature], list[Change]] = {}
    for wish in wishes(trace):
        change = Change(wish.request.packet.time_ns, wish.subscription.subscriber)
        found.setdefault((wish.subscription.resource, wish.feature), []).append(change)
    made = (o for o in said(trace, "intent", "server") if o.what.get("do") in ("set_dnd", "forward"))
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
    ended = any(t.request is not None and t.request.expires == 0 for t in subscription.subscribes)
    return Life(told, 0 if ended else min([*over, *failed], default=inf), expiry_ns(subscription))


def is_forgotten(trace: Trace, subscription: Subscription, moment: WireMessage) -> bool:
    """Whether the server has lost a subscription of the user since it last spoke in this one: after a restart it has
    lost all of them, and nobody can be told (RFC 6665 §4.1.2.2). If the record knows of no restart, there was none."""
    if is_driven(trace) and next(said(trace, "intent", "server", "restart"), None) is None:
        return False
    refusals = _refusals(trace, len(trace.messages)).get((subscription.resource, subscription.notifier), [])
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
                found.setdefault((subscription.resource, subscription.notifier), []).append(t.final.number)
    for numbers in found.values():
        numbers.sort()
    return found
