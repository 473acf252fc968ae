"""Delays and order beside each other: only where the cause is in the evidence, and by one sender's own clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sipconform.checks.catalogue import Level
from sipconform.compare.rules import (
    ANSWER_LATER_S,
    LONGEST_SENT_S,
    MOST_UNHEEDED_ACKS,
    NOTIFY_LATER_S,
    PACE,
    REFRESH_LATER_S,
)
from sipconform.compare.story import Exchange
from sipconform.sip.fault import Fault
from sipconform.trace.trace import WireMessage

_EXPIRES = re.compile(r";\s*expires\s*=\s*([0-9]{1,9})", re.IGNORECASE)


class Timed(NamedTuple):
    """The first five columns of a `Difference`."""

    rule: str
    level: Level | None
    what: str
    run: str
    reference: str


def timed(run: WireMessage, reference: WireMessage, ours: Exchange, theirs: Exchange) -> Iterator[Timed]:
    """Delays of these two messages that differ, within the tolerance or beyond."""
    if run is ours.final and reference is theirs.final:
        yield from _later("answer after", _answered_after(ours), _answered_after(theirs), ANSWER_LATER_S)
    elif run is ours.request and reference is theirs.request:
        if ours.method in ("NOTIFY", "REGISTER", "SUBSCRIBE"):
            for what, measure, tolerance in _DELAYS:
                yield from _later(what, measure(ours), measure(theirs), tolerance)
            yield from _back_too_soon(ours, theirs)
        if len(ours.transaction.requests) > 1:
            yield from _too_soon(ours, theirs)
        if ours.acks or len(ours.transaction.requests) > 1:
            yield from _for_ever(ours, theirs)
        if ours.method in _ORDERS:
            what, early = _ORDERS[ours.method]
            yield from _order(what, early(ours), early(theirs))


def _later(what: str, run: float | None, reference: float | None, tolerance: float) -> Iterator[Timed]:
    if run is not None and reference is not None and run != reference:
        late = run - reference > tolerance
        rule, level = ("slower", Level.SHOULD) if late else ("timing", None)
        yield Timed(rule, level, what, f"{run:.3f} s", f"{reference:.3f} s")


def _answered_after(exchange: Exchange) -> float | None:
    """Seconds from the last sending of a request to its final answer; a new call waits for people, and a change of one
    for whomever else it is put to: it counts from what the answerer heard last."""
    message, request = exchange.final, exchange.request
    if message is None or (exchange.method == "INVITE" and (request is None or not request.to_tag)):
        return None
    sent = [r.packet.time_ns for r in exchange.transaction.requests if r.packet.time_ns <= message.packet.time_ns]
    if sent and exchange.method == "INVITE":
        sent.append(exchange.conversation.story.heard_last(exchange.transaction.server, message))
    return (message.packet.time_ns - max(sent)) / 1e9 if sent else None


def _notified_after(exchange: Exchange) -> float | None:
    """Seconds from the 2xx to a SUBSCRIBE to the first NOTIFY of that conversation."""
    message = exchange.request
    if exchange is not exchange.conversation.first_notify or message is None:
        return None
    asked = (e.final for e in exchange.conversation.exchanges if e.method == "SUBSCRIBE")
    granted = next((final for final in asked if final is not None and final.status < 300), None)
    return (message.packet.time_ns - granted.packet.time_ns) / 1e9 if granted is not None else None


def _overdue(exchange: Exchange) -> float | None:
    """Seconds by which a refresh comes after what was granted last has run out; 0 for one in time."""
    message = exchange.request
    if message is None or exchange.method == "NOTIFY":
        return None
    granted = exchange.before.final if exchange.before is not None else None
    if granted is None or granted.status >= 300:  # after a failure the next attempt has its own time
        return None
    lifetime = lifetime_of(granted)
    return max(0.0, message.time - granted.time - lifetime) if lifetime else None


def lifetime_of(granted: WireMessage) -> int:
    """Seconds that were granted, the longest of several bindings'; 0 for none."""
    told = [int(digits) for text in granted.texts("Contact") for digits in _EXPIRES.findall(text)]
    return max(told) if told else granted.expires if isinstance(granted.expires, int) else 0


_DELAYS: tuple[tuple[str, Callable[[Exchange], float | None], float], ...] = (
    ("NOTIFY after the answer to SUBSCRIBE", _notified_after, NOTIFY_LATER_S),
    ("refreshed after its time had run out", _overdue, REFRESH_LATER_S),
)


