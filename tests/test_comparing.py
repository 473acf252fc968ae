from pathlib import Path

import pytest

from sipconform import comparing
from sipconform.checks.told import profile_of
from sipconform.comparing import compare_captures, load_trace
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.errors import CaptureError
from sipconform.trace.packet import Observation, Packet
from tests.compare.talk import call, subscription, trace


def written(path: Path, profile: str = "", late: float = 0.0) -> Path:
    said = subscription() if not late else call()
    with CaptureWriter(path) as writer:
        if profile:
            writer.write(Observation(1, "lab", "lab", {"profile": profile}))
        for message in trace(*said).messages:
            writer.write(Packet(message.packet.time_ns + round(late * 1e9), *message.packet[1:5]))
    return path


def test_several_captures_of_one_session_are_one_trace(tmp_path: Path) -> None:
    later, earlier = written(tmp_path / "b.pcapng", late=60), written(tmp_path / "a.pcapng")
    times = [message.time for message in load_trace(later, earlier).messages]
    assert len(times) == 10
    assert times == sorted(times)


def test_a_reference_of_another_profile_comes_with_a_reservation(tmp_path: Path) -> None:
    run, reference = written(tmp_path / "run.pcapng", "broadsoft"), written(tmp_path / "ref.pcapng", "metaswitch")
    assert profile_of(load_trace(run)) == "broadsoft"
    comparison = compare_captures(run, reference).comparison
    assert comparison.differences == []
    assert comparison.reservations == ["the run speaks broadsoft, the reference metaswitch: other dialects"]
    assert compare_captures(run, written(tmp_path / "bare.pcapng")).comparison.reservations == []


def test_a_capture_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "run.pcapng")
    monkeypatch.setattr(comparing, "LARGEST", 3)
    with pytest.raises(CaptureError, match="cannot be compared at once"):
        load_trace(path)
