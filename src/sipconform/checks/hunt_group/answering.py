"""The first answer wins: what becomes of the other branches, and of answers that come too late."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import (
    EITHER,
    INFO,
    MUST,
    PASSED,
    PHONE,
    SERVER,
    SHOULD,
    Finding,
    Verdict,
    check,
    finding,
)
from sipconform.checks.evidence import GIVE_UP, SLACK, seconds, watched
from sipconform.checks.forks import Fork, answers, cancel_of, elsewhere, forks, goodbye, pending, within, won
from sipconform.checks.hunt_group.ringing import GUIDE
from sipconform.checks.names import name_of, target
from sipconform.checks.told import is_ours
from sipconform.sip.headers.reason import Reason
from sipconform.trace.trace import Trace, Transaction, WireMessage

PROMPT = 0.2  # seconds
T2 = 4.0  # seconds: no answer waits longer to be repeated
SURE = 4.0  # seconds: a CANCEL lost three times before the tap is there by then


def cleared(trace: Trace, branch: Transaction, since: WireMessage) -> Finding | None:
    """Whether a branch that rang was cancelled; None when nothing can be said."""
    rang = pending(branch, since)
    if rang is None or branch.request is None:
        return None
    cancel = cancel_of(trace, branch)
    expected = f"CANCEL to {target(branch.request)} at {branch.server} within {PROMPT:g} s"
    if cancel is not None and cancel.request is not None:
        after = seconds(cancel.request, since)
        level = None if after > SURE else INFO
        seen = f"after {after:.1f} s"
        prompt = PROMPT if seconds(since, rang) > SLACK else SLACK  # a late 1xx may have been under way
        return finding(cancel.request, after <= prompt, expected=expected, observed=seen, also=[since], level=level)
    ended = branch.final is not None and seconds(branch.final, since) < SURE
    if ended or watched(trace, since) < SURE:
        return None
    seen = f"none in {watched(trace, since):.0f} s"
    return finding(since, False, expected=expected, observed=seen, also=[branch.request], party=branch.client)


@check(
    "HUNT-003", level=MUST, on=SERVER, clause="RFC 3261 §16.7 step 10",
    asks="once one has answered, every branch that still rings is cancelled",
)  # fmt: skip
def losers_are_cancelled(trace: Trace) -> Iterator[Finding]:
    """At once: later than 200 ms is noted, later than 4 s (or never) is a fault. Counted from where the server shows
    that it has taken an answer for the call; of a back-to-back server that is the later of the answer and its own 2xx
    to the caller. A branch whose ringing the server may not have heard is left out. A server that answers callers with
    music may also ask those who answer whether they want the call: inconclusive where it is not a group's.
    """
    for fork in forks(trace):
        winner = won(trace, fork)
        if winner is None or len(fork.branches) < 2:
            continue
        for branch in fork.branches:
            judged = cleared(trace, branch, winner) if not answers(branch) else None
            if judged is not None and judged.verdict is Verdict.FAIL and _is_queue(fork, winner):
                judged.verdict = Verdict.INCONCLUSIVE
            if judged is not None:
                yield judged


def _is_queue(fork: Fork, winner: WireMessage) -> bool:
    """Whether the caller had been answered before anybody was there for him."""
    answer = next((r for r in fork.incoming.responses if 200 <= r.status < 300), None)
    music = answer is not None and not fork.is_proxied and seconds(winner, answer) > SLACK
    return music and fork.group is None


@check(
    "HUNT-004", level=MUST, on=SERVER, clause="RFC 3261 §9.1",
    asks="a branch is not cancelled before it has answered anything",
)  # fmt: skip
def no_cancel_before_ringing(trace: Trace) -> Iterator[Finding]:
    """The CANCEL could overtake its INVITE, and the phone would ring for nobody. An answer that passes the tap within a
    second after the CANCEL may have been with the server before: inconclusive, unless the tap sits in the server.
    """
    for fork in forks(trace):
        for branch in fork.branches:
            cancel = cancel_of(trace, branch)
            if cancel is not None and cancel.request is not None:
                heard = any(r.number < cancel.request.number for r in branch.responses)
                late = bool(branch.responses) and seconds(branch.responses[0], cancel.request) > SLACK
                proven = late or (bool(branch.responses) and is_ours(trace, fork.server))
                verdict = Verdict.FAIL if proven else Verdict.INCONCLUSIVE
                seen = "CANCEL before any answer"
                yield finding(cancel.request, heard, expected="a 1xx before CANCEL", observed=seen, verdict=verdict)


@check(
    "HUNT-005", level=MUST, on=EITHER, clause="RFC 3261 §9.2, §17.1.1.3",
    asks="a branch that was cancelled ends with 487, and the 487 is acknowledged",
)  # fmt: skip
def cancelled_branch_ends(trace: Trace) -> Iterator[Finding]:
    """Another final answer sent after the 200 to CANCEL shows that the CANCEL had no effect (SHOULD). Asked of phones
    only: a proxy answers CANCEL for itself and passes on what comes from behind it. By UDP another answer may have been
    sent before, and lost before the tap, so it counts when it comes later than it would be repeated. A missing ACK is
    blamed on the server after the third 487.
    """
    further = {id(fork.incoming) for fork in forks(trace)}
    for fork in forks(trace):
        for branch in fork.branches:
            cancel, final = cancel_of(trace, branch), branch.final
            if cancel is None or cancel.final is None or cancel.final.status != 200 or final is None:
                continue
            is_phone = branch.server in trace.phones and id(branch) not in further
            if is_phone and _was_sent_after(trace, final, cancel.final):
                seen, also = f"{final.status} {final.reason}", [cancel.final]
                yield finding(final, final.status == 487, expected="487", observed=seen, also=also, level=SHOULD)
            sent = [r for r in branch.responses if r.status == 487]
            ok = len(sent) < 3 or bool(branch.acks)
            if branch.acks or len(sent) >= 3:
                yield finding(sent[-1] if sent else final, ok, expected="ACK", observed="none", party=branch.client)


def _was_sent_after(trace: Trace, final: WireMessage, cancelled: WireMessage) -> bool:
    """Whether a phone sent its final answer after its 200 to CANCEL, as the order at the tap has it."""
    if final.number < cancelled.number:
        return False
    one_stream = final.transport != "udp" and final.source == cancelled.source
    in_order = final.status == 487 or one_stream or is_ours(trace, trace.party(final.source))
    return in_order or seconds(final, cancelled) > T2 + SLACK


@check(
    "HUNT-006", level=SHOULD, on=SERVER, clause="RFC 3326 §2; practice of many servers",
    asks="the CANCEL after an answer says that the call was completed elsewhere",
)  # fmt: skip
def cancel_says_why(trace: Trace) -> Iterator[Finding]:
    """Else the phones count a missed call. `SIP;cause=200` is what most understand; text is free. A server that was
    told by the scenario to say something else is not judged.
    """
    if _told_otherwise(trace):
        return
    for fork in forks(trace):
        first = min((answer.number for b in fork.branches for answer in answers(b).values()), default=0)
        for branch in fork.branches if won(trace, fork) is not None else ():
            cancel = cancel_of(trace, branch)
            if cancel is None or cancel.request is None or cancel.request.number < first:
                continue
            said = {(r.protocol.upper(), r.cause) for r in cancel.request.reason_values if isinstance(r, Reason)}
            seen = f"Reason: {', '.join(cancel.request.texts('Reason')) or 'none'}"
            expected, at = "Reason: SIP;cause=200", cancel.request.span("Reason")
            yield finding(cancel.request, ("SIP", 200) in said, expected=expected, observed=seen, at=at)


def _told_otherwise(trace: Trace) -> bool:
    return any(wish.get("reason") in ("q850", "none") for wish in _wishes(trace))


def _wishes(trace: Trace) -> list[dict[str, object]]:
    """How the scenario wanted calls to the group to be told of."""
    return [o.what for o in trace.observations if o.kind == "intent" and o.what.get("do") == "group_tells"]


def late_answers(trace: Trace, fork: Fork) -> Iterator[tuple[Transaction, WireMessage]]:
    """Answers of a back-to-back server's branches that did not win: which then have to be ended."""
    if won(trace, fork) is None or fork.is_proxied:
        return
    made = [(branch, answer) for branch in fork.branches for answer in answers(branch).values()]
    made.sort(key=lambda pair: pair[1].number)
    kept = next((answer for _, answer in made if _has_the_call(trace, fork, answer)), made[0][1] if made else None)
    yield from ((branch, answer) for branch, answer in made if answer is not kept)


