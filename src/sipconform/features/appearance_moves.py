"""Who may move a shared line's slot from which state to which: the server's decision table as data."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from sipconform.features.appearance import State


class Mover(StrEnum):
    """Who makes a slot change its state."""

    LOCATION = "any location of the line"
    OWNER = "the location that owns the slot"
    OTHER = "a location that does not own the slot, where bridging is on"
    BARGER = "a location that does not own the slot, where a private hold may be barged into"
    FAR = "the far party"
    SERVER = "the line server"
    TIMER = "the seize timer"


_S, _M = State, Mover
_ENDED = {_M.OWNER, _M.FAR, _M.SERVER}

_TABLE: dict[tuple[State, State], set[Mover]] = {
    (_S.IDLE, _S.SEIZED): {_M.LOCATION},
    (_S.IDLE, _S.PROGRESSING): {_M.LOCATION},  # lenient servers take an INVITE without a seizure
    (_S.IDLE, _S.ALERTING): {_M.SERVER},
    (_S.SEIZED, _S.PROGRESSING): {_M.OWNER},
    (_S.SEIZED, _S.ACTIVE): {_M.OWNER},  # answered without a 18x
    (_S.SEIZED, _S.IDLE): {_M.OWNER, _M.TIMER, _M.SERVER},
    (_S.PROGRESSING, _S.ACTIVE): {_M.SERVER},
    (_S.PROGRESSING, _S.IDLE): _ENDED,
    (_S.ALERTING, _S.ACTIVE): {_M.LOCATION},
    (_S.ALERTING, _S.IDLE): {_M.FAR, _M.SERVER},
    (_S.ACTIVE, _S.HELD): {_M.OWNER},
    (_S.ACTIVE, _S.HELD_PRIVATE): {_M.OWNER},
    (_S.ACTIVE, _S.BRIDGE_ACTIVE): {_M.OTHER},
    (_S.ACTIVE, _S.IDLE): _ENDED,
    (_S.HELD, _S.ACTIVE): {_M.LOCATION},
    (_S.HELD, _S.HELD_PRIVATE): {_M.OWNER},
    (_S.HELD, _S.IDLE): _ENDED,
    (_S.HELD_PRIVATE, _S.ACTIVE): {_M.OWNER},
    (_S.HELD_PRIVATE, _S.HELD): {_M.OWNER},
    (_S.HELD_PRIVATE, _S.BRIDGE_ACTIVE): {_M.BARGER},
    (_S.HELD_PRIVATE, _S.BRIDGE_HELD): {_M.BARGER},  # the holder goes on holding while the other joins
    (_S.HELD_PRIVATE, _S.IDLE): _ENDED,
    (_S.BRIDGE_ACTIVE, _S.BRIDGE_ACTIVE): {_M.OTHER},
    (_S.BRIDGE_ACTIVE, _S.BRIDGE_HELD): {_M.LOCATION},
    (_S.BRIDGE_ACTIVE, _S.ACTIVE): {_M.SERVER},
    (_S.BRIDGE_ACTIVE, _S.HELD): {_M.SERVER},
    (_S.BRIDGE_ACTIVE, _S.HELD_PRIVATE): {_M.SERVER},
    (_S.BRIDGE_ACTIVE, _S.IDLE): _ENDED,
    (_S.BRIDGE_HELD, _S.BRIDGE_ACTIVE): {_M.LOCATION},
    (_S.BRIDGE_HELD, _S.ACTIVE): {_M.SERVER},
    (_S.BRIDGE_HELD, _S.HELD): {_M.SERVER},
    (_S.BRIDGE_HELD, _S.HELD_PRIVATE): {_M.SERVER},
    (_S.BRIDGE_HELD, _S.IDLE): _ENDED,
}
MOVES: dict[tuple[State, State], frozenset[Mover]] = {pair: frozenset(who) for pair, who in _TABLE.items()}


def movers(before: State, after: State) -> frozenset[Mover]:
    """Who may move a slot from one state to the other in one event; empty when nobody may."""
    return MOVES.get((before, after), frozenset())


@cache  # there are nine states
def may_follow(before: State, after: State, *, unseen: int = 0) -> bool:
    """Whether successive NOTIFYs may tell these states of one slot, with at most `unseen` states between.

    The same state may always be told again. States go unseen where a notifier folds events that fall together
    into one NOTIFY, or tells nothing while a call rings and so seems to go from idle to active.
    """
    reached = {before}
    for _ in range(unseen + 1):
        reached |= {to for start, to in MOVES if start in reached}
    return after in reached
