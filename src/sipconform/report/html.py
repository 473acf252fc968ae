"""report.html: one self-contained file that opens from disk, asks nobody for anything and works without script."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sipconform.checks.catalogue import Level, Verdict
from sipconform.report.evidence import Evidence, Shown, facts_of, gather
from sipconform.report.history import Since
from sipconform.report.ladder import Ladder
from sipconform.report.legible import flowing, legible
from sipconform.report.model import Line, Run, ScenarioResult
from sipconform.report.raw import Marked, excerpt_html, raw_html
from sipconform.report.secrets import Mask
from sipconform.shipped import shipped
from sipconform.trace.packet import Observation

if TYPE_CHECKING:
    from jinja2 import Environment

ROOM = 24_000_000
"""Characters of all sections together; sections after that come without ladder and messages, unless they failed."""

SYMBOLS = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_SUPPORTED: "⊘",
    Verdict.NOT_APPLICABLE: "–",
    Verdict.COULD_NOT_RUN: "!",
}
_WORST = (Verdict.FAIL, Verdict.COULD_NOT_RUN, Verdict.INCONCLUSIVE, Verdict.NOT_SUPPORTED, Verdict.NOT_APPLICABLE)


@dataclass(slots=True)
class Told:
    """A finding as the section shows it: its line, the message it stands on, the bytes that offend."""

    line: Line
    asks: str
    why: str
    shown: Shown | None
    excerpt: str  # HTML


class Cell(NamedTuple):
    """One requirement row in the matrix, with the worst verdict of its scenarios and where that is."""

    row: str
    verdict: Verdict
    chapter: int
    title: str


def page(run: Run, sections: Sequence[str], since: Since | None, mask: Mask) -> str:
    """The whole file. `sections` as `section` gave them, in the order of `run.scenarios`."""
    from markupsafe import Markup  # noqa: PLC0415 - jinja2 costs 100 ms, paid only when a report is written

    return rendered(
        "report.html",
        mask,
        run=run,
        since=since,
        sections=[Markup(section) for section in sections],
        verdicts=Counter(result.verdict for result in run.scenarios),
        levels=_levels(run),
        matrix=_matrix(run),
        offences=_offences(run),
        unjudged=[(i, r) for i, r in enumerate(run.scenarios, 1) if r.verdict in _UNJUDGED],
        deviations=_deviations(run),
        headline=_headline(run),
        asked=[run.checks[name] for name in sorted({n for r in run.scenarios for n in r.passed}) if name in run.checks],
        script=Markup(_script()),
        script_hash=_script_hash(),
    )


def section(run: Run, result: ScenarioResult, index: int, used: int, mask: Mask) -> str:
    """One scenario's chapter; `used` is how many characters the chapters before it took."""
    from markupsafe import Markup  # noqa: PLC0415

    full = used < (2 * ROOM if result.failed or result.failing() else ROOM)
    evidence = gather(result.traces if full else [], result.findings, f"s{index}", result.messages)
    ladder = Ladder(evidence, mask.text)
    told = [_told(run, line, finding_at, evidence, mask) for line, finding_at in _paired(result)]
    return rendered(
        "section.html",
        mask,
        run=run,
        result=result,
        index=index,
        evidence=evidence,
        pages=[Markup(drawn) for drawn in ladder.pages()],
        legend=[(Markup(marker), Markup(text)) for marker, text in ladder.legend()],
        groups=_alike(told),
        not_shown=_not_shown(result),
        raw={one.anchor: Markup(raw_html(mask.raw(one.message.raw), one.marks)) for one in evidence.shown},
        full=full,
        quiet=sorted(told.check for told in result.tally if told.verdict is Verdict.NOT_APPLICABLE),
        observations=_said([*result.observations, *evidence.observations]),
    )


def _paired(result: ScenarioResult) -> list[tuple[Line, Any]]:
    """Lines with their findings, both kept in the same order; the scenario's own line comes last, without one."""
    order = {Verdict.FAIL: 0, Verdict.INCONCLUSIVE: 1}
    pairs = list(zip(result.shown, result.findings, strict=False))
    return sorted(pairs, key=lambda pair: (not pair[0].counts_against, order.get(pair[0].verdict, 2),
                                           list(Level).index(pair[0].level or Level.INFO)))  # fmt: skip


def _alike(told: Sequence[Told]) -> list[list[Told]]:
    """Findings of one check against one party together, in the order of the first of each."""
    groups: dict[tuple[str | None, str | None, Verdict], list[Told]] = {}
    for one in told:
        groups.setdefault((one.line.check, one.line.party, one.line.verdict), []).append(one)
    return list(groups.values())


def _told(run: Run, line: Line, finding: Any, evidence: Evidence, mask: Mask) -> Told:
    from markupsafe import Markup  # noqa: PLC0415

    excerpt = ""
    if finding.of is not None and finding.at is not None:
        excerpt = excerpt_html(mask.raw(finding.of.raw), Marked(finding.at, line.check or ""))
    check = run.checks.get(line.check or "")
    return Told(
        line,
        check.asks if check else "what the scenario expects",
        flowing(check.explanation) if check else "",
        evidence.of(finding.of),
        Markup(excerpt),
    )