def _has_the_call(trace: Trace, fork: Fork, answer: WireMessage) -> bool:
    """Whether the dialog an answer made lasts as long as the caller's."""
    bye = goodbye(trace, answer)
    over = [goodbye(trace, answer) for answer in answers(fork.incoming).values()]
    return bye is None or any(m is not None and seconds(m, bye) <= SLACK for m in over)


def ended(trace: Trace, fork: Fork, answer: WireMessage) -> Iterator[Finding]:
    """ACK by the server and BYE by either side for an answer that is not wanted."""
    if watched(trace, answer) < GIVE_UP + SLACK:
        return
    requests = {"ACK": within(trace, answer, "ACK", fork.server), "BYE": goodbye(trace, answer)}
    for method, request in requests.items():
        expected, seen = f"{method} to the second answer", f"none in {watched(trace, answer):.0f} s"
        yield finding(answer, request is not None, expected=expected, observed=seen, party=fork.server)


@check(
    "HUNT-007", level=MUST, on=SERVER, clause="RFC 3261 §13.2.2.4, §16.7 step 5",
    asks="of two answers at once one wins, and the other is acknowledged and ended",
)  # fmt: skip
def second_answer_is_ended(trace: Trace) -> Iterator[Finding]:
    """The caller hears of one dialog only, for a back-to-back server has one with him. Else two people lift the
    receiver and one of them talks to nobody.
    """
    for fork in forks(trace):
        late = list(late_answers(trace, fork))
        for branch, answer in late:
            cancel = cancel_of(trace, branch)
            if cancel is None or cancel.request is None or cancel.request.number > answer.number:
                yield from ended(trace, fork, answer)
        heard = answers(fork.incoming)
        if late and not fork.is_proxied and not _as_proxy(trace):
            seen = f"{len(heard)} dialogs"
            final = fork.incoming.final
            yield finding(final, len(heard) <= 1, expected="one dialog with the caller", observed=seen)


