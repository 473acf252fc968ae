"""Several processes say what one says, in the same order, and none of them stays."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipconform import judging, workers
from sipconform.checks.catalogue import MUST, Check, Finding, Side, Verdict, catalogue, finding
from sipconform.judging import judge_capture, usable_processors
from sipconform.trace.capture import read_capture
from sipconform.trace.parts import traces
from sipconform.trace.trace import Trace, WireMessage
from sipconform.workers import Judged, judge_several
from tests.trace.capture_files import datagram, pcap, sip

# A runner of tests may have threads of its own; they are not used in a worker.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

PARTS = 12


@pytest.fixture
def capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some calls, minutes apart, every other one in breach of a MUST; each is a batch."""
    monkeypatch.setattr(workers, "ENOUGH", 1)
    calls = [sip(f"call {n}").replace(b"z9hG4bK", b"" if n % 2 else b"z9hG4bK") for n in range(PARTS)]
    path = pcap(tmp_path / "calls.pcap", [datagram(call) for call in calls])
    data = bytearray(path.read_bytes())
    at = 24
    for number in range(PARTS):
        data[at : at + 4] = (1_700_000_000 + 100 * number).to_bytes(4, "little")
        at += 16 + int.from_bytes(data[at + 8 : at + 12], "little")
    path.write_bytes(data)
    return path


def several(path: Path, checks: dict[str, Check] | None = None) -> Iterator[Judged]:
    return judge_several(traces(read_capture(path)), checks or catalogue(), 2)


def told(judged: Iterator[Judged]) -> list[object]:
    """Everything a judgement says, messages by where they are found."""
    return [
        (
            [m.call_id for m in trace.messages], judgement.passed, judgement.provoked,
            [
                (
                    f.check and f.check.id, f.verdict, f.level, f.side, f.party, f.expected, f.observed, f.at,
                    f.of and f.of.raw, f.of in trace.messages, [m.number for m in f.also],
                )
                for f in judgement.findings
            ],
        )
        for trace, judgement in judged
    ]  # fmt: skip


def test_several_say_what_one_says_in_the_same_order(capture: Path) -> None:
    alone = told(judge_capture(capture))
    assert len(alone) == PARTS
    assert told(several(capture)) == alone
    assert multiprocessing.active_children() == []


def test_a_single_batch_is_judged_here(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "ENOUGH", 500)
    monkeypatch.delattr(workers, "_Worker")
    assert told(several(capture)) == told(judge_capture(capture))


def test_who_stops_listening_leaves_no_process(capture: Path) -> None:
    judged = judge_several(traces(read_capture(capture)), catalogue(), 3)
    next(judged)
    assert len(multiprocessing.active_children()) in (2, 3)
    judged.close()
    assert multiprocessing.active_children() == []


def test_what_a_lost_worker_had_is_judged_here(capture: Path) -> None:
    alone = told(judge_capture(capture))
    judged = several(capture)
    first = next(judged)
    for process in multiprocessing.active_children():
        process.kill()
        process.join()
    rest = told(judged)
    assert [*told(iter([first])), *rest] == alone


def test_ctrl_c_is_the_parents_affair(capture: Path) -> None:
    alone = told(judge_capture(capture))
    judged = several(capture)
    first = next(judged)
    for process in multiprocessing.active_children():
        os.kill(process.pid or 0, signal.SIGINT)
    assert [*told(iter([first])), *told(judged)] == alone


def test_a_finding_on_a_message_from_elsewhere_is_made_here(capture: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def ask(trace: Trace) -> Iterator[Finding]:
        yield finding(WireMessage(trace.messages[0].packet), False, observed="a copy")

    checks = {"X-001": Check("X-001", "", MUST, Side.EITHER, "", ask)}
    judged = list(several(capture, checks))
    assert [f.observed for _, judgement in judged for f in judgement.findings] == ["a copy"] * PARTS
    assert "not in its trace" in capfd.readouterr().err


def test_a_broken_check_is_told_from_a_worker_too(capture: Path) -> None:
    def ask(trace: Trace) -> Iterator[Finding]:
        yield finding(trace.messages[0], False, observed="seen")
        raise RuntimeError("broken")

    checks = {"X-001": Check("X-001", "", MUST, Side.EITHER, "", ask)}
    verdicts = [[f.verdict for f in judgement.findings] for _, judgement in several(capture, checks)]
    assert verdicts == [[Verdict.FAIL, Verdict.COULD_NOT_RUN]] * PARTS


ABANDON = """
import os, signal, sys
from pathlib import Path
from sipconform import workers
from sipconform.judging import judge_capture
workers.ENOUGH = 1
next(judge_capture(Path(sys.argv[1]), processes=3))
print("judging", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_end_with_a_parent_that_was_killed(capture: Path) -> None:
    """They hold its standard output, so that it ends only when they have."""
    command = [sys.executable, "-c", ABANDON, str(capture)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=False, timeout=60)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"judging\n")


def test_one_process_where_the_system_cannot_fork(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= usable_processors() <= judging.MOST_PROCESSES
    monkeypatch.delattr(os, "fork")
    monkeypatch.delattr(workers, "_Worker")
    assert usable_processors() == 1
    assert told(judge_capture(capture, processes=2)) == told(judge_capture(capture))