def _not_shown(result: ScenarioResult) -> dict[str, int]:
    """How many findings of each check are in findings.jsonl only."""
    shown = Counter(line.check or "" for line in result.shown)
    total: Counter[str] = Counter()
    for told, count in result.tally.items():
        if told.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE):
            total[told.check] += count
    return {check: count - shown[check] for check, count in sorted(total.items()) if count > shown[check]}


def _said(observations: list[Observation]) -> list[Observation]:
    """Who is who is told anew with each party that comes: the last time says all of it."""
    superseded = {id(o) for o in [o for o in observations if o.kind == "lab"][:-1]}
    return [o for o in observations if id(o) not in superseded]


_UNJUDGED = (Verdict.COULD_NOT_RUN, Verdict.NOT_SUPPORTED, Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE)


def _levels(run: Run) -> list[tuple[Level, Counter[str]]]:
    """Counts of findings per level and verdict, expected deviations apart."""
    counts: dict[Level, Counter[str]] = {level: Counter() for level in Level}
    for result in run.scenarios:
        for told, count in result.tally.items():
            if told.level is not None:
                counts[told.level]["expected" if told.expected else told.verdict.value] += count
    return [(level, count) for level, count in counts.items() if count]


def _matrix(run: Run) -> dict[str, list[Cell]]:
    """Feature by requirement: the worst verdict of all scenarios that exercise the row."""
    matrix: dict[str, dict[str, Cell]] = {}
    for index, result in enumerate(run.scenarios, 1):
        verdict = result.verdict or Verdict.PASS
        for row in result.rows:
            cells = matrix.setdefault(result.feature or "other", {})
            held = cells.get(row)
            if held is None or _badness(verdict) < _badness(held.verdict):
                cells[row] = Cell(row, verdict, index, result.title or result.id)
    return {
        feature: sorted(cells.values(), key=lambda cell: (cell.row[:1], len(cell.row), cell.row))
        for feature, cells in sorted(matrix.items())
    }


def _badness(verdict: Verdict) -> int:
    return _WORST.index(verdict) if verdict in _WORST else len(_WORST)


def _offences(run: Run) -> list[tuple[Line, int, list[int]]]:
    """Each check that failed against each party, how often, and in which scenarios; MUSTs first."""
    found: dict[tuple[str | None, str | None], tuple[Line, list[int]]] = {}
    counts: Counter[tuple[str | None, str | None]] = Counter()
    for index, result in enumerate(run.scenarios, 1):
        for told, count in result.tally.items():
            counts[told.check, told.party] += count * (told.verdict is Verdict.FAIL and not told.expected)
        for line in result.shown:
            if line.verdict is Verdict.FAIL and line.check and line.deviation is None:
                where = found.setdefault((line.check, line.party), (line, []))[1]
                if index not in where:
                    where.append(index)
    rows = [(line, counts[key], where) for key, (line, where) in found.items()]
    return sorted(rows, key=lambda row: (list(Level).index(row[0].level or Level.INFO), row[0].check or ""))[:200]


def _deviations(run: Run) -> list[tuple[str, str, int]]:
    """What the profile expects to fail: check, reason, how often it did."""
    counts: Counter[str] = Counter()
    for result in run.scenarios:
        for told, count in result.tally.items():
            counts[told.check] += count * told.expected
    return [(check, reason, counts[check]) for check, reason in sorted(run.expected_deviations.items())]


def _headline(run: Run) -> tuple[Verdict, str]:
    if not run.scenarios:
        return Verdict.COULD_NOT_RUN, "Nothing was run."
    must = sum(result.failing() for result in run.scenarios)
    things = "capture" if all(result.bare for result in run.scenarios) else "scenario"
    bad = sum(result.failed or bool(result.failing()) for result in run.scenarios)
    if bad:
        counted = f"{bad} of {len(run.scenarios)} {things}{'s' * (len(run.scenarios) != 1)}"
        how_often = f"; a MUST was violated {must:,} time{'s' * (must != 1)}." if must else "."
        return Verdict.FAIL, f"{counted} failed{how_often}"
    if run.unexpected_passes:
        return Verdict.FAIL, "An expected deviation did not show: the profile is out of date."
    if run.exit_code == 2:
        return Verdict.INCONCLUSIVE, "No violation was seen, but not everything could be judged."
    return Verdict.PASS, "No MUST was violated."


# -- the shell ----------------------------------------------------------------------------------------------


def rendered(name: str, mask: Mask, **given: Any) -> str:
    """A template of `reports/templates` filled in, every value masked and made legible on its way."""
    # every expression passes through `finalize`: nothing reaches the page that was not masked and made legible
    environment = _environment().overlay(finalize=lambda value: _shown(value, mask))
    return environment.get_template(name).render(**given)


def _shown(value: object, mask: Mask) -> object:
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return legible(mask.text(str(value)))
    return "" if value is None else value


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(shipped("reports/templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(symbols=SYMBOLS, Verdict=Verdict, facts_of=facts_of)
    environment.filters["thousands"] = lambda number: f"{number:,}"
    return environment


@cache
def _script() -> str:
    return (shipped("reports/templates") / "report.js").read_text(encoding="utf-8")


def _script_hash() -> str:
    """For the page's own content security policy: this script and no other."""
    return base64.b64encode(hashlib.sha256(_script().encode()).digest()).decode()
