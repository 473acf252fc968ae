"""What was said beside the wire: what users wanted, and what displays showed.

A live run records both; a customer's capture has neither, and then nothing here is known. A name of the scenario is
tied to an address by the lab's word, or where that is missing by being the only phone of its user.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

from sipconform.checks.catalogue import Verdict
from sipconform.checks.evidence import SLACK, seconds
from sipconform.checks.feature_sync.told import Feature, Value, Wish, wishes_of
from sipconform.features.feature_event import EVENT
from sipconform.sip.fault import Fault
from sipconform.trace.packet import Observation
from sipconform.trace.trace import Subscription, Trace, WireMessage

KEYS = {"dnd": "dnd", "forwardImmediate": "cfu", "forwardBusy": "cfb", "forwardNoAns": "cfna"}
"""What intents and displays call the features of the documents."""


def said(trace: Trace, kind: str, who: str = "", do: str = "") -> Iterator[Observation]:
    """The observations of a kind, by one party and of one intent if these are given."""
    return iter(_heard(trace, len(trace.observations)).get((kind, who, do), ()))


@lru_cache(maxsize=4)
def _heard(trace: Trace, _length: int) -> dict[tuple[str, str, str], list[Observation]]:
    """The observations by kind, party and intent; under "" those of any."""
    found: dict[tuple[str, str, str], list[Observation]] = {}
    for observation in trace.observations:
        for who, do in product({observation.who, ""}, {str(observation.what.get("do", "")), ""}):
            found.setdefault((observation.kind, who, do), []).append(observation)
    return found


def fact(trace: Trace, key: str) -> Any:
    """What the lab last said of itself, None without a lab."""
    return next((o.what[key] for o in reversed(list(said(trace, "lab"))) if key in o.what), None)


def is_driven(trace: Trace) -> bool:
    """Whether the record tells what people did: then what nobody did happened by itself."""
    return next(said(trace, "intent"), None) is not None


def unless_unknown(trace: Trace) -> Verdict:
    """A failure where the record tells what people did; else somebody may have done it: inconclusive."""
    return Verdict.FAIL if is_driven(trace) else Verdict.INCONCLUSIVE


def is_reassigned(trace: Trace, since: WireMessage) -> bool:
    """Whether the record tells that an administrator gave or took features after a message."""
    return any(o.time_ns >= since.packet.time_ns for o in said(trace, "intent", do="assign"))


def is_restarted(trace: Trace, after_ns: int, before_ns: int) -> bool:
    """Whether the record tells that the server was started anew between two moments."""
    return any(after_ns <= o.time_ns <= before_ns for o in said(trace, "intent", "server", "restart"))


def obeys_switch(trace: Trace) -> bool | None:
    """Whether phones of this make go by the synchronisation switch, as the profile says; None without one."""
    sync = fact(trace, "sync")
    return bool(sync.get("obeys_switch", True)) if isinstance(sync, dict) else None


def ignores_switch(trace: Trace) -> bool:
    """Whether the phones keep features equal by subscription, all of them, whatever the switch says."""
    sync = fact(trace, "sync")
    other_road = any(o.what.get("mode") != "subscribe" for o in said(trace, "intent", do="set_mode"))
    return obeys_switch(trace) is False and sync.get("mode") == "subscribe" and not other_road


def is_server(trace: Trace, who: str) -> bool:
    """Whether a name of the scenario stands for a server; a strange one is called by its part alone."""
    return who == "server" or (fact(trace, "actors") or {}).get(who) in (fact(trace, "servers") or ())


def name_of(trace: Trace, subscription: Subscription) -> str:
    """The scenario's name for a subscriber, "" when it is not known."""
    actors, users = fact(trace, "actors") or {}, fact(trace, "users") or {}
    user = subscription.resource.partition(":")[2].partition("@")[0]
    there = [str(name) for name, place in actors.items() if place == str(subscription.subscriber)]
    if len(there) > 1:  # the lines of one device
        there = [name for name in there if users.get(name) == user]
    if there:
        return there[0]
    placeless = [name for name, its in users.items() if its == user and name not in actors]
    return str(placeless[0]) if len(placeless) == 1 else ""


def shown(value: Value, name: Feature) -> object:
    """A value as a display tells it: a boolean, or the number forwarded to, "" when off."""
    return value[0] if name == "dnd" else value[1] if value[0] else ""


