import hashlib
import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sipconform.checks.catalogue import Verdict
from sipconform.report import folder as folder_module
from sipconform.report.folder import SHOWN_PER_DEFECT, RunFolder, file_name, replace_file
from sipconform.report.history import History
from sipconform.report.model import ScenarioResult, Told
from tests.report.examples import failing, request, run, scenario, trace_of

KEYS = {
    "schema", "check", "verdict", "level", "side", "party", "clause", "scenario", "capture", "frames",
    "expected", "observed", "message",
}  # fmt: skip


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "findings.jsonl").read_text(encoding="utf-8").splitlines()]


def test_findings_are_on_disk_before_the_next_scenario_begins(tmp_path: Path) -> None:
    trace = trace_of(request())
    with RunFolder(tmp_path, run()) as folder:
        folder.add(scenario(trace, failing(trace), passed={"SIP-099": 3}))
        first, second = lines(tmp_path)
        assert first.keys() >= KEYS
        assert [first[key] for key in ("check", "verdict", "level", "side")] == ["SUB-007", "fail", "MUST", "server"]
        assert (first["party"], first["frames"], first["schema"]) == ("192.0.2.1:5060", [1], 1)
        assert (second["check"], second["verdict"], second["count"]) == ("SIP-099", "pass", 3)
        assert json.loads((tmp_path / "run.json").read_text())["status"] == "running"
    assert json.loads((tmp_path / "run.json").read_text())["exit_code"] == 1


def test_ctrl_c_leaves_a_readable_report_of_what_was_done(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path, run()) as folder:  # noqa: PT012
        folder.add(scenario(trace_of(request()), passed={"SUB-007": 1}))
        raise KeyboardInterrupt
    told = json.loads((tmp_path / "run.json").read_text())
    assert (told["status"], told["exit_code"], len(told["scenarios"])) == ("interrupted", 2, 1)
    assert "The run was interrupted" in (tmp_path / "report.html").read_text()
    assert b"testcase" in (tmp_path / "junit.xml").read_bytes()


def test_a_capture_that_breaks_off_midway_is_told_as_far_as_it_came(tmp_path: Path) -> None:
    made, trace = run(), trace_of(request())
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path, made) as folder:  # noqa: PT012
        folder.take(scenario(trace, id="clean", traces=[]), trace, [], {"SUB-007": 1})
        folder.take(scenario(trace, id="bad", traces=[]), trace, [failing(trace)], {})
        raise KeyboardInterrupt
    assert [(result.id, result.verdict) for result in made.scenarios] == [("clean", "inconclusive"), ("bad", "fail")]
    told = (tmp_path / "report.html").read_text()
    assert "It broke off; no MUST was violated in the messages until then (1)." in told


def test_an_error_in_the_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), RunFolder(tmp_path, run()):
        raise RuntimeError("no such peer")
    assert "The run broke off: RuntimeError: no such peer" in (tmp_path / "report.html").read_text()


def test_what_did_not_apply_and_what_could_not_run_have_lines_too(tmp_path: Path) -> None:
    with RunFolder(tmp_path, run()) as folder:
        folder.add(ScenarioResult("refused", verdict=Verdict.NOT_SUPPORTED, sentence="489 Bad Event."))
        folder.add(scenario(trace_of(request()), not_applicable=["SIP-099"], passed={"SUB-007": 1}))
    told = [(line["check"], line["verdict"], line["scenario"]) for line in lines(tmp_path)]
    assert told == [
        (None, "not-supported", "refused"),
        ("SUB-007", "pass", "dnd_from_the_server"),
        ("SIP-099", "not-applicable", "dnd_from_the_server"),
    ]


def test_a_bare_capture_has_no_scenario(tmp_path: Path) -> None:
    trace = trace_of(request())
    with RunFolder(tmp_path, run()) as folder:
        folder.add(scenario(trace, failing(trace), bare=True))
    assert lines(tmp_path)[0]["scenario"] is None


def test_a_long_capture_taken_in_parts_keeps_little_and_writes_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "CLEAN_MESSAGES", 5)
    monkeypatch.setattr(folder_module, "KEPT_MESSAGES", 8)
    result = scenario(trace_of(), bare=True, traces=[])
    with RunFolder(tmp_path, run()) as folder:
        for part in range(50):
            trace = trace_of(request(call_id=f"call-{part}"))
            folder.take(result, trace, [failing(trace)], {"SIP-099": 1})
        assert sum(len(trace.messages) for trace in result.traces) <= 8
        assert len(result.findings) == SHOWN_PER_DEFECT
        folder.add(result)
        assert not result.traces
    assert [line["verdict"] for line in lines(tmp_path)] == ["fail"] * 50 + ["pass"]
    assert result.messages == 50
    report = (tmp_path / "report.html").read_text()
    assert f"{50 - SHOWN_PER_DEFECT} more in <code>findings.jsonl</code>" in report
    assert "42 of 50 messages are left out here" in report


def test_a_capture_in_the_folder_is_sealed(tmp_path: Path) -> None:
    with RunFolder(tmp_path, run()) as folder:
        path = folder.capture_path("dnd_from_the_server")
        path.write_bytes(b"a capture")
        folder.add(scenario(trace_of(request())))
    assert hashlib.sha256(b"a capture").hexdigest() in (tmp_path / "report.html").read_text()


