"""What a line truly did, slot by slot, from its calls and seizures; and what its phones ought to have been told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from typing import NamedTuple

from sipconform.checks.evidence import once_per_trace, seconds
from sipconform.checks.shared_line.far import Far, far_of
from sipconform.checks.shared_line.joining import TOGETHER, caller_of
from sipconform.checks.shared_line.legs import Leg, leg_of, legs_of
from sipconform.checks.shared_line.line import Line, index_of
from sipconform.checks.shared_line.lines import lines
from sipconform.checks.shared_line.policies import Policies
from sipconform.features.appearance import State
from sipconform.trace.trace import Trace, WireMessage

ANYTHING = frozenset(State)
BRIDGES = frozenset({State.BRIDGE_ACTIVE, State.BRIDGE_HELD})
IN_CALL = BRIDGES | {State.ACTIVE, State.HELD, State.HELD_PRIVATE}
IDLE = frozenset({State.IDLE})

CALLS = ("call", "ring", "press")
KINDS = (
    *("seize", "unseize", "seize over", "hold", "private", "resume", "bye"),
    *(f"{call}{fate}" for call in CALLS for fate in ("", " answered", " failed")),
)
BURST = 8  # changes of the truth …
BURST_TIME = 2.0  # … within so many seconds: how quickly they came is SCA-109's question


class Move(NamedTuple):
    """Something happened to a slot. `kind` is a word of `KINDS`."""

    at: WireMessage
    kind: str
    leg: Leg | None = None


@dataclass(eq=False, slots=True)
class Slot:
    """A slot of a line: its legs and its moves, in order. `strangers` are forks of its calls that were answered by
    somebody who is not subscribed to the line, or who named no slot: what holds while they talk is not known, only that
    it ends. `fars` are the far sides of its calls, as far as they are in the evidence.
    """

    line: Line
    index: int
    legs: list[Leg] = field(default_factory=list)
    strangers: list[Leg] = field(default_factory=list)
    fars: dict[int, Far | None] = field(default_factory=dict)  # by the leg's identity; not of presses
    moves: list[Move] = field(default_factory=list)
    _since: float | None = None
    _seen: dict[int, frozenset[str]] = field(default_factory=dict)  # by the message's number
    _talks: list[tuple[int, float, Leg]] | None = None  # from the message with this number, to that with this
    _bursts: set[int] | None = None

    @property
    def known_since(self) -> float:
        """The number of the first message that shows it to be free: what was on it before is not in the evidence."""
        if self._since is None:
            self._since = min(self._find_free(), default=inf)
        return self._since

    def _find_free(self) -> Iterator[int]:
        """A NOTIFY tells it idle. Where phones are out of sight anyway, it is enough that the server gives a slot that
        was not told in a call to a seizure or to a call that comes in; where they are all in sight, the evidence may
        begin among the forks of that call."""
        told = (t.notify.number for t in self.line.told if t.state.state(self.index) == State.IDLE)
        yield from islice(told, 1)
        given = [s.final for s in self.line.seizures if s.slot == self.index and s.granted]
        given += [leg.request for leg in self.legs if not leg.calls and index_of(leg.request) == self.index]
        if not self.line.whole:
            yield from (m.number for m in given if self.line.last_told(self.index, m) not in IN_CALL)

    def talking(self, at: WireMessage) -> list[Leg]:
        """The legs that are in the call at a message."""
        if self._talks is None:
            answered = ((leg, leg.settled) for leg in self.legs)
            self._talks = [(s.number, leg.end.number if leg.end else inf, leg) for leg, s in answered if s is not None]
        number = at.number
        return [leg for begin, end, leg in self._talks if begin <= number < end]

    def seen(self, at: WireMessage) -> frozenset[str]:
        """What the slot is at a message by what is in the evidence, as if nobody else were on the line."""
        known = self._seen.get(at.number)
        if known is None:
            known = self._seen[at.number] = self._look(at)
        return known

    def _look(self, at: WireMessage) -> frozenset[str]:
        if at.number < self.known_since or any(leg.leaves(at) and leg.settled for leg in self.legs):
            return ANYTHING
        if any(leg.request.number <= at.number and not leg.over(at) for leg in self.strangers):
            return ANYTHING
        talking = self.talking(at)
        if talking:
            return _in_call(talking, at, self.line.policies)
        return self._before_a_call(at)

    def _before_a_call(self, at: WireMessage) -> frozenset[str]:
        pending = [leg for leg in self.legs if leg.request.number <= at.number and not leg.over(at)]
        if any(not leg.calls for leg in pending):
            given_up = all(leg.cancel is not None and leg.cancel.number <= at.number for leg in pending)
            silent = set() if self.line.policies.can("alerting") == "yes" and not given_up else {State.IDLE}
            return frozenset({State.ALERTING, *silent})
        if any(leg.calls and not leg.press for leg in pending):
            return frozenset({State.PROGRESSING, State.SEIZED})
        return frozenset({State.SEIZED}) if self._seized(at) else IDLE

    def _seized(self, at: WireMessage) -> bool:
        mine = (s for s in self.line.seizures if s.slot == self.index and s.granted and s.final.number <= at.number)
        return any(s.end is None or s.end.number > at.number for s in mine)

    def expected(self, at: WireMessage) -> frozenset[str]:
        """The states that are true of the slot at a message: more than one where policy leaves it open, or where phones
        that are not in the evidence may have joined, answered or taken the call."""
        seen = self.seen(at)
        if self.line.whole or seen == ANYTHING:
            return seen
        if seen & IN_CALL:
            return seen | BRIDGES
        return ANYTHING if State.IDLE in seen else seen

    def over_since(self, move: Move) -> WireMessage | None:
        """From when on a slot must be told idle once, though phones outside the evidence may take it again: at the end
        of a seizure or of a call out that failed, nobody else had it; any other call is over when its far side is."""
        if self.seen(move.at) != IDLE:
            return None
        if move.kind in ("unseize", "seize over"):
            return move.at
        if move.kind == "call failed":
            before = self.line.last_told(self.index, move.leg.request) if move.leg is not None else ""
            return move.at if before in (State.IDLE, State.SEIZED) else None
        far = self.far_at(move.at)
        if far is None or far.end is None or seconds(far.end, move.at) > 1:
            return None
        return max(move.at, far.end, key=lambda m: m.number)

    def far_at(self, at: WireMessage) -> Far | None:
        """The far side of the last call that had begun at a message."""
        begun = [leg for leg in self.legs if id(leg) in self.fars and leg.request.number <= at.number]
        return self.fars[id(begun[-1])] if begun else None

    def in_burst(self, move: Move) -> bool:
        """Whether the truth changed so quickly up to a move that phones cannot be asked for each state."""
        if self._bursts is None:
            self._bursts = set(self._find_bursts())
        return move.at.number in self._bursts

    def _find_bursts(self) -> Iterator[int]:
        changes: list[WireMessage] = []
        before: frozenset[str] = frozenset()
        for move in self.moves:
            now = self.seen(move.at)
            if now != before:
                changes = [at for at in changes if seconds(move.at, at) < BURST_TIME] + [move.at]
                before = now
            if len(changes) >= BURST and seconds(move.at, changes[-BURST]) < BURST_TIME:
                yield move.at.number


def _in_call(talking: list[Leg], at: WireMessage, policies: Policies) -> frozenset[str]:
    """One phone: as it has it. Several: a bridge, held by the dialect's rule; a server without bridge states, as it may
    be where nobody says that there is bridging, goes on telling the call of one."""
    holds = [leg.hold(at) for leg in talking]
    if len(talking) == 1:
        return holds[0].states if holds[0] is not None else frozenset({State.ACTIVE})
    surely = sum(hold is not None and hold.held for hold in holds)
    maybe = sum(hold is not None and hold.may_hold for hold in holds)
    rule = policies.get("bridge_held")
    found: set[str] = set()
    for held in range(surely, maybe + 1):
        enough = {"any": (1,), "all": (len(talking),)}.get(rule, (1, len(talking)))
        found |= {State.BRIDGE_HELD if held >= least else State.BRIDGE_ACTIVE for least in enough}
    return frozenset(found) if policies.get("bridging") else IN_CALL


@once_per_trace
def slots(trace: Trace) -> list[Slot]:
    """Every slot of every line of which anything is known."""
    found: list[Slot] = []
    for line in lines(trace):
        by_index: dict[int, Slot] = {}
        for leg in legs_of(trace, line):
            if leg.index is not None:
                by_index.setdefault(leg.index, Slot(line, leg.index)).legs.append(leg)
        for seizure in line.seizures:
            if seizure.slot is not None:
                by_index.setdefault(seizure.slot, Slot(line, seizure.slot))
        strangers = [*_answered_by_strangers(trace, line), *_answered_namelessly(trace, line)]
        for slot in by_index.values():
            slot.strangers = [leg for leg in strangers if any(_is_fork(leg, own) for own in slot.legs)]
            slot.fars = {id(leg): far_of(trace, leg) for leg in slot.legs if not leg.press}
            slot.moves = sorted(_moves(slot), key=lambda move: move.at.number)
        found += by_index.values()
    return found


def slots_of(trace: Trace, line: Line) -> list[Slot]:
    return [slot for slot in slots(trace) if slot.line is line]


def _answered_by_strangers(trace: Trace, line: Line) -> list[Leg]:
    """Calls of the server that were answered by somebody who is not subscribed to the line."""
    addresses = line.addresses
    return [
        leg_of(trace, line, t, t.request, calls=False)
        for t in trace.transactions_of("INVITE")
        if t.client == line.server and t.server not in addresses
        and t.succeeded and t.request is not None and not t.request.to_tag
    ]  # fmt: skip


def _answered_namelessly(trace: Trace, line: Line) -> list[Leg]:
    """Forks of a call that were answered without a word of the slot, by a server that had named none either."""
    return [leg for leg in legs_of(trace, line) if not leg.calls and leg.index is None and leg.answer is not None]


def _is_fork(leg: Leg, own: Leg) -> bool:
    """Whether two legs ring for one call: with one Call-ID, or as a server that is an end of every call does it, from
    one caller at the same time."""
    if own.calls:
        return False
    if own.request.call_id == leg.request.call_id:
        return True
    caller = caller_of(leg.request)
    return bool(caller) and caller == caller_of(own.request) and abs(seconds(leg.request, own.request)) <= TOGETHER


def _moves(slot: Slot) -> Iterator[Move]:
    for seizure in slot.line.seizures:
        if seizure.slot == slot.index and seizure.granted:
            yield Move(seizure.final, "seize")
            if (end := seizure.end) is not None:
                yield Move(end, "unseize" if end.is_response else "seize over")
    for leg in (*slot.legs, *slot.strangers):
        yield from _moves_of(leg)


def _moves_of(leg: Leg) -> Iterator[Move]:
    word = "press" if leg.press else "call" if leg.calls else "ring"
    yield Move(leg.request, word, leg)
    if leg.settled is not None:
        yield Move(leg.settled, f"{word} answered", leg)
    for hold in leg.holds:
        if hold.changes:
            yield Move(hold.at, "private" if hold.private else "hold" if hold.may_hold else "resume", leg)
    if leg.cancel is not None:
        yield Move(leg.cancel, f"{word} given up", leg)
    if leg.end is not None:
        yield Move(leg.end, "bye" if leg.answer is not None else f"{word} failed", leg)
