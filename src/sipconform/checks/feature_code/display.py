"""What a phone shows after a code: what the server said, and nothing before it said so."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import PHONE, SHOULD, Finding, check, finding
from sipconform.checks.feature_code.course import Dialled, believed
from sipconform.checks.feature_code.keys import Pressed, pressed
from sipconform.trace.trace import Trace, WireMessage

MOMENT = 2_000_000_000  # nanoseconds a display may lag behind the wire


def _refused(trace: Trace) -> Iterator[tuple[Pressed, Dialled, WireMessage]]:
    """Presses whose every call was refused, with the last of them and its answer."""
    for of in pressed(trace):
        last = of.calls[-1] if of.calls else None
        if last is not None and last.final is not None and not any(call.accepted for call in of.calls):
            yield of, last, last.final


def _announced(call: Dialled) -> bool:
    return any(r.status == 183 and r.content for attempt in call.attempts for r in attempt.provisional)


def _unmoved(trace: Trace, of: Pressed, call: Dialled, final: WireMessage) -> Iterator[Finding]:
    """A display that says now what it did not say before the key was pressed."""
    who, key = of.press.who, of.press.feature
    before = believed(trace, who, key, of.press.time_ns)
    now = believed(trace, who, key, final.packet.time_ns + MOMENT)
    if before is not ... and before != of.press.value:
        seen, expected = f"{key} {now!r} after {final.status}", f"{key} {before!r}"
        party = call.last.client
        yield finding(final, now != of.press.value, expected=expected, observed=seen, also=[call.request], party=party)


@check(
    "FC-010", level=SHOULD, on=PHONE, clause="feature sync sheet §4.1",
    asks="a refused code leaves the display as it was",
)  # fmt: skip
def refusal_changes_nothing(trace: Trace) -> Iterator[Finding]:
    """No standard says it, but a display that shows what was refused lies."""
    for of, call, final in _refused(trace):
        if not _announced(call):
            yield from _unmoved(trace, of, call, final)


@check(
    "FC-011", level=SHOULD, on=PHONE, clause="3GPP TS 24.238 Annex A.2",
    asks="an error after an announcement is taken for unknown, not for done",
)  # fmt: skip
def announcement_proves_nothing(trace: Trace) -> Iterator[Finding]:
    """An IMS may announce success or failure in the early dialog; only a listener could tell which."""
    for of, call, final in _refused(trace):
        if _announced(call):
            yield from _unmoved(trace, of, call, final)
