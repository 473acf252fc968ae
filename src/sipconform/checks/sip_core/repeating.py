"""Sending again, and when to stop (RFC 3261 §13.3.1.4, §17). Unreliable transports only.

Times are those at the tap. A copy within 50 ms is the network's. What a device did not receive it may go on sending,
and a line may be down in one direction. So going on is blamed only where the device shows that it has heard what ought
to stop it, and then the third time, or where five messages that ought to were sent on a line that is up. Silence is
blamed only where several repetitions are missing and the device is seen to be alive.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sipconform.checks.catalogue import EITHER, MUST, PASSED, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.credentials import takes_up
from sipconform.checks.evidence import (
    GIVE_UP,
    SLACK,
    T1,
    contact,
    heard_after,
    passed_on,
    points_to,
    seconds,
    sendings,
    watched,
)
from sipconform.checks.hearing import said_on
from sipconform.checks.told import restarted
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, Transaction, WireMessage

LATEST = GIVE_UP + 4.0  # seconds after which nothing may be sent again; 4 s of slack for jitter
SILENCE = 4.0  # seconds in which three repetitions are due: after 0.5, 1.5 and 3.5 s
STUBBORN = 3  # repetitions that are blamed on a device known to have heard
DOUBTFUL = 5  # repetitions that ordinary loss hardly explains, of a device that may have heard nothing


@check(
    "SIP-008", level=MUST, on=EITHER, clause="RFC 3261 §17.1.1.2",
    asks="INVITE is sent again until something answers, and for 32 s at most",
)  # fmt: skip
def invite_is_repeated(trace: Trace) -> Iterator[Finding]:
    """Timer A doubles from T1, timer B gives up at 64*T1. T1 may be longer than 0.5 s, which is why only four
    seconds without any repetition count; a shorter T1 is for private networks and lowers the level to SHOULD."""
    for transaction in trace.transactions_of("INVITE"):
        yield from _judge_request(trace, transaction)


@check(
    "SIP-009", level=MUST, on=EITHER, clause="RFC 3261 §17.1.2.2",
    asks="any other request is sent again until it is answered, and for 32 s at most",
)  # fmt: skip
def request_is_repeated(trace: Trace) -> Iterator[Finding]:
    """Timers E and F. A provisional answer slows the repetition down but does not end it, so only a final
    counts.
    """
    for transaction in trace.transactions:
        if transaction.method not in ("INVITE", "ACK"):
            yield from _judge_request(trace, transaction)


def _judge_request(trace: Trace, transaction: Transaction) -> Iterator[Finding]:
    request = transaction.request
    if request is None or request.transport != "udp":
        return
    if len(transaction.requests) == 1:
        if transaction.responses:
            yield PASSED
        elif watched(trace, request) >= SILENCE:
            yield from _never_repeated(trace, transaction, request)
        return
    sent = sendings(r for r in transaction.requests if r is request or r.repeats is request)
    if len(sent) > 1:
        yield _repetition(trace, transaction, request, sent)


def _never_repeated(trace: Trace, transaction: Transaction, request: WireMessage) -> Iterator[Finding]:
    """An answer may travel another way or the host may be known dead (ICMP); both show in a peer never heard. And a
    client of which nothing more is heard may be cut off.
    """
    heard = _is_heard(trace, transaction.client, request)
    if heard and heard_after(trace, transaction.server, request, transaction.client):
        seen = f"sent once, unanswered for {watched(trace, request):.1f} s"
        yield finding(request, False, expected="the request again after 0.5, 1.5 and 3.5 s", observed=seen)


def _is_heard(trace: Trace, party: Address, silence: WireMessage) -> bool:
    """Whether whoever sent a message is heard on this hop while its repetitions are due. By the record nobody was
    started anew about then, who has forgotten what he sent."""
    start, long = silence.packet.time_ns, round(GIVE_UP * 1e9)
    if restarted(trace, start - long, start + long):
        return False
    return bool(said_on(trace, silence, party, start + round(T1 * 1e9), start + long))


def _repetition(trace: Trace, transaction: Transaction, request: WireMessage, sent: list[WireMessage]) -> Finding:
    if seconds(sent[-1], request) > LATEST:
        seen = f"sent again after {seconds(sent[-1], request):.1f} s"
        return finding(sent[-1], False, expected="nothing more after 64*T1 = 32 s", observed=seen, also=[request])
    stop = next((r for r in transaction.responses if r.status >= 200 or transaction.method == "INVITE"), None)
    later = [r for r in sent if stop is not None and seconds(r, stop) > SLACK]
    if stop is not None and later:
        return _goes_on(trace, transaction, stop, later)
    early = next((b for a, b in pairwise(sent) if seconds(b, a) < T1 / 2), None)
    if early is None:
        return PASSED
    seen = f"sent again after {seconds(early, sent[sent.index(early) - 1]) * 1000:.0f} ms"
    return finding(early, False, expected="at least T1 = 500 ms between sendings", observed=seen, level=SHOULD)


def _goes_on(trace: Trace, transaction: Transaction, stop: WireMessage, later: list[WireMessage]) -> Finding:
    """Judges a client that repeats its request after an answer: the answers may all be lost behind the tap."""
    said = said_on(trace, stop, transaction.client, stop.packet.time_ns, later[-1].packet.time_ns)
    shows = next((m for m in said if m.is_request and _has_heard(m, transaction)), None)
    knowing = [r for r in later if shows is not None and seconds(r, shows) > SLACK]
    sure = len(knowing) >= STUBBORN
    if not sure and len(later) < DOUBTFUL:
        return PASSED
    seen = f"sent {len(knowing if sure else later)} times more after the {stop.status}"
    also = [stop, *([shows] if shows is not None else [])]
    verdict = Verdict.FAIL if sure else Verdict.INCONCLUSIVE
    expected = "no repetition after an answer"
    return finding(later[-1], False, expected=expected, observed=seen, also=also, verdict=verdict)


def _has_heard(message: WireMessage, transaction: Transaction) -> bool:
    """Whether a later message of the client shows that it knows the answer: it acknowledges or cancels, uses its tag or
    its nonce, or counts on where RFC 3261 §10.2 forbids to before an answer."""
    request = transaction.request
    if request is None or message.call_id != request.call_id or message.transaction is transaction:
        return message.method == "ACK" and message.transaction is transaction
    if message.transaction is not None and message.transaction.invite is transaction:
        return True
    tags = {r.to_tag for r in transaction.responses} - {request.to_tag, ""}
    counts_on = message.method == request.method == "REGISTER" and message.cseq_number > request.cseq_number
    return counts_on or message.to_tag in tags or any(takes_up(message, r) for r in transaction.responses)


@check(
    "SIP-010", level=MUST, on=EITHER, clause="RFC 3261 §17.2.1",
    asks="an error answer to INVITE is sent again until its ACK comes, and for 32 s at most",
)  # fmt: skip
def error_is_repeated_until_ack(trace: Trace) -> Iterator[Finding]:
    """Timers G and H. A stateless server may not repeat; who sent a provisional answer before is none."""
    for transaction in trace.transactions_of("INVITE"):
        final = transaction.final
        if final is None or final.status < 300 or final.transport != "udp":
            continue
        sent = sendings(r for r in transaction.responses if r is final or r.repeats is final)
        yield from _until_ack(trace, transaction, sent, transaction.acks, stateful=bool(transaction.provisional))


@check(
    "SIP-011", level=MUST, on=EITHER, clause="RFC 3261 §13.3.1.4",
    asks="a 2xx to INVITE is sent again until its ACK comes, and for 32 s at most",
)  # fmt: skip
def success_is_repeated_until_ack(trace: Trace) -> Iterator[Finding]:
    """The ACK to a 2xx may take another way than the INVITE, where no proxy asked to stay on the path. So a missing
    ACK is judged only when the Contact of the 2xx is the very address that sent it.
    """
    acks: dict[tuple[str, int, str], list[WireMessage]] | None = None
    for transaction in trace.transactions_of("INVITE"):
        final = transaction.final
        if final is None or final.status >= 300 or passed_on(trace, final):
            continue
        acks = _acks(trace) if acks is None else acks
        sent = sendings(r for r in transaction.responses if r is final or r.repeats is final)
        got = acks.get((final.call_id, final.cseq_number, final.to_tag), [])
        here = points_to(contact(final), final.source) and not final.has("Record-Route")
        yield from _until_ack(trace, transaction, sent, got, stateful=here)


def _acks(trace: Trace) -> dict[tuple[str, int, str], list[WireMessage]]:
    found: dict[tuple[str, int, str], list[WireMessage]] = {}
    for ack in trace.requests("ACK", repeats=True):
        found.setdefault((ack.call_id, ack.cseq_number, ack.to_tag), []).append(ack)
    return found


def _until_ack(
    trace: Trace, transaction: Transaction, sent: list[WireMessage], acks: list[WireMessage], *, stateful: bool
) -> Iterator[Finding]:
    first, last = sent[0], sent[-1]
    if seconds(last, first) > LATEST:
        seen = f"sent again after {seconds(last, first):.1f} s"
        yield finding(last, False, expected="nothing more after 64*T1 = 32 s", observed=seen, also=[first])
        return
    if not acks:
        if (
            len(sent) == 1
            and stateful
            and watched(trace, first) >= SILENCE
            and _is_heard(trace, transaction.server, first)
        ):
            seen = f"sent once, no ACK for {watched(trace, first):.1f} s"
            yield finding(first, False, expected="the answer again after 0.5, 1.5 and 3.5 s", observed=seen)
        return
    yield _after_ack(trace, transaction, sent, acks)


def _after_ack(trace: Trace, transaction: Transaction, sent: list[WireMessage], acks: list[WireMessage]) -> Finding:
    """Judges a server that repeats its answer after the ACK: the ACKs may all be lost behind the tap. It has heard one
    when it goes on with the call; and so many are hardly lost one by one on a line that carries something else."""
    later = [r for r in sent if seconds(r, acks[0]) > SLACK]
    if not later:
        return PASSED
    said = said_on(trace, acks[0], transaction.server, acks[0].packet.time_ns, later[-1].packet.time_ns)
    heard = next((m for m in said if m.repeats is None and _goes_on_with(transaction.request, m)), None)
    knowing = [r for r in later if heard is not None and seconds(r, heard) > SLACK]
    reached = next((m for m in said if m.repeats is None and _is_reached(m, acks[0])), None)
    missed = [a for a in sendings(acks) if reached is not None and reached.number < a.number < sent[-1].number]
    sure = len(knowing) >= STUBBORN or len(missed) >= DOUBTFUL
    if not sure and len(later) < DOUBTFUL:
        return PASSED
    seen = f"sent {len(later)} times more after {len(acks)} ACKs"
    shows = heard or reached
    also = [acks[0], *([shows] if shows is not None else [])]
    verdict = Verdict.FAIL if sure else Verdict.INCONCLUSIVE
    expected = "no repetition after the ACK"
    return finding(later[-1], False, expected=expected, observed=seen, also=also, verdict=verdict)


def _goes_on_with(invite: WireMessage | None, message: WireMessage) -> bool:
    """Whether a message is the BYE that a callee may not send before he has heard the ACK (§15). A re-INVITE he may
    send, and of a re-INVITE that he has answered he may well be the caller."""
    begins = invite is not None and not invite.to_tag and message.call_id == invite.call_id
    return begins and message.is_request and message.method == "BYE"


def _is_reached(message: WireMessage, ack: WireMessage) -> bool:
    """Whether a message answers something that was sent after an ACK: the line is up."""
    asked = message.transaction.request if message.is_response and message.transaction is not None else None
    return asked is not None and asked.number > ack.number


@check(
    "SIP-013", level=MUST, on=EITHER, clause="RFC 3261 §17.2.1",
    asks="INVITE gets a 100 when nothing else answers it within 200 ms",
)  # fmt: skip
def trying_comes_soon(trace: Trace) -> Iterator[Finding]:
    """It stops the repetition. The slack is 1 s for the way there and back. On UDP INVITE or 100 may be lost
    beyond the tap: it is a failure only if three sendings, the last one included, stayed unanswered for too
    long.
    """
    for transaction in trace.transactions_of("INVITE"):
        request = transaction.request
        if request is None or not transaction.responses:
            continue
        first = transaction.responses[0]
        if seconds(first, request) <= 0.2 + SLACK:
            yield PASSED
            continue
        sent = sendings(r for r in transaction.requests if r.number < first.number)
        proven = request.transport != "udp" or (len(sent) >= 3 and seconds(first, sent[-1]) > 0.2 + SLACK)
        seen = f"{first.status} after {seconds(first, request):.1f} s"
        verdict = Verdict.FAIL if proven else Verdict.INCONCLUSIVE
        yield finding(first, False, expected="100 within 0.2 s", observed=seen, also=[request], verdict=verdict)
