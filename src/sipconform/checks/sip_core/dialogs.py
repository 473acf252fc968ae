"""Order inside a dialog, and its end (RFC 3261 §12.2, §14, §15)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from sipconform.checks.catalogue import EITHER, MUST, PASSED, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, SLACK, author, is_relayed, overtaken, passed_on, seconds
from sipconform.sip.fault import Fault
from sipconform.trace.packet import Address
from sipconform.trace.trace import Dialog, Trace, Transaction, WireMessage

OTHER_USAGES = frozenset({"SUBSCRIBE", "NOTIFY", "REFER"})  # may outlive the call in the same dialog, RFC 5057


@check(
    "SIP-004", level=MUST, on=EITHER, clause="RFC 3261 §8.1.1.5, §12.2.1.1",
    asks="CSeq names the request's method, rises with every request of a dialog, and ACK and CANCEL keep the INVITE's",
)  # fmt: skip
def cseq_rises(trace: Trace) -> Iterator[Finding]:
    """The receiver tells new from old by it.

    A gap is not judged: the missing request may have been lost, or have gone another way. A lower number that
    was not seen before may be a late repetition of a lost first sending, so on UDP it is blamed only after 32 s
    + 1 s.
    """
    for request in trace.requests():
        named = request.text("CSeq")
        if named.endswith(request.method) and request.cseq_number >= 0:
            yield PASSED
        else:
            expected = f"a number and {request.method}"
            at = "CSeq"
            yield finding(request, False, expected=expected, observed=f"CSeq: {named}", at=at, party=author(request))
    for dialog in trace.dialogs:
        yield from rising(dialog)
    for transaction in trace.transactions:
        if transaction.invite is not None or transaction.acks:
            yield from _borrowed_numbers(transaction)


@dataclass(slots=True)
class _Sender:
    highest: WireMessage
    seen: dict[int, WireMessage] = field(default_factory=dict)


def rising(dialog: Dialog, method: str = "") -> Iterator[Finding]:
    """Judges that the CSeq numbers of each party of a dialog rise; of one method's requests, or of all."""
    senders: dict[tuple[Address, str], _Sender] = {}
    for transaction in dialog.transactions:
        request = transaction.request
        if request is None or request.method in ("ACK", "CANCEL") or request.cseq_number < 0:
            continue
        mark, key = request.cseq_number, (transaction.client, request.from_tag)
        sender = senders.get(key) or senders.setdefault(key, _Sender(request))
        if not method or request.method == method:
            yield _next_number(sender, request)
        sender.seen.setdefault(mark, request)
        if mark > sender.highest.cseq_number:
            sender.highest = request


def _next_number(sender: _Sender, request: WireMessage) -> Finding:
    mark, highest = request.cseq_number, sender.highest
    if highest is request or mark > highest.cseq_number:
        return PASSED
    again = sender.seen.get(mark)
    if again is not None:
        if again.count("Via") != request.count("Via"):  # the same request on its way through a spiral
            return PASSED
    elif request.transport == "udp" and seconds(request, highest) <= GIVE_UP + SLACK:
        return PASSED
    seen = f"CSeq {mark} {'again' if again else 'later'}"
    expected = f"a CSeq above {highest.cseq_number}"
    at, party = "CSeq", author(request)
    return finding(request, False, expected=expected, observed=seen, at=at, also=[again or highest], party=party)


def _borrowed_numbers(transaction: Transaction) -> Iterator[Finding]:
    invite = transaction.invite.request if transaction.invite is not None else transaction.request
    borrowers = transaction.acks or transaction.requests
    if invite is None:
        return
    for request in borrowers:
        if request.repeats is None and request is not invite:
            ok = request.cseq_number == invite.cseq_number
            expected = f"the INVITE's number {invite.cseq_number}"
            seen = f"CSeq: {request.text('CSeq')}"
            yield finding(request, ok, expected=expected, observed=seen, at="CSeq", also=[invite])


