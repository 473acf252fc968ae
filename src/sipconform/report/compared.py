"""comparison.html and differences.jsonl: runs beside their references, every difference with its rule."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sipconform.compare.difference import Comparison, Difference, Row
from sipconform.report.differences import in_short, kind_of, levels_of
from sipconform.report.legible import legible, shortened
from sipconform.report.raw import raw_html
from sipconform.report.secrets import Mask
from sipconform.report.shell import rendered
from sipconform.trace.trace import WireMessage

SHOWN_ROWS = 1200
"""Rows of one comparison whose messages are in the page; beyond that only rows with differences show them."""
LONGEST_VALUE = 2_000
SCHEMA = 1
_KINDS = ("fail", "inconclusive", "pass")


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
        headline=_headline(chapters),
        overview=sorted(enumerate(chapters, 1), key=lambda item: _KINDS.index(kind_of(item[1].comparison))),
        raw=lambda row, message: _raw(row, message, mask),
        wide=[sum(len(pair.rows) for pair in chapter.comparison.pairs) > SHOWN_ROWS for chapter in chapters],
        counting=counting,
        ignoring=ignoring,
    )


def _headline(chapters: Sequence[Chapter]) -> tuple[str, str]:
    """The kind of verdict that colours it, and the sentence."""
    kinds = [kind_of(chapter.comparison) for chapter in chapters]
    kind = next(kind for kind in _KINDS if kind in kinds)
    if len(chapters) == 1:
        said = in_short(chapters[0].comparison)
        return kind, said[:1].upper() + said[1:] + "."
    differ, unsure = kinds.count("fail"), kinds.count("inconclusive")
    which = f"{differ:,} of {len(chapters):,} captures differ from their references"
    said = which if differ else "No difference counts"
    return kind, said + (f"; {unsure:,} could not all be compared." if unsure else ".")


def counting(row: Row) -> list[Difference]:
    return [found for found in row.differences if not found.ignored]


def ignoring(row: Row) -> list[Difference]:
    return [found for found in row.differences if found.ignored]


def _raw(row: Row, message: WireMessage | None, mask: Mask) -> object:
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2, paid only when a page is written

    return Markup(raw_html(mask.raw(message.raw))) if message is not None else ""
