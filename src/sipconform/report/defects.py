"""Defects: what several checks say of the same bytes, and what recurs from message to message, told once.

A malformed Subscription-State breaks a rule of RFC 6665 and one of the feature package, and does so in every NOTIFY.
Whoever has to mend it has one thing to mend.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sipconform.checks.catalogue import Finding, Level, Side, Verdict
from sipconform.report.model import Defect, Line, ScenarioResult
from sipconform.sip.fault import Span
from sipconform.sip.message import canonical_name
from sipconform.trace.trace import WireMessage

_LEVELS = list(Level)
_TOKEN = re.compile(rb"[A-Za-z0-9-]{1,40}")
Judged = tuple[Line, Finding]


class Place(NamedTuple):
    """One message, or one moment, in which a defect shows."""

    defect: Defect
    kind: str  # of message: "NOTIFY", "200 to INVITE"; "" for none
    judged: tuple[Judged, ...]  # in the order of `Defect.checks`


def places(judged: Iterable[Judged]) -> list[Place]:
    """The findings that stand on the same bytes of a message together, in the order of the first of each."""
    by_message: dict[tuple[int, str | None, Verdict, bool], list[Judged]] = {}
    for line, finding in judged:
        key = (id(finding.of or finding), line.party, line.verdict, line.deviation is not None)
        by_message.setdefault(key, []).append((line, finding))
    return [_place(together) for one in by_message.values() for together in _on_the_same_bytes(one)]


def _on_the_same_bytes(judged: Sequence[Judged]) -> list[list[Judged]]:
    found: list[tuple[Span | None, list[Judged]]] = []
    for line, finding in judged:
        span = _own_bytes(finding)
        for at, (other, together) in enumerate(found):
            if _is_said_again(together[0], (line, finding)) or _overlap(span, other):
                found[at] = (_around(span, other), [*together, (line, finding)])
                break
        else:
            found.append((span, [(line, finding)]))
    return [together for _, together in found]


def _overlap(one: Span | None, other: Span | None) -> bool:
    return bool(one and other and one.start < other.end and other.start < one.end)


def _around(one: Span | None, other: Span | None) -> Span | None:
    return Span(min(one.start, other.start), max(one.end, other.end)) if one and other else other


def _is_said_again(one: Judged, other: Judged) -> bool:
    """One check twice on the same bytes; where it points at none, in the same words."""
    same = one[0].check == other[0].check and one[1].at == other[1].at
    return same and (other[1].at is not None or one[0].observed == other[0].observed)


def _own_bytes(finding: Finding) -> Span | None:
    """The bytes by which a finding can be known to speak of what another one speaks of. The start line stands for
    whatever is missing, and a body may be wrong in many ways at once."""
    of, at = finding.of, finding.at
    if of is None or at is None or at.end <= at.start or at.start < of.start_span.end:
        return None
    return None if at.start <= of.body_start and at.end >= len(of.raw) > of.body_start else at


def _place(together: Sequence[Judged]) -> Place:
    ordered = tuple(sorted(together, key=lambda one: (_weight(one[0].level), one[0].check or "")))
    line, finding = ordered[0]
    defect = Defect(
        line.verdict,
        line.level,
        line.side,
        line.party,
        tuple(dict.fromkeys(one.check or "" for one, _ in ordered)),
        _part(finding),
        line.deviation is not None,
        line.counts_against,
        line.side_guessed,
    )
    return Place(defect, _kind(finding.of), ordered)


def _weight(level: Level | None) -> int:
    return _LEVELS.index(level) if level else -1


def _part(finding: Finding) -> str:
    of, at = finding.of, finding.at
    if of is None or at is None or at.start <= of.start_span.end:
        return ""
    if at.start >= of.body_start:
        return "body"
    return _name_of_row(of.raw, at.start)


def _name_of_row(raw: bytes, at: int) -> str:
    """The name of the header field that stands there. Asked of every finding, so without reading all rows."""
    start = raw.rfind(b"\n", 0, at) + 1
    while raw[start : start + 1] in (b" ", b"\t") and start > 1:  # the row goes on from the line before
        start = raw.rfind(b"\n", 0, start - 1) + 1
    name, colon, _ = raw[start : start + 60].partition(b":")
    return canonical_name(name) if colon and _TOKEN.fullmatch(name) else "header"


def _kind(message: WireMessage | None) -> str:
    if message is None or not message.method.isascii() or len(message.method) > 20:
        return "message" if message is not None else ""
    if message.is_response:
        return f"{message.status} to {message.method}" if message.method else str(message.status)
    return message.method or "message"


# -- of a whole run -----------------------------------------------------------------------------------------


class Broken(NamedTuple):
    """A defect over all scenarios in which one device shows it."""

    defect: Defect
    product: str  # what the device calls itself, if it does
    parties: tuple[str, ...]
    kinds: Counter[str]
    chapters: tuple[int, ...]  # of the scenarios, counted from 1


def broken(results: Sequence[ScenarioResult]) -> list[Broken]:
    """What failed and was not expected, MUSTs first, then what is seen in the most scenarios."""
    found: dict[tuple[Side | None, str, tuple[str, ...], str], Broken] = {}
    for chapter, result in enumerate(results, 1):
        for defect, kinds in result.defects.items():
            if defect.verdict is not Verdict.FAIL or defect.expected or not defect.checks[0]:
                continue
            product = result.products.get(defect.party or "", "")
            device = product or (defect.party or "").rpartition(":")[0]
            key = (defect.side, device, defect.checks, defect.part)
            held = found.get(key) or Broken(defect, product, (), Counter(), ())
            parties = tuple(dict.fromkeys([*held.parties, *([defect.party] if defect.party else [])]))
            chapters = tuple(dict.fromkeys([*held.chapters, chapter]))
            found[key] = held._replace(parties=parties, chapters=chapters, kinds=held.kinds + kinds)
    return sorted(found.values(), key=lambda one: (_weight(one.defect.level), -len(one.chapters), one.defect.checks))
