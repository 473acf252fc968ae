import hashlib
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from sipconform.cli import main
from sipconform.comparing import compare_captures, load_trace
from sipconform.lab.scenarios import known_scenarios
from sipconform.lab.settings import LabSettings, Weather
from sipconform.lab.stage import Ending, Stage
from sipconform.recording import (
    Manifest,
    NoReference,
    keep,
    manifests,
    read_manifest,
    record,
    scenario_named,
    verify,
    verify_judged,
)
from sipconform.shipped import shipped
from tests.support import require_captures

SCENARIO = "feature_sync/test_dnd_switched_at_the_server_reaches_the_phone"
SHIPPED = manifests(shipped("captures"))


def test_a_reference_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    first, second = (record(scenario_named(SCENARIO), tmp_path / name) for name in ("a", "b"))
    assert verify(first) == verify(second)
    manifest = read_manifest(first)
    assert (manifest.scenario, manifest.profile, manifest.rows) == (SCENARIO, "broadsoft", ("B3",))
    assert manifest.shows.startswith("The user switches Do Not Disturb on in the portal")


def test_a_course_that_is_a_matter_of_chance_is_no_reference(tmp_path: Path) -> None:
    race = scenario_named("sip_core/test_both_sides_hold_at_once")
    with pytest.raises(NoReference, match="a matter of chance: whose hold arrives first"):
        record(race, tmp_path)
    with pytest.raises(NoReference, match="another good run differs"):  # also where nobody says that it is a race
        record(replace(race, play=partial(race.play)), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_capture_with_a_violation_is_no_reference(tmp_path: Path, shared_captures: Path) -> None:
    capture = shared_captures / "public" / "OISF+suricata-verify__sip-method_sip.pcap"
    with pytest.raises(NoReference, match="violates"):
        keep(capture, tmp_path, shows="a scan", made_by="nobody knows")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("capture = ", "is no manifest"),
        ('capture = "x.pcapng"\n', "missing required field"),
        ('capture = "x.pcapng"\nsha256 = "0"\nshows = ""\nmade_by = ""\nodd = 1\n', "unknown field"),
        ('capture = "x.pcapng"\nsha256 = "0"\nshows = ""\nmade_by = ""\n', "cannot be read"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(NoReference, match=wrong):
        verify(path)


def test_a_capture_that_was_changed_is_noticed(tmp_path: Path) -> None:
    path = record(scenario_named(SCENARIO), tmp_path)
    capture = path.with_suffix(".pcapng")
    capture.write_bytes(capture.read_bytes()[:-1])
    with pytest.raises(NoReference, match="SHA-256"):
        verify(path)


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    manifest = Manifest(
        capture="x",
        sha256=hashlib.sha256(b"").hexdigest(),
        shows='says "ä\\"\n',
        made_by="z",
        rows=("A1", "B2"),
        seed=3,
    )
    path = tmp_path / "x.toml"
    path.write_text(manifest.to_toml(), "utf-8")
    assert read_manifest(path) == manifest


@pytest.mark.parametrize(("name", "wrong"), [("no such", "no scenario is"), ("dnd", "several scenarios are")])
def test_a_scenario_is_named_unmistakably(name: str, wrong: str) -> None:
    with pytest.raises(NoReference, match=wrong):
        scenario_named(name)


def test_references_are_shipped_and_each_capture_has_its_manifest() -> None:
    assert SHIPPED
    captures = {path.stem for path in shipped("captures").rglob("*.pcapng")}
    assert captures == {path.stem for path in SHIPPED}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_each_reference_is_judged_as_its_manifest_says(path: Path) -> None:
    manifest = verify_judged(path)
    assert not (manifest.scenario and manifest.violates), "our own agents are honest"


def test_references_of_real_peers_are_shipped_and_say_nothing_of_the_machine_they_were_made_on() -> None:
    real = [path for path in SHIPPED if not read_manifest(path).scenario]
    makers = " ".join(read_manifest(path).made_by for path in real)
    assert all(name in makers for name in ("Kamailio", "Baresip", "linphone"))
    for path in real:
        for message in load_trace(path.with_suffix(".pcapng")).messages:
            assert message.source.host == message.destination.host == "127.0.0.1"
            assert b"@127.0.0.1" in message.packet.payload
            assert not re.search(rb"(?i)call-id:[^\r]*@[a-z]", message.packet.payload), "programs sign with their host"


def test_a_real_peer_may_have_the_defects_its_profile_expects_and_no_others(tmp_path: Path) -> None:
    reference = next(path for path in SHIPPED if "SUB-008" in read_manifest(path).violates)
    capture = reference.with_suffix(".pcapng")
    kept = keep(capture, tmp_path, shows="it", made_by="Kamailio", profile="kamailio-sca", rows=("A5",))
    assert verify_judged(kept).violates == read_manifest(reference).violates
    kept.write_text(kept.read_text("utf-8").replace('"SUB-008"', '"SUB-001"'), "utf-8")
    with pytest.raises(NoReference, match=r"SUB-008, and its manifest says .*SUB-001"):
        verify_judged(kept)
    assert main(["record", "--check", "--out", str(tmp_path)]) == 2


def test_a_capture_is_kept_by_the_command_with_its_rows(tmp_path: Path) -> None:
    capture = SHIPPED[0].with_suffix(".pcapng")
    words = ["--capture", str(capture), "--shows", "it", "--made-by", "me", "--row", "A1", "--row", "B2"]
    assert main(["record", *words, "--out", str(tmp_path)]) == 0
    assert read_manifest(tmp_path / SHIPPED[0].name).rows == ("A1", "B2")
    assert main(["record", *words, "--profile", "nobody's", "--out", str(tmp_path)]) == 2


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_good_run_compares_clean_with_each_reference(path: Path, tmp_path: Path) -> None:
    manifest = verify(path)
    known = next((known for known in known_scenarios() if known.id == manifest.scenario), None)
    if known is None:
        assert not manifest.scenario, "the scenario of this reference is gone: record again"
        return
    capture = tmp_path / "run.pcapng"
    settings = LabSettings(network="simulated", seed=77, profile=manifest.profile, weather=Weather(duplicate=0.2))
    assert Stage(settings, capture).play(known.play).ending is Ending.PLAYED
    assert compare_captures(capture, path.with_suffix(".pcapng")).comparison.differences == []


def test_a_reference_made_of_a_capture_is_kept_here_and_not_among_those_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    capture = SHIPPED[0].with_suffix(".pcapng")
    assert main(["record", "--capture", str(capture), "--shows", "it", "--made-by", "me"]) == 0
    assert (tmp_path / "captures" / SHIPPED[0].name).is_file()
    assert main(["compare", str(capture), capture.stem, "--out", "out"]) == 0


@pytest.mark.parametrize(("cut", "why"), [(-30, "is no whole capture"), (24, "no SIP message")])
def test_a_capture_that_is_cut_or_says_nothing_is_no_reference(tmp_path: Path, cut: int, why: str) -> None:
    whole = (require_captures() / "kamailio" / "sca-04-hold.pcap").read_bytes()
    (tmp_path / "cut.pcap").write_bytes(whole[:cut])
    with pytest.raises(NoReference, match=why):
        keep(tmp_path / "cut.pcap", tmp_path / "kept", shows="it", made_by="me", flawless=False)


@pytest.mark.parametrize("words", [["nowhere"], ["--out", "nowhere"]])
def test_only_the_folder_that_is_named_is_checked(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "--check", *words]) == 3
    assert "nowhere" in capsys.readouterr().err
