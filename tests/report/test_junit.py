from pathlib import Path

from lxml import etree

from sipconform.checks.catalogue import Verdict
from sipconform.report.folder import RunFolder
from sipconform.report.model import ScenarioResult
from tests.report.examples import failing, request, run, scenario, trace_of

Element = etree._Element


def written(path: Path, *results: ScenarioResult) -> Element:
    with RunFolder(path, run()) as folder:
        for result in results:
            folder.add(result)
    return etree.fromstring((path / "junit.xml").read_bytes())


def only(root: Element, path: str) -> Element:
    found = root.findall(path)
    assert len(found) == 1
    return found[0]


def test_a_failure_says_in_full_sentences_what_happened(tmp_path: Path) -> None:
    trace = trace_of(request())
    root = written(tmp_path, scenario(trace, failing(trace)))
    failure = only(root, "testsuite[@name='feature_sync']/testcase/failure")
    said = "The server 192.0.2.1:5060 breaks SUB-007 (every NOTIFY says its state) in 1 NOTIFY; observed nothing."
    assert failure.get("message") == said
    assert failure.text is not None
    assert failure.text.startswith("The server 192.0.2.1:5060 does not satisfy SUB-007 (RFC 6665 §8.2.3)")
    assert root.get("failures") == "1"


def test_what_was_not_judged_is_skipped_or_an_error_never_a_pass(tmp_path: Path) -> None:
    verdicts = (Verdict.NOT_SUPPORTED, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE, Verdict.COULD_NOT_RUN)
    root = written(tmp_path, *(ScenarioResult(str(v), verdict=v, sentence="Because.") for v in verdicts))
    assert [case[0].tag for case in root.iter("testcase")] == ["skipped", "skipped", "error", "error"]
    assert (root.get("skipped"), root.get("errors"), root.get("tests")) == ("2", "2", "4")


def test_a_capture_has_a_case_per_check(tmp_path: Path) -> None:
    trace = trace_of(request())
    root = written(tmp_path, scenario(trace, failing(trace), bare=True, passed={"SIP-099": 2}))
    cases = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert cases == {"SUB-007": ["failure"], "SIP-099": []}


def test_control_characters_of_the_wire_become_legal(tmp_path: Path) -> None:
    trace = trace_of(request())
    nasty = "\x00\x1b ]]> <b> \udcff \ufffe \u202e"
    root = written(tmp_path, scenario(trace, failing(trace, observed=nasty), title=nasty))
    failure = only(root, "testsuite/testcase/failure")
    assert failure.text is not None
    assert "observed \\x00\\x1b ]]> <b> \\xff \\ufffe \\u202e" in failure.text
