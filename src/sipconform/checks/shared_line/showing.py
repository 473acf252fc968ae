"""What phones show of a line."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP
from sipconform.checks.shared_line.course import BRIDGES
from sipconform.checks.shared_line.legs import legs, legs_of
from sipconform.checks.shared_line.line import Line, Told
from sipconform.checks.shared_line.lines import lines
from sipconform.checks.shared_line.policies import names_of
from sipconform.features.appearance import State, known_state
from sipconform.features.lamp import TABLES, lamp
from sipconform.sip.headers.reason import Reason
from sipconform.trace.packet import Observation
from sipconform.trace.trace import Subscription, Trace

LAGS = 5.0  # seconds a display may need


def _shown(trace: Trace, names: set[str], key: str, moment: int) -> Observation | None:
    told = [o for o in trace.observations if o.kind == "belief" and o.who in names and key in o.what]
    return next((o for o in reversed(told) if o.time_ns <= moment), None)


def _compared(trace: Trace) -> Iterator[tuple[Told, int, str, str, bool]]:
    """A NOTIFY, a slot that is not the phone's own, what the NOTIFY says of it, what the phone shows at last, and
    whether it had the time to: nothing else was told for a while.
    """
    for line in lines(trace):
        for subscription in line.subscriptions:
            names = names_of(trace, subscription.subscriber)
            history = line.told_to(subscription)
            for at, told in enumerate(history):
                following = history[at + 1].notify.packet.time_ns if at + 1 < len(history) else trace.end_ns
                transaction = told.notify.transaction
                answer = transaction.final if transaction is not None and transaction.succeeded else None
                if not names or answer is None or not line.live(subscription, told.notify):
                    continue
                moment = answer.packet.time_ns + round(LAGS * 1e9)  # a busy phone reads late what has long come
                in_time = following >= moment
                own = {
                    leg.index
                    for leg in legs_of(trace, line)
                    if leg.phone.may_be(told.phone) and not leg.over(told.notify)
                }
                for index in sorted({*told.state.slots, *range(1, 5)} - own):
                    shown = _shown(trace, names, f"line.{index}", min(moment, following))
                    if shown is not None and not str(shown.what[f"line.{index}"]).endswith("mine"):
                        yield told, index, told.state.state(index), str(shown.what[f"line.{index}"]), in_time


@check(
    "SCA-022", level=MUST, on=PHONE, clause="RFC 3261 §7.3.1; call-info grammar (sheet 2.2)",
    asks="a phone understands what a NOTIFY says of slots in use, however it is written",
)  # fmt: skip
def phone_follows_the_line(trace: Trace) -> Iterator[Finding]:
    """Repeated rows are a list, parameters come in any order, values about other things are passed over, and a state
    nobody knows means in use; of bridges SCA-097 asks. Compared five seconds after the phone's answer with what it
    says it shows, for slots on which it has no call of its own.
    """
    for told, index, state, shown, in_time in _compared(trace):
        if state not in (State.IDLE, "", *BRIDGES) and known_state(state):
            seen = f"slot {index} shown as {shown}"
            ok, party = shown.startswith(f"{state},"), told.subscription.subscriber
            if ok or in_time:
                yield finding(told.notify, ok, expected=f"{state}", observed=seen, party=party)


@check(
    "SCA-023", level=MUST, on=PHONE, clause="call-info: * means all others (sheet 2.15, 2.17)",
    asks="slots that a NOTIFY does not list are idle when it says so with *",
)  # fmt: skip
def unlisted_slots_go_out(trace: Trace) -> Iterator[Finding]:
    """And a slot that is listed as idle is idle too. Compared as for SCA-022."""
    for told, index, state, shown, in_time in _compared(trace):
        if state == State.IDLE:
            ok, party = shown.startswith("idle,"), told.subscription.subscriber
            seen = f"slot {index} shown as {shown}"
            if ok or in_time:
                yield finding(told.notify, ok, expected="idle", observed=seen, party=party)


@check(
    "SCA-105", level=MUST, on=PHONE, clause="the lamp table of the make (sheet §7)",
    asks="a line key shines as the guide of its make says",
)  # fmt: skip
def lamps_follow_the_table(trace: Trace) -> Iterator[Finding]:
    """Where the phone tells both what it shows and which lamp it lights, and the profile names its table. A state the
    table is silent about is not judged.
    """
    for line in lines(trace):
        table = line.policies.get("lamps")
        if table not in TABLES:
            continue
        for subscription in line.subscriptions:
            names = names_of(trace, subscription.subscriber)
            states: dict[str, str] = {}
            for told in (o for o in trace.observations if o.kind == "belief" and o.who in names):
                states |= {key[5:]: str(value) for key, value in told.what.items() if key.startswith("line.")}
                for index in (key[5:] for key in told.what if key.startswith("lamp.") and key[5:] in states):
                    word, _, whose = states[index].partition(", ")
                    lit = lamp(word, whose == "mine", table)
                    if lit is not None and line.told:
                        seen, expected = str(told.what[f"lamp.{index}"]), f"{lit} for {word} ({whose})"
                        ok, party = seen == str(lit), subscription.subscriber
                        near = line.told[0] if ok else _nearest(line.told, told.time_ns)
                        yield finding(near.notify, ok, expected=expected, observed=seen, party=party)


def _nearest(told: list[Told], time_ns: int) -> Told:
    earlier = [t for t in told if t.notify.packet.time_ns <= time_ns]
    return earlier[-1] if earlier else told[0]


@check(
    "SCA-065", level=SHOULD, on=PHONE, clause="RFC 3326 §3.1; SCA: answered elsewhere (sheet 1.12)",
    asks="a call that another phone of the line has answered is not shown as missed",
)  # fmt: skip
def answered_elsewhere_is_not_missed(trace: Trace) -> Iterator[Finding]:
    """Where the phone tells what it shows and the CANCEL gives the reason. What it showed before the CANCEL and
    within five seconds after are compared.
    """
    for _, leg in legs(trace):
        cancel = leg.cancel if not leg.calls else None
        reasons = cancel.reason_values if cancel is not None else []
        if cancel is None or not any(isinstance(r, Reason) and r.cause == 200 for r in reasons):
            continue
        names = names_of(trace, leg.phone.address)
        shown = [o for o in trace.observations if o.kind == "belief" and "missed" in o.what and o.who in names]
        before = [o for o in shown if o.time_ns <= cancel.packet.time_ns]
        after = [o for o in shown if 0 < o.time_ns - cancel.packet.time_ns < 5e9]
        if before:
            grown = bool(after) and after[0].what["missed"] != before[-1].what["missed"]
            seen = "one more missed call"
            yield finding(cancel, not grown, expected="no missed call", observed=seen, party=leg.phone.address)


@check(
    "SCA-069", level=SHOULD, on=PHONE, clause="SCA: alerting that is only told (sheet 2.21)",
    asks="a phone that is told of a call that rings elsewhere shows it and does not ring",
)  # fmt: skip
def told_call_does_not_ring(trace: Trace) -> Iterator[Finding]:
    """Where the phone tells what it shows: ten seconds after it was told alerting, with no INVITE to it and no call of
    its own, its ringer is silent. That the key shows the call SCA-022 asks.
    """
    busy = {(leg.phone.address, line) for line, leg in legs(trace)}
    for line in lines(trace):
        for subscription in line.subscriptions:
            names = names_of(trace, subscription.subscriber)
            if not names or (subscription.subscriber, line) in busy:
                continue
            for told in line.told_to(subscription):
                if State.ALERTING in {slot.state for slot in told.state.slots.values()}:
                    moment = told.notify.packet.time_ns + round(2 * LAGS * 1e9)
                    shown = _shown(trace, names, "call", moment)
                    if shown is not None:
                        seen, party = f"call {shown.what['call']}", subscription.subscriber
                        ok = shown.what["call"] != "ringing"
                        yield finding(told.notify, ok, expected="no ringing", observed=seen, party=party)


@check(
    "SCA-097", level=MUST, on=PHONE, clause="SCA: bridges (sheet §7, 2.3)",
    asks="a phone shows a bridge that it is told of, and its key can still be pressed to join",
)  # fmt: skip
def bridge_is_understood(trace: Trace) -> Iterator[Finding]:
    """Shown: compared as for SCA-022. Pressed: where the record says that its user pressed the key of a bridge while
    barging in was not switched off, an INVITE follows within 32 s (a person may have to be told to press it).
    """
    for told, index, state, shown, in_time in _compared(trace):
        if state in BRIDGES:
            ok, party = shown.startswith(f"{state},"), told.subscription.subscriber
            seen = f"slot {index} shown as {shown}"
            if ok or in_time:
                yield finding(told.notify, ok, expected=state, observed=seen, party=party)
    settings = [o for o in trace.observations if o.kind == "intent" and o.what.get("do") == "set_line"]
    off = {o.who for o in settings if o.what.get("barge_in") is False}
    presses = [o for o in trace.observations if o.kind == "intent" and o.what.get("do") == "press_line"]
    for line in lines(trace) if presses else ():
        for subscription in line.subscriptions:
            names = names_of(trace, subscription.subscriber) - off
            for press in (p for p in presses if p.who in names):
                yield from _joined(trace, line, subscription, press)


def _was_read(told: Told, moment: int) -> bool:
    """Whether a phone had answered a NOTIFY by a moment."""
    transaction = told.notify.transaction
    answer = transaction.final if transaction is not None else None
    return answer is not None and answer.packet.time_ns <= moment


def _joined(trace: Trace, line: Line, subscription: Subscription, press: Observation) -> Iterator[Finding]:
    """Judges one press of a key that its phone was told is a bridge, if it has no call there itself."""
    told = [t for t in line.told_to(subscription) if _was_read(t, press.time_ns)]
    index = press.what.get("index")
    if not told or not isinstance(index, int) or told[-1].state.state(index) not in BRIDGES:
        return
    own = [leg for leg in legs_of(trace, line) if leg.phone.may_be(line.phone_of(subscription))]
    own = [leg for leg in own if leg.index == index]
    since = [leg for leg in own if 0 <= leg.request.packet.time_ns - press.time_ns < GIVE_UP * 1e9]
    there = any(leg.end is None or leg.end.packet.time_ns > press.time_ns for leg in own)
    if since or (not there and (trace.end_ns - press.time_ns) / 1e9 > GIVE_UP):
        seen = "no INVITE"
        yield finding(told[-1].notify, bool(since), expected="INVITE", observed=seen, party=subscription.subscriber)
