"""What a capture cannot show: what came before it when it begins in the middle, what came after a cut."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sipconform.compare.difference import Comparison, Difference, Row
from sipconform.compare.story import Story
from sipconform.trace.trace import WireMessage

_HANGS_ON_THE_BEGINNING = re.compile(r"«[^»]*»|(?<=sip:)[^@\s]*(?=@)|(?<=sips:)[^@\s]*(?=@)|(?<=expires=)[0-9]+")
Side = Callable[[Row | Difference], WireMessage | None]


def of_run(place: Row | Difference) -> WireMessage | None:
    """The run's message of a row or a difference."""
    return place.run if isinstance(place, Row) else place.of_run


def of_reference(place: Row | Difference) -> WireMessage | None:
    """The reference's message of a row or a difference."""
    return place.reference if isinstance(place, Row) else place.of_reference


def leave_open(result: Comparison, story: Story, own: Side, other: Side) -> None:
    """Accuses nobody of what only the other side has, where this story could not have it: before the first message
    of a capture that shows the middle of a conversation, after the last one of a capture that was cut."""
    met = [message.number for message in _met(result, own, other)]
    first = min(met, default=0) if any(not c.began_here for c in story.conversations) else -1
    last = max(met, default=-1) if any(note.code == "truncated" for note in story.trace.notes) else None

    def told(found: Difference) -> Difference:
        lone = other(found) if own(found) is None and not found.ignored else None
        if lone is not None and lone.number < first:
            return found._replace(rule="before-the-capture", level=None)
        if lone is not None and last is not None and lone.number > last:
            return found._replace(rule="after-the-capture", level=None)
        return found

    every = [told(found) for found in result.differences]
    result.differences = [found for found in every if not found.ignored]
    result.ignored += [found for found in every if found.ignored]
    for pair in result.pairs:
        pair.rows = [row._replace(differences=tuple(map(told, row.differences))) for row in pair.rows]


def same_but_for_the_unseen(run: str, reference: str) -> bool:
    """Whether two meanings differ only in what the beginning of the conversation would have told: who is who, where
    an identifier came up, what was granted."""
    return _HANGS_ON_THE_BEGINNING.sub("", run) == _HANGS_ON_THE_BEGINNING.sub("", reference)


def _met(result: Comparison, own: Side, other: Side) -> Iterator[WireMessage]:
    """The other side's messages that have a counterpart."""
    for pair in result.pairs:
        for row in pair.rows:
            message = other(row)
            if message is not None and own(row) is not None:
                yield message
