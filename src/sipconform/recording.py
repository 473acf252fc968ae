"""Reference captures and their manifests: what a capture shows, who made it and how, and that it is still the same."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from inspect import getdoc
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from sipconform import __version__
from sipconform.checks.catalogue import Level, Verdict
from sipconform.comparing import compare_captures
from sipconform.judging import judge_capture
from sipconform.lab.profile import load_profile
from sipconform.lab.scenarios import Known, known_scenarios
from sipconform.lab.settings import LabSettings, Weather
from sipconform.lab.stage import Ending, Stage, race_of
from sipconform.report.folder import file_name, replace_file
from sipconform.shipped import shipped
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import Note, Packet, is_keep_alive

LARGEST = 400_000
"""Octets of a capture worth shipping; scenarios of hundreds of calls or minutes of audio exceed it."""
OTHER_RUNS = 4
FOUL = Weather(loss=0.1, duplicate=0.1, reorder=0.2)
"""A reference is steady when so many runs in such weather compare clean with it."""


class NoReference(Exception):
    """Why something does not become a reference: it did not go well, or is not what its manifest says."""


class Manifest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`<name>.toml` beside `<name>.pcapng`. `rows` are those of the requirements, `seed` is of everything random.
    `violates` are the checks that fail in it, for real peers have their defects: what other programs have said cannot
    be made again, but it is to be judged the same for ever."""

    capture: str
    sha256: str
    shows: str
    made_by: str
    scenario: str = ""  # "feature_sync/test_…"
    profile: str = ""
    rows: tuple[str, ...] = ()
    seed: int = 0
    violates: tuple[str, ...] = ()

    def to_toml(self) -> str:
        """The manifest as written to its file."""
        lines = []
        for name, value in msgspec.structs.asdict(self).items():
            if name == "violates" and not value:
                continue
            text = msgspec.json.encode(value).decode()  # strings, numbers and lists read the same in TOML
            lines.append(f"{name} = {text}")
        return "\n".join(lines) + "\n"


