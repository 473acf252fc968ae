from __future__ import annotations

import pytest

from sipconform.sip.fault import Fault
from sipconform.sip.headers.subscription_state import SubscriptionState, parse


def state(text: str) -> SubscriptionState:
    read = parse(text)
    assert isinstance(read, SubscriptionState)
    return read


def test_read() -> None:
    read = state("Active ; Expires = 3599")
    assert (read.state, read.expires, read.reason, read.retry_after) == ("active", 3599, "", None)
    assert read.faults == []
    assert str(read) == "active;Expires=3599"
    ended = state("terminated;reason=Timeout;retry-after=5")
    assert (ended.state, ended.reason, ended.retry_after, ended.expires) == ("terminated", "timeout", 5, None)


@pytest.mark.parametrize(
    "text", ["active, 3599", "active 3599", "active,expires=3599;x=1", "active;expires=x", "active;"]
)
def test_readable_but_not_legal(text: str) -> None:
    read = state(text)
    assert read.state == "active"
    assert read.faults != []
    assert parse(str(read)) == read


def test_expires_that_is_no_number() -> None:
    assert isinstance(state("active;expires=-1").expires, Fault)


@pytest.mark.parametrize("text", ["", ";expires=1", ", x", 'active;x="'])
def test_unreadable(text: str) -> None:
    assert isinstance(parse(text), Fault)
