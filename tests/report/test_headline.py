from collections import Counter
from typing import Any

import pytest

from sipconform.checks.catalogue import Level, Side, Verdict
from sipconform.report.defects import broken
from sipconform.report.headline import headline, title
from sipconform.report.model import Defect, Run, ScenarioResult, Told
from tests.report.examples import run


def having(*verdicts: Verdict, **how: Any) -> Run:
    made = run(**how)
    made.scenarios = [ScenarioResult(f"s{number}", verdict=verdict) for number, verdict in enumerate(verdicts)]
    return made


def said(made: Run) -> tuple[Verdict, str]:
    return headline(made, broken(made.scenarios))


PASS, REFUSED, UNSURE = Verdict.PASS, Verdict.NOT_SUPPORTED, Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], (Verdict.COULD_NOT_RUN, "Nothing was run.")),
        ([PASS, PASS], (PASS, "No MUST was violated.")),
        ([REFUSED], (REFUSED, "Nothing was tested: 1 not supported.")),
        ([REFUSED, UNSURE], (UNSURE, "Nothing was tested: 1 not supported, 1 inconclusive.")),
        ([PASS, REFUSED], (PASS, "No MUST was violated in what was tested: 1 of 2 scenarios; 1 not supported.")),
        ([PASS, UNSURE], (UNSURE, "No MUST was violated, but only 1 of 2 scenarios could be judged; 1 inconclusive.")),
        ([PASS, Verdict.FAIL], (Verdict.FAIL, "1 of 2 scenarios failed.")),
    ],
)
def test_it_says_how_much_was_tested(verdicts: list[Verdict], expected: tuple[Verdict, str]) -> None:
    assert said(having(*verdicts)) == expected


def test_a_run_that_was_interrupted_is_no_pass() -> None:
    assert said(having(PASS, interrupted=True))[0] is UNSURE


def accused(made: Run, side: Side, check: str, **kinds: int) -> None:
    defect = Defect(Verdict.FAIL, Level.MUST, side, "192.0.2.1:5060", (check,), "", False, True)
    for result in made.scenarios:
        result.defects[defect] = Counter(kinds)
        result.tally[Told(check, Verdict.FAIL, Level.MUST, side, "192.0.2.1:5060", False)] = 1


def test_it_counts_defects_and_not_findings() -> None:
    made = having(Verdict.FAIL, Verdict.FAIL, PASS)
    made.scenarios.pop()
    accused(made, Side.SERVER, "SUB-007", NOTIFY=14)
    assert said(made)[1] == "2 of 2 scenarios failed: 1 defect of the server, seen in 28 NOTIFYs."
    accused(made, Side.SERVER, "SUB-008", NOTIFY=1)
    accused(made, Side.PHONE, "SIP-002", OPTIONS=1)
    assert said(made)[1] == (
        "2 of 2 scenarios failed: 3 defects (2 of the server, 1 of the phone), seen in 32 messages."
    )


def test_an_expected_deviation_that_passed_is_told() -> None:
    made = having(PASS, expected_deviations={"SUB-007": "known"})
    made.scenarios[0].tally[Told("SUB-007", PASS, Level.MUST, None, None, False)] = 1
    assert said(made) == (Verdict.FAIL, "An expected deviation did not show: the profile is out of date.")


def test_many_captures_are_counted_in_the_title() -> None:
    made = having(PASS, PASS, PASS, device="a.pcap, b.pcap, c.pcap")
    assert title(made) == "a.pcap, b.pcap, c.pcap"
    for result in made.scenarios:
        result.bare = True
    assert title(made) == "3 captures"
