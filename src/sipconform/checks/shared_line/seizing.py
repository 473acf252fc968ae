"""Who is given a slot before dialling, and for how long: `Event: line-seize` at the server."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sipconform.checks.catalogue import MUST, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, seconds, seconds_of, watched
from sipconform.checks.shared_line.course import Slot, slots
from sipconform.checks.shared_line.legs import Leg, legs_of
from sipconform.checks.shared_line.line import QUIET, Seizure, index_of
from sipconform.checks.shared_line.lines import lines
from sipconform.checks.shared_line.truth import AHEAD, between, during, judged
from sipconform.checks.subscription.course import is_final, requested, state_of
from sipconform.features.appearance import State
from sipconform.trace.trace import Trace, Transaction, WireMessage

SWEEP = 10.0  # seconds a server may take to notice that a seizure has run out
LONGEST = 30  # seconds a seizure may be granted for (the longest default of any make)


@check(
    "SCA-030", level=MUST, on=SERVER, clause="line-seize (sheet 3.3)",
    asks="a slot that was seized is told to every phone as seized",
)  # fmt: skip
def seizure_is_told(trace: Trace) -> Iterator[Finding]:
    """Within 4 s, unless the slot has gone on meanwhile. And the seizing phone is told which slot it has: a NOTIFY of
    line-seize with that index; whether it names a state is the server's.
    """
    yield from judged(trace, "seize")
    for line in lines(trace):
        for seizure in line.seizures:
            if not seizure.granted or seizure.slot is None:
                continue
            told = [t.request for t in seizure.subscription.notifies if t.request is not None]
            first = next((n for n in told if n.has("Call-Info")), None)
            if first is not None:
                seen = f"index {index_of(first)}"
                yield finding(first, index_of(first) == seizure.slot, expected=f"index {seizure.slot}", observed=seen)
            elif not told and watched(trace, seizure.final) > QUIET:
                yield finding(seizure.final, False, expected="a NOTIFY of line-seize", observed="none")


@check(
    "SCA-031", level=MUST, on=SERVER, clause="line-seize, glare (sheet 3.13)",
    asks="of two phones that seize one slot only one gets it",
)  # fmt: skip
def glare_has_one_winner(trace: Trace) -> Iterator[Finding]:
    """The second 2xx is wrong while the first seizure lives: it was neither given up, nor ended by the server, nor has
    the time granted run out, nor has its phone made a call on it (then SCA-032 asks), nor has the same phone asked
    again.
    """
    for line in lines(trace):
        granted = [s for s in line.seizures if s.granted and s.slot is not None]
        calls = [leg for leg in legs_of(trace, line) if leg.calls]
        for second in granted:
            rivals = [s for s in granted if s.slot == second.slot and s.final.number < second.final.number]
            alive = [
                s for s in rivals
                if s.phone.is_other_than(second.phone) and _lives(s, second.final)
                and not any(_has_used(leg, s, second) for leg in calls)
            ]  # fmt: skip
            also = [s.final for s in alive]
            yield finding(second.final, not alive, expected="480", observed=str(second.final.status), also=also)


def _lives(seizure: Seizure, at: WireMessage) -> bool:
    """Whether a seizure surely went on when a message passed: not ended, not being given up, not run out."""
    given_up = any(
        requested(t) == 0 and t.request is not None and t.request.number < at.number
        for t in seizure.subscription.subscribes
    )
    left = (seconds_of(seizure.final.expires) or 0) - seconds(at, seizure.final)
    return not seizure.over(at) and not given_up and left > 1


def _has_used(leg: Leg, seizure: Seizure, rival: Seizure) -> bool:
    """Whether a phone began a call on the slot it had seized, before a rival was answered."""
    begun = seizure.final.number < leg.request.number < rival.final.number
    return begun and leg.phone.may_be(seizure.phone) and seizure.slot in (leg.index, index_of(leg.request))


@check(
    "SCA-032", level=MUST, on=SERVER, clause="line-seize of a slot in use (sheet 3.4)",
    asks="a slot with a call on it cannot be seized, and trying changes nothing",
)  # fmt: skip
def used_slot_is_refused(trace: Trace) -> Iterator[Finding]:
    """Any 4xx or 6xx passes, 480 is what three servers send. In use means, by the evidence: a call on that slot had
    been answered, or was being made or offered and had shown so by a 1xx, and nobody had begun to end it when the
    seizure was answered.
    """
    for slot in slots(trace):
        for seizure in slot.line.seizures:
            using = [leg for leg in slot.legs if seizure.slot == slot.index and _uses(leg, seizure)]
            if using:
                ok = seizure.final.status >= 400
                seen = f"{seizure.final.status} while slot {slot.index} is in a call"
                yield finding(seizure.final, ok, expected="480", observed=seen, also=[using[0].request])


def _uses(leg: Leg, seizure: Seizure) -> bool:
    """Whether a call has its slot for as long as somebody asks for that by line-seize. A call that is not answered yet
    has the slot it names; a phone that asks once more for the slot on which it calls takes it from nobody."""
    if leg.lasts(seizure.request, seizure.final):
        return True
    shown, asked, answered = leg.ringing, seizure.request.number, seizure.final.number
    if leg.press or shown is None or shown.number > asked or index_of(leg.request) != seizure.slot:
        return False
    goes_on = all(m is None or m.number > answered for m in (leg.answer, leg.leaving))
    return goes_on and not (leg.calls and leg.phone.may_be(seizure.phone))


@check(
    "SCA-034", level=SHOULD, on=SERVER, clause="line-seize expiry (sheet 3.2)",
    asks="a seizure is granted for seconds, not for minutes",
)  # fmt: skip
def seizure_is_short(trace: Trace) -> Iterator[Finding]:
    """15 s is the time three servers name; up to 30 s passes here. A phone that dies with the receiver up would
    otherwise keep the slot.
    """
    for line in lines(trace):
        for seizure in line.seizures:
            granted = seconds_of(seizure.final.expires)
            if seizure.granted and granted is not None:
                ok = granted <= LONGEST
                yield finding(seizure.final, ok, expected=f"Expires: {LONGEST} or less", observed=f"Expires: {granted}")


@check(
    "SCA-035", level=MUST, on=SERVER, clause="line-seize expiry (sheet 3.10)",
    asks="a seizure that is not used runs out: the phone is told, and the slot is idle again",
)  # fmt: skip
def unused_seizure_runs_out(trace: Trace) -> Iterator[Finding]:
    """A server that sweeps now and then may take ten seconds more than it granted. No use is: no INVITE of that phone
    from the seizure on, and no refresh.
    """
    yield from judged(trace, "seize over", wanted=frozenset({State.IDLE}))
    for line in lines(trace):
        for seizure in line.seizures:
            granted = seconds_of(seizure.final.expires)
            if not seizure.granted or granted is None or len(seizure.subscription.subscribes) > 2:
                continue
            due = granted + SWEEP + GIVE_UP
            used = [r for r in trace.requests("INVITE") if trace.party(r.source) == seizure.phone.address]
            used = [r for r in used if 0 < seconds(r, seizure.final) < due]
            if (
                used
                or watched(trace, seizure.final) < due
                or any(requested(t) == 0 for t in seizure.subscription.subscribes)
            ):
                continue
            end = seizure.end
            seen = f"nothing for {watched(trace, seizure.final):.0f} s after the 2xx"
            yield finding(seizure.final, end is not None, expected="NOTIFY terminated", observed=seen)


@check(
    "SCA-036", level=MUST, on=SERVER, clause="line-seize (sheet 3.8)",
    asks="a slot whose seizure is given up is idle again for everybody",
)  # fmt: skip
def given_up_slot_is_idle(trace: Trace) -> Iterator[Finding]:
    """Within 4 s of the server's 2xx to `Expires: 0`."""
    yield from judged(trace, "unseize", wanted=frozenset({State.IDLE}))