def test_a_capture_elsewhere_is_sealed_but_not_linked(tmp_path: Path) -> None:
    capture = tmp_path / "customer.pcap"
    capture.write_bytes(b"a capture")
    with RunFolder(tmp_path / "run", run()) as folder:
        folder.add(scenario(trace_of(request()), bare=True, capture=str(capture)))
    report = (tmp_path / "run" / "report.html").read_text()
    assert hashlib.sha256(b"a capture").hexdigest() in report
    assert f'href="{capture}"' not in report


def test_an_expected_deviation_that_passes_is_noticed(tmp_path: Path) -> None:
    made = run(expected_deviations={"SUB-007": "known since 5.6"})
    with RunFolder(tmp_path, made) as folder:
        folder.add(scenario(trace_of(request()), passed={"SUB-007": 1}))
    assert made.exit_code == 1
    told = (tmp_path / "junit.xml").read_text()
    assert "The profile expects SUB-007 to fail (known since 5.6), but it passed" in told


def test_a_deviation_is_missed_only_where_it_could_show() -> None:
    made = run(expected_deviations={"SUB-007": "known since 5.6"}, deviation_stories={"SUB-007": ("dnd_from",)})
    tally = Counter({Told("SUB-007", Verdict.PASS, None, None, None, False): 1})
    made.scenarios = [ScenarioResult("another", verdict=Verdict.PASS, tally=tally)]
    assert made.unexpected_passes == []
    made.scenarios.append(ScenarioResult("dnd_from_the_server", verdict=Verdict.PASS))
    assert made.unexpected_passes == ["SUB-007"]


def test_an_expected_deviation_that_shows_fails_nothing(tmp_path: Path) -> None:
    made = run(expected_deviations={"SUB-007": "known since 5.6"})
    trace = trace_of(request())
    with RunFolder(tmp_path, made) as folder:
        folder.add(scenario(trace, failing(trace)))
    assert made.exit_code == 0
    assert lines(tmp_path)[0]["deviation"] == "known since 5.6"


def test_a_story_that_goes_as_the_profile_says_it_would_fails_nothing(tmp_path: Path) -> None:
    with RunFolder(tmp_path, run()) as folder:
        folder.add(ScenarioResult("s", verdict=Verdict.FAIL, sentence="It went otherwise.", deviation="Known."))
    assert folder.run.exit_code == 0
    (line,) = (line for line in lines(tmp_path) if line["verdict"] == "fail")
    assert line["deviation"] == "Known."
    assert "<skipped" in (tmp_path / "junit.xml").read_text()


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([Verdict.NOT_SUPPORTED], 0),
        ([Verdict.INCONCLUSIVE], 2),
        ([Verdict.COULD_NOT_RUN, Verdict.FAIL], 1),
        ([], 2),
    ],
)
def test_the_exit_code_says_what_came_of_it(tmp_path: Path, verdicts: list[Verdict], code: int) -> None:
    made = run()
    with RunFolder(tmp_path, made) as folder:
        for verdict in verdicts:
            folder.add(ScenarioResult(f"s-{verdict}", verdict=verdict, sentence="So it was stated."))
    assert made.exit_code == code


def test_the_next_run_says_what_changed(tmp_path: Path) -> None:
    history = tmp_path / "history.sqlite"
    trace = trace_of(request())
    with RunFolder(tmp_path / "one", run(id="one"), history) as folder:
        folder.add(scenario(trace, failing(trace)))
    with RunFolder(tmp_path / "two", run(id="two"), history) as folder:
        folder.add(scenario(trace_of(request()), passed={"SUB-007": 1}))
    assert "0 new failures, 1 fixed, 0 as before" in (tmp_path / "two" / "report.html").read_text()


def test_a_history_that_cannot_be_read_costs_the_comparison_only(tmp_path: Path) -> None:
    history = tmp_path / "history.sqlite"
    history.write_text("this is no database, and long enough that sqlite looks at it and says so" * 20)
    with RunFolder(tmp_path / "run", run(), history) as folder:
        folder.add(scenario(trace_of(request())))
    assert "No comparison with earlier runs" in (tmp_path / "run" / "report.html").read_text()
    with pytest.raises(sqlite3.DatabaseError):
        History(history).since(run())


def test_no_secret_is_written_anywhere(tmp_path: Path) -> None:
    response, password = "6629fae49393a05397450978507c4ef1", "correct-horse"
    header = f'Authorization: Digest username="2001", response="{response}"\r\nX-Note: {password}\r\n'
    trace = trace_of(request(extra=header))
    told = failing(trace, trace.messages[0].span("Authorization"), observed=f"{response} and {password}")
    made = run(secrets=[password], command=f"sipconform run --password {password}", environment={"argv": password})
    with RunFolder(tmp_path, made, tmp_path / "history.sqlite") as folder:
        folder.add(scenario(trace, told, story=f"dials with {password}", reproduce=f"run --secret {password}"))
    for name in ("run.json", "findings.jsonl", "junit.xml", "report.html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert response not in text, name
        assert password not in text, name
    assert password.encode() not in (tmp_path / "history.sqlite").read_bytes()
    assert "*" * len(response) in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("name", "plain"), [("dnd[udp-v6]", "dnd-udp-v6"), ("../../etc/passwd", "etc-passwd"), ("\x00", "unnamed")]
)
def test_a_file_name_stays_in_its_folder(name: str, plain: str) -> None:
    assert file_name(name) == plain


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "run.json"
    target.mkdir()
    with pytest.raises(OSError, match=r"run\.json"):
        replace_file(target, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
