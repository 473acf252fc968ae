"""What the members' phones make of a call that another one has taken, or nobody."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import PHONE, SHOULD, Finding, check, finding
from sipconform.checks.forks import elsewhere
from sipconform.checks.told import places
from sipconform.trace.trace import Trace, Transaction, WireMessage

TOLD_WITHIN = 5.0  # seconds a display may lag behind the wire


def stopped(trace: Trace) -> Iterator[tuple[Transaction, WireMessage, int]]:
    """Every ringing that a CANCEL ended at a phone whose display is known, and by how much its count of missed calls
    rose. Left out: phones that had another call in the same seconds, which might have been the one missed.
    """
    actors = {address: name for name, address in places(trace).items()}
    for cancel in trace.transactions_of("CANCEL"):
        invite, request = cancel.invite, cancel.request
        if invite is None or request is None or invite.final is None:
            continue
        who = actors.get(str(invite.server))
        if who is None or invite.final.status != 487 or _has_another(trace, invite):
            continue
        missed = _missed(trace, who, request)
        if missed is not None:
            yield cancel, request, missed


def _has_another(trace: Trace, invite: Transaction) -> bool:
    first, final = invite.request, invite.final
    if first is None or final is None:
        return True
    ends = final.packet.time_ns + TOLD_WITHIN * 1e9
    here = (t for t in trace.transactions_of("CANCEL") if t.server == invite.server)
    others = (t.request for t in here if t.invite is not invite)
    return any(r is not None and first.packet.time_ns <= r.packet.time_ns <= ends for r in others)


def _missed(trace: Trace, who: str, cancel: WireMessage) -> int | None:
    """By how much the count rose from before a CANCEL to five seconds after; None when it was never told."""
    before: int | None = None
    after: int | None = None
    for observation in trace.observations:
        count = observation.what.get("missed")
        if observation.kind == "belief" and observation.who == who and isinstance(count, int):
            late = (observation.time_ns - cancel.packet.time_ns) / 1e9
            if late < 0:
                before = after = count
            elif late < TOLD_WITHIN:
                after = count
    return None if before is None or after is None else after - before


@check(
    "HUNT-020", level=SHOULD, on=PHONE, clause="RFC 3326 §2",
    asks="a call that was answered elsewhere is not shown as missed",
)  # fmt: skip
def taken_call_is_not_missed(trace: Trace) -> Iterator[Finding]:
    """Whatever the text says, and in whatever language: `SIP;cause=200` or `Q.850;cause=26` is the reason."""
    for _, cancel, missed in stopped(trace):
        if elsewhere(cancel):
            expected = f"no missed call after Reason: {', '.join(cancel.texts('Reason'))}"
            seen, party = f"{missed} more", trace.party(cancel.destination)
            yield finding(cancel, missed <= 0, expected=expected, observed=seen, party=party)


@check(
    "HUNT-021", level=SHOULD, on=PHONE, clause="RFC 3326 §2",
    asks="a call whose ringing ended for no stated reason is shown as missed",
)  # fmt: skip
def lost_call_is_missed(trace: Trace) -> Iterator[Finding]:
    """Inferred: without a Reason nobody has said that the call was taken."""
    for _, cancel, missed in stopped(trace):
        if not cancel.has("Reason"):
            seen, party = f"{missed} more", trace.party(cancel.destination)
            yield finding(cancel, missed == 1, expected="one more missed call", observed=seen, party=party)
