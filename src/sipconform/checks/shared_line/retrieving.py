"""A held call that passes from one phone to another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sipconform.checks.catalogue import INFO, MUST, PHONE, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, seconds, watched
from sipconform.checks.names import user_of
from sipconform.checks.shared_line.course import IN_CALL, Slot, slots
from sipconform.checks.shared_line.holds import PUBLIC, Hold
from sipconform.checks.shared_line.legs import Leg, refusal
from sipconform.checks.shared_line.line import QUIET, is_busy
from sipconform.checks.shared_line.policies import names_of
from sipconform.checks.shared_line.truth import crosses, during, judged
from sipconform.features.appearance import State
from sipconform.trace.trace import Trace, WireMessage

LET_GO = 5.0  # seconds a display may need
ACTIVE = frozenset({State.ACTIVE})


def _takeovers(trace: Trace) -> Iterator[tuple[Slot, Leg, Leg]]:
    """Slot, old owner and new: a press that was answered while one phone held the call publicly."""
    for slot in slots(trace):
        for leg in (leg for leg in slot.legs if leg.press and leg.answer is not None):
            old = [o for o in slot.legs if o is not leg and o.talks(leg.request) and o.phone.is_other_than(leg.phone)]
            held = [o for o in old if (hold := o.hold(leg.request)) and hold.states == PUBLIC]
            if len(old) == 1 and held:
                yield slot, old[0], leg


@check(
    "SCA-074", level=MUST, on=SERVER, clause="SCA: retrieve (sheet 5.10, 2.23)",
    asks="a held call that another phone takes is ended at the old one, and never told idle",
)  # fmt: skip
def retrieved_call_changes_hands(trace: Trace) -> Iterator[Finding]:
    """The old owner's leg ends by a BYE of either side within 32 s. The last that is told is active, with the same
    far party as before.
    """
    yield from judged(trace, "press answered", wanted=ACTIVE, where=lambda slot, move: not crosses(slot, move))
    for slot, old, new in _takeovers(trace):
        answer = new.answer or new.request
        if old.bye is None and watched(trace, answer) > GIVE_UP and not new.over(answer):
            lasting = new.end is None or seconds(new.end, answer) > GIVE_UP
            if lasting:
                seen = "the old owner's call goes on"
                yield finding(answer, False, expected="BYE to the old owner", observed=seen, also=[old.request])
        elif old.bye is not None:
            yield finding(answer, True)
        yield from _told_late(slot, old, new)
        for notify, state in during(trace, slot, new):
            seen = f"slot {slot.index} idle"
            yield finding(notify, state != State.IDLE, expected="active", observed=seen, also=[new.request])


def _told_late(slot: Slot, old: Leg, new: Leg) -> Iterator[Finding]:
    """The old owner is told of it once its own call is over, or its phone may forget the lamp: a warning."""
    bye = old.bye.request if old.bye is not None and old.ended_by_server else None
    if bye is None or new.answer is None:
        return
    told = [t for t in slot.line.told if t.phone.is_surely(old.phone) and t.notify.number > new.answer.number]
    told = [t for t in told if t.state.state(slot.index) == State.ACTIVE and not new.over(t.notify)]
    if told and seconds(told[0].notify, new.answer) < QUIET:
        late = [t for t in told if t.notify.number > bye.number]
        seen, also = "active before the BYE, and not again", [bye]
        yield finding(told[0].notify, bool(late), expected="active after it", observed=seen, also=also, level=SHOULD)


@check(
    "SCA-075", level=MUST, on=SERVER, clause="SCA: retrieve (sheet 5.8, 5.9)",
    asks="a held call is given to any phone of the line that asks for it",
)  # fmt: skip
def retrieve_is_granted(trace: Trace) -> Iterator[Finding]:
    """With whatever else Call-Info says. The call must have been held publicly by one phone for a second, and still be
    up a second later, or a refusal may be right.
    """
    for final, leg in _answered_asks(trace):
        if user_of(leg.request.request_uri):
            yield finding(final, final.status < 300, expected="200", observed=str(final.status), also=[leg.request])


@check(
    "SCA-076", level=SHOULD, on=SERVER, clause="SCA: retrieve, the two forms (sheet 5.8)",
    asks="a held call is given to a phone too that names the server alone in its Request-URI",
)  # fmt: skip
def either_form_is_granted(trace: Trace) -> Iterator[Finding]:
    """The rarer form, known from one server's script: From and To are the line's, the Request-URI has no user."""
    for final, leg in _answered_asks(trace):
        if not user_of(leg.request.request_uri):
            yield finding(final, final.status < 300, expected="200", observed=str(final.status), also=[leg.request])


def _answered_asks(trace: Trace) -> Iterator[tuple[WireMessage, Leg]]:
    """Presses on a call that one phone held publicly and nobody else asked for, each with its final answer."""
    for slot in slots(trace):
        for leg in (leg for leg in slot.legs if leg.press and leg.invite.final is not None):
            holder, hold = _holder(slot, leg)
            final = leg.invite.final
            if holder is None or hold is None or final is None or final.status == 487:
                continue
            rivals = [o for o in slot.legs if o is not leg and o.press and not o.talks(leg.request)]
            rivals = [o for o in rivals if abs(seconds(o.request, leg.request)) < 1]
            stable = seconds(leg.request, hold.at) > 1 or not _phone_asks_again(holder, hold.request)
            gone = holder.end is not None and seconds(holder.end, leg.request) < 1
            if stable and not rivals and not (gone and final.status >= 300):
                yield final, leg


def _holder(slot: Slot, leg: Leg) -> tuple[Leg | None, Hold | None]:
    """The one phone that held a slot's call publicly when another asked for it."""
    holders = [o for o in slot.legs if o is not leg and o.talks(leg.request)]
    hold = holders[0].hold(leg.request) if len(holders) == 1 else None
    return (holders[0], hold) if hold is not None and hold.states == PUBLIC else (None, None)


