"""The run folder: what a scenario found is on disk before the next one begins."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from sipconform.checks.catalogue import Finding, Verdict
from sipconform.checks.judge import side_is_guessed
from sipconform.report import html
from sipconform.report.defects import places
from sipconform.report.history import History, Since
from sipconform.report.junit import junit
from sipconform.report.model import SCHEMA, Line, Run, ScenarioResult
from sipconform.report.products import learn_products
from sipconform.report.secrets import Mask
from sipconform.report.telling import Teller, conclude, told
from sipconform.trace.trace import Trace

STAMP = "%Y-%m-%d-%H%M%S"
"""How a run is named after the moment it began."""
SHOWN_PER_DEFECT = 10
"""Places of one defect that the report shows; findings.jsonl has all."""
SHOWN_FINDINGS = 300
CLEAN_MESSAGES, KEPT_MESSAGES = 1_200, 6_000
"""Messages kept for the ladder: from parts of a capture where nothing was found, and from all parts."""

_as_json = json.JSONEncoder(ensure_ascii=False).encode  # made once: there may be a line for every other message


class RunFolder:
    """Writes one run. Use it as a context: whatever happens inside, the report of what was done is written.

    `history` is the file of all runs, None for no comparison. Raises `OSError` where the folder cannot be written.
    """

    def __init__(self, path: Path, run: Run, history: Path | None = None) -> None:
        self.path = path
        self.run = run
        self.mask = Mask(run.secrets)
        self._teller = Teller(run.checks, run.expected_deviations, self.mask)
        self._history = History(history) if history is not None else None
        self._since: Since | None = None
        self._sections: list[str] = []
        self._unfinished: list[ScenarioResult] = []
        self._began = time.monotonic()
        self._closed = False
        (path / "captures").mkdir(parents=True, exist_ok=True)
        self._lines: TextIO = (path / "findings.jsonl").open("w", encoding="utf-8")
        self._write_run("running")

    @classmethod
    def begun(cls, run: Run, out: Path | None, reports: Path = Path("reports")) -> RunFolder:
        """The folder the user names, else one of the run's own below `reports`, with the history beside it."""
        path = out or new_folder(reports, run.started)
        path.mkdir(parents=True, exist_ok=True)
        beside, name = path.resolve().parent, path.resolve().name
        run.id = name if out is None else f"{run.started:{STAMP}} {name}"
        return cls(path, run, beside / "history.sqlite" if out is None or os.access(beside, os.W_OK) else None)

    # -- what a run hands in --------------------------------------------------------------------------------

    def capture_path(self, scenario: str) -> Path:
        """Where the capture of a scenario belongs: a plain file name whatever the scenario is called."""
        return self.path / "captures" / f"{file_name(scenario)}.pcapng"

    def take(self, result: ScenarioResult, trace: Trace, findings: Iterable[Finding], passed: dict[str, int]) -> None:
        """One part of a scenario's or capture's evidence, judged. Findings are written at once.

        Only what the report will show stays in memory: parts with findings first, clean ones while there is room.
        """
        if not result.taken:
            result.taken = True
            self._unfinished.append(result)
        for check, count in passed.items():
            result.passed[check] = result.passed.get(check, 0) + count
        kept = self._tell(result, findings, [trace])
        held = sum(len(part.messages) for part in result.traces)
        if held + len(trace.messages) <= (KEPT_MESSAGES if kept else CLEAN_MESSAGES) or not result.traces:
            result.traces.append(trace)
        result.findings += kept
        _see(result, trace)

    def add(self, result: ScenarioResult) -> None:
        """A scenario is over: writes its lines, draws its section, and lets go of its evidence."""
        if not result.taken:
            for trace in result.traces:
                _see(result, trace)
            result.findings = self._tell(result, result.findings, result.traces)
        if result.taken and not result.not_applicable:
            result.not_applicable = sorted(set(self.run.checks) - set(result.passed))
        for line in self._teller.quiet_lines(result):
            self._write(line)
            result.tally[told(line)] += line.count
        self._unfinished = [other for other in self._unfinished if other is not result]
        conclude(result, self.run.checks)
        if own := self._teller.own_line(result):
            self._write(own)
            result.shown.append(own)
        self._lines.flush()
        self._seal(result)
        self.run.scenarios.append(result)
        self._sections.append(html.section(self.run, result, len(self.run.scenarios), self._told_bytes(), self.mask))
        result.differs = len(result.beside.comparison.differences) if result.beside else 0
        result.traces, result.findings, result.beside = [], [], None
        self._write_run("running")

    def close(self, *, interrupted: bool = False) -> None:
        """Writes junit.xml, report.html and the history. A second call does nothing. What cannot be written does not
        keep the rest from being written: the first `OSError` is raised when all has been tried."""
        if self._closed:
            return
        self._closed = True
        trouble: list[OSError] = []
        for step in (self._break_off_all, self._lines.close, partial(self._conclude, interrupted), self._write_junit,
                     self._write_report, self._write_end):  # fmt: skip
            try:
                step()
            except OSError as error:
                trouble.append(error)
        if trouble:
            raise trouble[0]

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self.close()
            return
        if not isinstance(error, KeyboardInterrupt):
            self.run.notes.append(f"The run broke off: {kind.__name__ if kind else ''}: {error}")
        with suppress(OSError):  # why it broke off is told
            self.close(interrupted=True)

    # -- what is written ------------------------------------------------------------------------------------

    def _tell(self, result: ScenarioResult, findings: Iterable[Finding], traces: Sequence[Trace]) -> list[Finding]:
        """Writes the findings; gives back those that the report shows in full."""
        judged = [(self._line(f, result, traces), f) for f in findings if f.verdict is not Verdict.PASS]
        for line, _ in judged:
            self._write(line)
            result.tally[told(line)] += 1
        self._lines.flush()
        kept = []
        for place in places(judged):
            kinds = result.defects.setdefault(place.defect, Counter())
            kinds[place.kind] += 1
            room = SHOWN_FINDINGS * (2 if place.defect.counts_against else 1)
            if kinds.total() <= SHOWN_PER_DEFECT and len(result.shown) < room:
                result.shown += [line for line, _ in place.judged]
                kept += [finding for _, finding in place.judged]
        return kept

    def _line(self, finding: Finding, result: ScenarioResult, traces: Sequence[Trace]) -> Line:
        guessed = bool(traces) and all(side_is_guessed(trace, finding) for trace in traces)
        return self._teller.line(finding, result, guessed=guessed)

    def _write(self, line: Line) -> None:
        self._lines.write(_as_json(line.facts()) + "\n")

    def _write_run(self, status: str) -> None:
        facts = self.mask.facts(_facts(self.run, status))
        replace_file(self.path / "run.json", json.dumps(facts, ensure_ascii=False, indent=1).encode())

    def _break_off_all(self) -> None:
        for result in list(self._unfinished):
            self._break_off(result)

    def _break_off(self, result: ScenarioResult) -> None:
        """What was judged of it stays told; what it did not show by then, it did not show."""
        if not result.failing():
            result.verdict = Verdict.INCONCLUSIVE
            result.sentence = f"It broke off; no MUST was violated in the messages until then ({result.messages:,})."
        self.add(result)

    def _conclude(self, interrupted: bool) -> None:
        self.run.interrupted = self.run.interrupted or interrupted
        self.run.duration_s = self.run.duration_s or time.monotonic() - self._began
        self._since = self._compared()

    def _write_junit(self) -> None:
        replace_file(self.path / "junit.xml", junit(self.run))

    def _write_report(self) -> None:
        page = html.page(self.run, self._sections, self._since, self.mask)
        replace_file(self.path / "report.html", page.encode())

    def _write_end(self) -> None:
        self._write_run("interrupted" if self.run.interrupted else "done")

    def _told_bytes(self) -> int:
        return sum(map(len, self._sections))

    def _seal(self, result: ScenarioResult) -> None:
        """The hash of the capture, unless the caller gave one: the report may travel without it."""
        if not result.capture or result.capture_sha256:
            return
        for path in (self.path / result.capture, Path(result.capture)):
            if path.is_file():
                with path.open("rb") as file:
                    result.capture_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                return

    def _compared(self) -> Since | None:
        if self._history is None:
            return None
        try:
            since = self._history.since(self.run)
            self._history.append(self.run)
        except sqlite3.Error as error:  # the comparison is a comfort; the verdicts must be told without it
            self.run.notes.append(f"No comparison with earlier runs: {self._history.path}: {error}")
            return None
        return since


