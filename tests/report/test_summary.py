"""The last lines at the terminal: what is wrong, whose it is, how much was asked."""

from sipconform.checks.catalogue import Level, Side, Verdict
from sipconform.report.model import Run, ScenarioResult, Told
from sipconform.report.summary import counts, failed_checks, summary
from tests.report.examples import run


def result(title: str, verdict: Verdict, sentence: str = "", **failed: int) -> ScenarioResult:
    """A scenario with so many failures by level."""
    told = ScenarioResult(title, title, verdict=verdict, sentence=sentence, messages=1000, passed={"SIP-001": 2})
    for level, count in failed.items():
        told.tally[Told(f"{level}-1", Verdict.FAIL, Level(level), Side.SERVER, None, False)] = count
    return told


def of(*results: ScenarioResult) -> Run:
    return run(scenarios=list(results))


def test_what_passed_is_only_counted() -> None:
    told = list(summary(of(result("a", Verdict.PASS), result("b", Verdict.PASS))))
    assert told == ["2 pass; 2,000 messages; 1 check passed 4 times; no MUST was violated"]


def test_scenarios_of_one_fate_share_a_line() -> None:
    gone = [result(name, Verdict.COULD_NOT_RUN, "no driver answers") for name in "abcde"]
    told = list(summary(of(*gone, result("f", Verdict.FAIL, "phone shows\nnothing"))))
    assert told[0] == "could-not-run: a, b, c and 2 more: no driver answers"
    assert told[1] == "fail: f: phone shows; nothing"
    assert told[2].startswith("5 could-not-run, 1 fail; ")


def test_a_violation_is_counted_by_its_level_and_an_expected_one_is_not() -> None:
    bad = result("a", Verdict.FAIL, MUST=3, SHOULD=2, INFO=1)
    bad.tally[Told("SUB-001", Verdict.FAIL, Level.MUST, Side.SERVER, None, True)] = 5
    assert counts(of(bad)).endswith("a MUST was violated 3 times (2 × SHOULD, 1 × INFO noted)")
    assert failed_checks(bad) == "MUST MUST-1; SHOULD SHOULD-1; INFO INFO-1"


def test_what_came_from_the_wire_is_made_legible_and_passwords_are_masked() -> None:
    hostile = run(scenarios=[result("a", Verdict.FAIL, "shows \x1b[2J and s3cretword")], secrets=["s3cretword"])
    [told, _] = summary(hostile)
    assert "\\x1b[2J" in told
    assert "s3cretword" not in told


def test_nothing_was_run() -> None:
    assert list(summary(of())) == []
