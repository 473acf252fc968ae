"""The commands that take a capture and make something of it, from the front door."""

from pathlib import Path

import pytest

from sipconform.cli import main
from sipconform.comparing import load_trace
from tests.support import require_captures


def kamailio(name: str) -> str:
    return str(require_captures() / "kamailio" / name)


def test_compare_tells_clean_different_and_unreadable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert main(["compare", kamailio("sca-04-hold.pcap"), kamailio("sca-04-hold.pcap"), *out]) == 0
    assert "no difference" in capsys.readouterr().out
    assert main(["compare", kamailio("sca-04-hold.pcap"), kamailio("sca-05-resume.pcap"), *out]) == 1
    assert "MUST" in capsys.readouterr().out
    page = (tmp_path / "out" / "comparison.html").read_text("utf-8")
    assert "<script" not in page
    assert (tmp_path / "out" / "differences.jsonl").read_text("utf-8").count("\n") > 10
    nothing = tmp_path / "nothing.pcap"
    nothing.write_bytes(b"no capture at all, but some octets")
    assert main(["compare", str(nothing), kamailio("sca-05-resume.pcap"), *out]) == 2
    assert main(["compare", kamailio("sca-05-resume.pcap"), "no-such-reference", *out]) == 2


def test_compare_a_truncated_capture_is_not_called_clean(tmp_path: Path) -> None:
    whole = Path(kamailio("sca-04-hold.pcap"))
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(whole.read_bytes()[:-40])
    assert main(["compare", str(cut), str(whole), "--out", str(tmp_path / "out")]) == 2


def test_redact_writes_a_capture_that_compares_clean_with_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "redacted.pcapng"
    assert main(["redact", kamailio("sca-04-hold.pcap"), "--out", str(out), "--key", "word"]) == 0
    assert "look it over" in capsys.readouterr().out
    again = tmp_path / "again.pcapng"
    assert main(["redact", kamailio("sca-04-hold.pcap"), "--out", str(again), "--key", "word"]) == 0
    assert again.read_bytes() == out.read_bytes()
    assert main(["redact", str(out), "--out", str(out)]) == 3


def test_redacted_captures_of_names_that_differ_differ_in_name_and_nothing_is_overwritten(tmp_path: Path) -> None:
    for name in ("a.1.pcap", "a.2.pcap"):
        (tmp_path / name).write_bytes(Path(kamailio("sca-04-hold.pcap")).read_bytes())
        assert main(["redact", str(tmp_path / name)]) == 0
        assert main(["redact", str(tmp_path / name)]) == 3
    assert {path.name for path in tmp_path.glob("*-redacted*")} == {"a.1-redacted.pcapng", "a.2-redacted.pcapng"}


@pytest.mark.parametrize("command", ["redact", "slice", "compare"])
@pytest.mark.parametrize(("octets", "said"), [(0, "the file is empty"), (24, "no SIP message"), (60, "no SIP message")])
def test_a_capture_in_which_nothing_is_said_is_told_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, octets: int, said: str
) -> None:
    whole = Path(kamailio("sca-04-hold.pcap"))
    cut, out = tmp_path / "cut.pcap", tmp_path / "out"
    cut.write_bytes(whole.read_bytes()[:octets])
    beside = [str(whole)] if command == "compare" else []
    assert main([command, str(cut), *beside, "--out", str(out)]) == 2
    told = capsys.readouterr()
    assert said in told.out + told.err
    assert not out.is_file()


def test_slice_tells_what_it_could_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(Path(kamailio("sca-04-hold.pcap")).read_bytes()[:-40])
    assert main(["slice", str(cut)]) == 0
    assert "note: The file ends" in capsys.readouterr().out


def test_slice_lists_and_cuts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = kamailio("sca-25-two-calls.pcap")
    assert main(["slice", capture]) == 0
    listed = [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    out = tmp_path / "one.pcapng"
    assert main(["slice", capture, "--call-id", listed[0], "--out", str(out)]) == 0
    assert {message.call_id for message in load_trace(out).messages} == {listed[0]}
    assert main(["slice", capture, "--part", "1", "--out", str(out)]) == 3, "nothing is overwritten"
    assert {message.call_id for message in load_trace(out).messages} == {listed[0]}
    assert main(["slice", capture, "--part", "1", "--out", str(tmp_path / "part.pcapng")]) == 0
    assert len(load_trace(tmp_path / "part.pcapng").messages) > 1
    assert main(["slice", capture, "--part", "99", "--out", str(out)]) == 2
    assert main(["slice", capture, "--call-id", "nobody", "--out", str(out)]) == 2
