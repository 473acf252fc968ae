"""`sipconform serve --state`: what it says of a file it cannot use."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipconform.commands import serve

HERE = ["--listen", "127.0.0.1:0"]


def test_a_foreign_state_is_told_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state.json"
    state.write_text('{"lamps": 4}')
    assert serve.main([*HERE, "--state", str(state)]) == 3
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith(f"sipconform: {state}: is no state of a sipconform server")
    assert state.read_text() == '{"lamps": 4}'


@pytest.mark.parametrize(("place", "what"), [("", "read"), ("missing/state.json", "written")])
def test_a_file_out_of_reach_ends_the_server(
    place: str, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert serve.main([*HERE, "--state", str(tmp_path / place)]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert f"cannot be {what}" in sentence
