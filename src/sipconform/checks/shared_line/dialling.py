"""What a phone does with line-seize before it dials, and when it puts the receiver back."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.evidence import seconds
from sipconform.checks.shared_line.legs import Leg, legs, legs_of
from sipconform.checks.shared_line.line import Line, Seizure, index_of
from sipconform.checks.shared_line.lines import lines
from sipconform.checks.shared_line.phones import Phone
from sipconform.checks.shared_line.policies import names_of
from sipconform.checks.subscription.course import is_final, requested, state_of
from sipconform.features.appearance import State
from sipconform.trace.packet import Observation
from sipconform.trace.trace import Trace, WireMessage


@check(
    "SCA-042", level=MUST, on=PHONE, clause="line-seize (sheet 3.1)",
    asks="a phone seizes the slot before it calls on it, and calls only once it has it",
)  # fmt: skip
def phone_seizes_first(trace: Trace) -> Iterator[Finding]:
    """Every INVITE of a subscribed phone to somebody outside the line that names a slot. A phone that names none makes
    an ordinary call, which a server may carry. A seizure serves for one call, tried again with the same Call-ID or not:
    one that was given up, or had a call before, serves no more; one that ran out SCA-045 asks about. What was seized
    before the evidence begins is not known: there the phone has to have been told first, and of another state than
    seized.
    """
    for line, leg in legs(trace):
        if not leg.calls or leg.press or index_of(leg.request) is None or _seized_before(line, leg):
            continue
        own = [s for s in line.seizures if s.phone.may_be(leg.phone) and s.slot == index_of(leg.request)]
        earlier = [s for s in own if s.granted and s.final.number < leg.request.number]
        had = [s for s in earlier if not _is_used_up(trace, line, s, leg)]
        asked = [s.request for s in own if s.request.number < leg.request.number and s not in earlier]
        seen = "an INVITE before the 2xx" if asked else "no line-seize for this call" if earlier else "no line-seize"
        also = asked[-1:] or [s.request for s in earlier[-1:]]
        yield finding(leg.request, bool(had), expected="a seizure with 2xx first", observed=seen, also=also)


def _is_used_up(trace: Trace, line: Line, seizure: Seizure, leg: Leg) -> bool:
    """Whether a seizure had been given up, or had served another call, when a call began."""
    given_up = any(
        requested(t) == 0 and t.request is not None and t.request.number < leg.request.number
        for t in seizure.subscription.subscribes
    )
    return given_up or any(
        seizure.final.number < other.request.number < leg.request.number
        for other in legs_of(trace, line)
        if other.calls and not other.press and other.phone.is_surely(leg.phone)
        and other.request.call_id != leg.request.call_id and seizure.slot in (other.index, index_of(other.request))
    )  # fmt: skip


def _seized_before(line: Line, leg: Leg) -> bool:
    """Whether the phone may have seized the slot of its call before the evidence begins."""
    own, index = [s for s in line.subscriptions if line.phone_of(s).may_be(leg.phone)], index_of(leg.request)
    if any(s.began_here for s in own) or index is None:
        return False
    told = [t for s in own for t in line.told_to(s) if t.notify.number < leg.request.number]
    return not told or any(t.state.state(index) == State.SEIZED for t in told)


@check(
    "SCA-043", level=MUST, on=PHONE, clause="line-seize, refused (sheet 3.4, 3.16)",
    asks="a phone that was refused a slot does not call on it",
)  # fmt: skip
def refused_phone_does_not_call(trace: Trace) -> Iterator[Finding]:
    """Within 15 s of the refusal, unless it has got the slot since."""
    for line in lines(trace):
        for seizure in line.seizures:
            if seizure.final.status < 400 or seizure.slot is None:
                continue
            later = [
                leg for leg in legs_of(trace, line)
                if leg.calls and not leg.press and leg.phone.is_surely(seizure.phone)
                and index_of(leg.request) == seizure.slot and 0 < seconds(leg.request, seizure.final) < 15
            ]  # fmt: skip
            won = any(
                s.granted and s.slot == seizure.slot and s.final.number > seizure.final.number
                for s in line.seizures if s.phone.may_be(seizure.phone)
            )  # fmt: skip
            bad = later[0].request if later and not won else None
            yield finding(
                bad or seizure.final, bad is None, expected="no INVITE", observed="INVITE", also=[seizure.final]
            )


@check(
    "SCA-044", level=MUST, on=PHONE, clause="line-seize (sheet 3.8)",
    asks="a phone that puts the receiver back gives the seizure up at once",
)  # fmt: skip
def phone_gives_up_at_once(trace: Trace) -> Iterator[Finding]:
    """Known only where the record says when the receiver was put back; a second later the SUBSCRIBE must be there, in
    the seizure's dialog, unless the seizure had ended.
    """
    put_back = [o for o in trace.observations if o.kind == "intent" and o.what.get("do") == "put_back"]
    for line in lines(trace) if put_back else ():
        asked: dict[Phone, list[WireMessage]] = {}
        for seizure in line.seizures:
            asked.setdefault(seizure.phone, []).append(seizure.request)
        for seizure in line.seizures:
            names = names_of(trace, seizure.phone.address)
            told = next((o for o in put_back if o.who in names and _is_meant(seizure, o)), None)
            if told is None or any(_replaces(request, seizure.request, told) for request in asked[seizure.phone]):
                continue
            given = [
                t.request for t in seizure.subscription.subscribes
                if requested(t) == 0 and t.request and -0.05e9 < t.request.packet.time_ns - told.time_ns < 1e9
            ]  # fmt: skip
            seen = "no SUBSCRIBE with Expires 0 within a second"
            yield finding(seizure.request, bool(given), expected="Expires: 0", observed=seen)


def _is_meant(seizure: Seizure, told: Observation) -> bool:
    """Whether a seizure was granted and had not ended when the receiver was put back, and was not about to."""
    wait = (told.time_ns - seizure.final.packet.time_ns) / 1e9
    if not seizure.granted or not 0 <= wait <= 14:
        return False
    end = seizure.end
    return end is None or end.packet.time_ns >= told.time_ns


def _replaces(later: WireMessage, earlier: WireMessage, told: Observation) -> bool:
    """Whether a phone had asked for another slot since: what it puts back then is that one."""
    return later.number > earlier.number and later.packet.time_ns <= told.time_ns


@check(
    "SCA-045", level=MUST, on=PHONE, clause="line-seize, run out while dialling (sheet 3.10)",
    asks="a phone whose seizure has run out seizes again before it calls",
)  # fmt: skip
def expired_seizure_is_renewed(trace: Trace) -> Iterator[Finding]:
    """Told so by NOTIFY terminated;reason=timeout, which it has answered, a second or more before its INVITE."""
    for line in lines(trace):
        for seizure in line.seizures:
            end = next((t for t in seizure.subscription.notifies if is_final(t.request)), None)
            state = state_of(end.request) if end is not None else None
            if (
                end is None
                or state is None
                or state.reason != "timeout"
                or end.final is None
                or end.final.status >= 300
            ):
                continue
            own = [s for s in line.seizures if s.phone.may_be(seizure.phone)]
            for leg in (leg for leg in legs_of(trace, line) if leg.calls and not leg.press):
                mine = leg.phone.is_surely(seizure.phone) and index_of(leg.request) == seizure.slot
                if not mine or seconds(leg.request, end.final) < 1:
                    continue
                again = [s for s in own if end.final.number < s.request.number < leg.request.number]
                seen = "an INVITE on the slot that was lost"
                yield finding(leg.request, bool(again), expected="line-seize first", observed=seen, also=[end.final])


@check(
    "SCA-046", level=MUST, on=PHONE, clause="line-seize (sheet 3.11)",
    asks="a phone whose seizure ends because the call has the slot does not seize it again",
)  # fmt: skip
def phone_does_not_seize_again(trace: Trace) -> Iterator[Finding]:
    """For as long as its call on that slot lasts."""
    for line in lines(trace):
        for subscription in line.seizing:
            phone = line.phone_of(subscription)
            for notify in (t.request for t in subscription.notifies if t.request is not None):
                state = state_of(notify)
                if state is None or state.state != "terminated" or state.reason != "noresource":
                    continue
                calls = [leg for leg in legs_of(trace, line) if leg.calls and leg.phone.is_surely(phone)]
                calls = [leg for leg in calls if leg.request.number < notify.number and not leg.over(notify)]
                again = [
                    s for s in line.seizures
                    if s.phone.is_surely(phone) and s.request.number > notify.number
                    and any(leg.index == s.slot and not leg.over(s.request) and not leg.leaves(s.request)
                            for leg in calls)
                ]  # fmt: skip
                bad = again[0].request if again else notify
                yield finding(bad, not again, expected="no SUBSCRIBE", observed="line-seize once more", also=[notify],
                              party=phone.address)  # fmt: skip


@check(
    "SCA-047", level=SHOULD, on=PHONE, clause="call-info and line-seize (sheet 2.4)",
    asks="a phone does not seize a slot that it was told is in use",
)  # fmt: skip
def phone_avoids_used_slots(trace: Trace) -> Iterator[Finding]:
    """Told a second or more before. A phone that was told to press the key of a slot in use does what it is told: where
    such an intent is on record nothing is judged.
    """
    if {o.what.get("do") for o in trace.observations if o.kind == "intent"} & {"seize", "seize_elsewhere"}:
        return
    for line in lines(trace):
        for seizure in (s for s in line.seizures if s.slot is not None):
            told = [t for t in line.told if t.phone.is_surely(seizure.phone) and seconds(seizure.request, t.notify) > 1]
            if told and not _has_just_hung_up(trace, line, seizure, told[-1].notify):
                state = told[-1].state.state(seizure.slot or 0)
                seen = f"seizes slot {seizure.slot}, told {state}"
                yield finding(seizure.request, state in (State.IDLE, ""), expected="an idle slot", observed=seen)


def _has_just_hung_up(trace: Trace, line: Line, seizure: Seizure, told: WireMessage) -> bool:
    """Whether a call on the slot was being ended, or had ended, since its phone was told of the slot."""
    ending = (leg.leaving for leg in legs_of(trace, line) if leg.index == seizure.slot and leg.leaving is not None)
    return any(told.number < leaving.number < seizure.request.number for leaving in ending)
