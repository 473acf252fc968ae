"""What the lab has told of a run: who is where, what the profile promises, what was done to whom."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.evidence import once_per_trace
from sipconform.trace.packet import Address, Observation
from sipconform.trace.trace import Trace


def places(trace: Trace) -> dict[str, str]:
    """The address of every actor the lab has named."""
    told = [o.what.get("actors") for o in trace.observations if o.kind == "lab"]
    return {str(name): str(at) for named in told if isinstance(named, dict) for name, at in named.items()}


def has_lab(trace: Trace) -> bool:
    """Whether a lab has told who is who and what was done; of a stranger's capture much is unknown that it tells."""
    return any(o.kind == "lab" for o in trace.observations)


def is_ours(trace: Trace, party: Address) -> bool:
    """Whether the tap sits in this party, so that order and times at the tap are its own."""
    return str(party) in _ours(trace)


@once_per_trace
def _ours(trace: Trace) -> frozenset[str]:
    told = [o.what.get("ours") for o in trace.observations if o.kind == "lab"]
    return frozenset(str(a) for addresses in told if isinstance(addresses, list) for a in addresses)


def timing(trace: Trace, name: str) -> float | None:
    """Seconds the profile in force promises, None where it promises nothing."""
    for observation in trace.observations:
        promised = observation.what.get("timing") if observation.kind == "lab" else None
        if isinstance(promised, dict) and isinstance(promised.get(name), int | float):
            return float(promised[name])
    return None


def intents(trace: Trace, *verbs: str) -> Iterator[Observation]:
    """What actors were told to do, in order."""
    return (o for o in trace.observations if o.kind == "intent" and o.what.get("do") in verbs)


def is_recorded(trace: Trace) -> bool:
    """Whether the record tells what people did: then what nobody did happened by itself."""
    return any(o.kind == "intent" for o in trace.observations)


def restarted(trace: Trace, after_ns: int, before_ns: int) -> bool:
    """Whether the record tells that the server, or a device, was started anew between two moments."""
    again = intents(trace, "restart", "power_cycle", "reboot")
    return any(after_ns <= o.time_ns <= before_ns for o in again)


def belief_after(trace: Trace, who: str, key: str, value: object, at_ns: int) -> float | None:
    """Seconds from a moment until an actor showed a value, 0 when it did already; None when it never did."""
    known: object = None
    for observation in trace.observations:
        if observation.kind != "belief" or observation.who != who or key not in observation.what:
            continue
        if observation.time_ns > at_ns and known == value:
            return 0.0
        known = observation.what[key]
        if observation.time_ns >= at_ns and known == value:
            return (observation.time_ns - at_ns) / 1e9
    return 0.0 if known == value else None


def knows(trace: Trace, who: str, key: str) -> bool:
    """Whether anybody has told what an actor shows for a key."""
    return any(o.kind == "belief" and o.who == who and key in o.what for o in trace.observations)


def seconds_left(trace: Trace, at_ns: int) -> float:
    """Seconds of evidence after a moment."""
    return (trace.end_ns - at_ns) / 1e9


def profile_of(trace: Trace) -> str:
    """The profile that a capture of ours says it was made with; "" when it does not."""
    for observation in trace.observations:
        if observation.kind == "lab" and isinstance(profile := observation.what.get("profile"), str):
            return profile
    return ""
