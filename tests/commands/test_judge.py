"""`sipconform judge`: exit codes, and a report whatever the file was."""

from pathlib import Path

import pytest

from sipconform.cli import main
from sipconform.judging import judge_into
from sipconform.trace.packet import Address
from tests.commands.programs import lines, run_facts
from tests.support import require_captures
from tests.trace.capture_files import datagram, pcap, sip

OK, VIOLATION, NOT_JUDGED, WRONG_USE = 0, 1, 2, 3


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("content", [None, b"", b"hello, this is no capture", b"\x1f\x8b\x08 garbage"])
def test_what_cannot_be_read_is_said_and_reported(
    content: bytes | None, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (here / "thing").write_bytes(content)
    assert main(["judge", "thing", "--out", "run"]) == NOT_JUDGED
    told = capsys.readouterr()
    assert "thing: " in told.err
    assert told.out.splitlines()[0] == "thing: could-not-run, 0 messages: see above"
    [scenario] = run_facts(here / "run")["scenarios"]
    assert scenario["verdict"] == "could-not-run"
    assert "thing" in (here / "run" / "report.html").read_text("utf-8")


def test_a_capture_without_sip_is_not_judged(here: Path) -> None:
    pcap(here / "silent.pcap", [datagram(b"nothing of ours")])
    assert main(["judge", "silent.pcap", "--out", "run"]) == NOT_JUDGED
    assert run_facts(here / "run")["exit_code"] == NOT_JUDGED


def test_notes_are_told_with_their_frames_and_nothing_is_promised(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pcap(here / "silent.pcap", [datagram(b"nothing of ours", Address("192.0.2.10", 999), Address("192.0.2.1", 9))])
    whole = (here / "silent.pcap").read_bytes()
    main(["judge", "silent.pcap", "--out", "run"])
    assert "no SIP message was found in it\n" in capsys.readouterr().out
    (here / "cut.pcap").write_bytes(whole[:-5])
    main(["judge", "cut.pcap", "--out", "run"])
    told = capsys.readouterr().out
    assert "the notes say" in told
    assert "note: The file ends inside a record. (frame 1)" in told


def test_a_violation_is_found_and_the_machine_can_read_it(here: Path) -> None:
    pcap(here / "bad.pcap", [datagram(sip().replace(b"z9hG4bK", b""))])
    assert main(["judge", "bad.pcap", "--out", "run"]) == VIOLATION
    failed = {line["check"]: line for line in lines(here / "run") if line["verdict"] == "fail"}
    assert failed["SIP-001"]["level"] == "MUST"
    assert failed["SIP-001"]["frames"] == [1]
    assert failed["SIP-001"]["scenario"] is None


def test_only_the_checks_asked_for_are_judged(here: Path) -> None:
    pcap(here / "bad.pcap", [datagram(sip().replace(b"z9hG4bK", b""))])
    assert main(["judge", "bad.pcap", "--check", "SIP-012", "--out", "run"]) == OK
    assert {line["check"] for line in lines(here / "run")} == {"SIP-012"}


@pytest.mark.parametrize("count", ["0", "-1", "many", "9" * 5_000])
def test_a_number_of_processes_that_is_none_is_said(here: Path, count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="3"):
        main(["judge", "c.pcap", "--processes", count])
    assert "a number from 1 to 999 is wanted" in capsys.readouterr().err


def test_the_number_of_processes_changes_no_finding(here: Path) -> None:
    pcap(here / "bad.pcap", [datagram(sip(f"{n}").replace(b"z9hG4bK", b"")) for n in range(5)])
    for count in ("1", "2"):
        assert main(["judge", "bad.pcap", "--processes", count, "--out", count]) == VIOLATION
    assert lines(here / "1") == lines(here / "2")


def test_one_bad_file_does_not_keep_the_others_from_being_judged(here: Path) -> None:
    pcap(here / "bad.pcap", [datagram(sip().replace(b"z9hG4bK", b""))])
    assert main(["judge", "missing.pcap", "bad.pcap", "--out", "run"]) == VIOLATION
    assert [s["verdict"] for s in run_facts(here / "run")["scenarios"]] == ["could-not-run", "fail"]


def test_a_folder_that_cannot_be_written_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "taken").write_bytes(b"")
    pcap(here / "c.pcap", [datagram(sip())])
    assert main(["judge", "c.pcap", "--out", "taken/run"]) == NOT_JUDGED
    assert "taken/run cannot be written" in capsys.readouterr().err


def test_a_real_capture_is_judged_from_any_folder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = require_captures() / "kamailio" / "featurecode-dnd.pcap"
    assert main(["judge", str(path), "--out", "run"]) in (OK, VIOLATION)
    [scenario] = run_facts(here / "run")["scenarios"]
    assert f"{path.name}: {scenario['verdict']}, {scenario['messages']} messages" in capsys.readouterr().out
    assert scenario["messages"] > 10


PROFILE = """name = "mine"
vendor = "Mine"
title = "Mine"
[[deviations]]
check = "{check}"
reason = "Known since 5.6."
"""


def test_a_deviation_from_no_check_is_a_mistake(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "mine.toml").write_text(PROFILE.format(check="SIP-999"))
    for words in (["judge", "c.pcap", "--profile", "mine.toml"], ["profiles", "mine.toml"]):
        assert main(words) == WRONG_USE
        assert "mine.toml: deviations[0].check: no check is called 'SIP-999'" in capsys.readouterr().err


def test_a_run_that_fails_by_an_unexpected_pass_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "mine.toml").write_text(PROFILE.format(check="SIP-001"))
    pcap(here / "good.pcap", [datagram(sip())])
    assert main(["judge", "good.pcap", "--check", "SIP-001", "--profile", "mine.toml", "--out", "run"]) == VIOLATION
    assert "unexpected pass: SIP-001, which the profile expects to fail (Known since 5.6)" in capsys.readouterr().out


