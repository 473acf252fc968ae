"""What a comparison found, in words: for the page of comparisons and for a scenario beside its reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sipconform.checks.catalogue import Level
from sipconform.compare.difference import Comparison, Difference
from sipconform.report.captions import in_words
from sipconform.report.legible import counted, in_frames, shortened
from sipconform.trace.trace import WireMessage


def kind_of(comparison: Comparison) -> str:
    """What it is worth, as a kind of verdict: a difference, no proof of anything, or none that counts."""
    if comparison.differences and not comparison.doubted:
        return "fail"
    return "inconclusive" if comparison.differences or comparison.reservations else "pass"


def in_short(comparison: Comparison) -> str:
    """ "3 differences (1 MUST, 2 SHOULD)", "no difference counts"."""
    if not comparison.differences:
        return "not all could be compared" if comparison.reservations else "no difference counts"
    levels = ", ".join(f"{count} {level}" for level, count in sorted(levels_of(comparison).items(), key=_weight))
    doubt = ", which prove nothing" if comparison.doubted else ""
    return f"{counted(len(comparison.differences), 'difference')} ({levels}){doubt}"


def _weight(counted_level: tuple[Level, int]) -> int:
    return list(Level).index(counted_level[0])


def levels_of(comparison: Comparison) -> Counter[Level]:
    """How many differences of each level."""
    return Counter(found.level for found in comparison.differences if found.level is not None)


def gist(message: WireMessage | None) -> str:
    """What a row shows of a message: method and topic, or status, and what is said of appearances."""
    if message is None:
        return ""
    return shortened(in_words(message), 110)


def place(message: WireMessage) -> str:
    """Where a message stands in its capture."""
    return in_frames(message.packet.frames).strip(" ()")


def in_time(differences: Sequence[Difference]) -> list[Difference]:
    """As they came up: the first is most often the cause of those after it."""

    def when(found: Difference) -> float:
        first = found.of_reference or found.of_run
        return first.number if first is not None else -1

    return sorted(differences, key=when)


def ignored_by(comparison: Comparison) -> list[tuple[str, int]]:
    """The rules that ignored something, the one that did most first."""
    return Counter(found.rule for found in comparison.ignored).most_common()