@check(
    "SCA-037", level=SHOULD, on=SERVER, clause="line-seize (sheet 3.11)",
    asks="once the call has taken the slot the server ends the seizure, and the slot is not idle in between",
)  # fmt: skip
def seizure_ends_with_the_call(trace: Trace) -> Iterator[Finding]:
    """At the INVITE, at the first ringing, or with the call's refusal: all are in use."""
    for slot in slots(trace):
        for leg in (leg for leg in slot.legs if leg.calls and not leg.press and leg.ringing is not None):
            own = [
                s
                for s in slot.line.seizures
                if s.slot == slot.index and s.phone.is_surely(leg.phone) and s.granted
                and 0 < seconds(leg.request, s.final) < (seconds_of(s.final.expires) or 0)
            ]  # fmt: skip
            for seizure in own[-1:]:
                told = [t.request for t in seizure.subscription.notifies if is_final(t.request)]
                if told or watched(trace, leg.request) > GIVE_UP:
                    seen = "none" if not told else "terminated"
                    also = [seizure.final]
                    yield finding(leg.request, bool(told), expected="NOTIFY terminated", observed=seen, also=also,
                                  party=slot.line.server)  # fmt: skip


@check(
    "SCA-039", level=MUST, on=SERVER, clause="line-seize of a second slot (sheet 3.14)",
    asks="a phone that seizes another slot does not keep the first for ever",
)  # fmt: skip
def first_slot_is_freed(trace: Trace) -> Iterator[Finding]:
    """Freed at once or when its time runs out: after that and ten seconds the first must have been told idle, if the
    evidence goes on so long and nobody else took it.
    """
    for slot in slots(trace):
        for seizure in slot.line.seizures:
            if seizure.slot != slot.index or not seizure.granted:
                continue
            others = [
                s for s in slot.line.seizures
                if s.phone.is_surely(seizure.phone) and s.slot != slot.index
                and s.granted and 0 < seconds(s.final, seizure.final) < 15
            ]  # fmt: skip
            limit = (seconds_of(seizure.final.expires) or 15) + SWEEP
            moves = [
                m
                for m in slot.moves
                if 0 < seconds(m.at, seizure.final) < limit and m.kind in ("seize", "ring", "call")
            ]
            if not others or moves or watched(trace, seizure.final) < limit:
                continue
            told = [t for t in slot.line.told if 0 < seconds(t.notify, seizure.final) < limit]
            idle = any(t.state.state(slot.index) == State.IDLE for t in told if t.notify.number > seizure.final.number)
            seen = f"slot {slot.index} still seized"
            yield finding(
                seizure.final, idle, expected=f"slot {slot.index} idle", observed=seen, also=[others[0].final]
            )


