"""findings.jsonl keeps the promises of docs/findings.md, whatever a run came to."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sipconform.checks.catalogue import Level, Side, Verdict
from sipconform.report.folder import RunFolder
from sipconform.report.model import ScenarioResult
from tests.report.examples import failing, request, run, scenario, trace_of
from tests.support import PROJECT

SIDES = {"server", "phone", "network", "suite", None}
DOCUMENTED = re.findall(r"^\| (`.*?`) \|", (PROJECT / "docs" / "findings.md").read_text("utf-8"), re.MULTILINE)


@pytest.fixture
def lines(tmp_path: Path) -> list[dict[str, Any]]:
    """Of a run in which everything happened."""
    trace = trace_of(request())
    with RunFolder(tmp_path, run()) as folder:
        folder.add(scenario(trace, failing(trace), passed={"SIP-099": 3}))
        folder.add(scenario(trace_of(request()), not_applicable=["SIP-099"], passed={"SUB-007": 1}))
        for verdict in Verdict:
            folder.add(ScenarioResult(f"s-{verdict}", verdict=verdict, sentence="So it was stated."))
    return [json.loads(line) for line in (tmp_path / "findings.jsonl").read_text("utf-8").splitlines()]


def test_every_line_has_the_keys_and_words_that_are_promised(lines: list[dict[str, Any]]) -> None:
    documented = {key for keys in DOCUMENTED for key in re.findall(r"`(\w+)`", keys)}
    for line in lines:
        assert set(line) >= documented
        assert line["verdict"] in set(Verdict)
        assert line["level"] in set(Level)
        assert line["side"] in SIDES
        assert line["clause"]
        assert line["side"] is not None or line["party"] is None


def test_whoever_fails_for_a_check_is_named(lines: list[dict[str, Any]]) -> None:
    assert [line["side"] for line in lines if line["check"] and line["verdict"] == "fail"] == [Side.SERVER]


def test_what_the_suite_could_not_do_is_its_own(lines: list[dict[str, Any]]) -> None:
    own = {line["verdict"]: line["side"] for line in lines if line["check"] is None}
    assert own == {
        "fail": None,
        "not-supported": None,
        "not-applicable": None,
        "inconclusive": "suite",
        "could-not-run": "suite",
    }
