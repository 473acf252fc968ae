"""Delays and order beside each other: only where the cause is in the evidence, and by one sender's own clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sipconform.checks.catalogue import Level
from sipconform.compare.rules import ANSWER_LATER_S, LONGEST_SENT_S, MOST_UNHEEDED_ACKS, NOTIFY_LATER_S, PACE
from sipconform.compare.story import Exchange
from sipconform.trace.trace import WireMessage


class Timed(NamedTuple):
    """The first five columns of a `Difference`."""

    rule: str
    level: Level | None
    what: str
    run: str
    reference: str


def timed(run: WireMessage, reference: WireMessage, ours: Exchange, theirs: Exchange) -> Iterator[Timed]:
    """Delays of these two messages that differ, within the tolerance or beyond."""
    for what, measure, tolerance in (
        ("answer after", _answered_after, ANSWER_LATER_S),
        ("NOTIFY after the answer to SUBSCRIBE", _notified_after, NOTIFY_LATER_S),
    ):
        a, b = measure(run, ours), measure(reference, theirs)
        if a is not None and b is not None and a != b:
            late = a - b > tolerance
            rule, level = ("slower", Level.SHOULD) if late else ("timing", None)
            yield Timed(rule, level, what, f"{a:.3f} s", f"{b:.3f} s")
    if run is ours.request and reference is theirs.request:
        yield from _too_soon(ours, theirs)
        yield from _for_ever(ours, theirs)
        yield from _order(ours, theirs)


def _answered_after(message: WireMessage, exchange: Exchange) -> float | None:
    """Seconds from the last sending of a request to its final answer; a call waits for people."""
    if message is not exchange.final or exchange.method == "INVITE":
        return None
    sent = [r.packet.time_ns for r in exchange.transaction.requests if r.packet.time_ns <= message.packet.time_ns]
    return (message.packet.time_ns - max(sent)) / 1e9 if sent else None


def _notified_after(message: WireMessage, exchange: Exchange) -> float | None:
    """Seconds from the 2xx to a SUBSCRIBE to the first NOTIFY of that conversation."""
    exchanges = exchange.conversation.exchanges
    first = next((e for e in exchanges if e.method == "NOTIFY"), None)
    if exchange is not first or message is not exchange.request:
        return None
    asked = (e.final for e in exchanges if e.method == "SUBSCRIBE")
    granted = next((final for final in asked if final is not None and final.status < 300), None)
    return (message.packet.time_ns - granted.packet.time_ns) / 1e9 if granted is not None else None


def _order(ours: Exchange, theirs: Exchange) -> Iterator[Timed]:
    """Which came first, of two messages of which the first has to wait for the other."""
    for what, measure in (
        ("CANCEL and the first answer to its INVITE", _cancelled_early),
        ("NOTIFY and the answer to its SUBSCRIBE", _notified_early),
    ):
        a, b = measure(ours), measure(theirs)
        if a is not None and b is not None and a != b:
            early, late = f"{what.partition(' ')[0]} first", "answer first"
            yield Timed("order", Level.SHOULD, what, early if a else late, early if b else late)


def _cancelled_early(exchange: Exchange) -> bool | None:
    """Whether a CANCEL left before any answer to its INVITE (RFC 3261 §9.1); None for what is no CANCEL."""
    invite = exchange.transaction.invite
    if invite is None or exchange.request is None:
        return None
    return not any(answer.number < exchange.request.number for answer in invite.responses)


def _notified_early(exchange: Exchange) -> bool | None:
    """Whether the first NOTIFY left before the answer to its SUBSCRIBE; None where one of them is missing."""
    after = _notified_after(exchange.request, exchange) if exchange.request is not None else None
    return after < 0 if after is not None else None


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
