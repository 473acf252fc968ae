"""What a line truly did, slot by slot, from its calls and seizures; and what its phones ought to have been told.

An event counts from the server's own message that shows the server had taken part in it (its answer, its ACK, its
BYE), for what a phone sent may never have arrived.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from typing import NamedTuple

from sipconform.checks.evidence import once_per_trace, seconds
from sipconform.checks.exchanges import ack_to
from sipconform.checks.shared_line.told import (
    QUIET,
    Line,
    Policies,
    ended_at,
    index_of,
    lines,
    said_slot,
    seizures,
    user_of,
)
from sipconform.features.appearance import State
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.packet import Address
from sipconform.trace.trace import Dialog, Trace, Transaction, WireMessage

BRIDGES = frozenset({State.BRIDGE_ACTIVE, State.BRIDGE_HELD})


class Hold(NamedTuple):
    """A change of hold by the line's phone, with the message that made it good."""

    at: WireMessage
    request: WireMessage
    held: bool
    private: bool
    status: int


@dataclass(eq=False, slots=True)
class Leg:
    """One call between a phone of the line and the server. `calls`: the phone sent the INVITE; `press`: to the own line
    with an index, to retrieve or to join. `end` is what ended it, None while it lasts."""

    phone: Address
    invite: Transaction
    request: WireMessage
    calls: bool
    press: bool
    index: int | None
    ringing: WireMessage | None = None
    answer: WireMessage | None = None  # the 2xx
    ack: WireMessage | None = None  # to the 2xx
    settled: WireMessage | None = None  # … as known to the server
    end: WireMessage | None = None
    bye: Transaction | None = None
    cancel: WireMessage | None = None
    holds: list[Hold] = field(default_factory=list)

    def talks(self, at: WireMessage) -> bool:
        return self.settled is not None and self.settled.number <= at.number and not self.over(at)

    def over(self, at: WireMessage) -> bool:
        return self.end is not None and self.end.number <= at.number

    def hold(self, at: WireMessage) -> Hold | None:
        """The last change of hold that had been made good at a message."""
        made = [h for h in self.holds if h.at.number <= at.number and h.status < 300]
        return made[-1] if made else None


CALLS = ("call", "ring", "press")
KINDS = (
    *("seize", "unseize", "seize over", "hold", "private", "resume", "bye"),
    *(f"{call}{fate}" for call in CALLS for fate in ("", " answered", " failed")),
)


class Move(NamedTuple):
    """Something happened to a slot. `kind` is a word of `KINDS`."""

    at: WireMessage
    kind: str
    leg: Leg | None = None


@dataclass(eq=False, slots=True)
class Slot:
    """A slot of a line: its legs and its moves, in order. `strangers` are forks of its calls that were answered by
    somebody who is not subscribed to the line, or who named no slot: what holds while they talk is not known, only that
    it ends.
    """

    line: Line
    index: int
    legs: list[Leg] = field(default_factory=list)
    strangers: list[Leg] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    known: bool | None = None  # whether it was not busy before anything was seen of it; None as long as nobody asked
    _talks: list[tuple[int, float, Leg]] | None = None  # from the message with this number, to that with this

    def talking(self, at: WireMessage) -> list[Leg]:
        """The legs that are in the call at a message."""
        if self._talks is None:
            answered = ((leg, leg.settled) for leg in self.legs)
            self._talks = [(s.number, leg.end.number if leg.end else inf, leg) for leg, s in answered if s is not None]
        number = at.number
        return [leg for begin, end, leg in self._talks if begin <= number < end]

    def expected(self, at: WireMessage) -> frozenset[str]:
        """The states that are true of the slot at a message: more than one where policy leaves it open."""
        if any(leg.request.number <= at.number and not leg.over(at) for leg in self.strangers):
            return frozenset(State)
        talking = self.talking(at)
        policies = self.line.policies
        if talking:
            return _in_call(talking, at, policies)
        pending = [leg for leg in self.legs if leg.request.number <= at.number and not leg.over(at)]
        if any(not leg.calls for leg in pending):
            given_up = all(leg.cancel is not None and leg.cancel.number <= at.number for leg in pending)
            silent = set() if policies.can("alerting") == "yes" and not given_up else {State.IDLE}
            return frozenset({State.ALERTING, *silent})
        if any(leg.calls and not leg.press for leg in pending):
            return frozenset({State.PROGRESSING, State.SEIZED})
        return frozenset({State.SEIZED if self._seized(at) else State.IDLE})

    def _seized(self, at: WireMessage) -> bool:
        for seizure in seizures(self.line):
            if seizure.slot != self.index or seizure.final.status >= 300 or seizure.final.number > at.number:
                continue
            end = ended_at(seizure.subscription)
            if end is None or end.number > at.number:
                return True
        return False


