"""The lamp tables as the guides have them."""

from __future__ import annotations

import pytest

from sipconform.features.appearance import State
from sipconform.features.lamp import TABLES, Lamp, lamp


@pytest.mark.parametrize(
    ("table", "state", "local", "remote"),
    [
        ("becke", State.PROGRESSING, "fast green", "fast red"),
        ("becke", State.ALERTING, "fast green", "fast green"),
        ("becke", State.HELD_PRIVATE, "slow green", "red"),
        ("fanvil", State.HELD_PRIVATE, "slow yellow", "red"),
        ("yealink", State.HELD, "slow green", "slow red"),
        ("htek", State.ALERTING, "fast red", "fast red"),
        ("cisco-spa", State.IDLE, "green", "green"),
        ("poly", State.ACTIVE, "green", "None"),
        ("yealink", State.BRIDGE_HELD, "None", "None"),
    ],
)
def test_a_table_tells_both_lamps(table: str, state: State, local: str, remote: str) -> None:
    assert (str(lamp(state, True, table)), str(lamp(state, False, table))) == (local, remote)


def test_the_seeds_table_is_complete() -> None:
    assert set(TABLES["becke"]) == set(State)
    assert all(lamp(state, local, "becke") for state in State for local in (True, False))


@pytest.mark.parametrize("table", ["becke", "fanvil", "yealink"])
def test_what_is_called_common_is_common(table: str) -> None:
    for state in TABLES["common"]:
        for local in (True, False):
            assert lamp(state, local) in (None, lamp(state, local, table))


def test_to_the_others_a_private_hold_looks_like_a_call() -> None:
    assert lamp(State.HELD_PRIVATE, False) == lamp(State.ACTIVE, False) == Lamp("red")


def test_a_state_nobody_knows_has_no_lamp() -> None:
    assert lamp("active-pending", True, "becke") is None
