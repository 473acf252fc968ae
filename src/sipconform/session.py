"""One run of scenarios: settings from the command line, a lab for each scenario, its judgement, the run folder."""

from __future__ import annotations

import logging
import platform
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sipconform import __version__
from sipconform.agents.faults import Fault, fault_named
from sipconform.checks.catalogue import Finding, Level, Side, Verdict
from sipconform.checks.judge import Judgement
from sipconform.comparing import compare_captures
from sipconform.judging import judge_capture
from sipconform.lab.actor import CouldNotRunError
from sipconform.lab.profile import Deviation, load_profile
from sipconform.lab.scenarios import DEFAULT_PROFILE
from sipconform.lab.settings import LabSettings
from sipconform.lab.stage import Ending, Stage
from sipconform.options import again, typed, usable
from sipconform.recording import reference_of
from sipconform.report.folder import RunFolder
from sipconform.report.legible import flowing
from sipconform.report.model import Arrangement, Beside, Run, ScenarioResult
from sipconform.report.summary import summary
from sipconform.trace.packet import Note
from sipconform.trace.trace import Trace

log = logging.getLogger(__name__)

Judged = tuple[Trace, Judgement]
VERDICTS = {
    Ending.PLAYED: Verdict.PASS,
    Ending.FAILED: Verdict.FAIL,
    Ending.NOT_SUPPORTED: Verdict.NOT_SUPPORTED,
    Ending.COULD_NOT_RUN: Verdict.COULD_NOT_RUN,
    Ending.TOO_LONG: Verdict.INCONCLUSIVE,
    Ending.TOO_MUCH: Verdict.INCONCLUSIVE,
}
SILENT = (
    "no message crossed the wire and no check found anything to judge, which proves nothing; "
    "a scenario that expects silence says so with @pytest.mark.silent"
)
REFERENCES_ARE_OVER = ("udp", 4)
NOT_JUDGED = 2
NO_PART = "the device under test took no part: nothing it sent was seen"


@dataclass(eq=False)
class Outcome:
    """How a scenario ended, in pytest's words."""

    verdict: Verdict
    sentence: str
    deviation: str = ""

    def raise_for_pytest(self) -> None:
        if self.verdict is Verdict.NOT_SUPPORTED:
            pytest.skip(f"not supported: {self.sentence}")
        if self.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip(f"not applicable: {self.sentence}")
        if self.deviation:
            pytest.xfail(self.sentence)
        if self.verdict is not Verdict.PASS:
            pytest.fail(self.sentence or str(self.verdict), pytrace=False)


