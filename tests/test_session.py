"""What a pytest session of scenarios comes to: verdicts, the run folder, the exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.programs import run_facts, sipconform

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
