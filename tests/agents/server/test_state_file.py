"""The state file: written whole or not at all, and read only when it is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.agents.server.directory import Directory
from sipconform.agents.server.state_file import FORMAT, StateFile, StateFileError, _read
from sipconform.agents.server.storage import Storage
from sipconform.features.feature_state import FeatureState, Forward, ForwardType

SET = FeatureState.assigned().with_dnd(True).with_forward(ForwardType.NO_ANSWER, Forward(True, "Büro <1>", 4))


def state_file(folder: Path, features: FeatureState) -> StateFile:
    directory = Directory("example.com")
    directory.add("2001").features = features
    return StateFile(folder / "state.json", Storage(directory))


def test_what_is_kept_is_loaded(tmp_path: Path) -> None:
    state_file(tmp_path, SET).keep()
    other = state_file(tmp_path, FeatureState(None, {}))
    other.load()
    assert other.storage.directory.users["2001"].features == SET
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_no_file_is_an_empty_one(tmp_path: Path) -> None:
    file = state_file(tmp_path, SET)
    file.load()
    assert file.storage.directory.users["2001"].features == SET


def test_users_nobody_knows_any_more_are_left_out(tmp_path: Path) -> None:
    state_file(tmp_path, SET).keep()
    other = StateFile(tmp_path / "state.json", Storage(Directory("example.com")))
    other.load()
    assert other.storage.directory.users == {}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b'{"users": {}}',
        b'{"format": "something else", "users": {}}',
        f'{{"format": "{FORMAT}", "users": {{"2001": {{"dnd": "yes", "forwards": {{}}}}}}}}'.encode(),
        f'{{"format": "{FORMAT}", "users": {{"2001": {{"dnd": true, "forwards": {{"sometimes": {{}}}}}}}}}}'.encode(),
    ],
)
def test_what_is_no_state_is_refused_and_left_alone(tmp_path: Path, text: bytes) -> None:
    file = state_file(tmp_path, SET)
    file.path.write_bytes(text)
    with pytest.raises(StateFileError, match=r"state\.json: is no state of a sipconform server: "):
        file.load()
    assert file.path.read_bytes() == text


@given(st.binary(max_size=200))
def test_any_octets_are_refused_in_one_way(text: bytes) -> None:
    with pytest.raises(StateFileError):
        _read(Path("x"), text)


def test_a_write_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    file = state_file(tmp_path, SET)
    file.keep()
    kept = file.path.read_bytes()
    (tmp_path / "state.json.new").mkdir()
    with pytest.raises(IsADirectoryError):
        file.keep()
    assert file.path.read_bytes() == kept