def _phone_asks_again(leg: Leg, request: WireMessage) -> bool:
    return any(h.request.number > request.number for h in leg.holds)


@check(
    "SCA-077", level=MUST, on=SERVER, clause="SCA: two retrieve at once (sheet 5.12)",
    asks="of two phones that ask for one held call one has it, and the other joins or is refused",
)  # fmt: skip
def one_of_two_has_the_call(trace: Trace) -> Iterator[Finding]:
    """Within a second of each other, the holder does nothing in that second, and the first has not held the call again.
    Both may be let in where there is bridging; nobody only where the call ended.
    """
    for slot in slots(trace):
        for first, second in pairwise(leg for leg in slot.legs if leg.press):
            finals = [f for leg in (first, second) if (f := leg.invite.final) is not None and f.status != 487]
            holder, held = _holder(slot, first)
            if holder is None or held is None or len(finals) < 2 or first.phone.may_be(second.phone):
                continue
            since = (hold.request for hold in holder.holds if hold.request.number > held.request.number)
            again = first.hold(second.request)
            if again is not None and again.held:
                continue
            if first.over(second.request) or any(abs(seconds(request, first.request)) < 1 for request in since):
                continue
            served = [f for f in finals if f.status < 300]
            gone = holder.end is not None and abs(seconds(holder.end, first.request)) < 1
            if seconds(second.request, first.request) < 1 and (served or not gone):
                ok = len(served) == 1 or (len(served) == 2 and slot.line.policies.get("bridging") is not False)
                seen = " and ".join(str(f.status) for f in finals)
                yield finding(finals[-1], ok, expected="200 for one of them", observed=seen, also=[first.request])