def _as_proxy(trace: Trace) -> bool:
    return any(o.kind == "intent" and o.what.get("do") == "behave_as_proxy" for o in trace.observations)


@check(
    "HUNT-009", level=MUST, on=SERVER, clause="RFC 3261 §9.1, §13.2.2.4",
    asks="an answer that crosses the CANCEL is acknowledged and ended",
)  # fmt: skip
def crossing_answer_is_ended(trace: Trace) -> Iterator[Finding]:
    """CANCEL is no guarantee. Without ACK the phone repeats its 200 for 32 s, without BYE it has a call with nobody."""
    for fork in forks(trace):
        for branch, answer in late_answers(trace, fork):
            cancel = cancel_of(trace, branch)
            if cancel is not None and cancel.request is not None and cancel.request.number < answer.number:
                yield from ended(trace, fork, answer)


@check(
    "HUNT-008", level=MUST, on=PHONE, clause="RFC 3261 §13.2.2.4",
    asks="a caller whose call was answered twice acknowledges both and keeps one",
)  # fmt: skip
def caller_keeps_one(trace: Trace) -> Iterator[Finding]:
    """Every dialog that a 2xx makes is the caller's to acknowledge and to end. Keeping both is its right (a
    conference), so a missing BYE is a SHOULD; whoever answered may say it himself. A missing ACK is blamed where an
    answer was seen three times.
    """
    for transaction in trace.transactions_of("INVITE"):
        made = answers(transaction)
        if len(made) < 2 or transaction.client in trace.servers:
            continue
        kept = 0
        for tag, answer in made.items():
            sent = sum(r.to_tag == tag and r.status == answer.status for r in transaction.responses)
            acked = within(trace, answer, "ACK", transaction.client)
            if acked is not None or sent >= 3:
                expected, seen = "ACK in the dialog of every 2xx", f"none after {sent} times {answer.status}"
                yield finding(answer, acked is not None, expected=expected, observed=seen, party=transaction.client)
            bye = goodbye(trace, answer)
            kept += acked is not None and (bye is None or seconds(bye, answer) > GIVE_UP)
        last = list(made.values())[-1]
        if watched(trace, last) > GIVE_UP:
            seen = f"{kept} dialogs kept"
            party = transaction.client
            yield finding(last, kept <= 1, expected="BYE for all but one", observed=seen, party=party, level=SHOULD)


@check(
    "HUNT-022", level=INFO, on=SERVER, clause=GUIDE,
    asks="the others are told who has answered",
)  # fmt: skip
def winner_is_named(trace: Trace) -> Iterator[Finding]:
    """The guide shows "spoken with" in the journal of the others; which header field tells it is not documented.
    Recorded: whether the CANCEL's Reason names the winner, where the scenario did not ask for other words.
    """
    if any("reason" in intent for intent in _wishes(trace)):
        return
    for fork in forks(trace):
        winner = won(trace, fork)
        names = [b.request.to for b in fork.branches if b.request is not None and answers(b)]
        if winner is None or not names or fork.group is None:
            continue
        for branch in fork.branches:
            cancel = cancel_of(trace, branch)
            if cancel is None or cancel.request is None or not elsewhere(cancel.request):
                continue
            told = any(name_of(name) and name_of(name) in cancel.request.text("Reason") for name in names)
            seen = f"Reason: {', '.join(cancel.request.texts('Reason'))}"
            yield PASSED if told else finding(cancel.request, False, expected="who has answered", observed=seen)
