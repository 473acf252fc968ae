"""What a comparison finds: differences that count, differences that do not, and what was laid beside what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sipconform.checks.catalogue import Level
from sipconform.compare.rules import COUNTING, IGNORING
from sipconform.trace.trace import WireMessage


class Difference(NamedTuple):
    """One place where run and reference are not the same.

    `what` names the place ("Subscription-State", "body audio direction"); `level` is None for what was ignored.
    A message is None on the side that lacks it.
    """

    rule: str
    level: Level | None
    what: str
    run: str
    reference: str
    of_run: WireMessage | None
    of_reference: WireMessage | None

    @property
    def ignored(self) -> bool:
        return self.level is None

    @property
    def because(self) -> str:
        """The rule in words."""
        return IGNORING[self.rule] if self.level is None else COUNTING[self.rule]


class Row(NamedTuple):
    """One message of each side, side by side; None where one has no counterpart."""

    run: WireMessage | None
    reference: WireMessage | None
    differences: tuple[Difference, ...] = ()


@dataclass(slots=True)
class Pair:
    """Two conversations laid beside each other: one Call-ID between two parties. `title` says who speaks to whom."""

    title: str
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Comparison:
    """The result. `reservations` say what could not be compared, and why; with any, silence is no proof.

    `doubted`: no difference is proof either, for the run may rightly be another than the reference.
    """

    pairs: list[Pair] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    ignored: list[Difference] = field(default_factory=list)
    reservations: list[str] = field(default_factory=list)
    doubted: bool = False

    def add(self, found: Difference) -> Difference:
        (self.ignored if found.ignored else self.differences).append(found)
        return found

    def doubt(self, why: str) -> None:
        """From now on the differences prove nothing."""
        self.doubted = True
        self.reservations.append(why)

    def at(self, *levels: Level) -> list[Difference]:
        """The differences of these levels."""
        return [difference for difference in self.differences if difference.level in levels]
