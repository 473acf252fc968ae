"""Which call an INVITE with Replaces takes the place of (RFC 3891 §3)."""

from types import SimpleNamespace
from typing import cast

import pytest

from sipconform.agents.call import Leg
from sipconform.agents.phone.replacing import to_be_replaced
from sipconform.sip.dialog import Dialog


def leg(state: str = "active") -> Leg:
    dialog = Dialog("c-1@host", "<sip:a@h>", "mine", "<sip:b@h>", "theirs", "sip:b@h")
    return cast(Leg, SimpleNamespace(dialog=dialog, state=state))


@pytest.mark.parametrize(
    "value",
    [
        "c-1@host;to-tag=mine;from-tag=theirs",
        "c-1@host ; From-Tag=theirs ; TO-TAG = mine",
        "c-1@host;x;from-tag=theirs;to-tag=mine",
    ],
)
def test_a_call_is_named_by_its_call_id_and_both_tags(value: str) -> None:
    up = leg()
    assert to_be_replaced([value], [leg("ended"), up]) is up


@pytest.mark.parametrize(
    ("values", "status"),
    [
        (["c-1@host;to-tag=theirs;from-tag=mine"], 481),
        (["c-1@host;to-tag=mine"], 481),
        (["c-2@host;to-tag=mine;from-tag=theirs"], 481),
        ([""], 481),
        (["c-1@host;to-tag=mine;from-tag=theirs"] * 2, 400),
        (["c-1@host;to-tag=mine;from-tag=theirs, c-2@host;to-tag=a;from-tag=b"], 400),
    ],
)
def test_anything_else_is_refused(values: list[str], status: int) -> None:
    assert to_be_replaced(values, [leg()]) == status


def test_a_call_that_still_rings_is_not_replaced() -> None:
    assert to_be_replaced(["c-1@host;to-tag=mine;from-tag=theirs"], [leg("ringing")]) == 481
