"""What a pytest session of scenarios comes to: verdicts, the run folder, the exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket
from typing import Any

import pytest

from sipconform.lab.settings import LabSettings, PhoneSettings, ServerSettings
from sipconform.session import arrangement
from tests.commands.programs import environment, run_facts, sipconform
from tests.lab.apart import free_port, program

FINE = "async def test_fine(server, phone):\n    await phone.start()\n"
BROKEN = "async def test_broken(server, phone):\n    await phone.start()\n    print(1 / 0)\n"
UNMET = "async def test_unmet(server, phone):\n    await phone.start()\n    await phone.shows(within=0.1, dnd=True)\n"
PLAIN = "def test_plain():\n    assert False\n"
FIXTURE = "import pytest\n@pytest.fixture\ndef odd():\n    return 1 / 0\ndef test_odd(odd): pass\n"


@pytest.mark.parametrize(
    ("beside", "code", "verdict", "shown"),
    [
        ("", 0, None, "1 pass"),
        (BROKEN, 2, "could-not-run", "the scenario itself broke: ZeroDivisionError: division by zero"),
        (UNMET, 1, "fail", "fail: unmet: phone shows dnd False"),
        (PLAIN, 1, None, "assert False"),
        (FIXTURE, 1, None, "ZeroDivisionError"),
    ],
)
def test_nothing_that_failed_ends_with_zero(
    tmp_path: Path, beside: str, code: int, verdict: str | None, shown: str
) -> None:
    (tmp_path / "test_story.py").write_text(FINE + beside)
    done = sipconform(tmp_path, "run", "test_story.py", "--network", "simulated", "--out", "run")
    assert done.returncode == code, done.stdout + done.stderr
    assert shown in done.stdout
    told = {s["title"]: s["verdict"] for s in run_facts(tmp_path / "run")["scenarios"]}
    assert told == {"fine": "pass"} | ({beside[15 : beside.index("(")]: verdict} if verdict else {})


def test_a_verdict_is_told_once_and_a_bug_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "test_story.py").write_text(UNMET + BROKEN)
    told = sipconform(tmp_path, "run", "test_story.py", "--network", "simulated", "--out", "run").stdout
    assert told.count("phone shows dnd False") == 1
    assert "print(1 / 0)" in told  # where in the story
    assert "1 failed, 1 fail" in told


def test_the_reproducing_line_plays_the_scenario_again(tmp_path: Path) -> None:
    (tmp_path / "test_story.py").write_text(FINE + UNMET)
    sipconform(tmp_path, "run", "test_story.py", "--network", "simulated", "--seed", "5", "--out", "run")
    line = {s["title"]: s["reproduce"] for s in run_facts(tmp_path / "run")["scenarios"]}["unmet"]
    assert line == "sipconform run test_story.py::test_unmet --network simulated --seed 5"
    again = sipconform(tmp_path, *line.split()[1:], "--out", "again")
    assert again.returncode == 1
    assert [s["title"] for s in run_facts(tmp_path / "again")["scenarios"]] == ["unmet"]


FULL_STATE = ("run", "feature_sync", "-k", "full_state", "--network", "simulated", "--out", "run")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 0, "Beside the reference: no difference counts"),
        (("--fault", "M01"), 1, "Beside the reference: 1 difference (1 MUST)"),
    ],
)
def test_a_run_is_laid_beside_its_reference(tmp_path: Path, options: tuple[str, ...], code: int, said: str) -> None:
    done = sipconform(tmp_path, *FULL_STATE, *options)
    assert done.returncode == code
    assert said in (tmp_path / "run" / "report.html").read_text("utf-8")


@pytest.mark.parametrize("other", [("--profile", "metaswitch"), ("--transport", "tcp"), ("--ip", "6")])
def test_a_reference_of_another_dialect_or_road_is_not_asked(tmp_path: Path, other: tuple[str, str]) -> None:
    sipconform(tmp_path, *FULL_STATE, *other)
    assert "Beside the reference" not in (tmp_path / "run" / "report.html").read_text("utf-8")


APART = "async def test_apart(server, phone, other_phone):\n    await other_phone.start(sync=False)\n"
TOLD = "async def test_told(server, phone):\n    await phone.start()\n    await phone.synchronised()\n"


@pytest.mark.parametrize(
    ("story", "fault", "verdict", "shown"),
    [
        (TOLD, (), "pass", "1 pass"),
        (APART, (), "not-applicable", "the device under test took no part"),
        (TOLD, ("--fault", "M01"), "could-not-run", "our own agents violate FS-003"),
    ],
)
def test_only_what_a_device_does_is_held_for_or_against_it(
    tmp_path: Path, story: str, fault: tuple[str, ...], verdict: str, shown: str
) -> None:
    (tmp_path / "test_story.py").write_text(story)
    place = f"127.0.0.1:{free_port()}"
    with program("phone", "--server", place, "--user", "2001:pw2001") as phone:
        words = ("--listen", place, "--phone", f"phone={phone.control}", "--profile", "broadsoft", "--out", "run")
        done = sipconform(tmp_path, "run", "test_story.py", *words, *fault)
    told = run_facts(tmp_path / "run")
    assert [scenario["verdict"] for scenario in told["scenarios"]] == [verdict], done.stdout
    assert shown in done.stdout
    assert done.returncode == told["exit_code"] == (0 if verdict == "pass" else 2)
    assert told["arrangement"] == "phone under test"
    [capture] = (tmp_path / "run" / "captures").iterdir()
    assert sipconform(tmp_path, "judge", str(capture)).returncode == (2 if fault else 0)


HASTY = "async def test_hasty(server, phone):\n    async with asyncio.timeout(1):\n        await phone.start()\n"


def test_a_server_that_answers_nothing_is_asked_by_one_scenario_only(tmp_path: Path) -> None:
    (tmp_path / "test_story.py").write_text(f"import asyncio\n{HASTY}{FINE}{FINE.replace('fine', 'more')}")
    with socket(AF_INET, SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        done = sipconform(tmp_path, "run", "test_story.py", "--server", place, "--out", "run")
    first, *others = run_facts(tmp_path / "run")["scenarios"]
    why = f"nobody at {place} answered the first scenario, {tmp_path.name}/test_hasty; it was not asked again"
    assert [scenario["sentence"] for scenario in others] == [why, why]
    assert done.returncode == 2
    assert first["messages"]
    assert not any(scenario["messages"] for scenario in others)


@pytest.mark.parametrize(
    ("settings", "arrangement_"),
    [
        ({}, "both ours"),
        ({"under_test": "none"}, "both ours"),
        ({"under_test": "server"}, "server under test"),
        ({"under_test": "phone"}, "phone under test"),
        ({"phones": {"phone": PhoneSettings(kind="remote")}}, "phone under test"),
        ({"phones": {"phone": PhoneSettings(kind="remote")}, "under_test": "none"}, "watched"),
        ({"server": ServerSettings(kind="remote")}, "server under test"),
        ({"server": ServerSettings(kind="remote"), "under_test": "none"}, "watched"),
        ({"server": ServerSettings(kind="remote"), "under_test": "phone"}, "phone under test"),
    ],
)
def test_who_is_ours_is_told_from_the_settings(settings: dict[str, Any], arrangement_: str) -> None:
    assert arrangement(LabSettings(**settings)) == arrangement_


def test_several_processes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "test_story.py").write_text(FINE)
    command = [sys.executable, "-m", "pytest", "test_story.py", "-n", "2", "--network", "simulated"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout + done.stderr
    assert "not played by several processes" in done.stdout
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--phone", "phnoe=operator"), 3, "--phone phnoe: there is no such phone; they speak to phone"),
        (("--phone", "caller=operator"), 3, "--phone caller: no scenario that was chosen speaks to it"),
        (("--out", "test_story.py/run"), 2, "test_story.py/run cannot be written"),
    ],
)
def test_what_cannot_be_begun_is_said_before_anything_is_played(
    tmp_path: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    (tmp_path / "test_story.py").write_text(FINE)
    done = sipconform(tmp_path, "run", "test_story.py", *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "reports").exists()


def test_a_password_is_written_nowhere(tmp_path: Path) -> None:
    (tmp_path / "test_story.py").write_text(FINE)
    account = ("--account", "phone=2001:4711")
    sipconform(tmp_path, "run", "test_story.py", "--network", "simulated", *account, "--out", "run")
    assert run_facts(tmp_path / "run")["command"].endswith("--account phone=2001:PASSWORD --out run")
    for path in (tmp_path / "run").rglob("*.*"):
        assert b"2001:4711" not in path.read_bytes()
    assert b"4711" not in (tmp_path / "history.sqlite").read_bytes()


def test_nothing_but_the_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "test_story.py").write_text(FINE)
    done = sipconform(tmp_path, "run", "test_story.py", "--network", "simulated", "--out", "run")
    assert "warning" not in done.stdout
    assert [line for line in done.stdout.splitlines() if "site-packages" in line or "test_story" in line] == []


def test_a_full_disk_accuses_nobody(tmp_path: Path) -> None:
    """As soon as a finding cannot be written any more, the run ends, and says why."""
    (tmp_path / "test_story.py").write_text(FINE + UNMET)
    (tmp_path / "sitecustomize.py").write_text(FULL)
    words = ["run", "test_story.py", "--network", "simulated", "--out", "run"]
    command = [sys.executable, "-m", "sipconform", *words]
    path = environment() | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "No space left on device" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


FULL = """
import sipconform.report.folder as folder

def full(path, content):
    raise OSError(28, "No space left on device", str(path))

first = folder.replace_file
def replace_file(path, content):
    (first if path.name == "run.json" and b'"scenarios": []' in content else full)(path, content)

folder.replace_file = replace_file
"""
