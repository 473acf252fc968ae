"""What a section shows of a defect: the rules it breaks, what was seen, where else, and whose it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sipconform.checks.catalogue import Check, Level, Verdict
from sipconform.report.defects import Judged, Place, places
from sipconform.report.evidence import Evidence, Shown
from sipconform.report.legible import flowing, seen
from sipconform.report.model import Defect, Line, ScenarioResult
from sipconform.report.raw import Marked, excerpt_html
from sipconform.report.secrets import Mask


class Rule(NamedTuple):
    """One check that a defect does not satisfy."""

    line: Line
    asks: str
    explained: str  # why the rule exists and which freedom it leaves
    expected: str
    observed: str


class Spot(NamedTuple):
    """Where a defect shows."""

    shown: Shown | None
    frames: tuple[int, ...]
    observed: str


@dataclass(frozen=True, slots=True)
class Card:
    """One defect of a scenario."""

    defect: Defect
    rules: Sequence[Rule]  # the one that weighs most first
    spots: Sequence[Spot]
    seen: str  # "6 NOTIFYs"
    more: int  # places that are in findings.jsonl only
    excerpt: str  # HTML
    parties: Sequence[tuple[str, str]]  # address and product of everybody who shows it

    @property
    def lead(self) -> Rule:
        return self.rules[0]

    @property
    def differing(self) -> bool:
        """Whether the places were not all told in the same words."""
        return len({spot.observed for spot in self.spots}) > 1


def cards(checks: Mapping[str, Check], result: ScenarioResult, evidence: Evidence, mask: Mask) -> list[Card]:
    """The defects of a scenario, what counts against a device first."""
    together: dict[Defect, list[Place]] = {}
    for place in places(zip(result.shown, result.findings, strict=False)):
        together.setdefault(place.defect._replace(party=None), []).append(place)
    made = [_card(checks, result, evidence, mask, alike) for alike in together.values()]
    return sorted(made, key=lambda card: _rank(card.defect))


def _rank(defect: Defect) -> tuple[bool, int, int]:
    verdicts, levels = (Verdict.FAIL, Verdict.INCONCLUSIVE), list(Level)
    verdict = verdicts.index(defect.verdict) if defect.verdict in verdicts else len(verdicts)
    return not defect.counts_against, verdict, levels.index(defect.level or Level.INFO)


def _card(
    checks: Mapping[str, Check], result: ScenarioResult, evidence: Evidence, mask: Mask, alike: Sequence[Place]
) -> Card:
    defect, first = alike[0].defect, alike[0].judged
    kinds: Counter[str] = Counter()
    for one in dict.fromkeys(place.defect for place in alike):
        kinds += result.defects.get(one) or Counter(place.kind for place in alike if place.defect == one)
    parties = dict.fromkeys(place.defect.party for place in alike if place.defect.party)
    return Card(
        defect,
        list(_rules(checks, first)),
        sorted((_spot(evidence, place) for place in alike), key=lambda spot: spot.frames),
        seen(kinds),
        kinds.total() - len(alike),
        _excerpt(first[0], mask),
        [(party, result.products.get(party, "")) for party in parties],
    )


def _rules(checks: Mapping[str, Check], judged: Sequence[Judged]) -> Iterator[Rule]:
    """Each check once; what was already said is not said again."""
    said: set[str] = set()
    for id_ in dict.fromkeys(line.check for line, _ in judged):
        lines = [line for line, _ in judged if line.check == id_]
        expected, observed = (
            "\n".join(text for text in dict.fromkeys(texts) if text and text not in said)
            for texts in ([line.expected for line in lines], [line.observed for line in lines])
        )
        said |= {text for line in lines for text in (line.expected, line.observed)}
        check = checks.get(id_ or "")
        asks = check.asks if check else "what the scenario expects"
        yield Rule(lines[0], asks, flowing(check.explanation) if check else "", expected, observed)


def _spot(evidence: Evidence, place: Place) -> Spot:
    line, finding = place.judged[0]
    frames = sorted({frame for one, _ in place.judged for frame in one.frames})
    return Spot(evidence.of(finding.of), tuple(frames), line.observed)


def _excerpt(judged: Judged, mask: Mask) -> str:
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2, paid only when a report is written

    line, finding = judged
    if finding.of is None or finding.at is None:
        return ""
    return Markup(excerpt_html(mask.raw(finding.of.raw), Marked(finding.at, line.check or "")))
