"""comparison.html and differences.jsonl: runs beside their references, every difference with its rule."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sipconform.checks.catalogue import Level
from sipconform.compare.difference import Comparison, Difference, Row
from sipconform.compare.rules import COUNTING, IGNORING
from sipconform.report.captions import in_words
from sipconform.report.legible import in_frames, legible, shortened
from sipconform.report.raw import raw_html
from sipconform.report.secrets import Mask
from sipconform.report.shell import rendered
from sipconform.trace.trace import WireMessage

SHOWN_ROWS = 1200
"""Rows of one comparison whose messages are in the page; beyond that only rows with differences show them."""
LONGEST_VALUE = 2_000
SCHEMA = 1


class Chapter(NamedTuple):
    """One comparison with a name for its heading."""

    title: str
    run: str
    reference: str
    comparison: Comparison


def write_comparison(folder: Path, chapters: Sequence[Chapter]) -> Path:
    """Writes both files into the folder, which is made if need be, and gives the page's path. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    mask = Mask()
    with (folder / "differences.jsonl").open("w", encoding="utf-8") as lines:
        for chapter in chapters:
            for told in told_lines(chapter, mask):
                lines.write(json.dumps(told, ensure_ascii=False) + "\n")
    path = folder / "comparison.html"
    path.write_text(_page(chapters, mask), encoding="utf-8")
    return path


def told_lines(chapter: Chapter, mask: Mask) -> Iterator[dict[str, object]]:
    """One object for each difference, those that were ignored included."""
    comparison = chapter.comparison
    for found in (*comparison.differences, *comparison.ignored):
        yield {
            "schema": SCHEMA,
            "comparison": chapter.title,
            "level": found.level.value if found.level else None,
            "rule": found.rule,
            "ignored": found.ignored,
            "what": _said(found.what, mask),
            "run": _said(found.run, mask),
            "reference": _said(found.reference, mask),
            "frames": list(found.of_run.packet.frames) if found.of_run else [],
            "reference_frames": list(found.of_reference.packet.frames) if found.of_reference else [],
        }


def _said(text: str, mask: Mask) -> str:
    return shortened(legible(mask.text(text)), LONGEST_VALUE)


def _page(chapters: Sequence[Chapter], mask: Mask) -> str:
    return rendered(
        "comparison.html",
        mask,
        chapters=chapters,
        counts=[levels_of(chapter.comparison) for chapter in chapters],
        ignored=[Counter(found.rule for found in chapter.comparison.ignored) for chapter in chapters],
        headline=_headline(chapters),
        rules={**COUNTING, **IGNORING},
        gist=gist,
        place=place,
        in_time=in_time,
        raw=lambda row, message: _raw(row, message, mask),
        wide=[sum(len(pair.rows) for pair in chapter.comparison.pairs) > SHOWN_ROWS for chapter in chapters],
        counting=counting,
        ignoring=ignoring,
    )


def levels_of(comparison: Comparison) -> Counter[Level]:
    """How many differences of each level."""
    return Counter(found.level for found in comparison.differences if found.level is not None)


def _headline(chapters: Sequence[Chapter]) -> tuple[str, str]:
    """The kind of verdict that colours it, and the sentence."""
    comparisons = [chapter.comparison for chapter in chapters]
    if any(each.differences and not each.doubted for each in comparisons):
        return "fail", "There are differences."
    if any(each.differences for each in comparisons):
        return "inconclusive", "There are differences, and they prove nothing: see below."
    if any(each.reservations for each in comparisons):
        return "inconclusive", "Not all could be compared: see below."
    return "pass", "No difference counts."


def gist(message: WireMessage | None) -> str:
    """What a row shows of a message: method and topic, or status, and what is said of appearances."""
    if message is None:
        return ""
    return shortened(in_words(message), 110)


def place(message: WireMessage) -> str:
    """Where a message stands in its capture."""
    return in_frames(message.packet.frames).strip()


def in_time(differences: Sequence[Difference]) -> list[Difference]:
    """As they came up: the first is most often the cause of those after it."""

    def when(found: Difference) -> float:
        first = found.of_reference or found.of_run
        return first.number if first is not None else -1

    return sorted(differences, key=when)


def counting(row: Row) -> list[Difference]:
    return [found for found in row.differences if not found.ignored]


def ignoring(row: Row) -> list[Difference]:
    return [found for found in row.differences if found.ignored]


def _raw(row: Row, message: WireMessage | None, mask: Mask) -> object:
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2, paid only when a page is written

    return Markup(raw_html(mask.raw(message.raw))) if message is not None else ""
