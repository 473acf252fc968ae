"""Whether what the phones of a line were told of its slots was true, and told in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf

from sipconform.checks.catalogue import PASSED, Finding, finding
from sipconform.checks.evidence import seconds, seconds_of, watched
from sipconform.checks.shared_line.course import Leg, Move, Slot, slots
from sipconform.checks.shared_line.told import QUIET, caught_up, index_of, is_busy
from sipconform.trace.trace import Trace, WireMessage

AHEAD = 1.0
"""Seconds by which a NOTIFY may come before the message that shows the event it tells of: an alerting call is told
first (sheet 2.21), a seizure that runs out in the same breath."""
Where = Callable[[Slot, Move], bool]


def judged(
    trace: Trace, *kinds: str, wanted: frozenset[str] | None = None, where: Where | None = None
) -> Iterator[Finding]:
    """For every move of these kinds after which nothing happened for a while: was the truth told to everybody?

    `wanted` limits the question to moves after which the truth is one of these states, `where` to some moves. A phone
    that has not yet answered a NOTIFY is not asked about, nor a slot that was busy before anything was seen of it.
    """
    for slot in slots(trace):
        if not any(move.kind in kinds for move in slot.moves) or not _is_known(slot):
            continue
        for at, move in enumerate(slot.moves):
            if move.kind not in kinds or (where is not None and not where(slot, move)):
                continue
            truth = slot.expected(move.at)
            later = (m.at for m in slot.moves[at + 1 :])
            following = next((m for m in later if slot.expected(m) != truth), None)
            if wanted is None or truth <= wanted:
                yield from _compare(trace, slot, move, truth, following)


def _is_known(slot: Slot) -> bool:
    if slot.known is None:
        slot.known = _find_known(slot)
    return slot.known


def _find_known(slot: Slot) -> bool:
    first = slot.line.told[0] if slot.line.told else None
    earliest = slot.moves[0].at if slot.moves else None
    if first is None or earliest is None:
        return False
    told_before = (t for t in slot.line.told if seconds(earliest, t.notify) > AHEAD)
    return not any(is_busy(t.state.state(slot.index)) for t in told_before if slot.index in t.state.slots)


def _compare(
    trace: Trace, slot: Slot, move: Move, truth: frozenset[str], following: WireMessage | None
) -> Iterator[Finding]:
    until = following.packet.time_ns if following is not None else trace.end_ns
    quiet = (until - move.at.packet.time_ns) / 1e9 if following is not None else watched(trace, move.at)
    for subscription in slot.line.subscriptions:
        if not slot.line.live(subscription, move.at):
            continue
        told = slot.line.told_to(subscription)
        if quiet < QUIET:
            since = (t for t in told if t.notify.number > move.at.number and t.notify.packet.time_ns <= until)
            if any(t.state.state(slot.index) in truth for t in since):
                yield PASSED
            continue
        ended = slot.line.end_of(subscription)
        lasts = inf  # a seizure may run out without another word on its own subscription
        if move.kind == "seize":
            lasts = (seconds_of(move.at.expires) or 0) - AHEAD
        in_time = (
            t for t in reversed(told)
            if (following is None or seconds(following, t.notify) > AHEAD) and seconds(t.notify, move.at) < lasts
        )  # fmt: skip
        last = next(in_time, None)
        if last is None or (ended is not None and ended.packet.time_ns < until):
            continue
        horizon = move.at.packet.time_ns + round(QUIET * 1e9)
        if following is not None:
            horizon = min(horizon, until - round(AHEAD * 1e9))
        if not caught_up(subscription, horizon) or _waits_to_cancel(slot, last.notify):
            continue
        seen = last.state.state(slot.index) or "nothing"
        yield finding(
            last.notify,
            seen in truth,
            expected=f"slot {slot.index} {' or '.join(sorted(truth))} within {QUIET:g} s of: {move.kind}",
            observed=f"slot {slot.index} {seen}" + ("" if last.notify.number > move.at.number else ", told before"),
            also=[move.at],
            party=slot.line.server,
        )


def _waits_to_cancel(slot: Slot, notify: WireMessage) -> bool:
    """Whether the server still repeats an INVITE that rings nowhere as far as it knows: the call may be over, and
    cannot be cancelled before the phone has been heard (RFC 3261 §9.1)."""
    unanswered = (leg for leg in slot.legs if not leg.calls and leg.answer is None)
    return any(leg.request.number < notify.number < leg.invite.requests[-1].number for leg in unanswered)


def during(slot: Slot, leg: Leg) -> Iterator[tuple[WireMessage, str]]:
    """Everything told of a slot while a call on it surely lasted. A call whose 200 the server still repeats may be over
    and only wait for its ACK (RFC 3261 §15)."""
    for notify, state in between(slot, leg.request, leg.end):
        waits = leg.settled is not None and leg.settled.number < notify.number < leg.invite.responses[-1].number
        if not waits and (leg.end is None or seconds(leg.end, notify) > AHEAD):
            yield notify, state


def between(slot: Slot, first: WireMessage, last: WireMessage | None) -> Iterator[tuple[WireMessage, str]]:
    """Everything told of a slot after one message and before another, or till the end."""
    for told in slot.line.told_between(first.number, last.number if last is not None else inf):
        yield told.notify, told.state.state(slot.index)


# -- moves that have a check of their own --------------------------------------------------------------------


def is_named(_: Slot, move: Move) -> bool:
    """Whether the phone named the slot in its answer to a call, or neither did the INVITE: else SCA-067 asks."""
    leg = move.leg
    return leg is None or leg.calls or index_of(leg.request) is None or index_of(leg.answer) is not None


def crosses(slot: Slot, move: Move) -> bool:
    """Whether a phone asked for a call within a second of its holder's BYE, and the move is of either: SCA-080 asks."""
    leg = move.leg
    if leg is None:
        return False
    rivals = (o for o in slot.legs if o.press != leg.press and o.phone != leg.phone)
    return any(_meet(leg, other) if leg.press else _meet(other, leg) for other in rivals)


def _meet(press: Leg, holder: Leg) -> bool:
    bye = holder.bye
    by_phone = bye.request if bye is not None and bye.client == holder.phone else None
    return by_phone is not None and abs(seconds(by_phone, press.request)) < 1
