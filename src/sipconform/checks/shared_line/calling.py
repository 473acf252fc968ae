"""Calls that go out from a line, and what is told of any call from its answer to its end."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import INFO, MUST, PHONE, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import once_per_trace, seconds
from sipconform.checks.forks import forks
from sipconform.checks.names import user_of
from sipconform.checks.shared_line.course import Slot, slots
from sipconform.checks.shared_line.legs import Leg, legs
from sipconform.checks.shared_line.line import Line, index_of, said_slot
from sipconform.checks.shared_line.lines import lines
from sipconform.checks.shared_line.truth import between, crosses, is_named, judged, surely_lasts
from sipconform.features.appearance import State
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, WireMessage

IDLE = frozenset({State.IDLE})
ACTIVE = frozenset({State.ACTIVE})


@check(
    "SCA-050", level=MUST, on=PHONE, clause="SCA: INVITE of a seized slot (sheet 4.1)",
    asks="a phone calls on the slot that it has seized",
)  # fmt: skip
def call_names_the_seized_slot(trace: Trace) -> Iterator[Finding]:
    """Judged while exactly one seizure of the phone lives and its call goes outside the line. A phone that asked for no
    slot in particular has been told which it got, and is not asked.
    """
    for line, leg in legs(trace):
        if not leg.calls or leg.press:
            continue
        own = [
            s for s in line.seizures
            if s.phone.is_surely(leg.phone) and s.granted and s.final.number < leg.request.number
            and not s.over(leg.request)
        ]  # fmt: skip
        if len(own) == 1 and own[0].slot and seconds(leg.request, own[0].final) < 14:
            said = index_of(leg.request)
            seen = f"index {said}"
            yield finding(leg.request, said == own[0].slot, expected=f"index {own[0].slot}", observed=seen)


@check(
    "SCA-051", level=MUST, on=SERVER, clause="SCA: INVITE on another's slot (sheet 4.8)",
    asks="a call on a slot that another phone has makes no second owner",
)  # fmt: skip
def slot_has_one_caller(trace: Trace) -> Iterator[Finding]:
    """Presses, which retrieve or join, are another matter. The call may be refused, or given another slot that its
    answers name.
    """
    for slot in slots(trace):
        for leg in (leg for leg in slot.legs if leg.calls and not leg.press):
            rivals = (o for o in slot.legs if o is not leg and o.phone.is_other_than(leg.phone))
            if any(o.lasts(leg.request, leg.answer or leg.request) for o in rivals):
                seen = "answered 200 on the same slot"
                at = leg.answer or leg.request
                yield finding(at, leg.answer is None, expected="480, or another slot", observed=seen)


@check(
    "SCA-052", level=MUST, on=SERVER, clause="SCA: a call that goes out (sheet 2.19, 2.20)",
    asks="a call that is being made is told as progressing, never as alerting",
)  # fmt: skip
def outgoing_call_is_progressing(trace: Trace) -> Iterator[Finding]:
    """From the INVITE or from the first ringing, as the server likes. `alerting` would swap the parties that phones
    show.
    """
    yield from judged(trace, "call")
    for slot in slots(trace):
        for leg in (leg for leg in slot.legs if leg.calls and not leg.press and not _others(slot, leg)):
            for notify, state in between(slot, leg.request, leg.settled or leg.end):
                seen = f"slot {slot.index} alerting while it calls out"
                yield finding(
                    notify, state != State.ALERTING, expected="progressing", observed=seen, also=[leg.request]
                )


def _others(slot: Slot, leg: Leg) -> list[Leg]:
    over = leg.end.number if leg.end is not None else None
    return [
        o for o in slot.legs
        if o is not leg and (over is None or o.request.number < over) and not o.over(leg.request)
    ]  # fmt: skip


@check(
    "SCA-053", level=MUST, on=SERVER, clause="SCA: a call that is answered (sheet 2.2, 2.22)",
    asks="an answered call is told as active",
)  # fmt: skip
def answered_call_is_active(trace: Trace) -> Iterator[Finding]:
    """Within 4 s of the 2xx that goes out, or of its ACK. The address may be missing; whether it is the far party's
    INV-006 asks.
    """
    yield from judged(trace, "call answered", "ring answered", wanted=ACTIVE, where=is_named)


@check(
    "SCA-054", level=MUST, on=SERVER, clause="SCA: a call that fails (sheet 2.4)",
    asks="the slot of a call that is refused, redirected or given up is idle again",
)  # fmt: skip
def failed_call_is_idle(trace: Trace) -> Iterator[Finding]:
    """The slot has to be free for the next call. Judged within 4 s of the final answer, for the NOTIFY may
    queue behind others."""
    yield from judged(trace, "call failed", wanted=IDLE)


@check(
    "SCA-055", level=MUST, on=SERVER, clause="SCA: BYE with and without Call-Info (sheet 4.6)",
    asks="the slot of a call that has ended is idle again, whoever ended it",
)  # fmt: skip
def ended_call_is_idle(trace: Trace) -> Iterator[Finding]:
    """The call is known by its dialog; a BYE need not name the slot. Within 4 s, and nothing else on the slot."""
    yield from judged(trace, "bye", wanted=IDLE, where=lambda slot, move: not crosses(slot, move))


@check(
    "SCA-056", level=MUST, on=SERVER, clause="SCA: the BYE of another call (Kamailio c9088726be)",
    asks="a slot is not told idle while its call lasts",
)  # fmt: skip
def living_call_is_not_idle(trace: Trace) -> Iterator[Finding]:
    """From a second after the answer on. A NOTIFY that was queued while the phone did not answer may tell the past:
    only what is still said a second later counts, that is the last that each phone was told before something
    happened.
    """
    for slot in slots(trace):
        for leg in slot.legs:
            if leg.settled is None:
                continue
            for notify, state in between(slot, leg.settled, leg.leaving):
                if seconds(notify, leg.settled) > 1 and surely_lasts(trace, leg, notify):
                    near = any(abs(seconds(m.at, notify)) < 1 for m in slot.moves)
                    unacknowledged = leg.ack is not None and leg.ack.number > notify.number  # SCA-058 asks of it
                    if not near and not unacknowledged:
                        seen, ok = f"slot {slot.index} idle", state != State.IDLE
                        yield finding(notify, ok, expected="not idle", observed=seen, also=[leg.request])


@check(
    "SCA-110", level=INFO, on=SERVER, clause="SCA: ordinary phones (sheet 4.7)",
    asks="what the server says of slots stays on the line",
)  # fmt: skip
def slots_stay_on_the_line(trace: Trace) -> Iterator[Finding]:
    """Call-Info with an index toward somebody outside the line is ignored there; a server that adds it is not wrong."""
    anybody = _phones_of_lines(trace)
    for line in lines(trace):
        for request in _calls_out(trace, line, anybody):
            to = request.to
            outside = isinstance(to, NameAddr) and user_of(to.uri_text) not in line.members
            if outside and not request.to_tag:
                said = request.text("Call-Info")
                yield finding(request, "appearance-index" not in said, expected="no index", observed=said)


@check(
    "SCA-059", level=SHOULD, on=SERVER, clause="SCA: what is the line's stays there (sheet 4.3)",
    asks="the phone's Call-Info is not passed on to the far party",
)  # fmt: skip
def call_info_is_stripped(trace: Trace) -> Iterator[Finding]:
    """Looked at: INVITEs of the server from one of the line's addresses to somebody who is no phone of any line. A
    server may tell an ordinary phone a slot of its own (4.7): what is asked is whether it is the value that the line's
    phone had sent. Where the server writes it that way itself, nobody can tell; then it is only noted.
    """
    anybody = _phones_of_lines(trace)
    for line in lines(trace):
        own = {value.uri for told in line.told for value in told.state.slots.values()}
        for request in _calls_out(trace, line, anybody):
            sender = request.from_
            ours = isinstance(sender, NameAddr) and user_of(sender.uri_text) in line.members
            asked, said = said_slot(_near_side(trace).get(id(request))), said_slot(request)
            if ours and user_of(request.request_uri) not in line.members and asked is not None:
                ok, seen = said != asked, request.text("Call-Info")
                level = INFO if asked.uri in own else None
                yield finding(request, ok, expected="not the phone's own value", observed=seen, level=level)


@once_per_trace
def _near_side(trace: Trace) -> dict[int, WireMessage]:
    """The INVITE by which a call came to a server, by the identity of those by which it went on."""
    return {id(b.request): fork.invite for fork in forks(trace) for b in fork.branches if b.request is not None}


def _phones_of_lines(trace: Trace) -> set[Address]:
    return {address for line in lines(trace) for address in line.addresses}


def _calls_out(trace: Trace, line: Line, phones: set[Address]) -> Iterator[WireMessage]:
    """INVITEs of a line's server to whoever is no phone of a line."""
    for request in trace.requests("INVITE"):
        if trace.party(request.source) == line.server and trace.party(request.destination) not in phones:
            yield request