def _see(result: ScenarioResult, trace: Trace) -> None:
    """What of a part of the evidence is told even when it is not shown."""
    result.messages += len(trace.messages)
    result.notes += [note for note in trace.notes if note not in result.notes]
    result.times += [message.packet.time_ns for message in (*trace.messages[:1], *trace.messages[-1:])]
    result.times = [min(result.times), max(result.times)] if result.times else []
    learn_products(result, trace)


def _facts(run: Run, status: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "id": run.id,
        "status": status,
        "started": run.started.isoformat(),
        "duration_s": round(run.duration_s, 3),
        "command": run.command,
        "arrangement": run.arrangement,
        "profile": run.profile,
        "device": run.device,
        "exit_code": run.exit_code if status != "running" else None,
        "environment": run.environment,
        "notes": run.notes,
        "expected_deviations": run.expected_deviations,
        "unexpected_passes": run.unexpected_passes,
        "scenarios": [_scenario_facts(result) for result in run.scenarios],
    }


def _scenario_facts(result: ScenarioResult) -> dict[str, Any]:
    verdicts: Counter[str] = Counter()
    for kind, count in result.tally.items():
        verdicts[kind.verdict] += count
    return {
        "scenario": None if result.bare else result.id,
        "title": result.title,
        "feature": result.feature,
        "rows": result.rows,
        "verdict": result.verdict,
        "sentence": result.sentence,
        "duration_s": round(result.duration_s, 3),
        "messages": result.messages,
        "capture": result.capture,
        "sha256": result.capture_sha256,
        "reproduce": result.reproduce,
        "error": result.error,
        "deviation": result.deviation,
        "counts": dict(sorted(verdicts.items())),
        "notes": [note._asdict() for note in result.notes],
    }


def new_folder(reports: Path, started: datetime) -> Path:
    """A folder below `reports` for a run that begins now, and nobody else's. Raises `OSError`."""
    for number in itertools.count(1):
        path = reports / f"{started:{STAMP}}{f'-{number}' if number > 1 else ''}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if not path.exists():  # a file stands where a folder above it should be
                raise
        else:
            return path
    raise AssertionError("numbers do not end")


def file_name(text: str) -> str:
    """The text as a file name on every system: letters, digits, dot, dash and underscore, at most 120."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in text)
    return plain.strip(".-")[:120] or "unnamed"


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file so that a reader sees the old one or the new one, never a half."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
