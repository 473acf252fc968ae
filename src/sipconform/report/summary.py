"""What a run tells at the terminal: whose fault first, then how much was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sipconform.checks.catalogue import Level, Side, Verdict
from sipconform.report.legible import counted, legible
from sipconform.report.model import Run, ScenarioResult
from sipconform.report.secrets import Mask

NAMED = 3
"""Scenarios of one fate that are named; more are counted."""


def summary(run: Run) -> Iterator[str]:
    """Every scenario that did not pass, those of one fate together; then the counts."""
    mask = Mask(run.secrets)
    fates: dict[tuple[Verdict | None, str], list[str]] = {}
    for result in run.scenarios:
        if result.verdict is not Verdict.PASS:
            fates.setdefault((result.verdict, result.sentence), []).append(result.title or result.id)
    for (verdict, sentence), titles in fates.items():
        yield legible(mask.text(f"{verdict}: {_names(titles)}: {'; '.join(sentence.splitlines())}"))
    yield from unexpected(run)
    if run.scenarios:
        yield counts(run)


def unexpected(run: Run) -> Iterator[str]:
    """Why a run fails in which nothing failed."""
    for check in run.unexpected_passes:
        reason = run.expected_deviations[check].rstrip(".")
        yield f"unexpected pass: {check}, which the profile expects to fail ({reason}): the profile is out of date"


def _names(titles: list[str]) -> str:
    more = len(titles) - NAMED
    return ", ".join(titles[:NAMED]) + (f" and {more} more" if more > 0 else "")


def counts(run: Run) -> str:
    """How it ended and how much was asked, in one line."""
    verdicts = Counter(str(result.verdict) for result in run.scenarios)
    asked: Counter[str] = Counter()
    for result in run.scenarios:
        asked += Counter(result.passed)
    messages, passed = sum(result.messages for result in run.scenarios), asked.total()
    told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    if not messages and not asked and not any(result.tally for result in run.scenarios):
        return f"{told}; no message was seen, and nothing was judged"
    seen = f"{counted(messages, 'message')}; {counted(len(asked), 'check')} passed {counted(passed, 'time')}"
    return f"{told}; {seen}; {_violations(run.scenarios)}"


def _violations(results: list[ScenarioResult]) -> str:
    failed: Counter[Level | None] = Counter()
    for result in results:
        for told, count in result.tally.items():
            theirs = told.side is not Side.SUITE or told.level is not Level.MUST
            failed[told.level] += count * (told.verdict is Verdict.FAIL and not told.expected and theirs)
    lesser = ", ".join(f"{failed[level]:,} × {level}" for level in Level if level is not Level.MUST and failed[level])
    times = counted(failed[Level.MUST], "time")
    must = f"a MUST was violated {times}" if failed[Level.MUST] else "no MUST was violated"
    ours = sorted(set().union(*(result.own_failings for result in results)))
    noted = f" ({lesser} noted)" if lesser else ""
    return f"{must} by a device{noted}; our own agents violate {', '.join(ours)}" if ours else must + noted


def failed_checks(result: ScenarioResult) -> str:
    """The checks that failed, by level: "MUST SIP-015; SHOULD SUB-008, SCA-108"; expected deviations left out."""
    failed = {(t.level, t.check) for t in result.tally if t.verdict is Verdict.FAIL and not t.expected}
    rows = ((level, sorted(check for of, check in failed if of is level)) for level in Level)
    return "; ".join(f"{level} {', '.join(checks)}" for level, checks in rows if checks)
