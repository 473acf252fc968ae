"""More than one phone of a line in one call."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import INFO, MUST, PHONE, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, seconds, watched
from sipconform.checks.shared_line.course import Slot, slots
from sipconform.checks.shared_line.legs import Leg, refusal
from sipconform.checks.shared_line.policies import names_of
from sipconform.checks.shared_line.truth import during, judged
from sipconform.features.appearance import State
from sipconform.trace.trace import Trace

AGAIN = 10.5  # seconds in which a tone that repeats is heard at least once
DIED_AWAY = 1.0  # seconds after which a tone that does not repeat is over
ONE_LEFT = frozenset({State.ACTIVE, State.HELD, State.HELD_PRIVATE})


def _joins(trace: Trace) -> Iterator[tuple[Slot, Leg, list[Leg]]]:
    """A press on a slot whose call nobody of the line held, with those who were in it."""
    for slot in slots(trace):
        for leg in (leg for leg in slot.legs if leg.press):
            there = [o for o in slot.legs if o is not leg and o.talks(leg.request)]
            held = [o for o in there if (hold := o.hold(leg.request)) is not None and hold.may_hold]
            if there and (not held or len(there) > 1):
                yield slot, leg, there


@check(
    "SCA-090", level=MUST, on=SERVER, clause="SCA: barging in (sheet 6.1-6.3)",
    asks="where bridging is on, a phone that presses the key of a call joins it, and that is told as a bridge",
)  # fmt: skip
def barging_in_joins(trace: Trace) -> Iterator[Finding]:
    """Refusals, and what is told, are judged only where the profile says that there is bridging, and the call was up
    for a second before and after: some servers let phones join and go on telling the call of one. Two phones in one
    call are told as bridge-active within 4 s. Never as idle, on any server.
    """
    yield from judged(trace, "press answered", wanted=frozenset({State.BRIDGE_ACTIVE}))
    for slot, leg, there in _joins(trace):
        final = leg.invite.final
        bridging = slot.line.policies.get("bridging")
        steady = all(o.settled is not None and not (o.end and seconds(o.end, leg.request) < 1) for o in there)
        if bridging and final is not None and steady and final.status not in (401, 407, 487):
            yield finding(final, final.status < 300, expected="200", observed=str(final.status), also=[leg.request])
        for notify, state in during(trace, slot, leg) if leg.answer is not None else ():
            seen = f"slot {slot.index} idle"
            yield finding(notify, state != State.IDLE, expected="bridge-active", observed=seen, also=[leg.request])


@check(
    "SCA-091", level=MUST, on=SERVER, clause="SCA: bridging is off (sheet 6.6, 6.8)",
    asks="where bridging is off, a phone that presses the key of a call is refused, and nothing else happens",
)  # fmt: skip
def no_bridging_means_refusal(trace: Trace) -> Iterator[Finding]:
    """403 is to be expected, any 4xx or 6xx passes. Only where the profile says so."""
    for slot, leg, there in _joins(trace):
        answer = refusal(leg)
        if slot.line.policies.get("bridging") is not False or answer is None:
            continue
        final, refused, seen = answer
        yield finding(final, refused, expected="403", observed=seen, also=[leg.request])
        for other in there:
            bye = other.bye.request if other.bye is not None and other.ended_by_server else None
            far = slot.far_at(leg.request)
            if bye is not None and far is not None and not far.hung_up(bye):
                quick = 0 <= seconds(bye, leg.request) < 1
                yield finding(bye, not quick, expected="the call goes on", observed="BYE", also=[leg.request])


@check(
    "SCA-092", level=MUST, on=SERVER, clause="SCA: a phone leaves a bridge (sheet 6.4, 6.5)",
    asks="when phones leave a bridge the call goes on with the last, and is told as an ordinary one",
)  # fmt: skip
def leaving_keeps_the_call(trace: Trace) -> Iterator[Finding]:
    """Whoever leaves, the first owner too. A BYE of the server to the last phone within a second after another has left
    by itself is the call's end, unless the far party hung up: judged where its leg is in the evidence.
    """
    yield from judged(trace, "bye", wanted=ONE_LEFT)
    for slot in slots(trace):
        for leg in slot.legs:
            if not leg.ended_by_phone or leg.end is None:
                continue
            for other in (o for o in slot.legs if o is not leg and o.talks(leg.end) and o.ended_by_server):
                bye = other.bye.request if other.bye is not None else None
                far = slot.far_at(leg.end)
                if bye is not None and far is not None and 0 <= seconds(bye, leg.end) < 1:
                    ok, expected = far.hung_up(leg.end), "the call goes on"
                    yield finding(bye, ok, expected=expected, observed="BYE", also=[leg.end])


@check(
    "SCA-093", level=MUST, on=SERVER, clause="SCA: a bridge is held (sheet 2.3; profile bridge_held)",
    asks="a bridge in which phones hold is told as the dialect has it",
)  # fmt: skip
def bridge_hold_is_told(trace: Trace) -> Iterator[Finding]:
    """bridge-held when any of them holds, or only when all do. Where nobody says which, either passes until all do."""
    yield from judged(trace, "hold", "private", "resume", where=lambda slot, move: len(slot.talking(move.at)) > 1)


@check(
    "SCA-094", level=MUST, on=SERVER, clause="SCA: the far party leaves a bridge (sheet 6.5)",
    asks="when the far party hangs up every phone's call ends",
)  # fmt: skip
def far_end_ends_all(trace: Trace) -> Iterator[Finding]:
    """Where the far party's BYE is in the evidence: a BYE of the server to one phone of a bridge just then means that
    the call is over, and the others get theirs within 32 s.
    """
    for slot in slots(trace):
        for leg in (leg for leg in slot.legs if leg.ended_by_server):
            bye = leg.bye.request if leg.bye is not None else None
            far = slot.far_at(bye) if bye is not None else None
            if bye is None or far is None or not far.hung_up(bye):
                continue
            for other in (o for o in slot.legs if o is not leg):
                if other.talks(bye) and watched(trace, bye) > GIVE_UP:
                    expected, ended = f"BYE to {other.phone.address}", other.leaving is not None
                    yield finding(bye, ended, expected=expected, observed="none", also=[other.request])
                elif other.end is not None and abs(seconds(other.end, bye)) < GIVE_UP:
                    yield finding(bye, True)


@check(
    "SCA-096", level=SHOULD, on=SERVER, clause="SCA: joining needs no extension (sheet 6.2)",
    asks="a phone joins without Join, Replaces or Require",
)  # fmt: skip
def joining_is_plain(trace: Trace) -> Iterator[Finding]:
    """A 420 or 421 to a press that asks for none of them."""
    for _, leg, _ in _joins(trace):
        final = leg.invite.final
        if final is not None and not leg.request.has("Require"):
            yield finding(final, final.status not in (420, 421), expected="200", observed=str(final.status))


@check(
    "SCA-098", level=MUST, on=PHONE, clause="SCA: barging in is switched off at the phone (sheet 6.9)",
    asks="a phone on which barging in is off sends nothing for the key of a call elsewhere",
)  # fmt: skip
def phone_does_not_barge(trace: Trace) -> Iterator[Finding]:
    """Known from the record of how the phone was set."""
    settings = [o for o in trace.observations if o.kind == "intent" and o.what.get("do") == "set_line"]
    off = {o.who: o.time_ns for o in settings if o.what.get("barge_in") is False}
    for slot, leg, _ in _joins(trace):
        names = names_of(trace, leg.phone.address)
        pressed = any(name in off and off[name] < leg.request.packet.time_ns for name in names)
        yield finding(leg.request, not pressed, expected="no INVITE", observed=f"INVITE for slot {slot.index}")


@check(
    "SCA-099", level=SHOULD, on=PHONE, clause="SCA: barging in was refused (sheet 6.8)",
    asks="a phone that was refused does not try again by itself",
)  # fmt: skip
def refused_barge_is_not_repeated(trace: Trace) -> Iterator[Finding]:
    """Within five seconds, with one press on record or none."""
    for slot, leg, _ in _joins(trace):
        final = leg.invite.final
        if final is None or final.status < 400:
            continue
        again = [o for o in slot.legs if o.press and o.phone.is_surely(leg.phone) and 0 < seconds(o.request, final) < 5]
        presses = [
            o for o in trace.observations
            if o.kind == "intent" and o.what.get("do") in ("press_line", "take_line")
            and 0 < o.time_ns - final.packet.time_ns < 5e9
        ]  # fmt: skip
        ok = not again or bool(presses)
        yield finding(again[0].request if again else leg.request, ok, expected="no INVITE", observed="INVITE again")


@check(
    "SCA-095", level=INFO, on=SERVER, clause="SCA: bridgeWarningTone (sheet 6.7)",
    asks="those in a call hear a tone when a phone joins it, as it is set: never, once, or again and again",
)  # fmt: skip
def joining_is_heard(trace: Trace) -> Iterator[Finding]:
    """In the media only, so known only where the suite listened: at whom, from when on, and whether a warning tone was
    among what they heard.
    """
    heard = list(_heard(trace))
    for slot, leg, _ in _joins(trace) if heard else ():
        tone, answer = slot.line.policies.get("warning_tone"), leg.answer
        for since, until, warned in heard if tone and answer is not None else ():
            if answer is None or (leg.end is not None and leg.end.packet.time_ns < until):
                continue
            begun, lasted = (since - answer.packet.time_ns) / 1e9, (until - since) / 1e9
            at_once, later = -2 < begun <= 0, begun >= DIED_AWAY and lasted >= AGAIN
            wanted = tone != "none" if at_once else tone == "barge-in-and-repeat"
            for name, found in warned.items() if at_once or later else ():
                seen = f"{name} heard {'a' if found else 'no'} tone"
                yield finding(answer, found is wanted, expected=str(tone), observed=seen, party=slot.line.server)


def _heard(trace: Trace) -> Iterator[tuple[int, int, dict[str, bool]]]:
    """From when until when it was listened, in nanoseconds, and by name who heard the tone."""
    for told in (o for o in trace.observations if o.kind == "heard"):
        since, warned = told.what.get("since_ns"), told.what.get("warned")
        if isinstance(since, int) and isinstance(warned, dict):
            yield since, told.time_ns, warned
