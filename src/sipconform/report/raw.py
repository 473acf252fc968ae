"""The raw bytes of a message as HTML: every octet visible, offending ones marked, nothing able to break out."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

from sipconform.report.legible import ISOLATE, ISOLATED, isolated, pieces
from sipconform.sip.fault import Span

RAW_LIMIT = 12_000
"""Bytes of one message that are shown; the capture has the rest."""


class Marked(NamedTuple):
    """Bytes to be marked, and why."""

    span: Span
    why: str


def raw_html(raw: bytes, marks: Sequence[Marked] = (), *, limit: int = RAW_LIMIT) -> str:
    """The message as HTML to stand in a `<pre>`; `raw` already masked.

    Shows the first `limit` bytes, or those around the first mark where that lies beyond.
    """
    marks = [mark for mark in marks if 0 <= mark.span.start <= len(raw)]
    first = min((mark.span.start for mark in marks), default=0)
    start = 0 if first < limit else first - limit // 4
    end = min(len(raw), start + limit)
    shown = "".join(_runs(raw, start, end, marks))
    before = _cut(start, "before") if start else ""
    after = _cut(len(raw) - end, "after") if end < len(raw) else ""
    return before + shown + after


def excerpt_html(raw: bytes, mark: Marked) -> str:
    """The lines that a mark touches, with the line before and after."""
    start = raw.rfind(b"\n", 0, max(0, raw.rfind(b"\n", 0, mark.span.start))) + 1
    stop = raw.find(b"\n", max(mark.span.start, mark.span.end - 1))
    stop = len(raw) if stop < 0 else stop + 1
    following = raw.find(b"\n", stop)
    stop = len(raw) if following < 0 else following + 1
    start, stop = max(start, mark.span.start - 600), min(stop, mark.span.end + 600)
    cut = Span(mark.span.start - start, mark.span.end - start)
    return raw_html(raw[start:stop], [Marked(cut, mark.why)], limit=1800).rstrip("\n")


def _cut(count: int, where: str) -> str:
    return f'<span class="cut">[{count:,} bytes {where} this are in the capture]</span>'


def _runs(raw: bytes, start: int, end: int, marks: Sequence[Marked]) -> list[str]:
    edges = {start, end}
    for span, _ in marks:
        edges |= {edge for edge in (span.start, max(span.end, span.start)) if start < edge < end}
    cuts, found = sorted(edges), []
    for left, right in pairwise(cuts):
        text = _visible(raw[left:right])
        whys = sorted({why for span, why in marks if span.start <= left and right <= span.end})
        found.append(f'<mark title="{escape(", ".join(whys))}">{text}</mark>' if whys else text)
    missing = sorted({why for span, why in marks if span.start >= span.end and start <= span.start <= end})
    if missing:  # an empty span says that something ought to stand there
        found.append(f'<mark class="missing" title="{escape(", ".join(missing))}">⟵ missing here</mark>')
    return found


def _visible(raw: bytes) -> str:
    text = raw.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    return "".join(
        f'<span class="esc">{escape(shown)}</span>' if is_escape else _right_way(escape(shown))
        for is_escape, shown in pieces(text)
    )


def _right_way(shown: str) -> str:
    """Words from right to left in an element that a copy of the text leaves behind."""
    return isolated(shown).replace(ISOLATE, "<bdi>").replace(ISOLATED, "</bdi>")
