"""Holding a call of a line, publicly or privately, and coming back to it."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PHONE, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import seconds
from sipconform.checks.shared_line.course import Move, Slot, slots
from sipconform.checks.shared_line.holds import Hold
from sipconform.checks.shared_line.legs import Leg, legs
from sipconform.checks.shared_line.line import QUIET, said_slot
from sipconform.checks.shared_line.policies import names_of
from sipconform.checks.shared_line.truth import between, judged, surely_lasts
from sipconform.features.appearance import State
from sipconform.trace.trace import Trace, WireMessage

SETTLES = 0.5  # seconds after which nothing that a server told before can still come
HELD, PRIVATE, ACTIVE = frozenset({State.HELD}), frozenset({State.HELD_PRIVATE}), frozenset({State.ACTIVE})


@check(
    "SCA-070", level=MUST, on=SERVER, clause="SCA: public hold (sheet 5.1, 5.2, 5.6)",
    asks="a call that its phone holds is told as held, however the phone says so",
)  # fmt: skip
def hold_is_told(trace: Trace) -> Iterator[Finding]:
    """sendonly, inactive, 0.0.0.0, or only in the ACK; with or without Call-Info. Within 4 s of the 2xx or that ACK."""
    yield from judged(trace, "hold", wanted=HELD)


@check(
    "SCA-071", level=MUST, on=SERVER, clause="SCA: private hold (sheet 5.5)",
    asks="a private hold is told as such, and as nothing else meanwhile",
)  # fmt: skip
def private_hold_is_told(trace: Trace) -> Iterator[Finding]:
    """Told as `held` it would invite others to take the call; within 4 s of the 2xx. From half a second after it until
    the phone does something else, neither idle nor active is told either, whatever others may try meanwhile.
    """
    yield from judged(trace, "private", wanted=PRIVATE)
    for slot in slots(trace):
        for at, move in enumerate(slot.moves):
            if move.kind == "private" and slot.seen(move.at) <= PRIVATE:
                later = (m.at for m in slot.moves[at + 1 :])
                until = next((m for m in later if slot.seen(m) != slot.seen(move.at)), None)
                yield from _told_otherwise(trace, slot, move, until)


def _told_otherwise(trace: Trace, slot: Slot, move: Move, until: WireMessage | None) -> Iterator[Finding]:
    for notify, state in between(slot, move.at, until):
        if _is_changing(slot, notify):
            continue
        steady = seconds(notify, move.at) > SETTLES and move.leg is not None and surely_lasts(trace, move.leg, notify)
        alone = {State.ACTIVE} if slot.line.whole else set()  # else somebody out of sight may have joined
        wrong = {State.HELD, *({State.IDLE, *alone} if steady else ())}
        seen = f"slot {slot.index} {state}"
        yield finding(notify, state not in wrong, expected="held-private", observed=seen, also=[move.at])


@check(
    "SCA-072", level=MUST, on=SERVER, clause="SCA: the far party holds (sheet 5.4)",
    asks="what the far party does with its media does not change the slot",
)  # fmt: skip
def far_hold_changes_nothing(trace: Trace) -> Iterator[Finding]:
    """A slot is told held only while a phone of the line holds, and a hold of the line's phone is not told over."""
    for slot in slots(trace):
        for told in slot.line.told:
            talking = slot.talking(told.notify)
            if len(talking) != 1 or not _settled(slot, told.notify):
                continue
            state = told.state.state(slot.index)
            truth = slot.expected(told.notify)
            if state in (State.ACTIVE, State.HELD, State.HELD_PRIVATE):
                ok = state in truth or (state != State.ACTIVE and not truth & {State.ACTIVE})
                seen = f"slot {slot.index} {state}"
                yield finding(
                    told.notify, ok, expected=" or ".join(sorted(truth)), observed=seen, also=[talking[0].request]
                )


def _settled(slot: Slot, at: WireMessage) -> bool:
    """Whether nothing happened to a slot for as long as a late NOTIFY may need."""
    earliest, latest = at.packet.time_ns - QUIET * 1e9, at.packet.time_ns + 1e9
    near = any(earliest < move.at.packet.time_ns < latest for move in slot.moves)
    return not near and not _is_changing(slot, at)


def _is_changing(slot: Slot, at: WireMessage) -> bool:
    """Whether a phone has asked for another hold, and its answer has not been seen yet: it may come after a NOTIFY."""
    return any(h.request.number <= at.number <= h.at.number for leg in slot.legs for h in leg.holds)


@check(
    "SCA-073", level=MUST, on=SERVER, clause="SCA: the owner comes back (sheet 5.6, 5.7)",
    asks="a call that its phone takes up again is told as active",
)  # fmt: skip
def resume_is_told(trace: Trace) -> Iterator[Finding]:
    """Within 4 s of the 2xx. A re-INVITE that was refused changes nothing."""
    yield from judged(trace, "resume", wanted=ACTIVE)


@check(
    "SCA-081", level=MUST, on=PHONE, clause="SCA: the hold keys (sheet 5.1, 5.5, 5.7)",
    asks="a phone's hold names its slot, a private one says so, and coming back says nothing of holding",
)  # fmt: skip
def hold_names_the_slot(trace: Trace) -> Iterator[Finding]:
    """`appearance-state=held` with a public hold is right too, and older phones say nothing at all: naming no slot is
    a warning, and none at all for a re-INVITE that changes nothing. What kind of hold was wanted is known from the
    record of what the phone was asked to do.
    """
    for _, leg in legs(trace):
        for hold in (h for h in leg.holds if _is_own(leg, h)):
            said = said_slot(hold.request)
            if leg.index is not None and (said is not None or hold.changes):
                seen = f"index {said.index if said else None}"
                ok = said is not None and said.index == leg.index
                level = SHOULD if said is None else None
                yield finding(hold.request, ok, expected=f"index {leg.index}", observed=seen, level=level)
            if not hold.may_hold and hold.request.sdp is not None and said is not None:
                ok = said.state not in (State.HELD, State.HELD_PRIVATE)
                yield finding(hold.request, ok, expected="no word of a hold", observed=f"appearance-state={said.state}")
            asked = _asked(trace, leg, hold.request)
            if asked is not None and hold.held and said is not None:
                ok = (said.state == State.HELD_PRIVATE) is asked
                expected = "held-private" if asked else "no held-private"
                yield finding(hold.request, ok, expected=expected, observed=f"appearance-state={said.state or 'none'}")


def _is_own(leg: Leg, hold: Hold) -> bool:
    """Whether a phone says it in a re-INVITE of its own."""
    transaction = hold.request.transaction
    return hold.request.method == "INVITE" and transaction is not None and transaction.client == leg.phone.address


def _asked(trace: Trace, leg: Leg, request: WireMessage) -> bool | None:
    """Whether a private hold was asked for just before; None where no hold is on record."""
    names = names_of(trace, leg.phone.address)
    wanted = [
        o for o in trace.observations
        if o.kind == "intent" and o.who in names and o.what.get("do") == "hold_line"
        and 0 <= request.packet.time_ns - o.time_ns < 1e9
    ]  # fmt: skip
    return bool(wanted[-1].what.get("private")) if wanted else None
