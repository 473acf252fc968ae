"""report.html: one self-contained file that opens from disk, asks nobody for anything and works without script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sipconform.checks.catalogue import Level, Verdict
from sipconform.report.cards import Card, cards
from sipconform.report.defects import broken
from sipconform.report.evidence import gather
from sipconform.report.glossary import families
from sipconform.report.headline import headline, title
from sipconform.report.history import Since
from sipconform.report.ladder import PAGE, Ladder
from sipconform.report.legible import seen
from sipconform.report.model import Run, ScenarioResult
from sipconform.report.products import products
from sipconform.report.raw import raw_html
from sipconform.report.secrets import Mask
from sipconform.report.shell import rendered, script, script_hash
from sipconform.report.words import has_words
from sipconform.trace.packet import Observation

ROOM = 12_000_000
"""Characters of all sections together; sections after that come without ladder and messages, unless they failed."""

_WORST = (Verdict.FAIL, Verdict.COULD_NOT_RUN, Verdict.INCONCLUSIVE, Verdict.NOT_SUPPORTED, Verdict.NOT_APPLICABLE)


class Cell(NamedTuple):
    """One requirement row in the matrix, with the worst verdict of its scenarios and where that is."""

    row: str
    verdict: Verdict
    chapter: int
    title: str


def page(run: Run, sections: Sequence[str], since: Since | None, mask: Mask) -> str:
    """The whole file. `sections` as `section` gave them, in the order of `run.scenarios`."""
    from markupsafe import Markup  # noqa: PLC0415 - jinja2 costs 100 ms, paid only when a report is written

    offences = broken(run.scenarios)
    asked = {told for result in run.scenarios for told in result.tally}
    return rendered(
        "report.html",
        mask,
        run=run,
        since=since,
        sections=[Markup(section) for section in sections],
        verdicts=Counter(result.verdict for result in run.scenarios),
        levels=_levels(run),
        matrix=_matrix(run),
        offences=offences,
        unjudged=[(i, r) for i, r in enumerate(run.scenarios, 1) if r.verdict in _UNJUDGED],
        deviations=_deviations(run),
        title=title(run),
        products=products(run),
        families=families(told.check for told in asked if told.verdict is not Verdict.NOT_APPLICABLE),
        headline=headline(run, offences),
        asked=[run.checks[name] for name in sorted({n for r in run.scenarios for n in r.passed}) if name in run.checks],
        script=Markup(script()),
        script_hash=script_hash(),
    )


def section(run: Run, result: ScenarioResult, index: int, used: int, mask: Mask) -> str:
    """One scenario's chapter; `used` is how many characters the chapters before it took."""
    from markupsafe import Markup  # noqa: PLC0415

    full = used < (2 * ROOM if result.failed or result.failing() else ROOM)
    evidence = gather(result.traces if full else [], result.findings, f"s{index}", result.messages)
    ladder = Ladder(evidence, mask.text)
    told = cards(run.checks, result, evidence, mask)
    return rendered(
        "section.html",
        mask,
        run=run,
        result=result,
        index=index,
        evidence=evidence,
        pages=[Markup(drawn) for drawn in ladder.pages()],
        legend=[(Markup(marker), Markup(text)) for marker, text in ladder.legend()],
        cards=told,
        not_shown=_not_shown(result, told),
        raw={one.anchor: Markup(raw_html(mask.raw(one.message.raw), one.marks)) for one in evidence.shown},
        full=full,
        leads={card.spots[0].shown.anchor for card in told if card.spots[0].shown},
        open_pages={(one.number - 1) // PAGE for one in evidence.shown if one.findings} or {0},
        anchor_of=evidence.anchor_in_frame,
        quiet=sorted(told.check for told in result.tally if told.verdict is Verdict.NOT_APPLICABLE),
        observations=[o for o in _said([*result.observations, *evidence.observations]) if not has_words(o)],
    )


def _not_shown(result: ScenarioResult, told: Sequence[Card]) -> list[tuple[str, str]]:
    """Defects for which there was no room at all: their checks, and where they were seen."""
    shown = {card.defect._replace(party=None) for card in told}
    hidden = ((d, kinds) for d, kinds in result.defects.items() if d._replace(party=None) not in shown)
    return [(", ".join(defect.checks), seen(kinds)) for defect, kinds in hidden]


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


def _deviations(run: Run) -> list[tuple[str, str, int]]:
    """What the profile expects to fail: check, reason, how often it did."""
    counts: Counter[str] = Counter()
    for result in run.scenarios:
        for told, count in result.tally.items():
            counts[told.check] += count * told.expected
    return [(check, reason, counts[check]) for check, reason in sorted(run.expected_deviations.items())]
