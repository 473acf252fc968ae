"""The other half of every typed view: what was wrong with the bytes, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Span(NamedTuple):
    """A half-open range of byte offsets into `Message.raw`."""

    start: int
    end: int


NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a part of a message could not be read. Falsy, so `if view:` asks whether it could.

    `rule` says in a few words what the grammar wanted, `span` where it did not get it.
    """

    rule: str
    span: Span = NOWHERE

    def __bool__(self) -> Literal[False]:
        return False

    def placed(self, span: Span) -> Fault:
        """The same fault found elsewhere: a view reads a value, its message knows where that stands."""
        return Fault(self.rule, span)
