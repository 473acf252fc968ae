"""From two capture files to a comparison: what `sipconform compare`, the recorder and the replay share."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sipconform.compare.comparison import compare
from sipconform.compare.difference import Comparison
from sipconform.trace.capture import read_capture
from sipconform.trace.correlate import correlate
from sipconform.trace.errors import CaptureError
from sipconform.trace.packet import Note, Observation, Packet
from sipconform.trace.trace import Trace

LARGEST = 50_000
"""Messages of a capture that are compared; a scenario has a few hundred."""


@dataclass(frozen=True, slots=True)
class Laid:
    """Two captures laid side by side."""

    run: Path
    reference: Path
    comparison: Comparison


def load_trace(*paths: Path, keylog: Path | None = None) -> Trace:
    """A capture, or several of one session in the order of their times, as one correlated trace.

    Raises CaptureError for what is no capture, or is too large to compare.
    """
    evidence: list[Packet | Observation | Note] = []
    for path in paths:
        evidence += islice(read_capture(path, keylog=keylog), 2 * LARGEST)
    if sum(isinstance(item, Packet) for item in evidence) > LARGEST:
        what = f"more than {LARGEST} messages cannot be compared at once"
        raise CaptureError(paths[0], what, "cut it with sipconform slice")
    if len(paths) > 1:
        evidence.sort(key=lambda item: 0 if isinstance(item, Note) else item.time_ns)
    return correlate(evidence)


def compare_captures(run: Path, reference: Path, *, keylog: Path | None = None) -> Laid:
    """Raises CaptureError as `load_trace` does. Captures of different profiles are compared with a reservation."""
    ours, theirs = load_trace(run, keylog=keylog), load_trace(reference, keylog=keylog)
    comparison = compare(ours, theirs)
    profiles = profile_of(ours), profile_of(theirs)
    if all(profiles) and profiles[0] != profiles[1]:
        comparison.reservations.append(f"the run speaks {profiles[0]}, the reference {profiles[1]}: other dialects")
    return Laid(run, reference, comparison)


def profile_of(trace: Trace) -> str:
    """The profile that a capture of ours says it was made with; "" when it does not."""
    for observation in trace.observations:
        if observation.kind == "lab" and isinstance(profile := observation.what.get("profile"), str):
            return profile
    return ""
