"""The suite against a real line server: Kamailio's `sca`, a fresh process for each scenario, bounded in time.

What it does not do is not supported, its defects are found by our checks and are those of its profile, and nothing
that it does right is called wrong.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sipconform.lab.profile import load_profile
from tests.support import PROJECT, require_program

STORIES = (
    "takes_over", "to_take_notes", "holds_privately", "rejects_and_the_assistant", "three_phones", "customer_holds",
    "ways_to_retrieve", "free_key", "two_retrieve_at_once", "left_in_good_order", "stays_unknown", "asks_for_no_time",
    "calls_out_on_the_line", "receiver_is_put_back", "receiver_at_once", "key_in_use", "among_other_words",
    "an_index_that_is_none", "stranger", "out_of_step", "customer_gives_up", "False-sendonly", "other_key",
    "out_is_refused", "comes_late", "everybody_rejects", "nobody_knows", "names_no_key",
)  # fmt: skip
LIMIT = 420  # seconds
SHARES = 4  # played side by side: what takes long is waiting for what Kamailio never says


@dataclass(frozen=True, slots=True)
class Played:
    """One run of the tool: its exit code, its words, `run.json`, and the findings that are no pass."""

    status: int
    output: str
    run: dict[str, Any]
    failed: list[dict[str, Any]]

    def verdicts(self) -> dict[str, str]:
        return {scenario["scenario"].partition("/")[2]: scenario["verdict"] for scenario in self.run["scenarios"]}


def play(out: Path, *arguments: str) -> Played:
    require_program("kamailio")
    tool = PROJECT / "tools" / "against_kamailio.py"
    command = [sys.executable, str(tool), *arguments, "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, cwd=PROJECT, check=False)
    lines = [json.loads(line) for line in (out / "findings.jsonl").read_text().splitlines()]
    failed = [line for line in lines if line["verdict"] == "fail" and line["check"]]
    return Played(done.returncode, done.stdout, json.loads((out / "run.json").read_text()), failed)


@pytest.fixture(scope="module")
def line_server(tmp_path_factory: pytest.TempPathFactory) -> list[Played]:
    folder = tmp_path_factory.mktemp("run")

    def share(number: int) -> Played:
        return play(folder / str(number), "shared_line", "-k", " or ".join(STORIES[number::SHARES]))

    with ThreadPoolExecutor(SHARES) as players:
        return list(players.map(share, range(SHARES)))


@pytest.fixture(scope="module")
def failed(line_server: list[Played]) -> list[dict[str, Any]]:
    return [finding for share in line_server for finding in share.failed]


@pytest.fixture(scope="module")
def verdicts(line_server: list[Played]) -> dict[str, str]:
    return {scenario: verdict for share in line_server for scenario, verdict in share.verdicts().items()}


def test_all_is_as_the_profile_says(line_server: list[Played]) -> None:
    for share in line_server:
        assert share.run["unexpected_passes"] == []
        assert share.status == 0, share.output


def test_its_defects_are_found_by_our_checks(failed: list[dict[str, Any]]) -> None:
    expected = {deviation.check for deviation in load_profile("kamailio-sca").deviations}
    assert {finding["check"] for finding in failed} >= expected
    assert {finding["check"] for finding in failed if finding["level"] == "MUST"} <= expected


def test_nobody_else_is_accused(failed: list[dict[str, Any]]) -> None:
    assert {finding["side"] for finding in failed} == {"server"}


@pytest.mark.parametrize(
    "scenario",
    [
        "test_the_assistant_holds_and_the_manager_takes_over",
        "test_a_phone_calls_out_on_the_line",
        "test_the_receiver_is_put_back",
        "test_two_lift_the_receiver_at_once",
        "test_a_key_in_use_cannot_be_seized",
        "test_a_stranger_cannot_seize",
        "test_the_customer_gives_up",
    ],
)
def test_what_it_does_right_passes(verdicts: dict[str, str], scenario: str) -> None:
    assert verdicts[scenario] == "pass"


def test_what_it_does_not_do_is_not_supported(verdicts: dict[str, str]) -> None:
    assert verdicts["test_three_phones_and_the_customer"] == "not-supported"


def test_a_deviation_that_does_not_show_is_noticed(tmp_path: Path) -> None:
    text = (PROJECT / "fixtures" / "profiles" / "kamailio-sca.toml").read_text()
    wrong = '\n[[deviations]]\ncheck = "SCA-030"\nreason = "it never seizes"\nstories = ["calls_out_on_the_line"]\n'
    profile = tmp_path / "kamailio-sca.toml"
    profile.write_text(text + wrong)
    done = play(tmp_path / "out", "shared_line", "-k", "calls_out_on_the_line", "--profile", str(profile))
    assert done.run["unexpected_passes"] == ["SCA-030"]
    assert done.status == 1
