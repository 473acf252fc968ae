"""Whether what was asked in a uaCSTA session was answered, and what the phone showed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import Finding, finding
from sipconform.checks.csta.course import Asked
from sipconform.checks.csta.log import LATER
from sipconform.checks.evidence import SLACK, heard_after, watched
from sipconform.checks.feature_code.course import ever_believed
from sipconform.trace.trace import Trace, WireMessage

MOMENT = 2_000_000_000  # nanoseconds a display may lag behind the wire
SILENCE = 36.0  # seconds after which an INFO has been given up


def answered(trace: Trace, of: Asked, name: str) -> Iterator[Finding]:
    """Whether a service was answered by its document; an error is an answer too, and either may follow by INFO."""
    yield from silent(trace, of)
    if of.final is None:
        return
    seen = f"{of.final.status} {of.final.reason}"
    also = [of.request]
    yield finding(of.final, of.final.status < 300, expected="200", observed=seen, also=also)
    if of.final.status < 300 and not may_follow(trace, of):
        ok = of.answer is not None and of.answer.name in (name, "CSTAErrorCode")
        seen = of.answer.name if of.answer is not None else "no document"
        yield finding(of.final, ok, expected=name, observed=seen, also=also)


def may_follow(trace: Trace, of: Asked) -> bool:
    """Whether the answer may still come in an INFO of its own after the end of the evidence."""
    return of.answer is None and of.final is not None and watched(trace, of.final) <= LATER / 1e9 + SLACK


def shown(trace: Trace, who: str, request: WireMessage, final: WireMessage, key: str = "dnd") -> list[object]:
    """What a phone showed of a feature while it answered a request, and a moment later; `[...]` where nobody can tell,
    or the evidence ends before that."""
    since, until = request.packet.time_ns, final.packet.time_ns + MOMENT
    if trace.end_ns < until:
        return [...]
    return ever_believed(trace, who, key, since, until)


def silent(trace: Trace, of: Asked) -> Iterator[Finding]:
    """A phone that is there and does not answer a request that has been given up."""
    sent = len(of.transaction.requests)
    given_up = watched(trace, of.request) > SILENCE and (sent > 2 or of.request.transport != "udp")
    if of.final is None and given_up and heard_after(trace, of.session.phone, of.request, of.session.server):
        party, seen = of.session.phone, f"no answer to {sent} sendings"
        yield finding(of.request, False, expected="an answer", observed=seen, party=party)
