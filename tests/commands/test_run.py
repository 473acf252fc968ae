"""`sipconform run`, `serve` and `phone` as programs: good ends, bad peers, and being interrupted."""

import select
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipconform.trace.capture import read_capture
from sipconform.trace.packet import Address
from tests.commands.programs import PATIENCE, begun, lines, run_facts, sipconform

OK, VIOLATION, NOT_JUDGED, WRONG_USE = 0, 1, 2, 3
STORY = ("sip_core", "-k", "test_the_server_tells_what_it_can")


@pytest.fixture
def holder() -> Iterator[socket.socket]:
    """Somebody who has a UDP port and serves nobody there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        held.settimeout(PATIENCE)
        yield held


@pytest.fixture
def taken(holder: socket.socket) -> Address:
    """The port that is taken."""
    return Address(*holder.getsockname())


def verdicts(folder: Path) -> list[str]:
    return [scenario["verdict"] for scenario in run_facts(folder)["scenarios"]]


def listening(program: "subprocess.Popen[str]") -> Address:
    """Where a program says that it listens."""
    assert program.stdout is not None
    assert select.select([program.stdout], [], [], PATIENCE)[0]
    host, _, port = program.stdout.readline().split()[-1].rpartition(":")
    return Address(host, int(port))


@pytest.mark.parametrize("network", ["simulated", "sockets"])
def test_an_honest_pair_passes_from_any_folder(tmp_path: Path, network: str) -> None:
    done = sipconform(tmp_path, "run", *STORY, "--network", network, "--out", "run")
    assert done.returncode == OK, done.stdout + done.stderr
    assert verdicts(tmp_path / "run") == ["pass"]
    assert (tmp_path / "run" / "junit.xml").is_file()
    [capture] = (tmp_path / "run" / "captures").iterdir()
    assert len([*read_capture(capture)]) > 2


@pytest.mark.parametrize(("mark", "verdict", "code"), [("", "inconclusive", NOT_JUDGED), ("silent", "pass", OK)])
def test_a_scenario_that_says_nothing_proves_nothing(tmp_path: Path, mark: str, verdict: str, code: int) -> None:
    marked = f"@pytest.mark.{mark}\n" if mark else ""
    story = f"import pytest\n\n\n{marked}async def test_nothing(server):\n    pass\n"
    (tmp_path / "test_story.py").write_text(story)
    done = sipconform(tmp_path, "run", "test_story.py", "--network", "simulated", "--out", "run")
    assert verdicts(tmp_path / "run") == [verdict]
    assert done.returncode == code, done.stdout + done.stderr
    assert ("no message crossed the wire" in done.stdout) == (not mark)


def test_nothing_but_a_mistake_in_the_choice_is_wrong_use(tmp_path: Path) -> None:
    assert sipconform(tmp_path, "run", "sip_core", "-k", "no_such_story", "--out", "run").returncode == WRONG_USE


def test_a_port_in_use_is_said_and_nothing_is_blamed_on_anybody(tmp_path: Path, taken: Address) -> None:
    done = sipconform(tmp_path, "run", *STORY, "--listen", str(taken), "--out", "run")
    assert done.returncode == NOT_JUDGED, done.stdout + done.stderr
    [scenario] = run_facts(tmp_path / "run")["scenarios"]
    assert scenario["verdict"] == "could-not-run"
    assert str(taken) in scenario["sentence"]
    assert "Traceback" not in done.stdout + done.stderr


def test_a_server_that_cannot_be_found_is_said(tmp_path: Path) -> None:
    done = sipconform(tmp_path, "run", *STORY, "--server", "not an address", "--out", "run")
    assert done.returncode == NOT_JUDGED, done.stdout + done.stderr
    assert verdicts(tmp_path / "run") == ["could-not-run"]
    assert "Traceback" not in done.stdout + done.stderr


def test_a_server_that_never_answers_is_no_reason_to_hang_or_to_blame_our_phone(tmp_path: Path) -> None:
    options = ("--network", "simulated", "--server", "10.9.9.9:5060", "--out", "run")
    done = sipconform(tmp_path, "run", "registration", *options)
    assert done.returncode in (VIOLATION, NOT_JUDGED), done.stdout + done.stderr
    assert "pass" not in verdicts(tmp_path / "run")
    assert "Traceback" not in done.stdout + done.stderr
    accused = {
        line["party"] for line in lines(tmp_path / "run") if line["side"] == "phone" and line["verdict"] == "fail"
    }
    assert accused == set()


@pytest.mark.parametrize("transport", ["udp", "tls"])
def test_our_server_as_a_program_is_a_server_like_any_other(tmp_path: Path, transport: str) -> None:
    """Also with a certificate of its own making."""
    by = ("--transport", transport)
    with begun(tmp_path, "serve", "--listen", "127.0.0.1:0", *by, "--capture", "server.pcapng") as server:
        place = listening(server)
        done = sipconform(tmp_path, "run", *STORY, "--server", str(place), *by, "--out", "run")
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == OK
    assert done.returncode == OK, done.stdout + done.stderr
    assert run_facts(tmp_path / "run")["arrangement"]
    assert len([*read_capture(tmp_path / "server.pcapng")]) > 2


@pytest.mark.parametrize("command", [["serve"], ["phone", "--server", "127.0.0.1:5999", "--user", "2001:x"]])
def test_a_program_that_cannot_begin_says_why(tmp_path: Path, command: list[str], taken: Address) -> None:
    for mistake, code, named in (
        (["--listen", str(taken)], NOT_JUDGED, f"{taken} cannot be bound: Address already in use"),
        (["--listen", "127.0.0.1:0", "--control", "192.0.2.1:9"], NOT_JUDGED, "192.0.2.1:9 cannot be bound"),
        (["--listen", "127.0.0.1:0", "--capture", "no/such/folder.pcapng"], NOT_JUDGED, "no/such/folder.pcapng"),
        (["--listen", "127.0.0.1:0", "--profile", "nobody"], WRONG_USE, "nobody"),
        (["--listen", "127.0.0.1:0", "--fault", "M999"], WRONG_USE, "M999"),
    ):
        done = sipconform(tmp_path, *command, *mistake)
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
        assert named in done.stderr
        assert "listens" not in done.stdout or "--control" in mistake


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_a_report_of_what_was_done(
    tmp_path: Path, holder: socket.socket, taken: Address, signal_: signal.Signals
) -> None:
    """The first scenario is over; the second asks a server that never answers, and there the user loses patience."""
    story = tmp_path / "test_story.py"
    story.write_text(
        "async def test_one(server, phone): pass\nasync def test_two(server, phone): await phone.start()\n"
    )
    with begun(tmp_path, "run", str(story), "--server", str(taken), "--out", "run") as program:
        assert holder.recv(100).startswith(b"REGISTER ")
        program.send_signal(signal_)
        assert program.stdout is not None
        told = program.stdout.read()
        assert program.wait(PATIENCE) == NOT_JUDGED, told
    facts = run_facts(tmp_path / "run")
    assert facts["status"] == "interrupted"
    assert [scenario["title"] for scenario in facts["scenarios"]] == ["one", "two"]
    assert facts["scenarios"][1]["verdict"] == "inconclusive"
    assert (tmp_path / "run" / "report.html").read_text("utf-8").rstrip().endswith("</html>")
    assert "Traceback" not in told
