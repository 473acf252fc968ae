"""Reports of states that pass before they can be told (RFC 6665 §4.2.2): one side tells them, the other rightly not."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

from sipconform.compare.rules import AT_ONCE_S, HELD_UP_S, NOTIFY_LATER_S
from sipconform.compare.story import Beside, Exchange, Story
from sipconform.features.appearance import Appearance, State, parse_appearances

REPORTS = frozenset({"NOTIFY", "INFO"})
RUN, REFERENCE = 0, 1


def overtaken(both: Sequence[Beside], stands: Callable[[Exchange], bool]) -> Iterator[Exchange]:
    """Of what one party tells the other in both stories, the reports that one side had no chance to send.

    What only the run tells may be what the reference was too fast for: its next report follows within the tolerance,
    and the run's does not; and what it tells `stands` in the reference's course all the same, where it was told to
    somebody else, or by another message. What the run does not tell it could not: its report before was held up, and
    the next one waited for that.
    """
    last: list[Exchange | None] = [None, None]
    lone: list[list[Exchange]] = [[], []]  # since the last report of the side that lacks them
    for pair in both:
        for side in (RUN, REFERENCE):
            told, other = pair[side], pair[1 - side]
            if told is not None:
                pause = _pause(last[side], told)
                if side == RUN and pause is not None and _held_up(last[side]) and pause <= AT_ONCE_S:
                    yield from lone[RUN]
                elif side == REFERENCE and pause is not None and pause <= NOTIFY_LATER_S:
                    slow = (x for x in lone[REFERENCE] if other is not None and _sent(other) - _sent(x) >= HELD_UP_S)
                    yield from filter(stands, slow)
                last[side], lone[side] = told, []
            elif other is not None and other.method in REPORTS:
                lone[side].append(other)


def _pause(before: Exchange | None, after: Exchange) -> float | None:
    """Seconds from the last answer to one report until the next; None where one of them was not seen."""
    if before is None or after.request is None or not before.transaction.responses:
        return None
    return after.request.time - before.transaction.responses[-1].time


def _held_up(report: Exchange | None) -> bool:
    if report is None or report.request is None:
        return False
    return report.transaction.responses[-1].time - report.request.time >= HELD_UP_S


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
