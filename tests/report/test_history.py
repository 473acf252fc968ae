from pathlib import Path
from typing import Any

from sipconform.checks.catalogue import Level, Side, Verdict
from sipconform.report.history import History, Since
from sipconform.report.model import Run, ScenarioResult, Told
from tests.report.examples import run


def a_run(id_: str, failed: dict[str, list[str]], **how: str) -> Run:
    given: dict[str, Any] = {"id": id_, **how}
    made = run(**given)
    for name, checks in failed.items():
        result = ScenarioResult(name, verdict=Verdict.FAIL if checks else Verdict.PASS)
        for check in checks:
            result.tally[Told(check, Verdict.FAIL, Level.MUST, Side.SERVER, "192.0.2.1:5060", False)] += 1
        made.scenarios.append(result)
    return made


def since(history: History, made: Run) -> Since:
    found = history.since(made)
    assert found is not None
    return found


def test_what_is_new_and_what_is_fixed(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    history.append(a_run("one", {"dnd": ["A-1", "A-2"], "hold": [], "gone": ["A-9"]}))
    second = a_run("two", {"dnd": ["A-2"], "hold": ["A-3", "A-4"]})
    second.scenarios[0].tally[Told("A-1", Verdict.PASS, Level.MUST, Side.SERVER, None, False)] += 1
    changed = since(history, second)
    assert changed.new == [("hold", "A-3"), ("hold", "A-4")]
    assert changed.fixed == [("dnd", "A-1")]
    assert changed.sentence == "2 new failures, 1 fixed, 1 as before"


def test_what_was_not_asked_again_is_not_fixed(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    history.append(a_run("one", {"dnd": ["A-1"]}))
    assert since(history, a_run("two", {"dnd": []})).sentence == (
        "0 new failures, 0 fixed, 0 as before, 1 not judged this time"
    )
    undecided = a_run("three", {"dnd": []})
    undecided.scenarios[0].verdict = Verdict.INCONCLUSIVE
    assert history.since(undecided) is None


def test_a_failure_that_no_check_tells_is_compared_too(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    history.append(a_run("one", {"dnd": []}))
    second = a_run("two", {"dnd": []})
    second.scenarios[0].verdict = Verdict.FAIL
    assert since(history, second).new == [("dnd", "")]


def test_only_runs_of_the_same_kind_are_compared(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    history.append(a_run("one", {"dnd": ["A-1"]}, profile="3cx"))
    history.append(a_run("two", {"other": ["A-1"]}))
    assert history.since(a_run("three", {"dnd": []})) is None


def test_a_run_of_the_same_id_replaces_the_old_one(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    history.append(a_run("demo", {"dnd": ["A-1"]}))
    history.append(a_run("demo", {"dnd": []}))
    assert since(history, a_run("next", {"dnd": []})).sentence == "no failure then, none now"
