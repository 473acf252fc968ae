"""What displays showed of the NOTIFYs their phones took, as far as a live run has recorded it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice, takewhile
from typing import NamedTuple

from sipconform.checks.catalogue import Finding, Level, finding
from sipconform.checks.evidence import GIVE_UP, watched
from sipconform.checks.feature_sync.told import Feature, documents, feature, states, value
from sipconform.checks.feature_sync.witness import KEYS, name_of, said, showed, showings, shown
from sipconform.features.feature_event import EVENT, DoNotDisturbEvent, ForwardingEvent
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

LAG = 5.0  # seconds a display may need
BRIEF = 1.0  # seconds below which a value may pass unseen
DISTURBS = frozenset({"start", "stop", "power_cycle", "switch_sync", "unplug", "set_dnd", "forward"})

Event = DoNotDisturbEvent | ForwardingEvent


class Reading(NamedTuple):
    """One NOTIFY a phone has taken, and the device it was shown on."""

    subscription: Subscription
    transaction: Transaction
    notify: WireMessage
    who: str
    until_ns: int  # when something else may have changed the display


class Seen(NamedTuple):
    """One event of a reading, and whether the display came to show it."""

    reading: Reading
    event: Event
    name: Feature
    expected: object
    observed: object
    ok: bool


@lru_cache(maxsize=4)
def _readings(trace: Trace, _length: int) -> tuple[Reading, ...]:
    found = []
    for subscription in trace.subscriptions_to(EVENT):
        who = name_of(trace, subscription)
        if not who or next(said(trace, "belief", who), None) is None:
            continue
        switched = disturbances(trace, who)
        for transaction in subscription.notifies:
            notify = transaction.request
            if notify is not None and notify.to_tag == subscription.subscriber_tag:
                until = _undisturbed(trace, notify, transaction.final or notify, switched)
                found.append(Reading(subscription, transaction, notify, who, until))
    return tuple(found)


def disturbances(trace: Trace, who: str) -> Sequence[int]:
    """When somebody did something to a device that may change its display, in nanoseconds since the epoch."""
    return _disturbances(trace, len(trace.observations)).get(who, ())


@lru_cache(maxsize=4)
def _disturbances(trace: Trace, _length: int) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for intent in sorted(said(trace, "intent"), key=lambda o: o.time_ns):
        if intent.what.get("do") in DISTURBS:
            found.setdefault(intent.who, []).append(intent.time_ns)
    return found


def readings(trace: Trace) -> tuple[Reading, ...]:
    """Every NOTIFY to a phone whose display is known."""
    return _readings(trace, len(trace.observations))


def following(trace: Trace, reading: Reading, name: Feature = "") -> Sequence[Reading]:
    """The next NOTIFY the same phone took, that tells a feature if one is given; none or one."""
    mine = _shelved(trace, len(trace.observations)).get((reading.who, name), ())
    at = bisect_right(mine, reading.notify.number, key=lambda r: r.notify.number)
    return mine[at : at + 1]


@lru_cache(maxsize=4)
def _shelved(trace: Trace, _length: int) -> dict[tuple[str, Feature], list[Reading]]:
    """The readings of each phone, and of each phone and feature, in the order seen."""
    found: dict[tuple[str, Feature], list[Reading]] = {}
    for reading in sorted(readings(trace), key=lambda r: r.notify.number):
        for name in ("", *states(reading.notify)):
            found.setdefault((reading.who, name), []).append(reading)
    return found


def _undisturbed(trace: Trace, notify: WireMessage, taken: WireMessage, switched: Sequence[int]) -> int:
    """Until when the display is this NOTIFY's affair; it may have taken the phone several sendings to get it."""
    lag, next_ = taken.packet.time_ns + round(LAG * 1e9), bisect_right(switched, notify.packet.time_ns)
    return min([lag, trace.end_ns, *switched[next_ : next_ + 1]])


def seen(trace: Trace) -> tuple[Seen, ...]:
    """Every event told to a phone whose display is known, where the display had time to follow."""
    return _seen(trace, len(trace.observations))


@lru_cache(maxsize=4)
def _seen(trace: Trace, _length: int) -> tuple[Seen, ...]:
    return tuple(_all_seen(trace))


def _all_seen(trace: Trace) -> Iterator[Seen]:
    for reading in readings(trace):
        if reading.transaction.final is None or reading.transaction.final.status >= 300:
            continue
        for part in documents(reading.notify):
            event = part.document
            name = feature(event) if isinstance(event, Event) and event.facts and event.facts.is_csta else None
            if isinstance(event, Event) and name in KEYS and value(event)[0] is not None:
                yield from _followed(trace, reading, event, name)


def _followed(trace: Trace, reading: Reading, event: Event, name: Feature) -> Iterator[Seen]:
    start = reading.notify.packet.time_ns
    taken = reading.transaction.final or reading.notify
    later = following(trace, reading, name)
    until = min([reading.until_ns, *(r.notify.packet.time_ns for r in later)])
    expected = shown(value(event), name)
    found = values(trace, reading.who, KEYS[name], start, until)
    ok = bool(found) and found[-1] == expected
    if found and (ok or (until - taken.packet.time_ns) / 1e9 >= BRIEF):
        yield Seen(reading, event, name, expected, found[-1], ok)


def values(trace: Trace, who: str, key: str, start_ns: int, until_ns: int) -> list[object]:
    """What the display showed for a key in a span of time, one after the other."""
    told = showings(trace, who, key)
    first, past = showed(told, start_ns), bisect_left(told, start_ns, key=lambda s: s.time_ns)
    later = takewhile(lambda s: s.time_ns < until_ns, islice(told, past, None))
    return ([first.value] if first is not None else []) + [s.value for s in later]


def shows(trace: Trace, applies: Callable[[Seen], bool], level: Level | None = None) -> Iterator[Finding]:
    """Judges that the display followed, for the events picked."""
    for item in seen(trace):
        if applies(item):
            key = KEYS[item.name]
            expected, observed = f"{key} {item.expected!r} shown", f"{key} {item.observed!r}"
            party = item.reading.subscription.subscriber
            of = item.reading.notify
            yield finding(of, item.ok, expected=expected, observed=observed, party=party, level=level)


def keeps(trace: Trace, applies: Callable[[WireMessage], bool]) -> Iterator[Finding]:
    """Judges that the display stayed as it was, for the NOTIFYs picked, and that the phone still answers."""
    for reading in readings(trace):
        if not applies(reading.notify):
            continue
        start, party = reading.notify.packet.time_ns, reading.subscription.subscriber
        later = following(trace, reading)
        until = min([reading.until_ns, *(r.notify.packet.time_ns for r in later)])
        for key in KEYS.values():
            found = values(trace, reading.who, key, start, until)
            changed = [v for v in found if v != found[0]]
            expected, observed = f"{key} {found[0] if found else ''!r} as before", f"{key} {(changed or [''])[0]!r}"
            yield finding(reading.notify, not changed, expected=expected, observed=observed, party=party)
        yield from still_there(trace, reading, later)


def still_there(trace: Trace, reading: Reading, later: Sequence[Reading]) -> Iterator[Finding]:
    """Judges that the phone answered this NOTIFY and the next."""
    for each in (reading, *later):
        sent = each.transaction.requests
        tried = each.notify.transport != "udp" or len(sent) >= 7
        if each.transaction.final is None and tried and watched(trace, each.notify) > GIVE_UP:
            party = reading.subscription.subscriber
            expected, observed = "an answer", f"no answer to {len(sent)} sendings"
            also = [reading.notify]
            yield finding(each.notify, False, expected=expected, observed=observed, also=also, party=party)
