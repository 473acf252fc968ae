"""The front door: which commands there are, how they end, and that a mistake costs one clear sentence."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sipconform.checks.catalogue import catalogue
from sipconform.cli import COMMANDS, NOT_JUDGED, OK, VIOLATION, WRONG_USE, main
from tests.trace.capture_files import datagram, pcap, sip

LAB = "lab.toml"


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence on standard error."""
    out, err = capsys.readouterr()
    assert err.startswith("sipconform")
    assert err.count("\n") == 1
    assert "Traceback" not in out + err
    return err


def ended(arguments: Sequence[str]) -> int:
    """The exit code, however it is given."""
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else -1


@pytest.mark.parametrize(("words", "code"), [([], WRONG_USE), (["--help"], OK), (["help"], OK), (["--version"], OK)])
def test_it_says_what_it_is(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == code
    assert "sipconform" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended([command, "--help"]) == OK
    assert f"sipconform {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_an_unknown_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended([command, "--no-such-option"]) == WRONG_USE
    assert said(capsys)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["jugde"], "no command 'jugde'"),
        (["checks", "SUB-999"], "'SUB-999'"),
        (["faults", "M999"], "'M999'"),
        (["profiles", "nobody"], "nobody"),
        (["judge", "x.pcap", "--check", "SUB-999"], "'SUB-999'"),
        (["judge", "x.pcap", "--profile", "nobody"], "nobody"),
        (["run", "no_such_suite"], "'no_such_suite'"),
        (["run", "--fault", "M999"], "'M999'"),
        (["run", "--profile", "nobody"], "nobody"),
        (["run", "--lab", "missing.toml"], "missing.toml"),
        (["run", "--loss", "2"], "--loss: a probability from 0 to 1 is wanted, not '2'"),
        (["serve", "--listen", "pbx.example.invalid:x"], "pbx.example.invalid"),
        (["phone", "--server", "127.0.0.1:5060"], "--user"),
    ],
)
def test_wrong_use_is_said_in_one_sentence(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ended(words) == WRONG_USE
    assert named in said(capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("under_test = = 1\n", "line 1"),
        ('[server]\nkind = "strange"\n', "server.kind"),
        ("[phones.phone]\nuser = 2001\n", "phones"),
        ("bogus = 1\n", "bogus"),
        ("[weather]\nloss = 2.0\n", "weather.loss"),
        (b"\xff\xfe", "not TOML"),
    ],
)
def test_a_lab_file_is_refused_by_file_and_key(
    text: str | bytes, named: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(LAB).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["run", "--lab", LAB]) == WRONG_USE
    sentence = said(capsys)
    assert LAB in sentence
    assert named in sentence


def test_the_checks_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["checks"]) == OK
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == len(catalogue()) + 1
    assert main(["checks", "sub-007"]) == OK
    told = capsys.readouterr().out
    assert "RFC 6665" in told
    assert "seeded faults" in told
    assert "on either side" in told
    assert not any(row.startswith("    ") for row in told.splitlines())  # docstrings differ between Pythons
    assert main(["checks", "REG"]) == OK
    assert all(row.startswith("REG-") for row in capsys.readouterr().out.splitlines())


def test_the_faults_and_the_profiles_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults"]) == OK
    assert "faults" in capsys.readouterr().out.splitlines()[-1]
    assert main(["faults", "sub-007"]) == OK
    *rows, _ = capsys.readouterr().out.splitlines()
    assert rows
    assert all("SUB-007" in row for row in rows)
    assert main(["faults", rows[0].split()[0]]) == OK
    assert capsys.readouterr().out.splitlines()[0] == rows[0]
    assert main(["profiles"]) == OK
    assert "broadsoft" in capsys.readouterr().out
    assert main(["profiles", "broadsoft"]) == OK
    assert "title" in capsys.readouterr().out


def test_an_interrupt_is_no_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Sequence[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("sipconform.commands.checks.main", interrupted)
    assert main(["checks"]) == NOT_JUDGED
    assert said(capsys) == "sipconform: interrupted\n"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [
        sys.executable,
        "-c",
        "print('x', flush=True); import sipconform.cli as c; raise SystemExit(c.main(['checks']))",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        assert listing.stdout.readline() == b"x\n"
        listing.stdout.close()
        complaint = listing.stderr.read()
        assert (listing.wait(60), complaint) == (OK, b"")


def bad_capture(folder: Path) -> None:
    """One that violates a MUST."""
    pcap(folder / "bad.pcap", [datagram(sip().replace(b"z9hG4bK", b""))])


def test_work_goes_on_when_nobody_reads_and_the_exit_code_tells_of_it(tmp_path: Path) -> None:
    bad_capture(tmp_path)
    command = [
        sys.executable,
        "-c",
        "import sys; sys.stdin.read(); import sipconform.cli as c; raise SystemExit(c.main())",
    ]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*command, "judge", "bad.pcap", "--out", "run"], cwd=tmp_path, **pipes) as judging:  # type: ignore[call-overload]
        judging.stdout.close()
        judging.stdin.close()  # begins when nobody reads any more
        complaint = judging.stderr.read()
        assert (judging.wait(60), complaint) == (VIOLATION, b"")
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full here")
@pytest.mark.parametrize(("capture", "code"), [("bad.pcap", VIOLATION), ("missing.pcap", NOT_JUDGED)])
def test_what_could_not_be_printed_is_said(tmp_path: Path, capture: str, code: int) -> None:
    bad_capture(tmp_path)
    command = [sys.executable, "-m", "sipconform", "judge", capture, "--out", "run"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == code
    assert done.stderr.splitlines()[-1].startswith(b"sipconform: not everything could be printed: ")


def test_a_list_that_could_not_be_printed_is_no_success() -> None:
    command = [sys.executable, "-m", "sipconform", "faults"]
    with open(os.open(os.devnull, os.O_RDONLY), "wb", buffering=0, closefd=True) as unwritable:
        done = subprocess.run(command, stdout=unwritable, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr.count(b"\n")) == (NOT_JUDGED, 1)


def test_closed_streams_do_not_keep_it_from_working(tmp_path: Path) -> None:
    bad_capture(tmp_path)
    line = f"exec {sys.executable} -m sipconform judge bad.pcap --out run <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", line], cwd=tmp_path, check=False).returncode == VIOLATION
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device", "run/report.html"), "run/report.html: No space left on device"),
        (KeyError("lamp"), "KeyError: 'lamp' (test_cli.py, line "),
    ],
)
def test_what_breaks_in_a_command_accuses_no_device(
    error: Exception, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Sequence[str]) -> int:
        raise error

    monkeypatch.setattr("sipconform.commands.checks.main", broken)
    assert main(["checks"]) == NOT_JUDGED
    assert told in said(capsys)


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys, sipconform.cli; sipconform.cli.main(['--help']);"
        "sys.exit([m for m in ('scapy', 'jinja2', 'lxml', 'msgspec', 'pytest', 'asyncio') if m in sys.modules] or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
