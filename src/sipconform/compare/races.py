"""Scenarios whose outcome hangs on which of two messages arrives first: two good runs may take different courses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from sipconform.compare.parties import Parties
from sipconform.trace.trace import Trace

MOST_RIVALS = 6
"""Phones among which two may have exchanged their parts; every two of them are tried."""


def race_in(run: Trace, reference: Trace) -> str:
    """What the outcome hangs on, as both captures tell of their scenario; "" when they do not."""
    told = {_race(run), _race(reference)}
    return told.pop() if len(told) == 1 else ""


def _race(trace: Trace) -> str:
    told = (observation.what.get("race") for observation in trace.observations if observation.kind == "race")
    return next((race for race in told if isinstance(race, str)), "")


def rivals(parties: Parties) -> Iterator[tuple[str, str]]:
    """Any two phones with a user each: the one may have won where in another run the other did. None among many:
    there more than one race is run."""
    if len(parties.owners) <= MOST_RIVALS:
        yield from combinations(sorted(parties.owners), 2)


def another_course(race: str) -> str:
    """The reservation of a comparison whose differences prove nothing."""
    return (
        f"the outcome hangs on {race}, and here it did otherwise than in the reference: "
        "whether a difference is a defect cannot be told, only from a run that took the same course"
    )
