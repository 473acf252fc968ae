"""From a file to a judged result, in memory that does not grow with the file."""

import gc
from pathlib import Path

import pytest

from sipconform.checks.catalogue import catalogue
from sipconform.judging import judge_capture
from sipconform.trace.capture import CaptureError, read_capture
from sipconform.trace.correlate import correlate
from sipconform.trace.trace import WireMessage
from tests.support import require_captures
from tests.trace.capture_files import datagram, pcap, sip


def test_every_message_is_in_one_part_and_every_answer_comes_from_the_catalogue() -> None:
    path = require_captures() / "kamailio" / "sca-22-steal-private.pcap"
    judged = list(judge_capture(path))
    assert sum(len(trace.messages) for trace, _ in judged) == len(correlate(read_capture(path)).messages) > 100
    assert {name for _, judgement in judged for name in judgement.asked} <= set(catalogue())
    assert any(judgement.passed for _, judgement in judged)


def test_judging_twice_says_the_same() -> None:
    path = require_captures() / "kamailio" / "sca-26-busy.pcap"
    first, second = (
        [
            (f.check.id if f.check else "", f.verdict, f.frames, f.observed)
            for _, judgement in judge_capture(path)
            for f in judgement.findings
        ]
        for _ in range(2)
    )
    assert first == second


def test_what_is_no_capture_raises_before_anything_is_given(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello, this is no capture")
    with pytest.raises(CaptureError):
        next(judge_capture(tmp_path / "x"))


def test_parts_that_were_let_go_of_do_not_stay(tmp_path: Path) -> None:
    """A hundred calls of a minute each: when the last is judged, the first are long gone."""
    path = pcap(tmp_path / "c", [datagram(sip(f"gone {n}")) for n in range(100)])
    late = bytearray(path.read_bytes())
    at = 24
    for number in range(100):  # a minute and more between any two
        late[at : at + 4] = (1_700_000_000 + 100 * number).to_bytes(4, "little")
        at += 16 + int.from_bytes(late[at + 8 : at + 12], "little")
    path.write_bytes(late)
    gc.collect()
    most = parts = 0
    for trace, _ in judge_capture(path):
        trace.let_go()
        parts += 1
        del trace
        most = max(most, sum(type(o) is WireMessage and o.call_id.startswith("gone") for o in gc.get_objects()))
    assert parts == 100
    assert most < 10


def test_the_collector_is_left_as_it_was(tmp_path: Path) -> None:
    before = gc.get_threshold()
    path = pcap(tmp_path / "c", [datagram(sip())])
    judging = judge_capture(path)
    next(judging)
    assert gc.isenabled()
    judging.close()
    assert gc.get_threshold() == before
