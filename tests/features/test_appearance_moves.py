"""The decision table of shared lines and what may follow what in successive NOTIFYs."""

from __future__ import annotations

import pytest

from sipconform.features.appearance import State
from sipconform.features.appearance_moves import MOVES, Mover, may_follow, movers


@pytest.mark.parametrize(
    ("before", "after", "who"),
    [
        (State.IDLE, State.SEIZED, {Mover.LOCATION}),
        (State.ACTIVE, State.HELD_PRIVATE, {Mover.OWNER}),
        (State.HELD, State.ACTIVE, {Mover.LOCATION}),
        (State.HELD_PRIVATE, State.ACTIVE, {Mover.OWNER}),
        (State.HELD_PRIVATE, State.BRIDGE_ACTIVE, {Mover.BARGER}),
        (State.PROGRESSING, State.ALERTING, set()),
        (State.ACTIVE, State.SEIZED, set()),
    ],
)
def test_the_table_says_who(before: State, after: State, who: set[Mover]) -> None:
    assert movers(before, after) == who


def test_every_state_but_idle_can_end_and_can_be_reached() -> None:
    for state in set(State) - {State.IDLE}:
        assert movers(state, State.IDLE)
        assert any(after is state for _, after in MOVES)


def test_the_same_state_may_be_told_again() -> None:
    assert all(may_follow(state, state) for state in State)


def test_a_state_may_be_skipped_only_where_that_is_granted() -> None:
    assert not may_follow(State.IDLE, State.ACTIVE)
    assert may_follow(State.IDLE, State.ACTIVE, unseen=1)
    assert not may_follow(State.ALERTING, State.HELD_PRIVATE)
    assert not may_follow(State.PROGRESSING, State.ALERTING)
