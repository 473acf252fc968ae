"""Extension numbers follow users and start anew."""

from __future__ import annotations

import pytest

from sipconform.agents.server.directory import Binding, Directory
from sipconform.agents.server.extensions import Extensions
from sipconform.features.feature_state import FeatureState, Forward, ForwardType


def test_a_new_user_gets_the_next_number() -> None:
    directory = Directory("example.com")
    directory.add("3001")
    extensions = Extensions(directory)
    assert [extensions.hire().name for _ in range(2)] == ["3002", "3003"]


def test_a_number_that_is_free_goes_first_and_starts_anew() -> None:
    directory = Directory("example.com")
    extensions = Extensions(directory, FeatureState.assigned())
    owner = extensions.hire()
    owner.features = owner.features.with_forward(ForwardType.IMMEDIATE, Forward(True, "2002"))
    owner.bindings["sip:a@b"] = Binding("sip:a@b", 1e9, "c", 1)
    extensions.dismiss(owner.name)
    assert directory.find(owner.name) is None
    heir = extensions.hire()
    assert heir.name == owner.name
    assert heir.features == FeatureState.assigned()
    assert heir.bindings == {}


def test_the_number_of_a_group_is_nobodys_line() -> None:
    """estos UCServer: a group's number must not be a user's line at the same time."""
    directory, groups = Directory("example.com"), {"2002", "3001"}
    directory.add("2002")
    extensions = Extensions(directory, is_taken=groups.__contains__)
    extensions.dismiss("2002")
    assert extensions.hire().name == "3002"
    groups.remove("2002")
    assert extensions.hire().name == "2002", "it is free again"


def test_free_numbers_go_out_in_turn() -> None:
    extensions = Extensions(Directory("example.com"))
    numbers = [extensions.hire().name for _ in range(3)]
    for number in (numbers[2], numbers[0]):
        extensions.dismiss(number)
    assert [extensions.hire().name for _ in range(3)] == [numbers[2], numbers[0], "3004"]


def test_a_number_nobody_has() -> None:
    with pytest.raises(KeyError):
        Extensions(Directory("example.com")).dismiss("3001")
