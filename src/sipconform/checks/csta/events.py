"""Events of a uaCSTA session: what the phone tells, when, and that nobody tells back what he was told."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sipconform.checks.catalogue import INFO, MUST, PHONE, Finding, Verdict, check, finding
from sipconform.checks.csta.answers import may_follow, shown, silent
from sipconform.checks.csta.course import Asked, Session, asked, player, pressed, sent, sessions, told_not_to_apply
from sipconform.checks.evidence import SLACK, once_per_trace
from sipconform.checks.feature_code.course import intents, was_shown
from sipconform.checks.subscription.course import REPEATS_LOST
from sipconform.features.feature_code import FORWARDS, Feature
from sipconform.features.feature_state import ForwardType
from sipconform.trace.trace import Dialog, Trace, WireMessage

ECHO = 2_000_000_000  # nanoseconds within which nobody has read a display and pressed a key
LOOP = 3  # events of one monitor with one value within that time: nothing can have changed between them
TOLD_WITHIN = 5_000_000_000
CROSSING = round((SLACK + REPEATS_LOST) * 1e9)  # … in which an event may have been under way already

_Value = tuple[bool | None, ForwardType | None]


@once_per_trace
def _by_phones(trace: Trace) -> Mapping[Dialog, Sequence[Asked]]:
    """What the phone told in each session, whatever was answered, in the order of time."""
    found: dict[Dialog, list[Asked]] = {}
    for of in sent(trace, by_server=False):
        found.setdefault(of.session.dialog, []).append(of)
    return {dialog: sorted(told, key=_moment) for dialog, told in found.items()}


def _moment(of: Asked) -> int:
    return of.request.packet.time_ns


def _between(told: Sequence[Asked], since_ns: int, until_ns: int) -> Sequence[Asked]:
    """What was told in a span of time, both its ends included."""
    return told[bisect_left(told, since_ns, key=_moment) : bisect_right(told, until_ns, key=_moment)]


@check(
    "CSTA-005", level=MUST, on=PHONE, clause="feature sync sheet §5.1; RFC 6086 §4.2.2",
    asks="an event is answered, also by a phone that cannot apply it",
)  # fmt: skip
def event_is_answered(trace: Trace) -> Iterator[Finding]:
    """Never silence. 200, or a 4xx where it is refused; 415 would say that a body is unknown which the session is
    made of. That the display follows is noted where it can be read: some phones never do.
    """
    for of in asked(trace):
        if not of.document.name.endswith("Event"):
            continue
        yield from silent(trace, of)
        if of.final is not None:
            seen = f"{of.final.status} {of.final.reason}"
            ok = of.final.status < 500 and of.final.status not in (405, 415)
            yield finding(of.final, ok, expected="200", observed=seen, also=[of.request])
            yield from _followed(trace, of, of.final)


def _followed(trace: Trace, of: Asked, final: WireMessage) -> Iterator[Finding]:
    who = player(trace, of.session.phone)
    displayed = shown(trace, who, of.request, final) if who else [...]
    odd = told_not_to_apply(trace, who) or pressed(trace, who, final.packet.time_ns)
    told = of.document.name == "DoNotDisturbEvent" and not odd
    if told and displayed[0] is not ... and of.document.on not in displayed:
        expected, seen = f"dnd {of.document.on!r}", f"dnd {displayed[-1]!r}"
        yield finding(final, False, expected=expected, observed=seen, also=[of.request], level=INFO)


@check(
    "CSTA-006", level=MUST, on=PHONE, clause="ECMA-269 §22.2; feature sync sheet §5.1",
    asks="what is pressed on the phone is told by an event with the monitor's cross reference",
)  # fmt: skip
def press_is_told(trace: Trace) -> Iterator[Finding]:
    """The server knows events by the references the phone has given it, one for each monitor. That one comes at all is
    asked where the lab noted the press, it changed what is shown, and a monitor was running.
    """
    for of in asked(trace, by_server=False):
        log, phone = of.session.log, of.session.phone
        known = log.given(phone) if of.document.name.endswith("Event") else frozenset()
        if known:
            ok, seen = of.document.cross_reference in known, of.document.cross_reference or "none"
            expected = f"monitorCrossRefID {' or '.join(sorted(known))}"
            verdict = Verdict.FAIL if log.knows_all_monitors(phone) else Verdict.INCONCLUSIVE
            yield finding(of.request, ok, expected=expected, observed=seen, verdict=verdict)
    for session in sessions(trace):
        for when, value in _presses(trace, player(trace, session.phone)):
            last = _monitored_at(session, when)
            if last is not None and trace.end_ns - when > TOLD_WITHIN and not _was_missed(trace, session, when):
                expected, seen = "ForwardingEvent" if value[1] else "DoNotDisturbEvent", "none in 5 s"
                told = _is_told(trace, session, when, value)
                yield finding(last, told, expected=expected, observed=seen, party=session.phone)


def _presses(trace: Trace, who: str) -> Iterator[tuple[int, _Value]]:
    """What was pressed on a phone and changed what it shows, and when."""
    for when, _, what in intents(trace, "set_dnd", who) if who else ():
        on = bool(what.get("on"))
        if not was_shown(trace, who, "dnd", on, when):
            yield when, (on, None)
    for when, _, what in intents(trace, "forward", who) if who else ():
        kind = str(what.get("kind"))
        to = str(what.get("to", "")) if what.get("active") else ""
        if kind in list(Feature) and Feature(kind) in FORWARDS and not was_shown(trace, who, kind, to, when):
            yield when, (bool(what.get("active")), FORWARDS[Feature(kind)])


def _is_told(trace: Trace, session: Session, when: int, value: _Value) -> bool:
    soon = _between(_by_phones(trace).get(session.dialog, ()), when, when + TOLD_WITHIN)
    return any(of.document.name.endswith("Event") and _value(of) == value for of in soon)


def _monitored_at(session: Session, when: int) -> WireMessage | None:
    """The last message of a session before a moment, if the session was up then and the phone had a monitor."""
    messages = session.dialog.messages
    before = bisect_right(messages, when, key=_time)
    if not before or not session.log.is_monitored(session.phone, messages[before - 1]):
        return None
    return messages[before - 1]


def _was_missed(trace: Trace, session: Session, when: int) -> bool:
    """Whether an INFO of those seconds was answered and itself escaped the tap: nobody knows what it told."""
    answers = _orphans(trace).get(session.dialog.call_id, [])
    first = bisect_left(answers, when)
    return first < len(answers) and answers[first] <= when + TOLD_WITHIN


@once_per_trace
def _orphans(trace: Trace) -> Mapping[str, Sequence[int]]:
    """When an INFO was answered that was not seen, by Call-ID."""
    found: dict[str, list[int]] = {}
    for answer in trace.responses("INFO"):
        if answer.transaction is None or answer.transaction.request is None:
            found.setdefault(answer.call_id, []).append(_time(answer))
    return {call_id: sorted(times) for call_id, times in found.items()}


def _time(message: WireMessage) -> int:
    return message.packet.time_ns


@check(
    "CSTA-015", level=MUST, on=PHONE, clause="ECMA-269 §15.1.5; ECMA TR/87 §7.3",
    asks="after MonitorStop or BYE no more events are sent",
)  # fmt: skip
def stopped_monitor_is_silent(trace: Trace) -> Iterator[Finding]:
    """One that was under way when the monitor was stopped may still arrive, and its first sendings may have been lost:
    5 s. A monitor that is started later in the session may be given the same reference. A MonitorStop that is
    answered 200 and nothing more was taken too.
    """
    for of in asked(trace):
        final, reference = of.final, of.document.cross_reference
        if final is None or not _is_stop(of) or may_follow(trace, of):
            continue
        again = of.session.log.next_start(of.request)
        until = _time(again) if again is not None else trace.end_ns
        late = [e for e in _late(trace, of.session, final, until) if e.document.cross_reference == reference]
        yield from _over(late, final, of.request)
    for session in sessions(trace):
        end = _end(trace, session)
        if end is not None:
            yield from _over(_late(trace, session, end, trace.end_ns), end, end)


def _is_stop(of: Asked) -> bool:
    """Whether a monitor was stopped, by any answer but a refusal."""
    refused = of.answer is not None and of.answer.name == "CSTAErrorCode"
    return of.document.name == "MonitorStop" and of.final is not None and of.final.status < 300 and not refused


def _end(trace: Trace, session: Session) -> WireMessage | None:
    """The message by which the phone knew that the session was over."""
    bye = session.log.bye
    if bye is None or bye.request is None:
        return None
    return bye.request if trace.party(bye.request.source) == session.phone else bye.final


def _late(trace: Trace, session: Session, end: WireMessage, until: int) -> Sequence[Asked]:
    told = _between(_by_phones(trace).get(session.dialog, ()), _time(end) + CROSSING, until)
    return [of for of in told if of.document.name.endswith("Event")]


def _over(late: Sequence[Asked], end: WireMessage, asked_by: WireMessage) -> Iterator[Finding]:
    for event in late:
        seen = event.document.name
        yield finding(event.request, False, expected="no event", observed=seen, also=[asked_by])
    if not late:
        yield finding(end, True)


@check(
    "CSTA-018", level=MUST, on=PHONE, clause="feature sync sheet §7.5",
    asks="what the server tells is not told back to it",
)  # fmt: skip
def event_is_not_echoed(trace: Trace) -> Iterator[Finding]:
    """Two such parties toggle each other for ever. Wrong is to ask the server, by a Set, for the very value it has just
    told. The event by which the phone's own monitor reports the change is due, once; three of one monitor within 2 s
    are a loop. Where the user pressed a key meanwhile, it is the key that is told, and nothing is judged.
    """
    for of in asked(trace):
        final, name = of.final, of.document.name
        if final is None or of.document.on is None or not name.endswith(("Event", "DoNotDisturb", "Forwarding")):
            continue
        since, until = max(_moment(of), _time(final) - ECHO), _time(final) + ECHO
        back = _echo(_between(_alike(trace).get((of.session.dialog, _value(of)), ()), since, until))
        if back is not None and pressed(trace, player(trace, of.session.phone), _time(final)):
            continue
        seen = f"{back.document.name} with the same value" if back is not None else ""
        first = back.request if back is not None else final
        yield finding(first, back is None, expected="nothing", observed=seen, also=[of.request])


def _echo(told: Sequence[Asked]) -> Asked | None:
    """What sends a value back, or the last event of a loop."""
    events: Counter[str] = Counter()
    for of in told:
        events[of.document.cross_reference] += of.document.name.endswith("Event")
        if of.document.name.startswith("Set") or events[of.document.cross_reference] == LOOP:
            return of
    return None


@once_per_trace
def _alike(trace: Trace) -> Mapping[tuple[Dialog, _Value], Sequence[Asked]]:
    """What the phone told of each value of each feature in each session, in the order of time."""
    found: dict[tuple[Dialog, _Value], list[Asked]] = {}
    for of in sorted(asked(trace, by_server=False), key=_moment):
        found.setdefault((of.session.dialog, _value(of)), []).append(of)
    return found


def _value(of: Asked) -> _Value:
    return of.document.on, of.document.forward_type
