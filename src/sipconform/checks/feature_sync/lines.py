"""A device with several lines: what a server tells one of them says nothing of the others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from sipconform.checks.catalogue import MUST, PASSED, PHONE, Finding, Verdict, check, finding
from sipconform.checks.evidence import GIVE_UP, is_relayed, seconds
from sipconform.checks.feature_sync.reading import LAG, disturbances, values
from sipconform.checks.feature_sync.told import Feature, Telling, Value, Wish, before, states, telling, wishes_of
from sipconform.checks.feature_sync.witness import KEYS, name_of, shown, wanted
from sipconform.checks.subscription.course import notifications
from sipconform.features.feature_event import EVENT
from sipconform.trace.packet import Address
from sipconform.trace.trace import Subscription, Trace, WireMessage

WATCH = 10.0  # seconds in which what one line was told may turn up on another


@check(
    "FS-129", level=MUST, on=PHONE, clause="BroadSoft 11-BD5196 §2.1; RFC 6665 §4.1.3",
    asks="what a server tells one line of a phone is neither shown nor asked for on its line at another server",
)  # fmt: skip
def lines_are_kept_apart(trace: Trace) -> Iterator[Finding]:
    """Lines are subscriptions from one address to different users at different servers. Judged are changes nobody
    asked for on the line itself, for some makes push what a *user* pressed to all lines. For 10 s no other line may
    ask its server for the value, unless its user pressed the key (where nobody recorded that: inconclusive), and for
    5 s its display, where it is known, may not begin to show it.
    """
    for line, others in _neighbours(trace):
        for notify in notifications(line):
            for name, value in states(notify).items():
                if before(line, notify, name) not in (None, value) and not _was_wanted(line, notify, name, value):
                    for other in others:
                        yield _apart(trace, notify, name, line, other)


def _neighbours(trace: Trace) -> Iterator[tuple[Subscription, list[Subscription]]]:
    """Each line of a device that has others, with those at other servers."""
    devices: dict[Address, list[Subscription]] = {}
    for subscription in trace.subscriptions_to(EVENT):
        opening = subscription.initial.request if subscription.initial is not None else None
        if subscription.notifies and opening is not None and not is_relayed(opening):
            devices.setdefault(subscription.subscriber, []).append(subscription)
    for lines in devices.values():
        for line in lines:
            others = [s for s in lines if s.notifier != line.notifier and s.resource != line.resource]
            if others:
                yield line, others


def _was_wanted(line: Subscription, notify: WireMessage, name: Feature, value: Value) -> bool:
    """Whether the line itself had asked for what it is told."""
    asked = wishes_of(line)
    at = bisect_left(asked, notify.number, key=_asked)
    earlier = (asked[place] for place in range(at - 1, -1, -1))
    recent = takewhile(lambda w: seconds(notify, w.request) <= GIVE_UP, earlier)
    return any((w.feature, w.value) == (name, value) for w in recent)


def _apart(trace: Trace, notify: WireMessage, name: Feature, line: Subscription, other: Subscription) -> Finding:
    """Judges one change of one line against one other line."""
    echo = _passed_on(trace, notify, name, other)
    if echo is not None:
        verdict = Verdict.FAIL if wanted(trace, echo) is False else Verdict.INCONCLUSIVE
        seen = f"the change asked for at {other.notifier} after {seconds(echo.request, notify):.1f} s"
        return finding(echo.request, False, expected="nothing", observed=seen, also=[notify], verdict=verdict)
    who, key, value = name_of(trace, other), KEYS[name], shown(states(notify)[name], name)
    if not who or who == name_of(trace, line):
        return PASSED
    displayed = values(trace, who, key, notify.packet.time_ns, _until(trace, who, notify, telling(other, name)))
    ok = value not in displayed[1:] or displayed[0] == value
    seen = f"{key} {value!r} shown by {who}"
    return finding(notify, ok, expected=f"{key} of {who} as before", observed=seen, party=line.subscriber)


def _passed_on(trace: Trace, notify: WireMessage, name: Feature, other: Subscription) -> Wish | None:
    """The Set on another line that has the value just told, if nobody wanted it or nobody knows."""
    asked = wishes_of(other)
    later = islice(asked, bisect_left(asked, notify.number, key=_asked), None)
    soon = takewhile(lambda w: seconds(w.request, notify) <= WATCH, later)
    value = states(notify)[name]
    return next((w for w in soon if (w.feature, w.value) == (name, value) and not wanted(trace, w)), None)


def _until(trace: Trace, who: str, notify: WireMessage, told: Sequence[Telling]) -> int:
    """Until when the other line's display has no reason of its own to change."""
    now, pressed = notify.packet.time_ns, disturbances(trace, who)
    next_told = bisect_right(told, notify.number, key=lambda t: t.notify.number)
    next_pressed = bisect_right(pressed, now)
    own = [t.notify.packet.time_ns for t in told[next_told : next_told + 1]]
    return min([now + round(LAG * 1e9), trace.end_ns, *own, *pressed[next_pressed : next_pressed + 1]])


def _asked(wish: Wish) -> int:
    return wish.request.number
