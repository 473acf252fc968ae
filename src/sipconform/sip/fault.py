"""The other half of every typed view: what was wrong with the bytes, and where."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """A half-open range of byte offsets into `Message.raw`."""

    start: int
    end: int


class Fault(NamedTuple):
    """Why a part of a message could not be read. Falsy, so `if view:` asks whether it could.

    `rule` says in a few words what the grammar wanted, `span` where it did not get it.
    """

    rule: str
    span: Span = Span(0, 0)

    def __bool__(self) -> bool:
        return False
