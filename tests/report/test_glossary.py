import re

from sipconform.checks.catalogue import Level, Verdict, catalogue
from sipconform.report.glossary import FAMILIES, LEVELS, ROWS, VERDICTS, families
from tests.support import PROJECT


def test_every_family_of_checks_is_explained() -> None:
    assert {check.family for check in catalogue().values()} == set(FAMILIES)
    assert list(families(["SUB-007", "SIP-001", "ODD-1"])) == ["SIP", "SUB"]


def test_every_verdict_and_level_is_explained() -> None:
    assert set(VERDICTS) == {verdict.value for verdict in Verdict}
    assert list(LEVELS) == [level.value for level in Level]


def test_every_row_that_a_scenario_names_is_explained() -> None:
    stories = "".join(path.read_text("utf-8") for path in (PROJECT / "suites").rglob("test_*.py"))
    named = {row for listed in re.findall(r"\.rows\(([^)]*)\)", stories) for row in re.findall(r'"(\w+)"', listed)}
    assert named
    assert named <= set(ROWS)