@check(
    "SIP-005", level=MUST, on=EITHER, clause="RFC 3261 §12.2.2",
    asks="a request whose CSeq is below one already answered in its dialog is refused (500)",
)  # fmt: skip
def stale_request_is_refused(trace: Trace) -> Iterator[Finding]:
    """An overtaken request must not be carried out. That the higher one was answered before the lower one
    passed the tap proves the order; any refusal will do. A proxy passes both on and is not meant.
    """
    for dialog in trace.dialogs:
        for transaction, proof in overtaken(dialog):
            final = transaction.final
            if final is not None and not passed_on(trace, final):
                seen = f"{final.status} to CSeq {final.cseq_number} after {proof.cseq_number}"
                yield finding(final, final.status >= 300, expected="500", observed=seen, also=[proof])


@check(
    "SIP-019", level=MUST, on=EITHER, clause="RFC 3261 §12.2.2, §15.1.2",
    asks="a request in a dialog that has ended is answered 481",
)  # fmt: skip
def ended_dialog_is_gone(trace: Trace) -> Iterator[Finding]:
    """A dialog has ended when its BYE was answered 2xx 1 s ago. Two crossing BYEs may both get 200, so BYE is not
    asked; nor are subscriptions that share the dialog, for they outlive the call.
    """
    for dialog in trace.dialogs:
        for transaction, end in _after_the_end(dialog):
            final = transaction.final
            if transaction.server == end.source and final is not None and not passed_on(trace, final):
                seen = f"{final.status} to {transaction.method} after BYE"
                yield finding(final, final.status >= 300, expected="481", observed=seen, also=[end])


def _after_the_end(dialog: Dialog) -> Iterator[tuple[Transaction, WireMessage]]:
    """In-dialog transactions begun more than SLACK after the 2xx to BYE, with that 2xx."""
    end: WireMessage | None = None
    for transaction in dialog.transactions:
        request = transaction.request
        if request is None or transaction.method in OTHER_USAGES:
            continue
        if end is not None and transaction.method != "BYE" and seconds(request, end) > SLACK:
            yield transaction, end
        elif end is None and transaction.method == "BYE" and transaction.succeeded:
            end = transaction.final


@check(
    "SIP-026", level=MUST, on=EITHER, clause="RFC 3261 §15.1.1, §15.1.2",
    asks="who has sent BYE or answered it asks nothing more in that dialog",
)  # fmt: skip
def nothing_after_bye(trace: Trace) -> Iterator[Finding]:
    """The BYE ends the session for both. Requests that crossed it within 1 s, and subscriptions that share the
    dialog, are left alone; so is a proxy that passes on.
    """
    for dialog in trace.dialogs:
        if not any(t.method == "BYE" and t.succeeded for t in dialog.transactions):
            continue
        late = next((t for t, _ in _after_the_end(dialog)), None)
        if late is None or late.request is None or is_relayed(late.request):
            yield PASSED
        else:
            yield finding(late.request, False, expected="no request after BYE", observed=late.method)


@check(
    "SIP-027", level=MUST, on=EITHER, clause="RFC 3261 §14.1, §14.2",
    asks="a re-INVITE that meets one's own is answered 491, and tried again after a decent wait",
)  # fmt: skip
def glare_is_refused(trace: Trace) -> Iterator[Finding]:
    """Neither side may accept while its own offer is open.

    A side's own INVITE is open until its final has passed the tap, so an acceptance seen before that final was
    given in ignorance of it. The wait (2.1 to 4 s for the owner of the Call-ID) is judged for the owner and as
    SHOULD, with 0.2 s of slack; the other side may come back at once.
    """
    for dialog in trace.dialogs:
        invites = [t for t in dialog.transactions if t.method == "INVITE" and t.request is not None]
        if len(invites) < 2:
            continue
        for at, one in enumerate(invites):
            for other in invites[at + 1 :]:
                if one.client == other.server and _open_at(one, other.request):
                    yield from _judge_glare(trace, one, other)
        yield from _waits(dialog, invites)


def _open_at(invite: Transaction, moment: WireMessage | None) -> bool:
    final = invite.final
    return moment is not None and final is not None and final.number > moment.number


