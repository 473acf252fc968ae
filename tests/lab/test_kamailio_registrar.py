"""The suite against Kamailio as a mere registrar: a real process, fresh for each scenario, bounded in time."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sipconform.checks.catalogue import Finding, Level, Verdict
from sipconform.judging import judge_capture
from sipconform.lab.actors import Phone
from sipconform.lab.drivers.own import OwnPhone
from sipconform.lab.real_peers import Kamailio
from sipconform.lab.settings import LabSettings, ServerSettings
from sipconform.lab.stage import Ending, Stage
from tests.support import PROJECT, require_program

LIMIT = 120  # seconds
BRIEF = 2  # seconds asked for; Kamailio's configuration says 5 at least


def play(out: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and `run.json`."""
    require_program("kamailio")
    tool = PROJECT / "tools" / "against_kamailio.py"
    command = [sys.executable, str(tool), "--registrar", *arguments, "--out", str(out)]
    done = subprocess.run(command, capture_output=True, timeout=LIMIT, cwd=PROJECT, check=False)
    return done.returncode, json.loads((out / "run.json").read_text())


def test_feature_sync_is_not_supported(tmp_path: Path) -> None:
    status, run = play(tmp_path / "out", "feature_sync", "-k", "reaches or same or signs_off")
    assert status == 0
    assert {scenario["verdict"] for scenario in run["scenarios"]} == {"not-supported"}
    assert any("489 Bad Event" in scenario["sentence"] for scenario in run["scenarios"])


def test_calls_and_registrations_accuse_it_of_nothing(tmp_path: Path) -> None:
    words = "answered or gives_up or two_phones or elses or overtaken"
    status, run = play(tmp_path / "out", "calls", "registration", "-k", words)
    assert {scenario["verdict"] for scenario in run["scenarios"]} == {"pass"}
    assert status == 0


def test_its_pings_break_a_must(tmp_path: Path) -> None:
    status, run = play(tmp_path / "out", "--pings", "calls", "-k", "answered")
    (scenario,) = run["scenarios"]
    assert status == 1
    assert "SIP-002" in scenario["sentence"]


@pytest.fixture
def kamailio() -> Iterator[Kamailio]:
    require_program("kamailio")
    with Kamailio(users=["2001"]) as running:
        yield running


async def registers_briefly(phone: Phone) -> None:
    assert isinstance(phone.driver, OwnPhone)
    phone.driver.phone.registration.expires = BRIEF
    await phone.start(sync=False)


def test_a_registration_made_longer_in_silence_is_a_warning(kamailio: Kamailio, tmp_path: Path) -> None:
    server = ServerSettings(kind="remote", address=str(kamailio.address))
    stage = Stage(LabSettings(profile="broadsoft", server=server, under_test="server"), tmp_path / "c.pcapng")
    assert stage.play(registers_briefly).ending is Ending.PLAYED
    found: dict[str, Finding] = {}
    for _, judgement in judge_capture(stage.lab.capture):
        found |= {f.check.id: f for f in judgement.findings if f.verdict is Verdict.FAIL and f.check}
    assert (found["REG-007"].level, found["REG-007"].observed) == (Level.SHOULD, "5 s")
    assert all(finding.level is not Level.MUST for finding in found.values())
