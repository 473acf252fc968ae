"""What the server's own books say after a call to a code, as far as nothing else can have changed them."""

from __future__ import annotations

from sipconform.checks.feature_code.course import Dialled, believed, dialled, intents
from sipconform.trace.trace import Trace, WireMessage

KEYS = ("dnd", "cfu", "cfb", "cfna")
SETTLED = 3_000_000_000
"""Nanoseconds from a server's answer to its own books: many answer, wait a second, and only then write them."""


def stored(trace: Trace, user: str, key: str, at_ns: int) -> object:
    """What the server's books say of a user's feature at a moment, `...` where nobody can tell."""
    return believed(trace, "server", f"{user}.{key}", at_ns)


def changes(trace: Trace, user: str, since_ns: int, until_ns: int) -> dict[str, list[object]]:
    """What the server's books said of a user in a span of time, by feature."""
    found: dict[str, list[object]] = {}
    for seen in trace.observations:
        if seen.kind == "belief" and seen.who == "server" and since_ns <= seen.time_ns <= until_ns:
            for key in KEYS:
                if f"{user}.{key}" in seen.what:
                    found.setdefault(key, []).append(seen.what[f"{user}.{key}"])
    return found


def spelled(made: dict[str, list[object]]) -> str:
    """Changes in a line, the last value of each feature."""
    return ", ".join(f"{key} {values[-1]!r}" for key, values in made.items())


def alone_until(trace: Trace, call: Dialled, final: WireMessage) -> int | None:
    """The moment until which a change can come of this call alone: three seconds after its answer, or when something
    else began that changes features. None when something else was under way beside it."""
    answered = final.packet.time_ns
    portal = [when for verb in ("set_dnd", "forward") for when, _, _ in intents(trace, verb, "server")]
    wished = [r.packet.time_ns for method in ("SUBSCRIBE", "INFO") for r in trace.requests(method) if r.body]
    calls = [c for c in dialled(trace) if c.request.call_id != call.request.call_id]
    if any(call.began_ns <= when <= answered for when in (*portal, *wished)):
        return None
    if any(c.began_ns <= answered and _may_change(trace, c, call.began_ns) for c in calls):
        return None
    later = [when - 1 for when in (*portal, *wished, *(c.began_ns for c in calls)) if when > answered]
    return min([answered + SETTLED, *later])


def _may_change(trace: Trace, call: Dialled, at_ns: int) -> bool:
    """Whether a call may still change something at a moment: it is not over, or was accepted and not written yet."""
    over = (call.final or call.request).packet.time_ns
    if over >= at_ns or call.accepted is None or call.match is None:
        return over >= at_ns
    done = call.wanted is not None and stored(trace, call.sender, call.match.feature, at_ns) == call.wanted
    return over + SETTLED >= at_ns and not done


def is_settled(trace: Trace, final: WireMessage, until: int) -> bool:
    """Whether a server has had its time to do what a call asked for, and nobody came in between."""
    return min(until, trace.end_ns) - final.packet.time_ns >= SETTLED


def is_barred(trace: Trace, call: Dialled) -> bool:
    """Whether the lab noted that the caller may change nothing."""
    barred = intents(trace, "refuse_changes")
    return any(when <= call.began_ns and what.get("user") == (call.user or call.sender) for when, _, what in barred)