@check(
    "SCA-058", level=SHOULD, on=SERVER, clause="RFC 3261 §13.3.1.4; SCA: a late ACK (Kamailio pull request 3249)",
    asks="a slot is not told idle while the ACK of its call is late",
)  # fmt: skip
def late_ack_ends_nothing(trace: Trace) -> Iterator[Finding]:
    """An ACK that was lost comes again with the next 2xx; until 64*T1 the call is there. Judged where the ACK was seen
    more than a second after the 2xx, or where the phone showed in another way that its call lives.
    """
    for slot in slots(trace):
        for leg in slot.legs:
            alive = _sign_of_life(leg)
            if leg.answer is None or alive is None or seconds(alive, leg.answer) < 1:
                continue
            for notify, state in between(slot, leg.answer, alive):
                if seconds(notify, leg.answer) > 1:
                    seen = f"slot {slot.index} idle"
                    yield finding(notify, state != State.IDLE, expected="active", observed=seen, also=[leg.answer])


def _sign_of_life(leg: Leg) -> WireMessage | None:
    """The ACK of a call, or where none was seen the first that its phone asked for in the call."""
    by_phone = leg.bye.request if leg.bye is not None and leg.ended_by_phone else None
    return leg.ack or next((hold.request for hold in leg.holds if hold.request.source == leg.request.source), by_phone)
