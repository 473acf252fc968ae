"""Every command that reads a capture reads it by the reader it is told to use."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sipconform.cli import main
from sipconform.commands import reading
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import Note, Observation, Packet
from tests.compare.talk import subscription, trace
from tests.test_comparing import written

COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "judge": lambda path: [path],
    "compare": lambda path: [path, path],
    "redact": lambda path: [path],
    "slice": lambda path: [path],
    "scenario": lambda path: [path],
    "replay": lambda path: [path, "--as", "phone", "--to", "127.0.0.1:9", "--patience", "0"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reader_and_the_secrets_are_those_that_are_told(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path | None] = []

    def read(path: Path, *, keylog: Path | None = None) -> Iterator[Packet | Observation | Note]:
        asked.append(keylog)
        return iter(message.packet for message in trace(*subscription()).messages)

    monkeypatch.setitem(reading.READERS, "tshark", read)
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "capture.pcapng")
    main([command, *COMMANDS[command](str(path)), "--dissector", "tshark", "--keylog", "secrets"])
    assert set(asked) == {Path("secrets")}


def test_our_own_reader_is_the_usual_one() -> None:
    assert reading.READERS["own"] is read_capture
