"""A call from outside: who rings, who stops ringing, and who is left with the call."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import INFO, MUST, PASSED, PHONE, Finding, Verdict, check, finding
from sipconform.checks.evidence import GIVE_UP, SLACK, seconds, watched
from sipconform.checks.forks import answers, cancel_of, goodbye, pending
from sipconform.checks.hotspot.spot import (
    GUIDE,
    SHOWN_WITHIN,
    SPREAD,
    Call,
    alone,
    calls,
    extensions,
    missing,
    showed_ringing,
)
from sipconform.checks.hunt_group.answering import cleared
from sipconform.checks.told import is_ours
from sipconform.features.hotspot import RingMode, rings
from sipconform.trace.trace import Trace, WireMessage

NO_REFUSAL = (400, 401, 403, 407, 420, 482, 483, 487, 488)  # finals that say nothing of who was rung


def outside_calls(trace: Trace) -> Iterator[Call]:
    """Calls from outside to a hotspot that is open."""
    return (call for call in calls(trace) if call.from_outside and call.spot.is_on(call.time_ns))


def _mode(call: Call) -> RingMode:
    return next((m for m in RingMode if m == call.spot.setting("ring_mode", call.time_ns)), RingMode.ALL)


@check(
    "HOT-020", level=MUST, on=PHONE, clause=f"{GUIDE} §1.1, §2.1.3",
    asks="a call from outside rings the host and every client, as the ring mode says",
)  # fmt: skip
def everybody_rings(trace: Trace) -> Iterator[Finding]:
    """Clients are those signed in at the host for a second or more. Only while no other call goes on: what a busy phone
    does is not written down. A call answered within half a second shows nothing. How soon they ring is not written down
    either, so what comes late is noted (INFO). Whether the host's own telephone rings is known only where somebody
    tells what it shows.
    """
    for call in outside_calls(trace):
        final = call.incoming.final
        if call.taken_up is None or not alone(trace, call) or (final is not None and final.status in NO_REFUSAL):
            continue
        here, clients = rings(_mode(call))
        early = call.pending(trace) < SPREAD and (final is None or final.status < 300)
        for extension, where in extensions(trace, call.spot, call.time_ns - 1).items() if clients else ():
            branch = call.rung().get(where)
            if branch is None and early:
                continue
            verdict = missing(trace, call.spot, call.invite.transport, call.pending(trace))
            level = None if branch is None else INFO
            expected = f"an INVITE to client {extension} within {SPREAD:g} s"
            began = call.taken_up
            late = seconds(branch, began) if branch is not None and began is not None else 0.0
            seen = "none" if branch is None else f"after {late:.1f} s"
            ok = branch is not None and late <= SPREAD
            party = call.spot.host
            yield finding(call.invite, ok, expected=expected, observed=seen, verdict=verdict, party=party, level=level)
        rang = showed_ringing(trace, call)
        if here and rang is not None and (rang or call.pending(trace) > SHOWN_WITHIN):
            seen = "the host shows no call"
            yield finding(call.invite, rang, expected="the host ringing", observed=seen, party=call.spot.host)


@check(
    "HOT-021", level=MUST, on=PHONE, clause=f"{GUIDE} §2.1.3 (7)",
    asks="with the ring mode \"extensions\" the host stays silent, with \"host\" the clients do",
)  # fmt: skip
def the_others_stay_silent(trace: Trace) -> Iterator[Finding]:
    """The mode is for calls from outside only; calls by extension number ring in any mode."""
    for call in outside_calls(trace):
        here, clients = rings(_mode(call))
        for branch in call.rung().values() if not clients else ():
            yield finding(branch, False, expected="no INVITE to a client", observed="INVITE", also=[call.invite])
        rang = showed_ringing(trace, call)
        if not here and rang is not None:
            party = call.spot.host
            yield finding(call.invite, not rang, expected="the host silent", observed="the host rings", party=party)
        if not clients and not call.rung():
            yield PASSED


@check(
    "HOT-022", level=MUST, on=PHONE, clause=f"{GUIDE} §1.1; RFC 3261 §16.7 step 10",
    asks="the first answer stops the others, and the caller gets one call",
)  # fmt: skip
def first_answer_wins(trace: Trace) -> Iterator[Finding]:
    """Counted from the host's 200 to the caller. Later than 200 ms is noted, later than 4 s or never is a fault. A
    client whose ringing the host may not have heard is left out.
    """
    for call in outside_calls(trace):
        final = call.incoming.final
        if final is None or final.status >= 300:
            continue
        tags = {r.to_tag for r in call.incoming.responses if 200 <= r.status < 300}
        seen, party = f"{len(tags)} dialogs", call.spot.host
        yield finding(final, len(tags) == 1, expected="one dialog with the caller", observed=seen, party=party)
        for branch in call.branches:
            if not answers(branch) and (judged := cleared(trace, branch, final)) is not None:
                yield judged


@check(
    "HOT-023", level=MUST, on=PHONE, clause=f"{GUIDE} §1.1; RFC 3261 §13.2.2.4, §9.1",
    asks="of several who answer one has the call, and every other call is ended",
)  # fmt: skip
def losers_are_ended(trace: Trace) -> Iterator[Finding]:
    """By a BYE of either side, within the time a transaction may take. None of the clients' calls may stay when the
    host itself answered first; where the tap does not sit in the host that is certain a second later only. Whether a
    CANCEL gives a reason is the host's affair; see HUNT-006.
    """
    for call in outside_calls(trace):
        final = call.incoming.final
        found = [(b, answer) for b in call.branches for answer in answers(b).values()]
        first = min((answer for _, answer in found), key=lambda answer: answer.number, default=None)
        left_over = 0 if first is not None and _answered_itself(trace, call, final, first) else 1
        if len(found) <= left_over:
            continue
        alive = [a for _, a in found if not _ended(trace, a, within_s=GIVE_UP)]
        if len(alive) > left_over and watched(trace, alive[-1]) < GIVE_UP + SLACK:
            continue
        expected, seen = f"BYE for all but {left_over}", f"{len(alive)} clients keep their call"
        evidence = alive[-1] if alive else found[-1][1]
        ok, party = len(alive) <= left_over, call.spot.host
        yield finding(evidence, ok, expected=expected, observed=seen, party=party, also=[call.invite])


def _answered_itself(trace: Trace, call: Call, final: WireMessage | None, first: WireMessage) -> bool:
    """Whether the host's own telephone took the call, before any client's answer had come."""
    if final is None or final.status >= 300 or final.number > first.number:
        return False
    return is_ours(trace, call.spot.host) or seconds(first, final) > SLACK


def _ended(trace: Trace, answer: WireMessage, within_s: float) -> bool:
    bye = goodbye(trace, answer)
    return bye is not None and seconds(bye, answer) <= within_s


@check(
    "HOT-024", level=MUST, on=PHONE, clause="RFC 3261 §9.2, §16.10",
    asks="when the caller gives up, every phone stops ringing",
)  # fmt: skip
def caller_gives_up(trace: Trace) -> Iterator[Finding]:
    """Counted from the host's 200 to the caller's CANCEL. A client whose ringing the host may not have heard is left
    out.
    """
    for call in outside_calls(trace):
        cancel = cancel_of(trace, call.incoming)
        answer = cancel.final if cancel is not None else None
        if answer is None or answer.status != 200 or call.incoming.succeeded:
            continue
        for branch in call.branches:
            if not answers(branch) and (judged := cleared(trace, branch, answer)) is not None:
                yield judged


@check(
    "HOT-025", level=INFO, on=PHONE, clause="no clause: inferred from ring-all",
    asks="a client that is busy or refuses does not refuse the call for the others",
)  # fmt: skip
def one_refusal_is_one(trace: Trace) -> Iterator[Finding]:
    """Recorded, not judged: a host that forks like a proxy may end the call on a 6xx."""
    for call in outside_calls(trace):
        final = call.incoming.final
        for branch in call.branches:
            refused = branch.final
            if refused is None or refused.status < 400 or refused.status == 487:
                continue
            others = [b for b in call.branches if b is not branch and pending(b, refused) is not None]
            if not others:
                continue
            ends = final is not None and final.status >= 300 and final.status != 487
            at_once = ends and final is not None and 0 <= seconds(final, refused) < 1
            seen = f"{final.status if final is not None else ''} to the caller"
            party = call.spot.host
            yield finding(refused, not at_once, expected="the others ringing on", observed=seen, party=party)


@check(
    "HOT-032", level=INFO, on=PHONE, clause="no clause: behaviour recorded",
    asks="a second call while one is going on rings or is refused as busy",
)  # fmt: skip
def second_call(trace: Trace) -> Iterator[Finding]:
    """What a hotspot does with it is not written down. That it does neither is recorded."""
    for call in outside_calls(trace):
        if alone(trace, call):
            continue
        rang = any(r.status in (180, 183) for r in call.incoming.responses)
        final = call.incoming.final
        busy = final is not None and (final.status in (200, 480, 486, 487, 600, 603) or final.status in NO_REFUSAL)
        seen = f"{final.status}" if final is not None else "no answer"
        verdict = Verdict.FAIL if final is not None or watched(trace, call.invite) > GIVE_UP else Verdict.INCONCLUSIVE
        party = call.spot.host
        expected = "ringing or busy"
        yield finding(call.invite, rang or busy, expected=expected, observed=seen, party=party, verdict=verdict)