def _judge_glare(trace: Trace, one: Transaction, other: Transaction) -> Iterator[Finding]:
    for mine, theirs in ((one, other), (other, one)):
        final, own = theirs.final, mine.final
        if final is None or own is None or passed_on(trace, final):
            continue
        accepted_blindly = final.status < 300 and final.number < own.number
        seen = f"{final.status} while its own INVITE was open"
        also = [m for m in (mine.request, theirs.request) if m is not None]
        yield finding(final, not accepted_blindly, expected="491 Request Pending", observed=seen, also=also)


def _waits(dialog: Dialog, invites: list[Transaction]) -> Iterator[Finding]:
    owner = dialog.invite.client if dialog.invite is not None else None
    for refused, again in pairwise(invites):
        final = refused.final
        if final is None or final.status != 491 or refused.client != owner or again.client != owner:
            continue
        if again.request is not None:
            wait = seconds(again.request, final)
            expected, seen = "2.1 to 4 s before the next try", f"{wait:.1f} s"
            yield finding(again.request, wait >= 1.9, expected=expected, observed=seen, also=[final], level=SHOULD)


@check(
    "SIP-028", level=MUST, on=EITHER, clause="RFC 3261 §14.2",
    asks="a second INVITE before the first is answered gets 500 with a Retry-After of 0 to 10 s",
)  # fmt: skip
def second_invite_is_put_off(trace: Trace) -> Iterator[Finding]:
    """One offer at a time. Both INVITEs come from the same side here; crossing ones are SIP-027's. By UDP the second
    may overtake the first behind the tap: then it is the first that is refused, with 500 (§12.2.2).
    """
    for dialog in trace.dialogs:
        invites = [t for t in dialog.transactions if t.method == "INVITE" and t.request is not None]
        for one, other in pairwise(invites):
            final = other.final
            if one.client != other.client or final is None or not _open_at(one, final) or passed_on(trace, final):
                continue
            if _is_out_of_order(one, final):
                continue
            wait = final.retry_after
            seconds_ = None if wait is None or isinstance(wait, Fault) else wait.seconds
            ok = final.status == 500 and seconds_ is not None and seconds_ <= 10
            seen = f"{final.status}, Retry-After: {final.text('Retry-After') or 'none'}"
            also = [m for m in (one.request, other.request) if m is not None]
            level = SHOULD if final.status >= 300 else None
            expected = "500 with Retry-After: 0 to 10"
            yield finding(final, ok, expected=expected, observed=seen, also=also, level=level)


def _is_out_of_order(invite: Transaction, later: WireMessage) -> bool:
    """Whether an INVITE may have come after one with a higher number: refused as such, and unanswered until the other
    had its final."""
    request, final = invite.request, invite.final
    if request is None or final is None or request.transport != "udp":
        return False
    return final.status == 500 and all(r.number > later.number for r in invite.responses)


@check(
    "SIP-029", level=SHOULD, on=EITHER, clause="RFC 3261 §12.2.1.2, §14.1",
    asks="after 481 or 408 to a request in a dialog its sender gives the dialog up",
)  # fmt: skip
def lost_dialog_is_given_up(trace: Trace) -> Iterator[Finding]:
    """The peer knows nothing of it any more. BYE may still be sent; what crossed the answer within 1 s is left
    alone. Only INVITE dialogs: what ends a subscription is SUB-013's and SUB-020's.
    """
    for dialog in trace.dialogs:
        lost: Transaction | None = None
        for transaction in dialog.transactions:
            request, final = transaction.request, transaction.final
            if request is None or transaction.method in OTHER_USAGES or is_relayed(request):
                continue
            if lost is not None and lost.final is not None and lost.client == transaction.client:
                ok = transaction.method == "BYE" or seconds(request, lost.final) <= SLACK
                seen = f"{transaction.method} after {lost.final.status}"
                yield finding(request, ok, expected="BYE or nothing", observed=seen, also=[lost.final])
            elif final is not None and final.status in (408, 481) and request.to_tag:
                lost = transaction