@check(
    "SCA-040", level=MUST, on=SERVER, clause="line-seize, refreshed (sheet 3.9)",
    asks="a seizure that its phone refreshes goes on, with the slot it has",
)  # fmt: skip
def refreshed_seizure_goes_on(trace: Trace) -> Iterator[Finding]:
    """A refresh in time, before any call, is answered 2xx, the NOTIFY after it names the same slot, the slot is not
    told idle and the seizure does not run out before the time that was granted last.
    """
    for slot in slots(trace):
        for seizure in slot.line.seizures:
            if seizure.slot == slot.index and seizure.granted:
                called = [leg.request.number for leg in slot.legs if leg.calls and leg.phone.may_be(seizure.phone)]
                for before, refresh in pairwise(seizure.subscription.subscribes):
                    if _is_refresh(seizure, before, refresh) and not _is_called_on(refresh, called):
                        yield from _goes_on(slot, seizure, refresh)


def _is_called_on(refresh: Transaction, calls: list[int]) -> bool:
    """Whether the phone had begun a call on the slot by then: that ends the seizure, and the two may cross."""
    final = refresh.final
    return final is not None and any(number < final.number for number in calls)


def _is_refresh(seizure: Seizure, before: Transaction, refresh: Transaction) -> bool:
    """Whether a SUBSCRIBE asks for more time while the seizure surely lives, and was answered for good."""
    request, final, granted = refresh.request, refresh.final, before.final
    if request is None or final is None or granted is None or not request.to_tag or requested(refresh) == 0:
        return False
    end = seizure.end
    left = (seconds_of(granted.expires) or 0) - seconds(request, granted)
    ended = end is not None and end.number < final.number
    return granted.status < 300 and final.status not in (401, 407) and left > 1 and not ended


def _goes_on(slot: Slot, seizure: Seizure, refresh: Transaction) -> Iterator[Finding]:
    final, request = refresh.final, refresh.request
    if final is None or request is None:
        return
    granted = seconds_of(final.expires) or 0
    ok = final.status < 300 and granted > 0
    yield finding(final, ok, expected="200", observed=f"{final.status}, Expires: {granted}", also=[request])
    if not ok:
        return
    told = (t.request for t in seizure.subscription.notifies if t.request is not None)
    named = next((n for n in told if n.number > request.number and n.has("Call-Info")), None)
    if named is not None:
        seen = f"index {index_of(named)}"
        yield finding(named, index_of(named) == slot.index, expected=f"index {slot.index}", observed=seen)
    end = seizure.end
    state = state_of(end) if end is not None and end.is_request else None
    if end is not None and state is not None and state.reason == "timeout":
        lasted = seconds(end, final)
        seen = f"over {lasted:.0f} s after {granted} s were granted"
        yield finding(end, lasted > granted - 1, expected=f"{granted} s", observed=seen, also=[final])
    for notify, told_state in between(slot, final, end):
        if seconds(notify, final) < granted - 1 and not (end and seconds(end, notify) < AHEAD):
            seen = f"slot {slot.index} idle"
            yield finding(notify, told_state != State.IDLE, expected="seized", observed=seen, also=[final])


@check(
    "SCA-041", level=MUST, on=SERVER, clause="line-seize, the timer stops (sheet 3.12)",
    asks="a seizure that has become a call does not run out under it",
)  # fmt: skip
def call_outlives_the_seizure(trace: Trace) -> Iterator[Finding]:
    """No phone is told that the slot is idle before the call is answered, nor about the time at which the seizure would
    have run out. Of all other times SCA-056 asks.
    """
    for slot in slots(trace):
        for leg in (leg for leg in slot.legs if leg.calls and not leg.press and leg.ringing is not None):
            seized = [
                s for s in slot.line.seizures
                if s.granted and s.phone.is_surely(leg.phone) and s.slot in (slot.index, index_of(leg.request))
                and s.final.number < leg.request.number
            ]  # fmt: skip
            for notify, state in during(trace, slot, leg) if seized else ():
                if _is_its_time(seized[-1], leg, notify):
                    ok, seen = state != State.IDLE, f"slot {slot.index} idle while its call is up"
                    yield finding(notify, ok, expected="not idle", observed=seen, also=[leg.request])


def _is_its_time(seizure: Seizure, leg: Leg, at: WireMessage) -> bool:
    """Whether a call is still ringing, for longer than a second, or its seizure would run out just then."""
    late = seconds(at, seizure.final) - (seconds_of(seizure.final.expires) or 0)
    rings = leg.ringing is not None and seconds(at, leg.ringing) > 1
    return rings and (leg.answer is None or at.number < leg.answer.number or -AHEAD < late < SWEEP)
