"""Calls to several that nobody takes: refused, left ringing, given up."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import INFO, MUST, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import seconds
from sipconform.checks.forks import Fork, answers, cancel_of, elsewhere, forks
from sipconform.checks.hunt_group.answering import cleared
from sipconform.checks.names import target
from sipconform.trace.trace import Trace, Transaction, WireMessage

WANTED = {486: (486, 600), 0: (408, 480)}  # what all branches came to -> what the caller may hear
PATIENCE = 10.0  # seconds after which a phone may give up by itself
SOON = 1.0  # seconds after a refusal within which a CANCEL of another branch is its consequence


def given_up(trace: Trace, fork: Fork) -> WireMessage | None:
    """The 200 to the caller's CANCEL: the server knows that he has gone."""
    cancel = cancel_of(trace, fork.incoming)
    final = cancel.final if cancel is not None else None
    return final if final is not None and final.status == 200 else None


@check(
    "HUNT-010", level=SHOULD, on=SERVER, clause="RFC 3261 §16.7 step 6",
    asks="when nobody takes the call the caller gets the best of the answers: busy for busy, 408 or 480 for silence",
)  # fmt: skip
def best_answer_is_given(trace: Trace) -> Iterator[Finding]:
    """Judged where all branches agree: all busy, or all left ringing until the server cancelled them itself. After a
    6xx of one member a proxy refuses for all and a ring-all PBX need not, so that is not judged.
    """
    for fork in forks(trace):
        final = fork.incoming.final
        if not fork.branches or fork.unsure or final is None or final.status < 300 or given_up(trace, fork) is not None:
            continue
        outcomes = {_outcome(trace, branch) for branch in fork.branches}
        wanted = WANTED.get(outcomes.pop(), ()) if len(outcomes) == 1 else ()
        if wanted and all(b.request is not None and _one_round(fork, b.request) for b in fork.branches):
            seen = f"{final.status} {final.reason}"
            expected = " or ".join(str(status) for status in wanted)
            yield finding(final, final.status in wanted, expected=expected, observed=seen, also=[fork.invite])


def _outcome(trace: Trace, branch: Transaction) -> int:
    """The final status of a branch; 0 for one the server gave up, or that never answered."""
    final = branch.final
    cancelled = cancel_of(trace, branch) is not None
    return 0 if final is None or (cancelled and final.status == 487) else final.status


def _one_round(fork: Fork, invite: WireMessage) -> bool:
    """Whether a branch belongs to the first ringing, not to a forward that followed."""
    first = fork.branches[0].request
    return first is not None and seconds(invite, first) < SOON


@check(
    "HUNT-011", level=SHOULD, on=SERVER, clause="RFC 3261 §16.7 step 6",
    asks="a member who refuses the call does not end it for the others",
)  # fmt: skip
def refusal_is_not_for_all(trace: Trace) -> Iterator[Finding]:
    """A 4xx or 5xx speaks for one phone. On a 6xx a proxy must cancel the others; a ring-all PBX that lets them go on
    is as good, so that is only noted. A phone that has rung for long and gives up (408, 480) may do so in the moment in
    which the server does.
    """
    for fork in forks(trace):
        for branch in fork.branches:
            final = branch.final
            if final is None or final.status < 400 or final.status == 487 or _already_over(trace, fork, final):
                continue
            if final.status in (408, 480) and branch.request is not None and seconds(final, branch.request) > PATIENCE:
                continue
            stopped = [
                cancel.request
                for cancel in (cancel_of(trace, other) for other in fork.branches if other is not branch)
                if cancel is not None and cancel.request is not None and 0 <= seconds(cancel.request, final) < SOON
            ]
            also, level = [final], INFO if final.status >= 600 else None
            if len(fork.branches) > 1:
                of, seen = (stopped or [final])[0], f"CANCEL after {final.status}"
                yield finding(of, not stopped, expected="the others ringing on", observed=seen, also=also, level=level)


def _already_over(trace: Trace, fork: Fork, at: WireMessage) -> bool:
    """Whether the caller had been refused by then, or somebody answered or the caller left before a second was over."""
    gone, final = given_up(trace, fork), fork.incoming.final
    marks = [gone, *(a for b in fork.branches for a in answers(b).values())]
    refused = final is not None and final.number < at.number
    return refused or any(mark is not None and seconds(mark, at) < SOON for mark in marks)


@check(
    "HUNT-012", level=MUST, on=SERVER, clause="RFC 3261 §16.10, §9.2",
    asks="when the caller gives up every branch is cancelled, and none is told that the call was answered",
)  # fmt: skip
def caller_gives_up(trace: Trace) -> Iterator[Finding]:
    """A phone that is told "answered elsewhere" shows no missed call, and here one was missed. (That half is a
    SHOULD: the Reason is the server's word.) Unless the caller himself forks, and says that another has answered.
    """
    for fork in forks(trace):
        gone = given_up(trace, fork)
        if gone is None or fork.incoming.succeeded:
            continue
        for branch in fork.branches:
            if not answers(branch) and (judged := cleared(trace, branch, gone)) is not None:
                yield judged
            cancel = cancel_of(trace, branch)
            if _says_so_himself(trace, fork) or cancel is None or cancel.request is None:
                continue
            if cancel.request.number > gone.number:
                request = cancel.request
                seen = f"Reason: {', '.join(request.texts('Reason'))} to {target(request)}"
                yield finding(
                    request, not elsewhere(request), expected="no word of an answer", observed=seen,
                    at=request.span("Reason") if request.has("Reason") else None, also=[gone], level=SHOULD,
                    verdict=Verdict.FAIL,
                )  # fmt: skip


def _says_so_himself(trace: Trace, fork: Fork) -> bool:
    """Whether the caller's own CANCEL says that the call was answered elsewhere."""
    cancel = cancel_of(trace, fork.incoming)
    return cancel is not None and cancel.request is not None and elsewhere(cancel.request)
