"""From two capture files to a comparison: what `sipconform compare`, the recorder and the replay share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sipconform.compare.comparison import compare
from sipconform.compare.difference import Comparison
from sipconform.trace.capture import read_capture
from sipconform.trace.correlate import Correlator
from sipconform.trace.errors import CaptureError
from sipconform.trace.packet import Observation, Packet
from sipconform.trace.trace import Trace, WireMessage

LARGEST = 50_000
"""Messages of a capture that are compared; a scenario has a few hundred."""


@dataclass(frozen=True, slots=True)
class Laid:
    """Two captures laid side by side."""

    run: Path
    reference: Path
    comparison: Comparison


def load_trace(path: Path, *, keylog: Path | None = None) -> Trace:
    """A capture as one correlated trace. Raises CaptureError for what is no capture, or is too large to compare."""
    correlator = Correlator()
    for item in read_capture(path, keylog=keylog):
        if isinstance(item, Packet):
            correlator.add(WireMessage(item))
        elif isinstance(item, Observation):
            correlator.observe(item)
        else:
            correlator.trace.notes.append(item)
        if len(correlator.trace.messages) > LARGEST:
            raise CaptureError(
                path, f"more than {LARGEST} messages cannot be compared at once", "cut it with sipconform slice"
            )
    return correlator.finish()


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
