"""Either side in a process of its own, driven over the driver interface, is judged as it is beside us."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sipconform.checks.catalogue import Verdict
from sipconform.checks.judge import Judgement
from sipconform.judging import judge_capture
from sipconform.lab.scenarios import known_scenarios
from sipconform.lab.settings import LabSettings, PhoneSettings, ServerSettings
from sipconform.lab.stage import Ending, Stage

SCENARIOS = (
    "test_dnd_switched_at_the_server_reaches_the_phone",
    "test_dnd_pressed_on_the_phone_reaches_the_server",
    "test_a_forward_set_on_the_phone_reaches_the_server[cfna]",
    "test_an_overtaken_state_is_not_shown",
    "test_an_unknown_package_is_refused",
)
CROSSING = {"FS-111"}  # asked where a wish crosses the first NOTIFY, which is a matter of who is faster
LISTENS = re.compile(r"listens on \w+ (\S+)")
DRIVEN = re.compile(r"driver interface on (\S+)")


@contextmanager
def program(*words: str) -> Iterator[tuple[str, str]]:
    """One of our agents in a process of its own: where it listens, and where its driver interface is."""
    command = [sys.executable, "-m", "sipconform", *words, "--control", "127.0.0.1:0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = process.stdout.readline() + process.stdout.readline()
        listens, driven = LISTENS.search(told), DRIVEN.search(told)
        assert listens, told
        assert driven, told
        yield listens[1], driven[1]
    finally:
        process.terminate()
        process.communicate(timeout=10)


def free_port() -> int:
    """A UDP port that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def judged(name: str, settings: LabSettings, folder: Path) -> Judgement:
    """Plays a scenario on sockets; it must be played to its end, and nobody be accused."""
    scenario = next(s for s in known_scenarios() if s.id == f"feature_sync/{name}")
    settings.profile = "broadsoft"
    capture = folder / "capture.pcapng"
    played = Stage(settings, capture).play(scenario.play)
    assert played.ending is Ending.PLAYED, played.sentence
    (result,) = [judgement for _, judgement in judge_capture(capture)]
    assert [(f.check and f.check.id, f.observed) for f in result.findings if f.verdict is Verdict.FAIL] == []
    return result


def features_asked(judgement: Judgement) -> set[str]:
    return {id_ for id_ in judgement.asked if id_.startswith(("FS-", "SUB-"))} - CROSSING


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_server_apart(name: str, tmp_path: Path) -> None:
    together = judged(name, LabSettings(), tmp_path)
    with program("serve", "--listen", "127.0.0.1:0") as (address, control):
        server = ServerSettings(kind="remote", address=address, control=control)
        apart = judged(name, LabSettings(server=server, under_test="server"), tmp_path)
    assert features_asked(apart) == features_asked(together)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_phone_apart(name: str, tmp_path: Path) -> None:
    together = judged(name, LabSettings(), tmp_path)
    place = f"127.0.0.1:{free_port()}"
    with program("phone", "--server", place, "--user", "2001:pw2001") as (address, control):
        phone = PhoneSettings(kind="remote", user="2001", password="pw2001", address=address, control=control)
        settings = LabSettings(server=ServerSettings(address=place), phones={"phone": phone}, under_test="phone")
        apart = judged(name, settings, tmp_path)
    assert features_asked(apart) == features_asked(together)
