"""What is true of every line at every time, whatever happens on it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, SERVER, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, seconds
from sipconform.checks.shared_line.course import BRIDGES, Slot, slots
from sipconform.checks.shared_line.told import QUIET, Seizure, caught_up, is_busy, lines, seizures, user_of
from sipconform.features.appearance import State, known_state
from sipconform.features.appearance_moves import may_follow
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.trace import Trace

SHEET = "SCA invariants"


@check(
    "INV-001", level=MUST, on=SERVER, clause=f"{SHEET}: one owner",
    asks="a slot that is not told as a bridge has one owner",
)  # fmt: skip
def one_owner(trace: Trace) -> Iterator[Finding]:
    """Two phones in a call on one slot, for four seconds and more, while it is told active or held."""
    for slot in slots(trace):
        for told in slot.line.told:
            talking = slot.talking(told.notify)
            if len(talking) < 2:
                continue
            since = [leg.settled for leg in talking if leg.settled is not None]
            if all(seconds(told.notify, s) > QUIET for s in since):
                lasting = all(leg.end is None or seconds(leg.end, told.notify) > QUIET for leg in talking)
                if lasting:
                    state = told.state.state(slot.index)
                    seen = f"slot {slot.index} {state} with {len(talking)} phones in the call"
                    yield finding(told.notify, state in BRIDGES, expected="a bridge", observed=seen)


@check(
    "INV-002", level=MUST, on=SERVER, clause=f"{SHEET}: the table of moves (sheet 2.4)",
    asks="a slot moves from one told state to the next only as the table allows",
)  # fmt: skip
def moves_are_allowed(trace: Trace) -> Iterator[Finding]:
    """One state may go untold between two NOTIFYs, where two events fell together."""
    for line in lines(trace):
        for subscription in line.subscriptions:
            history = line.told_to(subscription)
            for first, second in itertools.pairwise(history):
                for index in sorted({*first.state.slots, *second.state.slots}):
                    before, after = (known_state(t.state.state(index)) for t in (first, second))
                    if before is not None and after is not None:
                        ok = may_follow(before, after, unseen=1)
                        seen = f"slot {index} from {before} to {after}"
                        yield finding(
                            second.notify, ok, expected="a move of the table", observed=seen, also=[first.notify]
                        )


@check(
    "INV-003", level=MUST, on=SERVER, clause=f"{SHEET}: everything ends",
    asks="when all calls have ended and all seizures run out, every slot is idle",
)  # fmt: skip
def nothing_is_left_behind(trace: Trace) -> Iterator[Finding]:
    """Looked at 48 s after the last event of the line, or at the evidence's end if that is later."""
    for line in lines(trace):
        mine = [slot for slot in slots(trace) if slot.line is line]
        moves = [move for slot in mine for move in slot.moves]
        last = max((move.at for move in moves), key=lambda m: m.number, default=None)
        open_calls = [leg for slot in mine for leg in (*slot.legs, *slot.strangers) if leg.end is None]
        if last is None or open_calls or (trace.end_ns - last.packet.time_ns) / 1e9 < GIVE_UP:
            continue
        for subscription in line.subscriptions:
            history = line.told_to(subscription)
            if history and line.end_of(subscription) is None and caught_up(subscription, trace.end_ns):
                busy = [i for i in history[-1].state.busy if not history[0].state.slots.get(i)]
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
            if (history := line.told_to(s)) and line.end_of(s) is None and caught_up(s, trace.end_ns)
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
    """Told to somebody a second or more before the SUBSCRIBE, and nothing happened to the slot in that second."""
    for slot in slots(trace):
        for seizure in seizures(slot.line):
            if seizure.slot != slot.index or seizure.final.status >= 300:
                continue
            near = [m for m in slot.moves if 0 <= seconds(seizure.request, m.at) < 1 and m.at is not seizure.final]
            told = slot.line.told_between(-1, seizure.request.number)
            if told and not near and seconds(seizure.request, told[-1].notify) > 1:
                state = told[-1].state.state(slot.index)
                own = state == State.SEIZED and _seized_by(slot, seizure)
                ok = not is_busy(state) or own
                seen = f"{seizure.final.status} for slot {slot.index}, told {state}"
                yield finding(seizure.final, ok, expected="480", observed=seen, also=[told[-1].notify])


def _seized_by(slot: Slot, seizure: Seizure) -> bool:
    return any(
        s.subscription.subscriber == seizure.subscription.subscriber and s.slot == slot.index and s is not seizure
        for s in seizures(slot.line)
    )


@check(
    "INV-006", level=MUST, on=SERVER, clause=f"{SHEET}: the far party is not the line",
    asks="the address told with a slot is never the line's own",
)  # fmt: skip
def far_party_is_not_the_line(trace: Trace) -> Iterator[Finding]:
    """A line that calls itself is the exception nobody has seen."""
    for line in lines(trace):
        for told in line.told:
            for value in told.state.slots.values():
                party = value.far_party
                if isinstance(party, NameAddr):
                    own = user_of(party.uri_text) in line.users
                    yield finding(told.notify, not own, expected="the far party", observed=value.party)
