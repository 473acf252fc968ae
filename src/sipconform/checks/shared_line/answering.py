"""What becomes of a call that comes in: one phone answers and the others are let off, or nobody does."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, seconds, watched
from sipconform.checks.forks import pending
from sipconform.checks.shared_line.far import far_of
from sipconform.checks.shared_line.legs import Leg
from sipconform.checks.shared_line.line import QUIET, UNDER_WAY_NS, Line
from sipconform.checks.shared_line.lines import lines
from sipconform.checks.shared_line.ringing import HALF, incoming
from sipconform.checks.shared_line.truth import is_named, judged
from sipconform.features.appearance import State
from sipconform.trace.trace import Trace, WireMessage

IDLE, ACTIVE = frozenset({State.IDLE}), frozenset({State.ACTIVE})
SHORTEST = 5.0  # seconds that a call rings at least before it is given up for want of an answer
PROMPT = 1.0  # seconds in which those who lost are let off


@check(
    "SCA-063", level=MUST, on=SERVER, clause="SCA: one answers (sheet 2.22)",
    asks="when one phone answers the others stop ringing, and what they are told last comes after their CANCEL",
)  # fmt: skip
def answered_call_stops_the_others(trace: Trace) -> Iterator[Finding]:
    """At once: later than a second is a warning, later than 4 s (or never) a fault. Some phones forget the lamp when
    they are cancelled; so `active` that came before the CANCEL and was not said again is lost on them. A phone that
    refuses the call itself, or whose ringing the server may not have heard, need not be cancelled: no CANCEL may be
    sent before a provisional answer (RFC 3261 §9.1). What is told before a CANCEL that had to wait is left out, too.
    """
    for line in lines(trace):
        for group in incoming(trace, line):
            won = next((leg for leg in group if leg.settled is not None), None)
            for leg in group if won is not None else ():
                if leg is not won and won is not None:
                    yield from _let_off(trace, line, leg, won)


def _let_off(trace: Trace, line: Line, leg: Leg, won: Leg) -> Iterator[Finding]:
    """What became of a phone that rang when another answered."""
    if won.settled is None or (rang := pending(leg.invite, won.settled)) is None:
        return
    final = leg.invite.final
    refused = final is not None and final.status >= 300 and seconds(final, won.settled) < QUIET
    if leg.cancel is not None:
        after = seconds(leg.cancel, won.settled)
        level = SHOULD if after <= QUIET else None
        expected, seen = f"CANCEL within {PROMPT:g} s", f"after {after:.1f} s"
        yield finding(leg.cancel, after <= PROMPT, expected=expected, observed=seen, also=[won.settled], level=level)
        yield from _told_after(line, leg, won, leg.cancel)
    elif leg.answer is None and not refused and watched(trace, won.settled) > GIVE_UP:
        yield finding(rang, False, expected="CANCEL", observed="no CANCEL", also=[won.settled], party=line.server)


def _told_after(line: Line, leg: Leg, won: Leg, cancel: WireMessage) -> Iterator[Finding]:
    """Whether `active` was told after the CANCEL, where that could be sent as soon as somebody had answered."""
    answer, rang = won.answer, leg.invite.responses[0]
    if answer is None or won.index is None or answer.packet.time_ns - rang.packet.time_ns < UNDER_WAY_NS:
        return
    told = [
        t for t in line.told_between(answer.number)
        if t.phone.is_surely(leg.phone) and t.state.state(won.index) == State.ACTIVE
    ]  # fmt: skip
    if told:
        late = [t for t in told if t.notify.number > cancel.number or seconds(t.notify, answer) > HALF]
        seen = "active before the CANCEL, and not again"
        yield finding(told[-1].notify, bool(late), expected="active after the CANCEL", observed=seen, also=[cancel])


@check(
    "SCA-064", level=MUST, on=SERVER, clause="SCA: one phone rejects (sheet 1.13)",
    asks="a phone that rejects silences only itself",
)  # fmt: skip
def rejecting_silences_one(trace: Trace) -> Iterator[Finding]:
    """Whatever the code: 486, 480 and 603 of a place of the line mean that place. The others are cancelled only when
    one answered, when the caller gave up or, after more than five seconds, nobody did: judged where the far side or all
    phones are in the evidence. A proxy, whose forks are all one call, has to let a 6xx end them all (RFC 3261 §16.7
    step 5).
    """
    for line in lines(trace):
        for group in (group for group in incoming(trace, line) if len(group) > 1):
            proxied = len({leg.request.call_id for leg in group}) == 1
            for leg in group:
                final = leg.invite.final
                if final is None or final.status not in (480, 486, 600, 603) or (proxied and final.status >= 600):
                    continue
                if seconds(final, leg.request) > SHORTEST:
                    continue
                cancels = [c for o in group if o is not leg and (c := o.cancel) is not None]
                quick = [c for c in cancels if 0 < seconds(c, final) < 1]
                bad = quick if not _has_ended(trace, line, group, final) else []
                of = bad[0] if bad else final
                yield finding(of, not bad, expected="the others ring on", observed="CANCEL", also=[final])


def _has_ended(trace: Trace, line: Line, group: list[Leg], at: WireMessage) -> bool:
    """Whether a call had another end than a phone's refusal about then, or may have had one out of sight."""
    far = far_of(trace, group[0])
    if any(leg.answer is not None for leg in group) or (far is None and not line.whole):
        return True
    given_up = far.end if far is not None and far.end is not None and far.end.status == 487 else None
    ended = far is not None and any(m is not None and -1 < seconds(m, at) < 2 for m in (far.answered, given_up))
    gave_up = (t.request for t in trace.transactions_of("CANCEL") if t.server == line.server and t.request is not None)
    told = (m for m in trace.responses("INVITE", status=487) if m.source == line.server)
    return ended or any(-1 < seconds(m, at) < 2 for m in (*gave_up, *told))