@check(
    "SCA-078", level=MUST, on=SERVER, clause="SCA: the end of a retrieved call (Kamailio issue 341)",
    asks="a call that has changed hands and ends leaves its slot idle",
)  # fmt: skip
def retrieved_call_ends(trace: Trace) -> Iterator[Finding]:
    """Whichever side ends it; and the phone that took it is told so by BYE if it was not the one."""
    takers = {id(new) for _, _, new in _takeovers(trace)}
    if takers:
        yield from judged(trace, "bye", wanted=frozenset({State.IDLE}))


@check(
    "SCA-079", level=MUST, on=SERVER, clause="SCA: a private hold pressed elsewhere (sheet 5.13)",
    asks="a privately held call is not given away",
)  # fmt: skip
def private_call_is_kept(trace: Trace) -> Iterator[Finding]:
    """Refused with 403 (any 4xx or 6xx passes), or, where the profile says that a press is taken for barging in,
    joined: but the holder's own call goes on in either case. Which of the two it is the papers leave open; where nobody
    says, a press that is let in is only noted.
    """
    for slot in slots(trace):
        for leg in (leg for leg in slot.legs if leg.press):
            others = [o for o in slot.legs if o is not leg and o.talks(leg.request)]
            owners = [o for o in others if o.phone.is_other_than(leg.phone)]
            hold = owners[0].hold(leg.request) if len(owners) == len(others) == 1 else None
            answer = refusal(leg)
            if hold is None or not hold.private or owners[0].leaves(leg.request) or answer is None:
                continue
            final, refused, seen = answer
            rule = slot.line.policies.get("private_press")
            level = slot.line.policies.level("private_press") if rule else INFO
            ok, also = refused or rule == "barge", [leg.request, hold.request]
            yield finding(final, ok, expected="403", observed=seen, also=also, level=level)
            yield from _keeps_its_call(trace, leg, owners[0])


def _keeps_its_call(trace: Trace, press: Leg, holder: Leg) -> Iterator[Finding]:
    """Whether a holder is not hung up on for a press that was let in; when both end the far party may have gone."""
    bye = holder.bye.request if holder.bye is not None and holder.ended_by_server else None
    let_in = press.answer is not None and (press.end is None or seconds(press.end, press.answer) > QUIET)
    if bye is not None and let_in and watched(trace, bye) > QUIET:
        thrown_out = 0 <= seconds(bye, press.request) < 1
        yield finding(bye, not thrown_out, expected="the holder's call goes on", observed="BYE to the holder")


@check(
    "SCA-082", level=MUST, on=PHONE, clause="SCA: the key of a call that is held elsewhere (sheet 5.8)",
    asks="a phone asks for a held call by a new INVITE to its own line with the slot, without seizing it",
)  # fmt: skip
def retrieve_is_a_new_call(trace: Trace) -> Iterator[Finding]:
    """An INVITE to the own line that names a slot and comes within 5 s of a line-seize of that slot by the same phone
    is a seizure too many.
    """
    for slot in slots(trace):
        for leg in (leg for leg in slot.legs if leg.press):
            used = slot.line.last_told(slot.index, leg.request)
            if used in (State.IDLE, State.SEIZED, ""):
                continue
            before = [
                s for s in slot.line.seizures
                if s.slot == slot.index and s.phone.is_surely(leg.phone)
                and 0 < seconds(leg.request, s.request) < 5
            ]  # fmt: skip
            yield finding(leg.request, not before, expected="no line-seize", observed="line-seize before it")


@check(
    "SCA-083", level=MUST, on=PHONE, clause="SCA: the old owner (sheet 2.23)",
    asks="a phone whose call was taken over answers the BYE, and then shows the slot as others have it",
)  # fmt: skip
def old_owner_lets_go(trace: Trace) -> Iterator[Finding]:
    """200, or 481 where its own BYE crossed. What it shows is compared where the phone tells: five seconds after
    that, if the slot is still in a call, its key shows neither idle nor a call of its own.
    """
    for slot, old, new in _takeovers(trace):
        bye = old.bye
        if bye is None or bye.request is None or not old.ended_by_server:
            continue
        final = bye.final
        if final is None:
            continue
        ok = final.status in (200, 481)
        yield finding(final, ok, expected="200", observed=str(final.status), also=[bye.request])
        moment = final.packet.time_ns + round(LET_GO * 1e9)
        until = min(trace.end_ns, new.end.packet.time_ns if new.end is not None else trace.end_ns)
        shown = _shown(trace, old, slot.index, min(moment, until))
        if shown is not None and _knows_of_a_call(slot, old, min(moment, until)):
            ok = shown != "idle, theirs" and not shown.endswith("mine")
            if ok or moment < until:  # else the display has not had its time
                yield finding(bye.request, ok, expected="active, theirs", observed=shown, party=old.phone.address)


