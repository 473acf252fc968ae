"""What is true of every line at every time, whatever happens on it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from sipconform.checks.catalogue import INFO, MUST, SERVER, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, seconds
from sipconform.checks.names import host_of, name_of, user_of
from sipconform.checks.shared_line.course import BRIDGES, Slot, slots, slots_of
from sipconform.checks.shared_line.legs import Leg
from sipconform.checks.shared_line.line import QUIET, Line, Seizure, Told, answer_that_arrived, caught_up, is_busy
from sipconform.checks.shared_line.lines import lines
from sipconform.features.appearance import State, known_state
from sipconform.features.appearance_moves import may_follow
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.trace import Trace

SHEET = "SCA invariants"
SOON = 0.25  # seconds in which an answer comes that neither got lost nor had far to go


@check(
    "INV-001", level=MUST, on=SERVER, clause=f"{SHEET}: one owner",
    asks="a slot that is not told as a bridge has one owner",
)  # fmt: skip
def one_owner(trace: Trace) -> Iterator[Finding]:
    """Two phones in a call on one slot, for four seconds and more, while it is told active or held: where the profile
    says that there is bridging, for a server may have no word for it.
    """
    for slot in (slot for slot in slots(trace) if slot.line.policies.get("bridging")):
        for told in slot.line.told:
            talking = slot.talking(told.notify)
            if len(talking) < 2:
                continue
            since = [leg.settled for leg in talking if leg.settled is not None]
            if all(seconds(told.notify, s) > QUIET for s in since):
                lasting = all(leg.leaving is None or seconds(leg.leaving, told.notify) > QUIET for leg in talking)
                if lasting:
                    state = told.state.state(slot.index)
                    seen = f"slot {slot.index} {state} with {len(talking)} phones in the call"
                    yield finding(told.notify, state in BRIDGES, expected="a bridge", observed=seen)


@check(
    "INV-002", level=MUST, on=SERVER, clause=f"{SHEET}: the table of moves (sheet 2.4)",
    asks="a slot moves from one told state to the next only as the table allows",
)  # fmt: skip
def moves_are_allowed(trace: Trace) -> Iterator[Finding]:
    """One state may go untold between two NOTIFYs, where two events fell together; any number where the phone had not
    answered the first at once.
    """
    for line in lines(trace):
        for subscription in line.subscriptions:
            history = (pair for pair in itertools.pairwise(line.told_to(subscription)) if _was_taken_at_once(*pair))
            for first, second in history:
                for index in sorted({*first.state.slots, *second.state.slots}):
                    before, after = (known_state(t.state.state(index)) for t in (first, second))
                    if before is not None and after is not None:
                        ok = may_follow(before, after, unseen=1)
                        seen = f"slot {index} from {before} to {after}"
                        yield finding(
                            second.notify, ok, expected="a move of the table", observed=seen, also=[first.notify]
                        )


def _was_taken_at_once(first: Told, second: Told) -> bool:
    """Whether a phone had answered what it was told before, and soon: else states wait and are told together."""
    transaction = first.notify.transaction
    answer = answer_that_arrived(transaction) if transaction is not None else None
    return answer is not None and answer.number < second.notify.number and seconds(answer, first.notify) < SOON


@check(
    "INV-003", level=MUST, on=SERVER, clause=f"{SHEET}: everything ends",
    asks="when all calls have ended and all seizures run out, every slot is idle",
)  # fmt: skip
def nothing_is_left_behind(trace: Trace) -> Iterator[Finding]:
    """Looked at 32 s after the last event of the line, where all its phones are in the evidence: slots on which nothing
    ever happened, for of all others the checks of what happened ask.
    """
    for line in (line for line in lines(trace) if line.whole):
        mine = slots_of(trace, line)
        moves = [move for slot in mine for move in slot.moves]
        last = max((move.at for move in moves), key=lambda m: m.number, default=None)
        open_calls = [leg for slot in mine for leg in (*slot.legs, *slot.strangers) if leg.end is None]
        if last is None or open_calls or (trace.end_ns - last.packet.time_ns) / 1e9 < GIVE_UP:
            continue
        used = {slot.index for slot in mine if slot.moves}
        for subscription in line.subscriptions:
            history = line.told_to(subscription)
            if history and line.lives_on(subscription, trace.end_ns) and caught_up(subscription, trace.end_ns):
                busy = [i for i in history[-1].state.busy if not history[0].state.slots.get(i) and i not in used]
                seen = f"slots {busy} in use"
                yield finding(history[-1].notify, not busy, expected="all idle", observed=seen, also=[last])


@check(
    "INV-004", level=MUST, on=SERVER, clause=f"{SHEET}: everybody is told the same (sheet 2.15)",
    asks="what the phones of a line are told last is the same for all",
)  # fmt: skip
def all_are_told_the_same(trace: Trace) -> Iterator[Finding]:
    """Compared at the evidence's end, among living subscriptions that had answered every NOTIFY, if nothing was told
    for four seconds.
    """
    for line in lines(trace):
        latest = [
            history[-1] for s in line.subscriptions
            if (history := line.told_to(s)) and line.lives_on(s, trace.end_ns) and caught_up(s, trace.end_ns)
        ]  # fmt: skip
        still = [t for t in latest if (trace.end_ns - t.notify.packet.time_ns) / 1e9 >= QUIET]
        if len(still) < 2 or len(still) < len(latest):
            continue
        newest = max(still, key=lambda t: t.notify.number)
        for told in still:
            ok = told.state.same_as(newest.state)
            seen = f"slots {told.state.busy} in use, others are told {newest.state.busy}"
            yield finding(told.notify, ok, expected="the same for all", observed=seen, also=[newest.notify])


@check(
    "INV-005", level=MUST, on=SERVER, clause=f"{SHEET}: only an idle slot is seized",
    asks="a slot that was told in use is not granted to another phone",
)  # fmt: skip
def told_slots_are_not_granted(trace: Trace) -> Iterator[Finding]:
    """Told to somebody a second or more before the SUBSCRIBE, and nothing happened to the slot from then on until that
    was answered: judged where all phones of the line are in the evidence.
    """
    for slot in (slot for slot in slots(trace) if slot.line.whole):
        for seizure in slot.line.seizures:
            if seizure.slot != slot.index or not seizure.granted:
                continue
            told = slot.line.told_between(-1, seizure.request.number)
            if told and not _is_moving(slot, seizure) and seconds(seizure.request, told[-1].notify) > 1:
                state = told[-1].state.state(slot.index)
                own = state == State.SEIZED and _seized_by(slot, seizure)
                ok = not is_busy(state) or own
                seen = f"{seizure.final.status} for slot {slot.index}, told {state}"
                yield finding(seizure.final, ok, expected="480", observed=seen, also=[told[-1].notify])


def _is_moving(slot: Slot, seizure: Seizure) -> bool:
    """Whether something happened to a slot in the second before somebody asked for it, or until he was answered."""
    at = (move.at for move in slot.moves if move.at is not seizure.final)
    leaving = (leg.leaving for leg in slot.legs if leg.leaving is not None)
    return any(m.number < seizure.final.number and seconds(seizure.request, m) < 1 for m in (*at, *leaving))


def _seized_by(slot: Slot, seizure: Seizure) -> bool:
    return any(s.phone.may_be(seizure.phone) and s.slot == slot.index and s is not seizure for s in slot.line.seizures)


@check(
    "INV-006", level=MUST, on=SERVER, clause=f"{SHEET}: the far party is not the line",
    asks="the address told with a slot is never the line's own",
)  # fmt: skip
def far_party_is_not_the_line(trace: Trace) -> Iterator[Finding]:
    """User and host of the line, where the call of the slot is in the evidence and is with somebody else. A phone that
    dials its own number, for the voice mail say, is told it rightly; where the call is not seen it is noted.
    """
    for line in lines(trace):
        mine = {slot.index: slot for slot in slots_of(trace, line)}
        for told in line.told:
            for index, value in told.state.slots.items():
                party = value.far_party
                if isinstance(party, NameAddr):
                    own = _is_own(line, party)
                    known = _calls_somebody_else(line, mine.get(index), told) if own else None
                    ok = not own or known is False
                    level = None if known else INFO
                    yield finding(told.notify, ok, expected="the far party", observed=value.party, level=level)


def _is_own(line: Line, party: NameAddr) -> bool:
    """Whether an address is the line's, at its domain or at its server."""
    hosts = {line.server.host, *(host_of(s.resource) for s in line.subscriptions)}
    return user_of(party.uri_text) in line.users and host_of(party.uri_text) in hosts


def _calls_somebody_else(line: Line, slot: Slot | None, told: Told) -> bool | None:
    """Whether the call of a slot is with somebody who is not the line; None where it is not in the evidence."""
    begun = [leg for leg in slot.legs if leg.request.number < told.notify.number] if slot is not None else []
    living = [leg for leg in begun if not leg.over(told.notify)]
    roots = [leg for leg in living if not leg.press] or ([leg for leg in begun if not leg.press] if living else [])
    return _far_user(roots[-1]) not in line.users if roots else None


def _far_user(leg: Leg) -> str:
    return name_of(leg.request.to if leg.calls else leg.request.from_)
