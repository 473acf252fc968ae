"""Events of a uaCSTA session: what the phone tells, when, and that nobody tells back what he was told."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PHONE, Finding, check, finding
from sipconform.checks.csta.course import Asked, Session, asked, player, pressed, reference, sessions
from sipconform.checks.evidence import seconds
from sipconform.checks.feature_code.course import intents
from sipconform.trace.trace import Trace, WireMessage

ECHO = 2.0  # seconds within which nobody has read a display and pressed a key
TOLD_WITHIN = 5.0
CROSSING = 1.0  # seconds in which an event may have been under way already


@check(
    "CSTA-006", level=MUST, on=PHONE, clause="ECMA-269 §22.2; feature sync sheet §5.1",
    asks="what is pressed on the phone is told by an event with the monitor's cross reference",
)  # fmt: skip
def press_is_told(trace: Trace) -> Iterator[Finding]:
    """The server knows events by the reference it was given. That one comes at all is asked where the lab noted the
    press and a monitor was running.
    """
    events = [of for of in asked(trace, by_server=False) if of.document.name.endswith("Event")]
    for of in events:
        known = reference(of.session, of.request)
        if known:
            ok, seen = of.document.cross_reference == known, of.document.cross_reference or "none"
            yield finding(of.request, ok, expected=f"monitorCrossRefID {known}", observed=seen)
    for session in sessions(trace):
        who = player(trace, session.phone)
        for when, _, what in intents(trace, "set_dnd", who) if who else ():
            last = _monitored_at(session, when)
            if last is not None and (trace.end_ns - when) / 1e9 > TOLD_WITHIN:
                told = any(_tells(of, session, when, bool(what.get("on"))) for of in events)
                seen = f"none in {TOLD_WITHIN:g} s"
                party = session.phone
                yield finding(last, told, expected="DoNotDisturbEvent", observed=seen, party=party)


def _tells(of: Asked, session: Session, when: int, on: bool) -> bool:
    soon = 0 <= of.request.packet.time_ns - when <= TOLD_WITHIN * 1e9
    return of.session.dialog is session.dialog and soon and of.document.on == on


def _monitored_at(session: Session, when: int) -> WireMessage | None:
    """The last message of a session before a moment, if the session was up then and had a monitor."""
    before = [m for m in session.dialog.messages if m.packet.time_ns <= when]
    if not before or any(m.method == "BYE" for m in session.dialog.messages if m.packet.time_ns <= when):
        return None
    stopped = [m for m in before if m.is_request and b"MonitorStop " in m.content]
    return before[-1] if reference(session, before[-1]) and not stopped else None


@check(
    "CSTA-015", level=MUST, on=PHONE, clause="ECMA-269 §15.1.5; ECMA TR/87 §7.3",
    asks="after MonitorStop or BYE no more events are sent",
)  # fmt: skip
def stopped_monitor_is_silent(trace: Trace) -> Iterator[Finding]:
    """One that was under way when the monitor was stopped may still arrive within a second."""
    for of in asked(trace):
        if of.document.name != "MonitorStop" or of.answer is None or of.answer.name == "CSTAErrorCode":
            continue
        final = of.final
        late = [
            event
            for event in asked(trace, by_server=False)
            if final is not None
            and event.session.dialog is of.session.dialog
            and event.document.name.endswith("Event")
            and event.document.cross_reference == of.document.cross_reference
            and seconds(event.request, final) > CROSSING
        ]
        for event in late:
            seen = event.document.name
            yield finding(event.request, False, expected="no event", observed=seen, also=[of.request])
        if final is not None and not late:
            yield finding(final, True)


@check(
    "CSTA-018", level=MUST, on=PHONE, clause="feature sync sheet §7.5",
    asks="what the server tells is not told back to it",
)  # fmt: skip
def event_is_not_echoed(trace: Trace) -> Iterator[Finding]:
    """Two such parties toggle each other for ever. After an event, any Set or event with the same value within 2 s of
    the answer; after a Set, another Set: the event that confirms it is due. Where the user pressed a key meanwhile, it
    is the key that is told, and nothing is judged.
    """
    answers = list(asked(trace, by_server=False))
    for of in asked(trace):
        final, name = of.final, of.document.name
        if final is None or of.document.on is None or not name.endswith(("Event", "DoNotDisturb", "Forwarding")):
            continue
        back = [
            other
            for other in answers
            if other.session.dialog is of.session.dialog
            and 0 <= seconds(other.request, final) <= ECHO
            and (other.document.name.startswith("Set") or name.endswith("Event"))
            and (other.document.on, other.document.forward_type) == (of.document.on, of.document.forward_type)
        ]
        if back and pressed(trace, player(trace, of.session.phone), final.packet.time_ns):
            continue
        first = back[0].request if back else final
        seen = f"{back[0].document.name} with the same value" if back else ""
        yield finding(first, not back, expected="nothing", observed=seen, also=[of.request])