def _back_too_soon(ours: Exchange, theirs: Exchange) -> Iterator[Timed]:
    """A subscriber that was told to wait and comes back much sooner than in the reference (RFC 6665 §4.1.3)."""
    a, b = _back_after(ours), _back_after(theirs)
    if a is not None and b is not None and a < PACE * b and b - a > NOTIFY_LATER_S:
        yield Timed("pace", Level.SHOULD, "SUBSCRIBE again after the end of the last", f"{a:.3f} s", f"{b:.3f} s")


def _back_after(exchange: Exchange) -> float | None:
    """Seconds from the NOTIFY that ended the subscription before, and told to wait, to the one begun anew."""
    conversation, request = exchange.conversation, exchange.request
    if exchange.method != "SUBSCRIBE" or exchange is not conversation.exchanges[0] or request is None:
        return None
    last = conversation.follows
    state = last.subscription_state if last is not None else None
    if last is None or state is None or isinstance(state, Fault) or state.reason not in ("probation", "giveup"):
        return None
    return request.time - last.time


def _cancelled_early(exchange: Exchange) -> bool | None:
    """Whether a CANCEL left before any answer to its INVITE (RFC 3261 §9.1); None for what is no CANCEL."""
    invite = exchange.transaction.invite
    if invite is None or exchange.request is None:
        return None
    return not any(answer.number < exchange.request.number for answer in invite.responses)


def _notified_early(exchange: Exchange) -> bool | None:
    """Whether the first NOTIFY left before the answer to its SUBSCRIBE; None where one of them is missing."""
    after = _notified_after(exchange)
    return after < 0 if after is not None else None


_ORDERS: dict[str, tuple[str, Callable[[Exchange], bool | None]]] = {
    "CANCEL": ("CANCEL and the first answer to its INVITE", _cancelled_early),
    "NOTIFY": ("NOTIFY and the answer to its SUBSCRIBE", _notified_early),
}


def _order(what: str, run: bool | None, reference: bool | None) -> Iterator[Timed]:
    """Which came first, of two messages of which the first has to wait for the other."""
    if run is not None and reference is not None and run != reference:
        early, late = f"{what.partition(' ')[0]} first", "answer first"
        yield Timed("order", Level.SHOULD, what, early if run else late, early if reference else late)


def _too_soon(ours: Exchange, theirs: Exchange) -> Iterator[Timed]:
    """A request sent again much sooner than T1, which is what the reference took to send one again, or 500 ms."""
    soonest = _first_interval(ours)
    if soonest is None:
        return
    usual = _first_interval(theirs) or 0.5
    if soonest < PACE * usual:
        yield Timed("pace", Level.SHOULD, f"{ours.method} sent again after", f"{soonest:.3f} s", f"{usual:.3f} s")


def _for_ever(ours: Exchange, theirs: Exchange) -> Iterator[Timed]:
    """Sending again beyond all patience, or again and again although the ACK has come."""
    for what, measure, most in (
        ("sent for longer than", _sent_for, LONGEST_SENT_S),
        ("answered again after the ACK", _unheeded_acks, MOST_UNHEEDED_ACKS),
    ):
        a, b = measure(ours), measure(theirs)
        if a > max(b, most):
            yield Timed("pace", Level.SHOULD, f"{ours.method} {what}", f"{a:g}", f"{max(b, most):g}")


def _sent_for(exchange: Exchange) -> float:
    """Seconds from the first to the last sending of the request."""
    sent = [request.packet.time_ns for request in exchange.transaction.requests]
    return (sent[-1] - sent[0]) / 1e9 if sent else 0.0


def _unheeded_acks(exchange: Exchange) -> float:
    """How often the final answer was sent again after the first ACK, beyond what ACKs the network owns to have lost."""
    if not exchange.acks:
        return 0
    acked = exchange.acks[0].number
    again = sum(m.repeats is not None and m.status >= 200 and m.number > acked for m in exchange.transaction.responses)
    return again - exchange.conversation.story.lost(exchange.acks[0])


def _first_interval(exchange: Exchange) -> float | None:
    sent = [request.packet.time_ns for request in exchange.transaction.requests]
    return (sent[1] - sent[0]) / 1e9 if len(sent) > 1 else None
