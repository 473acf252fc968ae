"""reports/history.sqlite: every run's outcome, so that a report can say what changed since the last one."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sipconform.report.model import Run
from sipconform.report.secrets import Mask

_TABLES = """
CREATE TABLE IF NOT EXISTS run (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, started TEXT NOT NULL, command TEXT NOT NULL,
    profile TEXT NOT NULL, arrangement TEXT NOT NULL, device TEXT NOT NULL, exit_code INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS outcome (
    run INTEGER NOT NULL REFERENCES run(number), subject TEXT NOT NULL, check_id TEXT NOT NULL,
    verdict TEXT NOT NULL, level TEXT NOT NULL, count INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS outcome_of_run ON outcome(run);
CREATE INDEX IF NOT EXISTS run_by_kind ON run(profile, arrangement, device);
"""
UNJUDGED = ("could-not-run", "not-supported", "not-applicable", "inconclusive")
Failures = dict[str, set[str]]  # subject (scenario or capture): checks that failed; "" is its own verdict


@dataclass(slots=True)
class Since:
    """What changed since the last comparable run: same profile, arrangement and device."""

    id: str
    started: datetime
    new: list[tuple[str, str]] = field(default_factory=list)  # (subject, check), check "" for the verdict
    fixed: list[tuple[str, str]] = field(default_factory=list)
    unjudged: list[tuple[str, str]] = field(default_factory=list)  # failed then, neither failed nor passed now
    same: int = 0
    compared: int = 0  # scenarios that both runs have

    @property
    def sentence(self) -> str:
        """ "2 new failures, 1 fixed, 3 as before"."""
        if not self.compared:
            return "no scenario in common"
        if not (self.new or self.fixed or self.same or self.unjudged):
            return "no failure then, none now"
        unjudged = f", {len(self.unjudged)} not judged this time" if self.unjudged else ""
        return (
            f"{len(self.new)} new failure{'s' * (len(self.new) != 1)}, {len(self.fixed)} fixed, "
            f"{self.same} as before{unjudged}"
        )


class History:
    """The file of all runs. Raises `sqlite3.Error` where it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def since(self, run: Run) -> Since | None:
        """Compares with the latest run of the same kind that has a scenario in common; None if there is none."""
        now = failures(run)
        with self._open() as db:
            rows = db.execute(
                "SELECT number, id, started FROM run WHERE profile = ? AND arrangement = ? AND device = ?"
                " AND id != ? ORDER BY number DESC LIMIT 50",
                (run.profile, run.arrangement, run.device, run.id),
            ).fetchall()
            for number, id_, started in rows:
                then = _then(db, number)
                if then.keys() & now.keys():
                    return _compare(Since(id_, datetime.fromisoformat(started)), then, now, _passes(run))
        return None

    def append(self, run: Run) -> None:
        """Adds the run; one of the same id is replaced, for it wrote into the same folder."""
        with self._open() as db:
            for (number,) in db.execute("SELECT number FROM run WHERE id = ?", (run.id,)).fetchall():
                db.execute("DELETE FROM outcome WHERE run = ?", (number,))
                db.execute("DELETE FROM run WHERE number = ?", (number,))
            number = db.execute(
                "INSERT INTO run (id, started, command, profile, arrangement, device, exit_code)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (run.id, run.started.isoformat(), Mask(run.secrets).text(run.command), run.profile,
                 run.arrangement, run.device, run.exit_code),
            ).lastrowid  # fmt: skip
            db.executemany("INSERT INTO outcome VALUES (?, ?, ?, ?, ?, ?)", _rows(number or 0, run))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self.path, timeout=10)
        try:
            db.executescript(_TABLES)
            with db:
                yield db
        finally:
            db.close()


def failures(run: Run) -> Failures:
    """Who failed what, expected deviations not counted."""
    return {
        result.id: {told.check for told in result.tally if told.verdict == "fail" and not told.expected}
        | ({""} if result.verdict == "fail" else set())
        for result in run.scenarios
        if result.verdict not in UNJUDGED
    }


def _passes(run: Run) -> dict[str, set[str]]:
    """What was seen to pass: only that can have been fixed."""
    return {
        result.id: {told.check for told in result.tally if told.verdict == "pass"} | {""} for result in run.scenarios
    }


def _rows(number: int, run: Run) -> Iterator[tuple[int, str, str, str, str, int]]:
    for result in run.scenarios:
        yield number, result.id, "", str(result.verdict), "", 1
        counts: Counter[tuple[str, str, str]] = Counter()
        for told, count in result.tally.items():
            verdict = "expected-deviation" if told.expected else str(told.verdict)
            counts[told.check, verdict, str(told.level or "")] += count
        for (check, verdict, level), count in counts.items():
            yield number, result.id, check, verdict, level, count


def _then(db: sqlite3.Connection, number: int) -> Failures:
    then: Failures = {}
    rows = db.execute("SELECT subject, check_id, verdict FROM outcome WHERE run = ?", (number,)).fetchall()
    judged = {s for s, check, verdict in rows if not check and verdict not in UNJUDGED}
    for subject, check, verdict in rows:
        if subject in judged:
            then.setdefault(subject, set()).update([check] if verdict == "fail" else [])
    return then


def _compare(since: Since, then: Failures, now: Failures, passed: dict[str, set[str]]) -> Since:
    common = then.keys() & now.keys()
    since.compared = len(common)
    for subject in sorted(common):
        # a scenario's own verdict counts only where no check tells it
        before, after = (_telling(failed[subject]) for failed in (then, now))
        since.new += [(subject, check) for check in sorted(after - before)]
        for check in sorted(before - after):
            (since.fixed if check in passed[subject] else since.unjudged).append((subject, check))
        since.same += len(before & after)
    return since


def _telling(checks: set[str]) -> set[str]:
    return checks - {""} if len(checks) > 1 else checks