class Showing(NamedTuple):
    """A value a display began to show."""

    time_ns: int
    value: object


def showings(trace: Trace, who: str, key: str) -> Sequence[Showing]:
    """What a device said of one key, in order of time."""
    return _showings(trace, len(trace.observations)).get(who, {}).get(key, ())


@lru_cache(maxsize=4)
def _showings(trace: Trace, _length: int) -> dict[str, dict[str, list[Showing]]]:
    """By device and key."""
    found: dict[str, dict[str, list[Showing]]] = {}
    for observation in sorted(said(trace, "belief"), key=lambda o: o.time_ns):
        keys = found.setdefault(observation.who, {})
        for key, value in observation.what.items():
            keys.setdefault(key, []).append(Showing(observation.time_ns, value))
    return found


def showed(told: Sequence[Showing], at_ns: int) -> Showing | None:
    """What was shown at a time, None before anything was."""
    at = bisect_right(told, at_ns, key=lambda s: s.time_ns)
    return told[at - 1] if at else None


def display(trace: Trace, who: str, at_ns: int) -> dict[str, object]:
    """What a device showed at a time, as far as it ever said."""
    keys = _showings(trace, len(trace.observations)).get(who, {})
    return {key: last.value for key, told in keys.items() if (last := showed(told, at_ns)) is not None}


def wanted(trace: Trace, wish: Wish) -> bool | None:
    """Whether somebody pressed a key for a Set; None where nobody recorded what people do with that phone."""
    name = name_of(trace, wish.subscription)
    if not name or next(said(trace, "intent", name), None) is None:
        return None
    return wish.request.number in _wanted(trace, name, len(trace.observations))


@lru_cache(maxsize=64)
def _wanted(trace: Trace, name: str, _length: int) -> frozenset[int]:
    """The Sets somebody wanted: each press stands for one Set, and for those it has to be repeated by: after a
    challenge, in a new subscription, and when the server said to try again later.
    """
    presses = [o for o in said(trace, "intent", name) if o.what.get("do") in ("set_dnd", "forward")]
    asked = [w for s in trace.subscriptions_to(EVENT) if name_of(trace, s) == name for w in wishes_of(s)]
    found: set[int] = set()
    unanswered: list[Wish] = []  # wanted, and not repeated yet
    for wish in sorted(asked, key=lambda w: w.request.number):
        again = next((w for w in unanswered if _is_repeat(w, wish)), None)
        press = next((o for o in presses if o.time_ns <= wish.request.packet.time_ns and _means(o, wish)), None)
        if again is not None:
            unanswered.remove(again)
        elif press is not None:
            presses.remove(press)
        if again is not None or press is not None:
            found.add(wish.request.number)
            unanswered.append(wish)
    return frozenset(found)


REPEATABLE = frozenset({401, 404, 407, 423, 481})  # refusals of the moment: the same is to be asked once more


def _is_repeat(earlier: Wish, wish: Wish) -> bool:
    """Whether a Set repeats one that was refused, as it may."""
    final = earlier.transaction.final
    same = (earlier.feature, earlier.value) == (wish.feature, wish.value)
    if not same or final is None or final.number > wish.request.number:
        return False
    return final.status in REPEATABLE or 0 < wait_of(final) <= seconds(wish.request, final) + SLACK


def wait_of(answer: WireMessage) -> float:
    """The seconds an answer asks to wait before the next try, 0 when it does not."""
    wait = answer.retry_after
    return 0.0 if wait is None or isinstance(wait, Fault) else float(wait.seconds)


def _means(press: Observation, wish: Wish) -> bool:
    what, (on, to) = press.what, wish.value
    if what.get("do") == "set_dnd":
        return wish.feature == "dnd" and what.get("on") == on
    same = what.get("kind") == KEYS[wish.feature] and what.get("active") == on
    return same and (not on or what.get("to") == to)


def stored(trace: Trace, wish: Wish, moment: WireMessage) -> Value | None:
    """What the server says of itself it has stored for a wish's feature at a message; None when it says nothing."""
    user = wish.subscription.resource.partition(":")[2].partition("@")[0]
    last = showed(showings(trace, "server", f"{user}.{KEYS[wish.feature]}"), moment.packet.time_ns)
    kept = last.value if last is not None else None
    if isinstance(kept, bool):
        return kept, ""
    return (bool(kept), kept) if isinstance(kept, str) else None
