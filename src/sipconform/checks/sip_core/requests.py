"""How a request is written (RFC 3261 §8.1.1, §18)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from sipconform.checks.catalogue import EITHER, INFO, MUST, PASSED, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import author, is_relayed, passed_on
from sipconform.sip.fault import Fault
from sipconform.sip.headers import name_addr
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.headers.via import COOKIE
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, Transaction, WireMessage

HOPS = frozenset(str(n) for n in range(256))
LARGEST_DATAGRAM = 1300  # octets a request may have when the path's MTU is not known, RFC 3261 §18.1.1


@check(
    "SIP-001", level=MUST, on=EITHER, clause="RFC 3261 §8.1.1.7, §9.1",
    asks="every transaction has a branch of its own that begins with z9hG4bK, and a CANCEL takes its INVITE's",
)  # fmt: skip
def branch_names_the_transaction(trace: Trace) -> Iterator[Finding]:
    """The branch is what answers are matched by, so two requests may not share one.

    A retransmission keeps its branch, CANCEL and the ACK to an error take the INVITE's; all that is left alone.
    ACK is not compared with other transactions, for stateless proxies give every ACK the same branch.
    """
    used: dict[tuple[Address, str], Transaction] = {}
    for transaction in trace.transactions:
        request = transaction.request
        if request is None:
            continue
        if not request.branch.startswith(COOKIE):
            yield _branch_fault(request, "a branch that begins with z9hG4bK", f"branch {request.branch or 'missing'}")
            continue
        shared = next((r for r in transaction.requests[1:] if not _same_request(r, request)), None)
        if shared is not None:
            yield _branch_fault(shared, "a new branch for a new request", "the branch of another request", request)
        elif request.method in ("ACK", "CANCEL"):
            yield _cancel_branch(trace, transaction, request)
        else:
            other = used.setdefault((transaction.client, request.branch), transaction)
            if other is transaction or other.request is None:
                yield PASSED
            else:
                seen = f"the branch of a {other.method} of the same sender"
                yield _branch_fault(request, "a new branch for a new request", seen, other.request)


def _same_request(one: WireMessage, other: WireMessage) -> bool:
    return one.cseq_number == other.cseq_number and one.call_id == other.call_id


def _branch_fault(of: WireMessage, expected: str, observed: str, *also: WireMessage) -> Finding:
    return finding(of, False, expected=expected, observed=observed, at="Via", also=also)


def _cancel_branch(trace: Trace, transaction: Transaction, request: WireMessage) -> Finding:
    if request.method != "CANCEL" or transaction.invite is not None:
        return PASSED
    meant = next((t for t in trace.transactions_of("INVITE") if _would_cancel(transaction, t)), None)
    if meant is None or meant.request is None or meant.branch == transaction.branch:
        return PASSED
    expected = f"the INVITE's branch {meant.branch}"
    return _branch_fault(request, expected, f"branch {request.branch}", meant.request)


def _would_cancel(cancel: Transaction, invite: Transaction) -> bool:
    a, b = cancel.request, invite.request
    return (
        a is not None and b is not None and _same_request(a, b)
        and (cancel.client, cancel.server) == (invite.client, invite.server)
    )  # fmt: skip


@check(
    "SIP-002", level=MUST, on=EITHER, clause="RFC 3261 §8.1.1.6, §20.22",
    asks="every request carries a Max-Forwards between 0 and 255",
)  # fmt: skip
def max_forwards_is_there(trace: Trace) -> Iterator[Finding]:
    """Without it a loop never ends. 70 is only recommended and falls on the way, so any number in range passes.

    A proxy adds one where it is missing, so the sender on this hop answers for it, whoever wrote the request.
    """
    for request in trace.requests():
        value = request.text("Max-Forwards")
        if value in HOPS or isinstance(request.max_forwards, int):
            yield PASSED
            continue
        seen = f"Max-Forwards: {value}" if value else "no Max-Forwards"
        yield finding(request, False, expected="Max-Forwards: 70", observed=seen, at="Max-Forwards")


@check(
    "SIP-003", level=MUST, on=EITHER, clause="RFC 3261 §8.1.1.3, §8.2.6.2",
    asks="From has a tag, and To has one in every response but 100",
)  # fmt: skip
def tags_are_there(trace: Trace) -> Iterator[Finding]:
    """Tags are what dialogs are told apart by.

    A server only repeats the From it was sent, so a response is asked for a From tag only if the request had one.
    A proxy is not blamed for an answer that it passed on.
    """
    for message in trace.messages:
        if message.repeats is not None:
            continue
        if message.is_request:
            yield _from_tag(message)
        elif message.status > 100:
            if message.to_tag or passed_on(trace, message):
                yield PASSED
            else:
                expected = f"a To tag in the {message.status}"
                yield finding(message, False, expected=expected, observed="To without tag", at="To")


def _from_tag(request: WireMessage) -> Finding:
    if request.from_tag:
        return PASSED
    return finding(
        request, False, expected="a tag in From", observed="From without tag",
        at="From", party=author(request),
    )  # fmt: skip


@check(
    "SIP-006", level=MUST, on=EITHER, clause="RFC 3261 §8.1.1.8, §12.1.1",
    asks="INVITE and its 2xx carry exactly one Contact, a SIP or SIPS URI",
)  # fmt: skip
def one_contact_in_invite(trace: Trace) -> Iterator[Finding]:
    """The Contact is where the rest of the dialog is sent; none, two or `*` leave the peer guessing.

    Whether it can be reached is not asked: the capture may stand on the other side of a NAT.
    """
    for message in trace.messages:
        if message.method != "INVITE" or message.repeats is not None:
            continue
        if message.is_response and (not 200 <= message.status < 300 or passed_on(trace, message)):
            continue
        yield contact_finding(message)


def contact_finding(message: WireMessage) -> Finding:
    """Judges that a message has exactly one Contact and that it is a SIP or SIPS URI."""
    texts = message.texts("Contact")
    if len(texts) == 1 and _is_one_sip_address(texts[0]):
        return PASSED
    seen = f"Contact: {', '.join(texts)}" if texts else "no Contact"
    party = author(message) if message.is_request else message.source
    at = "Contact"
    return finding(message, False, expected="one Contact with a SIP URI", observed=seen, at=at, party=party)


@lru_cache(maxsize=4096)
def _is_one_sip_address(text: str) -> bool:
    found = name_addr.parse_list([text])
    return text != "*" and len(found) == 1 and isinstance(found[0], NameAddr) and isinstance(found[0].uri, SipUri)


@check(
    "SIP-007", level=MUST, on=EITHER, clause="RFC 3261 §18.3, §20.14",
    asks="Content-Length is a number, says no more than was sent, and is there on streams",
)  # fmt: skip
def content_length_is_right(trace: Trace) -> Iterator[Finding]:
    """The receiver finds the end of a message by it.

    On UDP it may be left out, and surplus octets after the body are to be ignored: that is noted, not failed.
    A datagram that the capture cut short is not judged.
    """
    cut = _cut_frames(trace)
    for message in trace.messages:
        if message.repeats is not None:
            continue
        if message.text("Content-Length") == str(len(message.raw) - message.body_start):
            yield PASSED if message.count("Content-Length") == 1 else _two_lengths(message)
            continue
        length = message.content_length
        if length is None and message.transport == "udp":
            continue
        if length == len(message.raw) - message.body_start:
            yield PASSED
        elif cut.isdisjoint(message.packet.frames):
            yield _wrong_length(message, length)


def _cut_frames(trace: Trace) -> set[int]:
    return {frame for note in trace.notes if note.code == "truncated" for frame in note.frames}


def _two_lengths(message: WireMessage) -> Finding:
    lengths = {text.strip() for text in message.texts("Content-Length")}
    seen = f"{message.count('Content-Length')} of them"
    at = "Content-Length"
    return finding(message, len(lengths) == 1, expected="one Content-Length", observed=seen, at=at)


def _wrong_length(message: WireMessage, length: int | Fault | None) -> Finding:
    at = "Content-Length"
    if length is None or isinstance(length, Fault):
        seen = f"Content-Length: {message.text('Content-Length')}" if length is not None else "no Content-Length"
        return finding(message, False, expected="the body's length in octets", observed=seen, at=at)
    there = len(message.body)
    level = INFO if there > length else None
    seen = f"Content-Length: {length} and {there} octets of body"
    return finding(message, False, expected="the body's length in octets", observed=seen, at=at, level=level)


@check(
    "SIP-032", level=SHOULD, on=EITHER, clause="RFC 3261 §18.1.1",
    asks="a request too large for one packet of the path does not travel by UDP",
)  # fmt: skip
def large_requests_use_streams(trace: Trace) -> Iterator[Finding]:
    """Fragments are dropped by many a firewall. Above 1300 octets the rule holds only where the path's MTU is not
    known, and a device may know it: judged are requests that really travelled in several fragments.
    """
    for request in trace.requests():
        if len(request.raw) > LARGEST_DATAGRAM and not is_relayed(request):
            fragments = len(request.packet.frames) if request.transport == "udp" else 1
            seen = f"{len(request.raw)} octets by UDP in {fragments} fragments"
            yield finding(request, fragments <= 1, expected="TCP for more than the path carries whole", observed=seen)


UNUSUAL = re.compile(rb"\r\n(?:[A-Za-z][ \t]*:|[ \t]|[a-z]{2}|[A-Z]{3})")


@check(
    "SIP-033", level=MUST, on=EITHER, clause="RFC 3261 §7.3",
    asks="a request with compact, folded or oddly cased header names is understood",
)  # fmt: skip
def spelling_does_not_matter(trace: Trace) -> Iterator[Finding]:
    """Names are case-insensitive, have short forms, and rows may be folded.

    Shown by the answer: it must repeat From, Call-ID and CSeq. A 400 may have another cause: inconclusive.
    """
    for transaction in trace.transactions:
        request, final = transaction.request, transaction.final
        if request is None or final is None or not _is_unusual(request):
            continue
        expected = "an answer that repeats From, Call-ID and CSeq"
        if final.status == 400:
            yield finding(final, False, expected=expected, observed="400", also=[request], verdict=Verdict.INCONCLUSIVE)
            continue
        wanted = (request.from_tag, request.call_id, request.cseq_number)
        told = (final.from_tag, final.call_id, final.cseq_number)
        yield finding(final, wanted == told, expected=expected, observed=f"{told} for {wanted}", also=[request])


def _is_unusual(request: WireMessage) -> bool:
    return UNUSUAL.search(request.raw, request.head_start, request.body_start) is not None