def _in_call(talking: list[Leg], at: WireMessage, policies: Policies) -> frozenset[str]:
    holds = [leg.hold(at) for leg in talking]
    held = [hold for hold in holds if hold is not None and hold.held]
    if len(talking) > 1:
        if not held:
            return frozenset({State.BRIDGE_ACTIVE})
        if len(held) == len(talking) or policies.get("bridge_held") == "any":
            return frozenset({State.BRIDGE_HELD})
        return frozenset({State.BRIDGE_ACTIVE}) if policies.get("bridge_held") == "all" else BRIDGES
    if not held:
        return frozenset({State.ACTIVE})
    return frozenset({State.HELD_PRIVATE if held[0].private else State.HELD})


def slots(trace: Trace) -> list[Slot]:
    """Every slot of every line of which anything is known."""
    return _slots(trace, len(trace.messages), len(trace.observations))


@lru_cache(maxsize=2)
def _slots(trace: Trace, _messages: int, _observations: int) -> list[Slot]:
    found: list[Slot] = []
    for line in lines(trace):
        by_index: dict[int, Slot] = {}
        for leg in _legs(trace, line):
            if leg.index is not None:
                by_index.setdefault(leg.index, Slot(line, leg.index)).legs.append(leg)
        for seizure in seizures(line):
            if seizure.slot is not None:
                by_index.setdefault(seizure.slot, Slot(line, seizure.slot))
        strangers = [*_answered_by_strangers(trace, line), *_answered_namelessly(trace, line)]
        for slot in by_index.values():
            calls = {leg.request.call_id for leg in slot.legs if not leg.calls}
            slot.strangers = [leg for leg in strangers if leg.request.call_id in calls]
            slot.moves = sorted(_moves(slot), key=lambda move: move.at.number)
        found += by_index.values()
    return found


def _answered_by_strangers(trace: Trace, line: Line) -> list[Leg]:
    """Calls of the server that were answered by somebody who is not subscribed to the line."""
    phones = line.phones
    return [
        _leg(trace, line, t, t.request, False)
        for t in trace.transactions_of("INVITE")
        if t.client == line.server and t.server not in phones
        and t.succeeded and t.request is not None and not t.request.to_tag
    ]  # fmt: skip


def _answered_namelessly(trace: Trace, line: Line) -> list[Leg]:
    """Forks of a call that were answered without a word of the slot, by a server that had named none either."""
    return [leg for leg in _legs(trace, line) if not leg.calls and leg.index is None and leg.answer is not None]


# -- legs ---------------------------------------------------------------------------------------------------


def legs(trace: Trace) -> Iterator[tuple[Line, Leg]]:
    """Every call between a phone of a line and its server, those without an index too."""
    for line in lines(trace):
        for leg in _legs(trace, line):
            yield line, leg


def _legs(trace: Trace, line: Line) -> list[Leg]:
    known = _known_legs(trace)
    if line not in known:
        known[line] = _legs_of(trace, line)
    return known[line]


@once_per_trace
def _known_legs(_: Trace) -> dict[Line, list[Leg]]:
    """Filled as lines are asked about."""
    return {}


def _legs_of(trace: Trace, line: Line) -> list[Leg]:
    phones, server = line.phones, line.server
    found: list[Leg] = []
    for transaction in trace.transactions_of("INVITE"):
        request = transaction.request
        if request is None or request.to_tag:
            continue
        if transaction.client in phones and transaction.server == server:
            found.append(_leg(trace, line, transaction, request, True))
        elif transaction.server in phones and transaction.client == server:
            found.append(_leg(trace, line, transaction, request, False))
    return [leg for leg in found if leg.invite.final is None or leg.invite.final.status not in (401, 407)]


