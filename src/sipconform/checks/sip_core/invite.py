"""ACK, the third part of an INVITE (RFC 3261 §13.2.2.4, §17.1.1.3)."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import EITHER, MUST, PASSED, Finding, Verdict, check, finding
from sipconform.checks.evidence import contact, points_to, sendings
from sipconform.checks.hearing import said_on
from sipconform.sip.fault import Span
from sipconform.trace.trace import Dialog, Trace, Transaction, WireMessage

CREDENTIALS = ("Authorization", "Proxy-Authorization")


@check(
    "SIP-014", level=MUST, on=EITHER, clause="RFC 3261 §17.1.1.3",
    asks="the ACK to an error repeats the INVITE's URI, Via, From, CSeq number and Route, and the answer's To",
)  # fmt: skip
def ack_to_error_copies_the_invite(trace: Trace) -> Iterator[Finding]:
    """It is matched to the INVITE by these, on this hop; each proxy makes its own.

    An ACK with another branch that names the error's To tag is a failure of this rule too. The To tag must be
    that of any error answered, for a client may have seen several.
    """
    for transaction in trace.transactions:
        invite = transaction.request
        if transaction.method == "INVITE" and invite is not None:
            for ack in transaction.acks:
                if ack.repeats is None:
                    yield _like_the_invite(transaction, invite, ack)
        elif transaction.method == "ACK" and invite is not None:
            yield from _stray_ack(trace, transaction, invite)


def _like_the_invite(transaction: Transaction, invite: WireMessage, ack: WireMessage) -> Finding:
    tags = {r.to_tag for r in transaction.responses if r.status >= 300}
    faults = [
        ("Request-URI", ack.request_uri == invite.request_uri),
        ("Via", len(ack.values("Via")) == 1),
        ("From", ack.from_tag == invite.from_tag),
        ("To", not tags or ack.to_tag in tags),
        ("CSeq", ack.cseq_number == invite.cseq_number),
        ("Route", ack.values("Route") == invite.values("Route")),
    ]
    wrong = [name for name, ok in faults if not ok]
    if not wrong:
        return PASSED
    value = ack.request_uri if wrong[0] == "Request-URI" else ", ".join(ack.texts(wrong[0])) or "none"
    at = wrong[0] if ack.has(wrong[0]) else Span(0, len(ack.start_line))
    expected = "the INVITE's, with the To tag of the answer"
    return finding(ack, False, expected=f"{wrong[0]}: {expected}", observed=value, at=at, also=[invite])


def _stray_ack(trace: Trace, transaction: Transaction, ack: WireMessage) -> Iterator[Finding]:
    """An ACK that belongs to no INVITE by its branch, but by its tag to an error that was answered."""
    if ack.dialog is None:
        return
    for response in ack.dialog.messages:
        invite = response.transaction
        if response.status < 300 or invite is None or invite.method != "INVITE" or invite.client != transaction.client:
            continue
        if response.cseq_number == ack.cseq_number and response.number < ack.number and invite.acks == []:
            expected, seen = f"branch {invite.branch}", f"branch {transaction.branch}"
            yield finding(ack, False, expected=expected, observed=seen, at="Via", also=[response])
            return


@check(
    "SIP-015", level=MUST, on=EITHER, clause="RFC 3261 §13.2.2.4",
    asks="the ACK to a 2xx is a transaction of its own and carries the INVITE's credentials",
)  # fmt: skip
def ack_to_success_is_its_own(trace: Trace) -> Iterator[Finding]:
    """A new branch, for it goes end to end; the credentials, for it cannot be challenged.

    Credentials are compared on the same hop only: a proxy takes its own off. A client that sends no ACK at all is
    blamed after the third 2xx, if the ACK would have had to pass here and the client is known to hear.
    """
    for transaction in trace.transactions:
        request = transaction.request
        if transaction.method == "ACK" and request is not None and request.dialog is not None:
            yield from _own_transaction(transaction, request, request.dialog)
        elif transaction.method == "INVITE" and transaction.succeeded and len(transaction.responses) >= 3:
            yield from _missing_ack(trace, transaction)


def _own_transaction(transaction: Transaction, ack: WireMessage, dialog: Dialog) -> Iterator[Finding]:
    for other in dialog.transactions:
        invite = other.request
        if invite is None or other.method != "INVITE" or other.client != transaction.client or not other.succeeded:
            continue
        if invite.cseq_number != ack.cseq_number:
            continue
        if ack.branch == invite.branch:
            seen = "the INVITE's branch"
            yield finding(ack, False, expected="a new branch", observed=seen, at="Via", also=[invite])
            return
        lost = [name for name in CREDENTIALS if invite.has(name) and not ack.has(name)]
        expected = f"{' and '.join(lost)} as in the INVITE"
        yield finding(ack, not lost, expected=expected, observed="no credentials", also=[invite])
        return


def _missing_ack(trace: Trace, transaction: Transaction) -> Iterator[Finding]:
    final = transaction.final
    if final is None or not points_to(contact(final), final.source) or final.has("Record-Route"):
        return
    sent = sendings(r for r in transaction.responses if r is final or r.repeats is final)
    if len(sent) < 3:
        return
    acked = any(a.call_id == final.call_id and a.to_tag == final.to_tag for a in trace.requests("ACK"))
    if not acked:
        seen = f"no ACK to {len(sent)} sendings of the {final.status}"
        verdict = Verdict.FAIL if _has_heard(trace, transaction, final) else Verdict.INCONCLUSIVE
        yield finding(sent[-1], False, expected="ACK", observed=seen, party=transaction.client, verdict=verdict)


def _has_heard(trace: Trace, invite: Transaction, final: WireMessage) -> bool:
    """Whether the client hears what is sent to it, for all answers may be lost on their way to it: it goes on in the
    dialog, or answers what the server asked since."""
    told = {r.to_tag for r in invite.provisional}
    said = said_on(trace, final, invite.client, final.packet.time_ns, trace.end_ns + 1)
    for message in said:
        asked = message.transaction.request if message.transaction is not None else None
        if message.is_response and asked is not None and asked.number > final.number:
            return True
        if message.is_request and message.to_tag == final.to_tag and message.to_tag not in told:
            return True
    return False