def read_manifest(path: Path) -> Manifest:
    """Raises NoReference, naming the file and what is wrong with it."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Manifest)
    except OSError as error:
        raise NoReference(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise NoReference(f"{path} is no manifest: {error}") from error


def verify(path: Path) -> Manifest:
    """The manifest, when the capture it names is there and unchanged. Raises NoReference otherwise."""
    manifest = read_manifest(path)
    capture = path.with_name(manifest.capture)
    try:
        found = hashlib.sha256(capture.read_bytes()).hexdigest()
    except OSError as error:
        raise NoReference(f"{capture} cannot be read: {error.strerror}") from error
    if found != manifest.sha256:
        raise NoReference(f"{capture} is not the capture of its manifest: its SHA-256 is {found}")
    return manifest


def verify_judged(path: Path) -> Manifest:
    """As `verify`, and the capture is judged as it was when it was kept. Raises NoReference or CaptureError."""
    manifest = verify(path)
    if (found := tuple(_violated(path.with_name(manifest.capture)))) != manifest.violates:
        said, seen = (", ".join(ids) or "nothing" for ids in (manifest.violates, found))
        raise NoReference(f"{path.with_name(manifest.capture)} violates {seen}, and its manifest says {said}")
    return manifest


def reference_of(scenario: str, profile: str) -> Path | None:
    """The shipped capture of a scenario in one dialect, if there is one. Raises NoReference for a broken manifest."""
    path = shipped("captures") / f"{file_name(scenario)}.toml"
    if not path.is_file():
        return None
    manifest = read_manifest(path)
    return path.with_name(manifest.capture) if (manifest.scenario, manifest.profile) == (scenario, profile) else None


def manifests(folder: Path) -> list[Path]:
    """Every manifest of a folder of references."""
    return sorted(folder.rglob("*.toml"))


def record_each_row(folder: Path, *, seed: int = 1) -> Iterator[Path | NoReference]:
    """One reference for every requirement row that has a scenario: the first that makes a good one.

    For a row for which none does, the reason of the first.
    """
    shown: set[str] = set()
    known_ = known_scenarios()
    for row in dict.fromkeys(row for known in known_ for row in known.rows):
        refusals = []
        for known in known_ if row not in shown else ():
            if row not in known.rows:
                continue
            try:
                yield record(known, folder, seed=seed)
            except NoReference as refusal:
                refusals.append(refusal)
                continue
            shown |= set(known.rows)
            break
        if row not in shown:
            yield NoReference(f"{row}: {refusals[0]}")


def scenario_named(name: str) -> Known:
    """By its whole id, or by a part of it that no other has. Raises NoReference."""
    found = [known for known in known_scenarios() if name in known.id]
    exact = [known for known in found if name in (known.id, known.name)]
    if len(exact or found) != 1:
        several = "several scenarios are" if found else "no scenario is"
        raise NoReference(f"{several} called {name!r}")
    return (exact or found)[0]


def record(known: Known, folder: Path, *, seed: int = 1) -> Path:
    """Plays a scenario between our own agents on the simulated network and keeps its capture as a reference.

    The same seed gives the same octets. Raises NoReference when the run was no good one, when other good runs
    differ from it (its course is a matter of chance), or when it is too large to ship.
    """
    if race := race_of(known.play):
        raise NoReference(f"{known.id}: its course is a matter of chance: {race}")
    with TemporaryDirectory() as place:
        capture = Path(place) / f"{file_name(f'{known.feature}-{known.name}')}.pcapng"
        _play(known, capture, seed, Weather())
        for other in range(seed + 1, seed + 1 + OTHER_RUNS):
            run = Path(place) / "other.pcapng"
            try:
                _play(known, run, other, FOUL)
            except NoReference:
                continue  # bad weather may end a call, and that run is no good one
            if found := compare_captures(run, capture).comparison.differences:
                raise NoReference(f"{known.id}: another good run differs: {found[0].what}: {found[0].because}")
        shows = " ".join((getdoc(known.play) or known.name).split())
        made_by = f"sipconform {__version__}, its own agents on the simulated network"
        return keep(
            capture, folder, shows=shows, made_by=made_by,
            scenario=known.id, profile=known.profile, rows=known.rows, seed=seed,
        )  # fmt: skip


def _play(known: Known, capture: Path, seed: int, weather: Weather) -> None:
    settings = LabSettings(network="simulated", seed=seed, profile=known.profile, weather=weather)
    played = Stage(settings, capture).play(known.play)
    if played.ending is not Ending.PLAYED:
        raise NoReference(f"{known.id}: {played.ending}: {played.sentence}")


def keep(
    capture: Path,
    folder: Path,
    *,
    shows: str,
    made_by: str,
    scenario: str = "",
    profile: str = "",
    rows: tuple[str, ...] = (),
    seed: int = 0,
    flawless: bool = True,
) -> Path:
    """Copies a capture into a folder of references and writes its manifest, whose path is given back.

    `flawless`: a MUST that is violated in it refuses it, unless the profile expects that. Raises NoReference,
    CaptureError, ProfileError or OSError.
    """
    violates = _violated(capture)
    _is_whole(capture)
    expected = {deviation.check for deviation in load_profile(profile).deviations} if profile else set[str]()
    if flawless and (accused := [c for c, level in violates.items() if level is Level.MUST and c not in expected]):
        raise NoReference(f"{capture.name} violates {', '.join(accused)}: no reference")
    content = capture.read_bytes()
    if len(content) > LARGEST:
        raise NoReference(f"{capture.name} has {len(content)} octets, more than the {LARGEST} of a reference")
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(
        capture=capture.name, sha256=hashlib.sha256(content).hexdigest(), shows=shows, made_by=made_by,
        scenario=scenario, profile=profile, rows=rows, seed=seed, violates=tuple(violates),
    )  # fmt: skip
    path = folder / f"{capture.stem}.toml"
    replace_file(folder / capture.name, content)
    replace_file(path, manifest.to_toml().encode())
    return path


def _is_whole(capture: Path) -> None:
    """Raises NoReference for a capture without a SIP message, or one that breaks off."""
    evidence = list(read_capture(capture))
    if not any(isinstance(item, Packet) and not is_keep_alive(item.payload) for item in evidence):
        raise NoReference(f"{capture.name} holds no SIP message: no reference")
    for item in evidence:
        if isinstance(item, Note) and item.code == "truncated":
            raise NoReference(f"{capture.name} is no whole capture: {item.text}")


def _violated(capture: Path) -> dict[str, Level]:
    """The checks that fail in a capture, MUST or SHOULD, in their order."""
    findings = [finding for _, judgement in judge_capture(capture) for finding in judgement.findings]
    failed = {f.check.id: f.level for f in findings if f.check and f.level and f.verdict is Verdict.FAIL}
    return {check: level for check, level in sorted(failed.items()) if level in (Level.MUST, Level.SHOULD)}