def _leg(trace: Trace, line: Line, invite: Transaction, request: WireMessage, calls: bool) -> Leg:
    phone = invite.client if calls else invite.server
    final = invite.final
    answers = [r for r in invite.responses if 100 < r.status < 300]
    index = index_of(request) or next((i for r in answers if (i := index_of(r))), None)
    leg = Leg(phone, invite, request, calls, calls and _is_press(line, request), index)
    leg.cancel = _cancels(trace).get(id(invite))
    leg.ringing = next((r for r in invite.responses if 100 < r.status < 200), None)
    if final is not None and final.status >= 300:
        leg.end = final if calls else next(iter(invite.acks), final)
    elif final is not None:
        leg.answer = final
        _follow(trace, leg, final, calls)
    return leg


@once_per_trace
def _cancels(trace: Trace) -> dict[int, WireMessage]:
    """What cancels an INVITE, by the identity of its transaction."""
    cancels = trace.transactions_of("CANCEL")
    return {id(t.invite): t.request for t in reversed(cancels) if t.invite is not None and t.request is not None}


def _is_press(line: Line, request: WireMessage) -> bool:
    target = user_of(request.request_uri)
    sender, to = request.from_, request.to
    own = isinstance(sender, NameAddr) and isinstance(to, NameAddr) and user_of(sender.uri_text) == user_of(to.uri_text)
    return own and (not target or target in line.users) and index_of(request) is not None


def _follow(trace: Trace, leg: Leg, answer: WireMessage, calls: bool) -> None:
    """The life of an answered leg: when the server knew of it, its holds, its end."""
    dialog = answer.dialog
    leg.settled = answer if calls else None
    if dialog is None:
        return
    leg.ack = ack_to(dialog, leg.request)
    if not calls:
        leg.settled = leg.ack
    for transaction in dialog.transactions:
        request = transaction.request
        if request is None or request.number <= leg.request.number:
            continue
        if request.method == "BYE":
            leg.bye = leg.bye or transaction
            by_server = transaction.client != leg.phone
            leg.end = leg.end or (request if by_server else transaction.final)
        elif request.method == "INVITE" and transaction.client == leg.phone:
            final = transaction.final
            if final is not None and final.status not in (401, 407):
                leg.holds.append(_hold(dialog, request, final))


def _hold(dialog: Dialog, request: WireMessage, final: WireMessage) -> Hold:
    """What a re-INVITE of the phone does; one without a description says it in its ACK (RFC 3261 §14.1)."""
    said, at = request.sdp, final
    if said is None:
        ack = ack_to(dialog, request)
        said, at = (ack.sdp, ack) if ack is not None else (None, final)
    slot = said_slot(request)
    held = said is not None and said.is_hold
    return Hold(at, request, held, slot is not None and slot.state == State.HELD_PRIVATE, final.status)


def refusal(leg: Leg) -> tuple[WireMessage, bool, str] | None:
    """The final answer to a press, whether it refuses the press, and how to say so; None where that is not known.

    A phone that was left to ring until it gave up has not been refused; one that gave up at once may yet have been.
    """
    final = leg.invite.final
    if final is None:
        return None
    if final.status != 487:
        return final, final.status >= 400, str(final.status)
    rang = seconds(final, leg.request)
    return (final, False, f"no answer but ringing for {rang:.0f} s") if rang > QUIET else None


# -- moves --------------------------------------------------------------------------------------------------


def _moves(slot: Slot) -> Iterator[Move]:
    for seizure in seizures(slot.line):
        if seizure.slot == slot.index and seizure.final.status < 300:
            yield Move(seizure.final, "seize")
            end = ended_at(seizure.subscription)
            if end is not None:
                yield Move(end, "unseize" if end.is_response else "seize over")
    for leg in (*slot.legs, *slot.strangers):
        word = "press" if leg.press else "call" if leg.calls else "ring"
        yield Move(leg.request, word, leg)
        if leg.settled is not None:
            yield Move(leg.settled, f"{word} answered", leg)
        for hold in leg.holds:
            yield Move(hold.at, "private" if hold.private and hold.held else "hold" if hold.held else "resume", leg)
        if leg.cancel is not None:
            yield Move(leg.cancel, f"{word} given up", leg)
        if leg.end is not None:
            yield Move(leg.end, "bye" if leg.answer is not None else f"{word} failed", leg)
