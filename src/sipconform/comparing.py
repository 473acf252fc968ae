"""From two capture files to a comparison: what `sipconform compare`, the recorder and the replay share."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice, pairwise
from pathlib import Path

from sipconform.checks.told import profile_of
from sipconform.compare.comparison import compare
from sipconform.compare.difference import Comparison
from sipconform.judging import Read
from sipconform.trace.capture import read_capture
from sipconform.trace.correlate import correlate
from sipconform.trace.errors import CaptureError
from sipconform.trace.memory import seldom_collecting
from sipconform.trace.packet import Note, Observation, Packet
from sipconform.trace.trace import Trace

LARGEST = 50_000
"""Messages of a capture that are compared; a scenario has a few hundred."""


SECOND = 1_000_000_000
Evidence = Packet | Observation | Note


@dataclass(frozen=True, slots=True)
class Laid:
    """Two captures laid side by side."""

    run: Path
    reference: Path
    comparison: Comparison


def load_trace(*paths: Path, keylog: Path | None = None, read: Read = read_capture) -> Trace:
    """A capture, or several of one session, as one correlated trace: in the order of their times where they overlap
    or follow each other, else one after the other as they are given. `read` may be another reader.

    Raises CaptureError for what is no capture, or is too large to compare.
    """
    captures = [list(islice(read(path, keylog=keylog), 2 * LARGEST)) for path in paths]
    if sum(isinstance(item, Packet) for evidence in captures for item in evidence) > LARGEST:
        what = f"more than {LARGEST} messages cannot be compared at once"
        raise CaptureError(paths[0], what, "cut it with sipconform slice")
    return correlate(_joined(captures))


def _joined(captures: list[list[Evidence]]) -> list[Evidence]:
    """Captures of other times than the order they are given in are moved to follow each other by a second."""
    spans = [_span(evidence) for evidence in captures]
    if any(
        later < earlier and later_end < earlier for (earlier, _), (later, later_end) in pairwise(filter(None, spans))
    ):
        end = 0
        for at, (evidence, span) in enumerate(zip(captures, spans, strict=True)):
            if span is not None:
                by = end + SECOND - span[0] if end else 0
                captures[at] = [item if isinstance(item, Note) else _moved(item, by) for item in evidence]
                end = span[1] + by
        return list(chain.from_iterable(captures))
    joined = list(chain.from_iterable(captures))
    if len(captures) > 1:
        joined.sort(key=lambda item: 0 if isinstance(item, Note) else item.time_ns)
    return joined


def _span(evidence: list[Evidence]) -> tuple[int, int] | None:
    times = [item.time_ns for item in evidence if isinstance(item, Packet)]
    return (min(times), max(times)) if times else None


def _moved(item: Packet | Observation, by: int) -> Packet | Observation:
    return item._replace(time_ns=item.time_ns + by)


def compare_captures(run: Path, reference: Path, *, keylog: Path | None = None, read: Read = read_capture) -> Laid:
    """Raises CaptureError as `load_trace` does. Captures of different profiles are compared with a reservation."""
    with seldom_collecting():
        ours, theirs = (load_trace(path, keylog=keylog, read=read) for path in (run, reference))
        comparison = compare(ours, theirs)
    profiles = profile_of(ours), profile_of(theirs)
    if all(profiles) and profiles[0] != profiles[1]:
        comparison.doubt(f"the run speaks {profiles[0]}, the reference {profiles[1]}: other dialects")
    return Laid(run, reference, comparison)
