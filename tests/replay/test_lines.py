import importlib.util
from pathlib import Path

import pytest

from sipconform.checks.catalogue import Verdict
from sipconform.checks.judge import judge
from sipconform.cli import main
from sipconform.comparing import load_trace
from sipconform.lab.settings import LabSettings
from sipconform.lab.stage import Ending, Played, Stage
from sipconform.recording import manifests, read_manifest
from sipconform.replay.lines import to_trace, write_scenario
from sipconform.replay.script import NotPlayable
from sipconform.shipped import shipped
from sipconform.trace.correlate import correlate
from tests.replay.test_run import recording
from tests.support import require_captures

RUN = (
    "feature_sync/test_dnd_switched_at_the_server_reaches_the_phone",
    "feature_sync/test_the_phone_signs_off_in_good_order",
    "calls/test_a_call_is_answered_held_resumed_and_ended",
)


def run(path: Path, capture: Path, profile: str = "broadsoft") -> Played:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stage = Stage(LabSettings(network="simulated", profile=profile), capture)
    return stage.play(getattr(module, path.stem), {"lab": stage, "server": stage.actor("server")})


ALL = manifests(shipped("captures"))
NO_SERVER = "hotspot-test_without_registration"


@pytest.mark.parametrize("manifest", ALL, ids=lambda path: path.stem)
def test_the_scenario_of_each_reference_runs(manifest: Path, tmp_path: Path) -> None:
    path, capture = tmp_path / "test_written.py", manifest.with_suffix(".pcapng")
    if manifest.stem == NO_SERVER:
        with pytest.raises(NotPlayable, match="the server says nothing"):
            write_scenario(load_trace(capture), "test_written", capture)
        return
    assert main(["scenario", str(capture), "--out", str(path)]) == 0
    spoken = read_manifest(manifest).profile
    assert f'@pytest.mark.profile("{spoken}")' in path.read_text("utf-8")
    live = tmp_path / "run.pcapng"
    assert run(path, live, spoken) == Played(Ending.PLAYED)
    bad = [found for found in judge(load_trace(live)).findings if found.verdict is Verdict.FAIL]
    assert [(found.check and found.check.id, found.observed) for found in bad] == []


@pytest.mark.parametrize("name", RUN)
def test_a_scenario_written_from_a_capture_runs(name: str, tmp_path: Path) -> None:
    path = tmp_path / "test_written.py"
    assert main(["scenario", str(recording(name, tmp_path)), "--out", str(path)]) == 0
    assert run(path, tmp_path / "run.pcapng") == Played(Ending.PLAYED)
    assert len(load_trace(tmp_path / "run.pcapng").messages) > 6


def test_what_is_edited_is_played(tmp_path: Path) -> None:
    path = tmp_path / "test_written.py"
    main(["scenario", str(recording(RUN[2], tmp_path)), "--out", str(path)])
    text = path.read_text("utf-8")
    path.write_text(text.replace("INVITE sip:2002@10.0.0.1 ", "INVITE sip:2999@10.0.0.1 "), "utf-8")
    played = run(path, tmp_path / "run.pcapng")
    assert played.ending is Ending.FAILED
    assert "INVITE" in played.sentence


def test_no_secret_is_written_and_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "test_written.py"
    capture = recording(RUN[0], tmp_path)
    main(["scenario", str(capture), "--out", str(path)])
    text = path.read_text("utf-8")
    assert "response=" not in text
    assert "made anew" in text
    assert main(["scenario", str(capture), "--out", str(path)]) == 3
    assert path.read_text("utf-8") == text


def test_every_real_capture_is_written_or_refused(tmp_path: Path) -> None:
    for path in sorted(require_captures().glob("*/*.pcap")):
        try:
            text = write_scenario(load_trace(path), "test_x", path)
        except NotPlayable:
            continue
        names: dict[str, object] = {}
        exec(compile(text, path.name, "exec"), names)
        lines = names["LINES"]
        assert isinstance(lines, list)
        trace, server = load_trace(path), names["SERVER"]
        ends = {m: {str(trace.party(m.source)), str(trace.party(m.destination))} for m in trace.messages}
        assert [m.start_line for m in to_trace(lines).messages] == [
            m.start_line for m in ends if m.repeats is None and m.transaction is not None and server in ends[m]
        ]


def test_a_profile_that_nobody_has_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test_written.py"
    capture = ALL[0].with_suffix(".pcapng")
    assert main(["scenario", str(capture), "--profile", "nobody's", "--out", str(path)]) == 3
    assert not path.exists()


@pytest.mark.parametrize("place", ["garbage", "a:b", "1.2.3.4:99999999999999999999"])
def test_a_record_of_who_is_where_that_cannot_be_read_is_no_record(place: str) -> None:
    whole = load_trace(ALL[0].with_suffix(".pcapng"))
    facts = [seen._replace(what={**seen.what, "actors": {"server": place}}) for seen in whole.observations]
    trace = correlate([*facts, *(message.packet for message in whole.messages)])
    assert "SERVER = " in write_scenario(trace, "test_x", ALL[0])
