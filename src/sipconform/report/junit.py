"""junit.xml as common CI servers read it: a case per scenario, and per check where a bare capture was judged."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from sipconform.checks.catalogue import Verdict
from sipconform.report.legible import legible
from sipconform.report.model import Line, Run, ScenarioResult
from sipconform.report.secrets import Mask

_OUTCOME = {  # verdict: element of a test case
    Verdict.FAIL: "failure",
    Verdict.INCONCLUSIVE: "error",
    Verdict.COULD_NOT_RUN: "error",
    Verdict.NOT_SUPPORTED: "skipped",
    Verdict.NOT_APPLICABLE: "skipped",
}


def junit(run: Run) -> bytes:
    """The whole file. Scenarios of a feature make a suite; a bare capture is a suite of its own."""
    root = ET.Element("testsuites", name=f"sipconform {_clean(run, run.id)}")
    features: dict[str, list[ScenarioResult]] = {}
    for result in run.scenarios:
        features.setdefault(f"capture {result.id}" if result.bare else result.feature or "suites", []).append(result)
    for name, results in features.items():
        suite = ET.SubElement(root, "testsuite", name=_clean(run, name), timestamp=f"{run.started:%Y-%m-%dT%H:%M:%S}")
        for result in results:
            for case in _capture_cases(run, result) if result.bare else [_scenario_case(run, result)]:
                suite.append(case)
        _count(suite, results)
    for unexpected in run.unexpected_passes:
        _unexpected(run, root, unexpected)
    _count_all(root)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _scenario_case(run: Run, result: ScenarioResult) -> ET.Element:
    name = f"{result.id}: {result.title}" if result.title else result.id
    case = _case(run, result.feature or "suites", name, result.duration_s)
    against = [line for line in result.shown if line.counts_against]
    own = [line for line in result.shown if line.check is None]
    as_expected = result.deviation and not against
    _outcome(run, case, Verdict.NOT_SUPPORTED if as_expected else result.verdict, result.sentence, [*against, *own])
    lesser = [line.message for line in result.shown if not line.counts_against and line.check]
    if lesser:
        ET.SubElement(case, "system-out").text = _clean(run, "\n".join(lesser))
    return case


def _capture_cases(run: Run, result: ScenarioResult) -> Iterator[ET.Element]:
    by_check: dict[str, list[Line]] = {}
    for line in result.shown:
        by_check.setdefault(line.check or "capture", []).append(line)
    for check, lines in by_check.items():
        case = _case(run, result.id, check, 0.0)
        worst = next((line for line in lines if line.counts_against), lines[0])
        lesser = worst.verdict is Verdict.FAIL and not worst.counts_against
        if lesser:  # a SHOULD, or a failure the profile expects, fails nothing
            ET.SubElement(case, "system-out").text = _clean(run, "\n".join(line.message for line in lines))
        else:
            _outcome(run, case, worst.verdict, worst.message, lines)
        yield case
    for check in sorted(set(result.passed) - set(by_check)):
        yield _case(run, result.id, check, 0.0)
    for check in sorted(told.check for told in result.tally if told.verdict is Verdict.NOT_APPLICABLE):
        case = _case(run, result.id, check, 0.0)
        _outcome(run, case, Verdict.NOT_APPLICABLE, "Nothing in the capture is what this check asks about.", [])
        yield case


def _case(run: Run, group: str, name: str, seconds: float) -> ET.Element:
    return ET.Element("testcase", classname=_clean(run, group), name=_clean(run, name), time=f"{seconds:.3f}")


def _outcome(run: Run, case: ET.Element, verdict: Verdict | None, said: str, lines: list[Line]) -> None:
    kind = _OUTCOME.get(verdict or Verdict.PASS)
    if kind is None:
        return
    element = ET.SubElement(case, kind, message=_clean(run, said), type=str(verdict))
    element.text = _clean(run, "\n".join(line.message for line in lines) or said)


def _unexpected(run: Run, root: ET.Element, check: str) -> None:
    """An expected deviation that did not show fails the run, so it must be seen in the CI as well."""
    suite = root.find("testsuite[@name='profile']")
    if suite is None:
        suite = ET.SubElement(root, "testsuite", name="profile", skipped="0", errors="0", time="0")
    case = _case(run, "expected deviations", check, 0.0)
    reason = run.expected_deviations[check]
    said = f"The profile expects {check} to fail ({reason}), but it passed: the profile is out of date."
    _outcome(run, case, Verdict.FAIL, said, [])
    suite.append(case)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite)))


def _count(suite: ET.Element, results: list[ScenarioResult]) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("time", f"{sum(result.duration_s for result in results):.3f}")


def _count_all(root: ET.Element) -> None:
    for attribute in ("tests", "failures", "errors", "skipped"):
        root.set(attribute, str(sum(int(suite.get(attribute, "0")) for suite in root)))


def _clean(run: Run, text: str) -> str:
    """What XML 1.0 may hold, secrets masked."""
    return legible(Mask(run.secrets).text(text))
