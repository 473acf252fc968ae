"""Reports of states that pass before they can be told (RFC 6665 §4.2.2): one side tells them, the other rightly not."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple

from sipconform.compare.rules import AT_ONCE_S, HELD_UP_S, NOTIFY_LATER_S
from sipconform.compare.story import Beside, Exchange, Story
from sipconform.features.appearance import Appearance, State, parse_appearances

REPORTS = frozenset({"NOTIFY", "INFO"})
RUN, REFERENCE = 0, 1


def overtaken(both: Sequence[Beside], stands: Callable[[Exchange], bool]) -> Iterator[Exchange]:
    """Of what one party tells the other in both stories, the reports that one side had no chance to send.

    Its report before was held up, and the next one waited for that. Or the state passed faster in the reference than in
    the run: then what only the run tells has to `stand` in the reference's course all the same, where it was told to
    somebody else, or by another message.
    """
    last: list[Exchange | None] = [None, None]
    lone: list[list[Exchange]] = [[], []]  # since the last report of the side that lacks them
    for pair in both:
        for side in (RUN, REFERENCE):
            told, other = pair[side], pair[1 - side]
            if told is not None:
                gap = _Gap.between(last[side], told)
                if gap and gap.is_held_up:
                    yield from lone[side]
                elif gap and side == REFERENCE and other is not None:
                    yield from (x for x in lone[side] if gap.is_too_short(_sent(other) - _sent(x)) and stands(x))
                last[side], lone[side] = told, []
            elif other is not None and other.method in REPORTS:
                lone[side].append(other)


class _Gap(NamedTuple):
    """Between two reports in a row: seconds until the first was answered, and from there to the second."""

    waited: float
    pause: float

    @classmethod
    def between(cls, before: Exchange | None, after: Exchange) -> _Gap | None:
        """None where one of them was not seen."""
        if before is None or before.request is None or after.request is None or not before.transaction.responses:
            return None
        answered = before.transaction.responses[-1].time
        return cls(answered - before.request.time, after.request.time - answered)

    @property
    def is_held_up(self) -> bool:
        return self.waited >= HELD_UP_S and self.pause <= AT_ONCE_S

    def is_too_short(self, lasted: float) -> bool:
        """For a state that lasts that long in the other story, in seconds."""
        passed_meanwhile = self.pause <= AT_ONCE_S and lasted <= self.waited + self.pause
        return passed_meanwhile or (self.pause <= NOTIFY_LATER_S and lasted >= HELD_UP_S)


def _sent(report: Exchange) -> float:
    return report.request.time if report.request is not None else 0.0


class Standing:
    """What is said of states anywhere in a story: appearances by number, everything else by the whole body."""

    def __init__(self, story: Story, body_of: Callable[[Exchange], Hashable]) -> None:
        self._body_of = body_of
        messages = story.trace.messages
        self._states = {pair for message in messages for pair in _appearances(message.texts("Call-Info"))}
        reports = (e for c in story.conversations for e in c.exchanges if e.method in REPORTS)
        self._bodies = {body_of(report) for report in reports}

    def holds(self, report: Exchange) -> bool:
        """Whether all that a report tells is said somewhere in the story too."""
        rows = report.request.texts("Call-Info") if report.request is not None else []
        told = set(_appearances(rows))
        return told <= self._states if told else self._body_of(report) in self._bodies


def _appearances(rows: list[str]) -> Iterator[tuple[int | None, str]]:
    """Number and state of every appearance that is not idle: idle is what all of them begin and end with."""
    for told in parse_appearances(rows):
        if isinstance(told, Appearance) and told.state and told.state != State.IDLE:
            yield told.index, told.state
