"""Whether what the phones of a line were told of its slots was true, and told in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf

from sipconform.checks.catalogue import PASSED, Finding, finding
from sipconform.checks.evidence import seconds, seconds_of, watched
from sipconform.checks.shared_line.course import ANYTHING, Move, Slot, slots
from sipconform.checks.shared_line.legs import Leg
from sipconform.checks.shared_line.line import QUIET, Told, caught_up, index_of
from sipconform.features.appearance import State
from sipconform.trace.trace import Subscription, Trace, WireMessage

AHEAD = 1.0
"""Seconds by which a NOTIFY may come before the message that shows the event it tells of: an alerting call is told
first (shared-line rules 2.21), a seizure that runs out in the same breath."""
CROSSES = 0.6
"""The same for the end of a call by its phone, of which the server cannot know sooner: but the other side may have hung
up at that moment, and the first BYE have been lost."""
FRESH = frozenset({State.SEIZED, State.PROGRESSING, State.ALERTING})
"""What a slot may be once its call is over, where others than those in the evidence may take it at once."""
Where = Callable[[Slot, Move], bool]


def judged(
    trace: Trace, *kinds: str, wanted: frozenset[str] | None = None, where: Where | None = None, burst: bool = False
) -> Iterator[Finding]:
    """For every move of these kinds after which nothing happened for a while: was the truth told to everybody, and in
    time?

    `wanted` limits the question to moves after which the truth is one of these states by what is in the evidence,
    `where` to some moves, `burst` to those that came too quickly for each to be told. A phone that has not yet answered
    a NOTIFY is not asked about, nor a slot that was busy before anything was seen of it.
    """
    for slot in slots(trace):
        for at, move in enumerate(slot.moves):
            if move.kind not in kinds or (where is not None and not where(slot, move)):
                continue
            if (wanted is not None and not slot.seen(move.at) <= wanted) or slot.in_burst(move) is not burst:
                continue
            truth = slot.expected(move.at)
            if truth != ANYTHING:
                later = (m.at for m in slot.moves[at + 1 :])
                following = next((m for m in later if slot.expected(m) != truth), None)
                yield from _compare(trace, slot, move, truth, following)
            elif (since := slot.over_since(move)) is not None:
                following = next((m.at for m in slot.moves[at + 1 :] if m.at.number > since.number), None)
                yield from _is_over(trace, slot, move, since, following)


def _compare(
    trace: Trace, slot: Slot, move: Move, truth: frozenset[str], following: WireMessage | None
) -> Iterator[Finding]:
    horizon = _known_from(move).packet.time_ns + round(QUIET * 1e9)
    until = following.packet.time_ns - round(AHEAD * 1e9) if following is not None else trace.end_ns
    for subscription in _asked(slot, move.at):
        told = slot.line.told_to(subscription)
        if until < horizon:
            upto = following.number if following is not None else inf
            now = (t for t in told if move.at.number < t.notify.number < upto)
            if any(t.state.state(slot.index) in truth for t in now):
                yield PASSED
            continue
        if not slot.line.lives_on(subscription, horizon) or not caught_up(subscription, horizon):
            continue
        last = until if slot.line.lives_on(subscription, until) else horizon
        found = [t for t in (_told_by(told, move, at) for at in (horizon, last)) if t is not None]
        if found and not _waits_to_cancel(slot, found[-1].notify):
            wrong = next((t for t in found if t.state.state(slot.index) not in truth), found[-1])
            yield _answer(slot, move, wrong, truth, " or ".join(sorted(slot.seen(move.at))))


def _known_from(move: Move) -> WireMessage:
    """When a server has everything an event needs: some wait for the ACK of a call before they tell it (2.22)."""
    ack = move.leg.ack if move.leg is not None and move.kind.endswith(" answered") else None
    return ack if ack is not None and ack.number > move.at.number else move.at


def _told_by(told: list[Told], move: Move, time_ns: int) -> Told | None:
    """What a phone had been told last at a time; a seizure may run out without another word on its own subscription."""
    lasts = (seconds_of(move.at.expires) or 0) - AHEAD if move.kind == "seize" else inf
    return next(
        (t for t in reversed(told) if t.notify.packet.time_ns <= time_ns and seconds(t.notify, move.at) < lasts), None
    )


def _asked(slot: Slot, at: WireMessage) -> Iterator[Subscription]:
    return (s for s in slot.line.subscriptions if slot.line.live(s, at))


def _answer(slot: Slot, move: Move, told: Told, truth: frozenset[str], wanted: str) -> Finding:
    seen = told.state.state(slot.index) or "nothing"
    late = "" if told.notify.number > move.at.number else ", told before"
    return finding(
        told.notify,
        seen in truth,
        expected=f"slot {slot.index} {wanted} within {QUIET:g} s of: {move.kind}",
        observed=f"slot {slot.index} {seen}{late}",
        also=[move.at],
        party=slot.line.server,
    )


def _is_over(
    trace: Trace, slot: Slot, move: Move, since: WireMessage, following: WireMessage | None
) -> Iterator[Finding]:
    """Whether a slot was told idle at all when its call or seizure was over, or at least something else than before."""
    horizon = since.packet.time_ns + round(QUIET * 1e9)
    until = following.packet.time_ns - round(AHEAD * 1e9) if following is not None else trace.end_ns
    for subscription in _asked(slot, move.at) if until >= horizon else ():
        told = slot.line.told_to(subscription)
        first = min(move.at.packet.time_ns, since.packet.time_ns) - round(AHEAD * 1e9)
        before = _told_by(told, move, first)
        if not slot.line.lives_on(subscription, horizon) or not caught_up(subscription, horizon):
            continue
        now = [t for t in told if first < t.notify.packet.time_ns <= horizon]
        fresh = FRESH - ({before.state.state(slot.index)} if before is not None else set())
        free = next((t for t in now if t.state.state(slot.index) in {State.IDLE, *fresh}), None)
        last = free or (now[-1] if now else before)
        if last is not None:
            truth = frozenset({State.IDLE, *fresh})
            yield _answer(slot, move, last, truth if free is not None else frozenset({State.IDLE}), State.IDLE)


def _waits_to_cancel(slot: Slot, notify: WireMessage) -> bool:
    """Whether the server still repeats an INVITE that rings nowhere as far as it knows: the call may be over, and
    cannot be cancelled before the phone has been heard (RFC 3261 §9.1)."""
    unanswered = (leg for leg in slot.legs if not leg.calls and leg.answer is None)
    return any(leg.request.number < notify.number < leg.invite.requests[-1].number for leg in unanswered)


def during(trace: Trace, slot: Slot, leg: Leg) -> Iterator[tuple[WireMessage, str]]:
    """Everything told of a slot while a call on it surely lasted. A call whose 200 the server still repeats may be over
    and only wait for its ACK (RFC 3261 §15); one may end that the evidence no longer shows."""
    for notify, state in between(slot, leg.request, leg.leaving):
        waits = leg.settled is not None and leg.settled.number < notify.number < leg.invite.responses[-1].number
        if not waits and surely_lasts(trace, leg, notify):
            yield notify, state


def surely_lasts(trace: Trace, leg: Leg, at: WireMessage) -> bool:
    """Whether a call that is up at a message does not end just then, as far as its server may know."""
    if leg.leaving is None:
        return watched(trace, at) >= QUIET
    return seconds(leg.leaving, at) > (CROSSES if leg.ended_by_phone else AHEAD)


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
    rivals = (o for o in slot.legs if o.press != leg.press and o.phone.is_other_than(leg.phone))
    return any(_meet(leg, other) if leg.press else _meet(other, leg) for other in rivals)


def _meet(press: Leg, holder: Leg) -> bool:
    by_phone = holder.bye.request if holder.bye is not None and holder.ended_by_phone else None
    return by_phone is not None and abs(seconds(by_phone, press.request)) < 1