def test_on_a_terminal_the_counter_is_gone_before_the_result(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    pcap(here / "good.pcap", [datagram(sip())])
    main(["judge", "good.pcap", "--out", "run"])
    assert capsys.readouterr().err == "\r1 messages judged\r\x1b[K"


def test_two_that_begin_in_one_second_have_a_folder_each_and_are_compared(here: Path) -> None:
    pcap(here / "good.pcap", [datagram(sip())])
    for _ in range(2):
        main(["judge", "good.pcap"])
    assert len([path for path in (here / "reports").iterdir() if path.is_dir()]) == 2


def test_a_folder_of_ones_own_has_a_history_too(here: Path) -> None:
    pcap(here / "c.pcap", [datagram(sip().replace(b"z9hG4bK", b""))])
    main(["judge", "c.pcap", "--out", "build/1"])
    main(["judge", "c.pcap", "--out", "build/2"])
    assert "0 new failures, 0 fixed" in (here / "build" / "2" / "report.html").read_text("utf-8")


def test_an_interrupt_leaves_what_was_judged(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A violation that was found by then was found."""
    pcap(here / "bad.pcap", [datagram(sip().replace(b"z9hG4bK", b""))])
    judged: list[Path] = []

    def interrupted(folder: object, result: object, path: Path, **options: object) -> None:
        if judged:
            raise KeyboardInterrupt
        judged.append(path)
        judge_into(folder, result, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("sipconform.commands.judge.judge_into", interrupted)
    assert main(["judge", "bad.pcap", "bad.pcap", "--out", "run"]) == VIOLATION
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == "report: run/report.html"
    assert "interrupted" in told.err
    facts = run_facts(here / "run")
    assert (facts["status"], facts["exit_code"]) == ("interrupted", VIOLATION)
    assert [s["verdict"] for s in facts["scenarios"]] == ["fail"]
    assert "SIP-001" in (here / "run" / "report.html").read_text("utf-8")
