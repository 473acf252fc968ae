"""Events of a uaCSTA session: what the phone tells, when, and that nobody tells back what he was told."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence

from sipconform.checks.catalogue import MUST, PHONE, Finding, check, finding
from sipconform.checks.csta.course import Asked, Session, asked, player, pressed, sessions
from sipconform.checks.evidence import once_per_trace, seconds
from sipconform.checks.feature_code.course import intents
from sipconform.features.feature_state import ForwardType
from sipconform.trace.trace import Dialog, Trace, WireMessage

ECHO = 2.0  # seconds within which nobody has read a display and pressed a key
TOLD_WITHIN = 5.0
CROSSING = 1.0  # seconds in which an event may have been under way already

_Value = tuple[bool | None, ForwardType | None]


@once_per_trace
def _by_phones(trace: Trace) -> Mapping[Dialog, Sequence[Asked]]:
    """What the phone told in each session, in the order of time."""
    found: dict[Dialog, list[Asked]] = {}
    for of in asked(trace, by_server=False):
        found.setdefault(of.session.dialog, []).append(of)
    return {dialog: sorted(told, key=_moment) for dialog, told in found.items()}


def _moment(of: Asked) -> int:
    return of.request.packet.time_ns


def _between(told: Sequence[Asked], since_ns: int, until_ns: int) -> Sequence[Asked]:
    """What was told in a span of time, both its ends included."""
    return told[bisect_left(told, since_ns, key=_moment) : bisect_right(told, until_ns, key=_moment)]


@check(
    "CSTA-006", level=MUST, on=PHONE, clause="ECMA-269 §22.2; feature sync sheet §5.1",
    asks="what is pressed on the phone is told by an event with the monitor's cross reference",
)  # fmt: skip
def press_is_told(trace: Trace) -> Iterator[Finding]:
    """The server knows events by the reference it was given. That one comes at all is asked where the lab noted the
    press and a monitor was running.
    """
    for of in asked(trace, by_server=False):
        known = of.session.log.reference(of.request) if of.document.name.endswith("Event") else ""
        if known:
            ok, seen = of.document.cross_reference == known, of.document.cross_reference or "none"
            yield finding(of.request, ok, expected=f"monitorCrossRefID {known}", observed=seen)
    for session in sessions(trace):
        who = player(trace, session.phone)
        for when, _, what in intents(trace, "set_dnd", who) if who else ():
            last = _monitored_at(session, when)
            if last is not None and (trace.end_ns - when) / 1e9 > TOLD_WITHIN:
                told = _is_told(trace, session, when, bool(what.get("on")))
                seen = f"none in {TOLD_WITHIN:g} s"
                party = session.phone
                yield finding(last, told, expected="DoNotDisturbEvent", observed=seen, party=party)


def _is_told(trace: Trace, session: Session, when: int, on: bool) -> bool:
    soon = _between(_by_phones(trace).get(session.dialog, ()), when, when + round(TOLD_WITHIN * 1e9))
    return any(of.document.name.endswith("Event") and of.document.on == on for of in soon)


def _monitored_at(session: Session, when: int) -> WireMessage | None:
    """The last message of a session before a moment, if the session was up then and had a monitor."""
    messages = session.dialog.messages
    before = bisect_right(messages, when, key=lambda m: m.packet.time_ns)
    if not before or session.log.ended_by(messages[before - 1]):
        return None
    return messages[before - 1] if session.log.reference(messages[before - 1]) else None


@check(
    "CSTA-015", level=MUST, on=PHONE, clause="ECMA-269 §15.1.5; ECMA TR/87 §7.3",
    asks="after MonitorStop or BYE no more events are sent",
)  # fmt: skip
def stopped_monitor_is_silent(trace: Trace) -> Iterator[Finding]:
    """One that was under way when the monitor was stopped may still arrive within a second. A monitor that is started
    later in the session may be given the same reference.
    """
    for of in asked(trace):
        final = of.final
        if of.document.name != "MonitorStop" or of.answer is None or of.answer.name == "CSTAErrorCode" or final is None:
            continue
        again = of.session.log.next_start(of.request)
        until = again.packet.time_ns if again is not None else trace.end_ns
        told = _between(_by_phones(trace).get(of.session.dialog, ()), final.packet.time_ns, until)
        late = [event for event in told if _is_late(event, of, final)]
        for event in late:
            seen = event.document.name
            yield finding(event.request, False, expected="no event", observed=seen, also=[of.request])
        if not late:
            yield finding(final, True)


def _is_late(event: Asked, stop: Asked, final: WireMessage) -> bool:
    same = event.document.cross_reference == stop.document.cross_reference
    return event.document.name.endswith("Event") and same and seconds(event.request, final) > CROSSING


@check(
    "CSTA-018", level=MUST, on=PHONE, clause="feature sync sheet §7.5",
    asks="what the server tells is not told back to it",
)  # fmt: skip
def event_is_not_echoed(trace: Trace) -> Iterator[Finding]:
    """Two such parties toggle each other for ever. After an event, any Set or event with the same value within 2 s of
    the answer; after a Set, another Set: the event that confirms it is due. Where the user pressed a key meanwhile, it
    is the key that is told, and nothing is judged.
    """
    for of in asked(trace):
        final, name = of.final, of.document.name
        if final is None or of.document.on is None or not name.endswith(("Event", "DoNotDisturb", "Forwarding")):
            continue
        at = final.packet.time_ns
        soon = _between(_alike(trace).get((of.session.dialog, _value(of)), ()), at, at + round(ECHO * 1e9))
        back = next((o for o in soon if o.document.name.startswith("Set") or name.endswith("Event")), None)
        if back is not None and pressed(trace, player(trace, of.session.phone), at):
            continue
        seen = f"{back.document.name} with the same value" if back is not None else ""
        first = back.request if back is not None else final
        yield finding(first, back is None, expected="nothing", observed=seen, also=[of.request])


@once_per_trace
def _alike(trace: Trace) -> Mapping[tuple[Dialog, _Value], Sequence[Asked]]:
    """What the phone told of each value of each feature in each session, in the order of time."""
    found: dict[tuple[Dialog, _Value], list[Asked]] = {}
    for dialog, told in _by_phones(trace).items():
        for of in told:
            found.setdefault((dialog, _value(of)), []).append(of)
    return found


def _value(of: Asked) -> _Value:
    return of.document.on, of.document.forward_type
