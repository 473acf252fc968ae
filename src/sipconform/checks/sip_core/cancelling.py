"""CANCEL (RFC 3261 §9)."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import EITHER, MUST, PASSED, Finding, Verdict, check, finding
from sipconform.checks.evidence import GIVE_UP, SLACK, finals, seconds, watched
from sipconform.checks.hearing import speaks_again
from sipconform.sip.fault import Span
from sipconform.trace.trace import Trace, Transaction, WireMessage


@check(
    "SIP-024", level=MUST, on=EITHER, clause="RFC 3261 §9.2, §22.1",
    asks="CANCEL is answered 200, or 481 when it matches nothing, and the INVITE it stops gets its final answer",
)  # fmt: skip
def cancel_is_answered(trace: Trace) -> Iterator[Finding]:
    """CANCEL cannot be sent again with credentials, so it is never challenged; other refusals are unknown to
    §9.2.

    481 to a CANCEL whose INVITE had a 1xx and no final yet is wrong; where the final was given before the CANCEL
    arrived it is right, and that final passes the tap before the 481 or within 1 s of it. With 487 the server says that
    the CANCEL did match. A proxy waits for its branches, so the INVITE's final is missed only after 64*T1 and 1 s, of
    a server that is heard later.
    """
    for transaction in trace.transactions_of("CANCEL"):
        if transaction.request is None:
            continue
        final = transaction.final
        if final is not None:
            yield _answer(transaction, final)
        if transaction.invite is not None and final is not None and final.status == 200:
            yield from _invite_ends(trace, transaction.invite, final)


def _answer(transaction: Transaction, final: WireMessage) -> Finding:
    expected = "200 (481 when nothing matches)"
    ok = final.status == 200 or (final.status == 481 and not _was_pending(transaction, final))
    return finding(final, ok, expected=expected, observed=f"{final.status} {final.reason}")


def _was_pending(cancel: Transaction, refusal: WireMessage) -> bool:
    """Whether an INVITE was still to be answered when its CANCEL was refused."""
    invite, request = cancel.invite, cancel.request
    if invite is None or request is None or not invite.provisional:
        return False
    over = (r.number < request.number or (r.status != 487 and seconds(r, refusal) <= SLACK) for r in finals(invite))
    return not any(over)


def _invite_ends(trace: Trace, invite: Transaction, answer: WireMessage) -> Iterator[Finding]:
    if invite.final is not None:
        yield PASSED
    elif watched(trace, answer) > GIVE_UP + SLACK:
        seen = f"nothing in {watched(trace, answer):.0f} s"
        due = answer.packet.time_ns + round((GIVE_UP + SLACK) * 1e9)
        verdict = Verdict.FAIL if speaks_again(trace, answer, answer.source, due) else Verdict.INCONCLUSIVE
        yield finding(answer, False, expected="487 to the INVITE", observed=seen, verdict=verdict)


@check(
    "SIP-025", level=MUST, on=EITHER, clause="RFC 3261 §9.1",
    asks="CANCEL waits for a provisional answer and repeats the INVITE's URI, Call-ID, From, To, CSeq number and Route",
)  # fmt: skip
def cancel_copies_the_invite(trace: Trace) -> Iterator[Finding]:
    """Before a 1xx the CANCEL may overtake its INVITE. Every 1xx the client can have had passed the tap before.

    If no answer to the INVITE was seen at all, answers may take another way: inconclusive.
    """
    for transaction in trace.transactions_of("CANCEL"):
        request = transaction.request
        if request is None or transaction.invite is None:
            continue
        invite = transaction.invite.request
        if invite is not None:
            yield _like_the_invite(request, invite)
            yield _not_too_soon(request, transaction.invite)


def _like_the_invite(cancel: WireMessage, invite: WireMessage) -> Finding:
    faults = [
        ("Request-URI", cancel.request_uri == invite.request_uri),
        ("Call-ID", cancel.call_id == invite.call_id),
        ("From", cancel.from_tag == invite.from_tag),
        ("To", cancel.to_tag == invite.to_tag),
        ("CSeq", cancel.cseq_number == invite.cseq_number),
        ("Via", len(cancel.values("Via")) == 1),
        ("Route", cancel.values("Route") == invite.values("Route")),
        ("Require", not cancel.has("Require")),
        ("Proxy-Require", not cancel.has("Proxy-Require")),
    ]
    wrong = [name for name, ok in faults if not ok]
    if not wrong:
        return PASSED
    value = cancel.request_uri if wrong[0] == "Request-URI" else ", ".join(cancel.texts(wrong[0])) or "none"
    at = wrong[0] if cancel.has(wrong[0]) else Span(0, len(cancel.start_line))
    expected = "none" if "Require" in wrong[0] else "as in the INVITE, with a single Via"
    return finding(cancel, False, expected=f"{wrong[0]}: {expected}", observed=value, at=at, also=[invite])


def _not_too_soon(cancel: WireMessage, invite: Transaction) -> Finding:
    before = any(r.number < cancel.number for r in invite.responses)
    verdict = Verdict.FAIL if invite.responses else Verdict.INCONCLUSIVE
    also = [invite.request] if invite.request is not None else []
    seen = "CANCEL before any answer"
    return finding(cancel, before, expected="a 1xx before CANCEL", observed=seen, also=also, verdict=verdict)