@dataclass(eq=False)
class ScenarioSession:
    """All scenarios of one pytest session, into one run folder."""

    settings: LabSettings
    folder: RunFolder
    options: Any
    faults: tuple[Fault, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    trouble: OSError | None = None  # what keeps the run from being written
    heard: bool = False  # a remote server, in any scenario yet
    silence: str = ""  # why it is not asked again

    @classmethod
    def from_options(cls, options: Any, where: str) -> ScenarioSession:
        """Reads the plugin's options, which `usable` has looked at. Raises OSError where nothing can be written."""
        settings = usable(options)
        profile = load_profile(settings.profile or DEFAULT_PROFILE)
        run = Run(
            "",
            datetime.now().astimezone(),
            typed([Path(sys.argv[0]).name, *sys.argv[1:]], options),
            arrangement(settings),
            profile=profile.name,
            device=_device(settings),
            environment=environment(settings),
            expected_deviations={d.check: d.reason for d in profile.deviations},
            deviation_stories={d.check: d.stories for d in profile.deviations},
            secrets=[p.password for p in settings.phones.values() if p.password],
        )
        folder = RunFolder.begun(run, Path(options.out) if options.out else None, Path(where) / "reports")
        return cls(settings, folder, options, tuple(map(fault_named, options.fault)), profile.deviations)

    def stage(self, scenario: str, written_for: str = "") -> Stage:
        """A laboratory for one scenario, in the profile asked for, else the one it was written for."""
        settings = msgspec.structs.replace(self.settings, profile=self.settings.profile or written_for)
        return Stage(settings, self.folder.capture_path(scenario), self.faults)

    def play(self, item: pytest.Function, stage: Stage, arguments: dict[str, Any]) -> Outcome:
        """Runs the scenario, judges its capture, and adds all that to the run."""
        result = self._result(item, stage)
        began = time.monotonic()
        if self.silence:
            stage.refusal = CouldNotRunError(self.silence)
        try:
            ending, sentence = stage.play(item.obj, arguments)
        except KeyboardInterrupt:
            self._judge(result, stage)  # what there is of it is told; the folder says that it broke off
            raise
        except Exception as error:
            self._broken(result, stage, error)
            raise
        result.duration_s = time.monotonic() - began
        result.steps = stage.lab.steps
        judged = self._judge(result, stage)
        self._listen(result, stage, judged)
        result.verdict, result.sentence = self._verdict(item, stage, ending, sentence, judged)
        if ending is Ending.FAILED and result.verdict is Verdict.FAIL:
            result.deviation = self._deviation(result.id, _failed(judged))
            if result.deviation:
                result.sentence = f"as expected ({result.deviation}), {result.sentence}"
        if result.verdict is Verdict.COULD_NOT_RUN:
            result.error = result.sentence
        if ending in (Ending.PLAYED, Ending.FAILED):
            result.beside = self._beside(result, stage)
        self.folder.add(result)
        return Outcome(result.verdict, result.sentence, result.deviation)

    def _listen(self, result: ScenarioResult, stage: Stage, judged: list[Judged]) -> None:
        """A server that answers nothing from the beginning is not asked by every scenario, half a minute each."""
        unanswered = stage.lab.record.is_unanswered(trace for trace, _ in judged)
        if unanswered and not self.heard and not self.silence:
            where = stage.lab.record.server
            self.silence = f"nobody at {where} answered the first scenario, {result.id}; it was not asked again"
        self.heard = self.heard or (not unanswered and any(trace.messages for trace, _ in judged))

    def _verdict(
        self, item: pytest.Function, stage: Stage, ending: Ending, sentence: str, judged: list[Judged]
    ) -> tuple[Verdict, str]:
        """What the play and the judge say together, and the sentence for it."""
        verdict = VERDICTS[ending]
        if verdict not in (Verdict.PASS, Verdict.FAIL):
            return verdict, sentence
        ours, theirs = self._violations(judged)
        if theirs and verdict is Verdict.PASS:
            return Verdict.FAIL, ""  # the findings say whose
        if ours and not theirs:
            return Verdict.COULD_NOT_RUN, ""  # as above
        if not stage.takes_part(trace for trace, _ in judged):
            failed = verdict is Verdict.FAIL  # our own agents did, or what stands between them and the device
            return (Verdict.COULD_NOT_RUN, f"{NO_PART}; {sentence}") if failed else (Verdict.NOT_APPLICABLE, NO_PART)
        silent = item.get_closest_marker("silent")
        if verdict is Verdict.PASS and not silent and not any(_something(trace, said) for trace, said in judged):
            return Verdict.INCONCLUSIVE, SILENT
        return verdict, sentence

    def _beside(self, result: ScenarioResult, stage: Stage) -> Beside | None:
        """The run beside the shipped reference of its story and dialect; a comfort that must not cost the verdict."""
        if (self.settings.transport, self.settings.ip) != REFERENCES_ARE_OVER:
            return None  # Via and SDP would differ in every message, and that is no news
        try:
            reference = reference_of(result.id, stage.lab.profile.name)
            if reference is None:
                return None
            laid = compare_captures(stage.lab.capture, reference)
        except Exception as error:
            log.exception("%s could not be compared with its reference", result.id)
            result.notes.append(Note("reference", f"The run was not compared with its reference: {error}"))
            return None
        words = ["sipconform", "compare", str(stage.lab.capture), reference.stem]
        return Beside(reference.stem, laid.comparison, shlex.join(words))

    def _broken(self, result: ScenarioResult, stage: Stage, error: Exception) -> None:
        """The story itself is at fault: nobody is acquitted by it, and pytest shows where it broke."""
        self._judge(result, stage)
        result.verdict = Verdict.COULD_NOT_RUN
        result.sentence = result.error = f"the scenario itself broke: {type(error).__name__}: {error}"
        self.folder.add(result)

    def _deviation(self, scenario: str, failed: dict[str, bool]) -> str:
        """Why the profile expects this story to go otherwise; "" unless the very defect is seen on its wire, and no
        other."""
        if self._unexpected(failed):
            return ""
        expected = (d for d in self.deviations if d.check in failed and any(word in scenario for word in d.stories))
        return next((f"{d.check}: {d.reason}" for d in expected), "")

    def _judge(self, result: ScenarioResult, stage: Stage) -> list[Judged]:
        """Judges a scenario's capture, part by part, into the run's folder."""
        judged = list(judge_capture(stage.lab.capture))
        for trace, judgement in judged:
            self.folder.take(result, trace, judgement.findings, judgement.passed)
        return judged

    def _unexpected(self, failed: dict[str, bool]) -> bool:
        """Whether a MUST is violated that the profile does not expect to be."""
        return any(must and check not in self.folder.run.expected_deviations for check, must in failed.items())

    def _violations(self, judged: list[Judged]) -> tuple[list[Finding], list[Finding]]:
        """The violated MUSTs that the profile does not expect: of agents of ours that are not under test, and the
        others."""
        expected = self.folder.run.expected_deviations
        bad = [
            f
            for f in _findings(judged)
            if f.verdict is Verdict.FAIL and f.level is Level.MUST and f.check and f.check.id not in expected
        ]
        return [f for f in bad if f.side is Side.SUITE], [f for f in bad if f.side is not Side.SUITE]

    def _result(self, item: pytest.Function, stage: Stage) -> ScenarioResult:
        path = Path(item.path)
        rows = [row for mark in item.iter_markers("rows") for row in mark.args]
        return ScenarioResult(
            f"{path.parent.name}/{item.name}",
            title=item.name.removeprefix("test_").replace("_", " "),
            story=flowing(item.obj.__doc__ or ""),
            feature=path.parent.name,
            rows=rows,
            capture=str(stage.lab.capture.relative_to(self.folder.path)),
            reproduce=again(item, self.options),
        )

    def exit_code(self, any_failed: bool) -> int:
        """DESIGN: 0 all well, 1 a violation, 2 could not judge. What failed beside the scenarios (a plain test, a
        fixture) counts as a violation where nothing else does."""
        run = self.folder.run
        code = (run.exit_code if run.scenarios or run.interrupted else 0) or int(any_failed)
        return NOT_JUDGED if self.trouble and code == 0 else code

    def summary(self) -> Iterator[str]:
        yield from summary(self.folder.run)
        if self.trouble:
            where = self.trouble.filename or self.folder.path
            yield f"not everything could be written: {where}: {self.trouble.strerror or self.trouble}"
        if (report := self.folder.path / "report.html").is_file():
            yield f"report: {report}"

    def close(self, *, interrupted: bool = False) -> None:
        """Writes what there is. What cannot be written is told in the summary."""
        try:
            self.folder.close(interrupted=interrupted or self.trouble is not None)
        except OSError as error:
            self.trouble = self.trouble or error


def _findings(judged: list[Judged]) -> Iterator[Finding]:
    return (finding for _, judgement in judged for finding in judgement.findings)


def _failed(judged: list[Judged]) -> dict[str, bool]:
    """The checks that failed, each with whether it is a MUST."""
    failed: dict[str, bool] = {}
    for found in _findings(judged):
        if found.verdict is Verdict.FAIL and found.check:
            failed[found.check.id] = failed.get(found.check.id, False) or found.level is Level.MUST
    return failed


def _something(trace: Trace, judgement: Judgement) -> bool:
    return bool(trace.messages or judgement.passed or judgement.findings)


def arrangement(settings: LabSettings) -> Arrangement:
    """Who of the two sides is ours, for the report."""
    remote_phones = any(phone.kind != "own" for phone in settings.phones.values())
    remote_server = settings.server.kind == "remote"
    if settings.under_test == "none":
        return Arrangement.WATCHED if remote_server or remote_phones else Arrangement.BOTH_OURS
    if settings.under_test == "phone" or (settings.under_test == "both" and remote_phones):
        return Arrangement.PHONE_UNDER_TEST
    if settings.under_test == "server" or remote_server:
        return Arrangement.SERVER_UNDER_TEST
    return Arrangement.BOTH_OURS


def _device(settings: LabSettings) -> str:
    remote = [f"{name} driven at {p.control}" for name, p in settings.phones.items() if p.kind == "remote"]
    programs = [f"{name}: {p.kind}" for name, p in settings.phones.items() if p.kind not in ("own", "remote")]
    server = [f"server at {settings.server.address}"] if settings.server.kind == "remote" else []
    return ", ".join([*server, *remote, *programs]) or "our own reference agents"


def environment(settings: LabSettings) -> dict[str, str]:
    """What a reader of the report must know to run it again."""
    return {
        "sipconform": __version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "network": settings.network,
        "transport": f"{settings.transport} over IPv{settings.ip}",
        "seed": str(settings.seed),
    }