@check(
    "SCA-066", level=MUST, on=SERVER, clause="SCA: nobody answers (sheet 2.4)",
    asks="the slot of a call that nobody answered is idle again",
)  # fmt: skip
def unanswered_call_is_idle(trace: Trace) -> Iterator[Finding]:
    """Whether the caller gave up, all rejected or the time ran out; within 4 s, and this slot, not another's."""
    yield from judged(trace, "ring failed", wanted=IDLE)


@check(
    "SCA-067", level=MUST, on=SERVER, clause="SCA: an answer that names no slot (sheet 4.5; Kamailio 92bbfd0b04)",
    asks="a call that is answered without a word of its slot is told as active on the slot it was given",
)  # fmt: skip
def assigned_slot_is_used(trace: Trace) -> Iterator[Finding]:
    """Some phones leave Call-Info out of their answers; the server knows which slot it gave the call. Within 4 s."""
    yield from judged(trace, "ring answered", wanted=ACTIVE, where=lambda slot, move: not is_named(slot, move))


@check(
    "SCA-068", level=MUST, on=SERVER, clause="RFC 3261 §13.2.2.4; SCA: two answer at once",
    asks="of two phones that answer one call at once only one keeps it",
)  # fmt: skip
def one_answer_wins(trace: Trace) -> Iterator[Finding]:
    """The other's 2xx is acknowledged and its call ended with BYE, in 32 s here."""
    for line in lines(trace):
        for group in incoming(trace, line):
            answered = [leg for leg in group if leg.answer is not None]
            if len(answered) < 2 or answered[-1].answer is None:
                continue
            last = answered[-1].answer
            kept = [leg for leg in answered if leg.bye is None]
            if watched(trace, last) > GIVE_UP:
                seen = f"{len(kept)} of {len(answered)} calls kept"
                yield finding(last, len(kept) <= 1, expected="one call kept", observed=seen, party=line.server)