def _knows_of_a_call(slot: Slot, leg: Leg, moment: int) -> bool:
    """Whether the last that a phone has confirmed says that the slot is in use: what got lost it cannot show."""
    told = [t for t in slot.line.told if t.phone.is_surely(leg.phone)]
    answers = ((t, t.notify.transaction.final) for t in told if t.notify.transaction is not None)
    heard = [t for t, final in answers if final is not None and final.packet.time_ns <= moment]
    return bool(heard) and is_busy(heard[-1].state.state(slot.index))


def _shown(trace: Trace, leg: Leg, index: int, moment: int) -> str | None:
    names = names_of(trace, leg.phone.address)
    key = f"line.{index}"
    told = [o for o in trace.observations if o.kind == "belief" and o.who in names and key in o.what]
    told = [o for o in told if o.time_ns <= moment]
    return str(told[-1].what[key]) if told else None


@check(
    "SCA-085", level=SHOULD, on=SERVER, clause="SCA: a press on a slot without a call (sheet 6.1)",
    asks="a phone that asks for the call of a slot that has none is refused",
)  # fmt: skip
def empty_slot_gives_no_call(trace: Trace) -> Iterator[Finding]:
    """Idle, seized or ringing, by the evidence: judged where all phones of the line are in it, and of slots of which it
    shows what was on them. Any 4xx or 6xx.
    """
    for slot in slots(trace):
        for leg in (leg for leg in slot.legs if leg.press and slot.line.whole):
            answer = refusal(leg)
            recent = [o for o in slot.legs if o is not leg and o.end and abs(seconds(o.end, leg.request)) < 1]
            if answer is not None and not slot.seen(leg.request) & IN_CALL and not recent:
                final, refused, seen = answer
                yield finding(final, refused, expected="480", observed=seen, also=[leg.request])


@check(
    "SCA-084", level=SHOULD, on=PHONE, clause="SCA: the key of a private hold elsewhere (sheet 5.13)",
    asks="a phone does not take up a private hold of another",
)  # fmt: skip
def phone_respects_private_hold(trace: Trace) -> Iterator[Finding]:
    """It sends nothing, or takes a refusal without trying again; where the profile says that the press is taken for
    barging in, it may ask.
    """
    for slot in slots(trace):
        presses = [leg for leg in slot.legs if leg.press]
        for leg in presses:
            state = slot.line.last_told(slot.index, leg.request)
            final = leg.invite.final
            if state != State.HELD_PRIVATE or final is None:
                continue
            again = [o for o in presses if o.phone.is_surely(leg.phone) and 0 < seconds(o.request, leg.request) < 5]
            refused = final.status >= 400
            yield finding(leg.request, not (refused and again), expected="no second try", observed="INVITE again")


@check(
    "SCA-080", level=MUST, on=SERVER, clause="SCA: the holder hangs up as the call is retrieved (sheet 5.11)",
    asks="when a retrieve crosses the holder's BYE it wins and is told active, or is refused and the slot told idle",
)  # fmt: skip
def crossing_leaves_no_ruin(trace: Trace) -> Iterator[Finding]:
    """Within a second of each other, and told within 4 s: neither a call that is told idle nor a slot that stays."""
    yield from judged(trace, "press answered", "press failed", "bye", where=crosses)
