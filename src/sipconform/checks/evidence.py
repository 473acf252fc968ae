"""What several families ask of the evidence: times, who wrote a message, which addresses it names.

Vantage. The capture may have been taken anywhere on the path. A packet lost *before* the tap is not in the evidence
and its retransmission is; one lost *after* the tap is in the evidence and was never received. So what a device
sent can be judged from what is seen, what it received only from what it did next.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, wraps
from itertools import islice
from typing import TypeVar

from sipconform.sip.fault import Fault
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri, parse_uri
from sipconform.trace.packet import Address
from sipconform.trace.trace import Dialog, Trace, Transaction, WireMessage

T = TypeVar("T")
T1 = 0.5
GIVE_UP = 64 * T1
SLACK = 1.0
"""Seconds a message may need from the tap to a device and its answer back: every limit is widened by it."""
COPY = 0.05
"""Two like datagrams closer than this are one, doubled by the network."""

# Copies of one message on several hops, by what a proxy leaves alone.
_Key = tuple[str, int, str, int, Address]


def seconds(later: WireMessage, earlier: WireMessage) -> float:
    """Seconds from one message to a later one, as seen at the tap."""
    return (later.packet.time_ns - earlier.packet.time_ns) / 1e9


def watched(trace: Trace, since: WireMessage) -> float:
    """How many seconds of evidence follow a message: silence means nothing beyond."""
    return (trace.end_ns - since.packet.time_ns) / 1e9


def is_relayed(request: WireMessage) -> bool:
    """Whether a proxy passed the request on: more than one Via."""
    return request.count("Via") > 1 or "," in request.text("Via")


def author(request: WireMessage) -> Address:
    """Who wrote a request: its source, or for a relayed one the address its first Via names."""
    if not is_relayed(request):
        return request.source
    first = request.via[-1]
    if isinstance(first, Fault):
        return request.source
    return Address((first.received or first.host).strip("[]"), first.rport or first.port or 5060)


def passed_on(trace: Trace, response: WireMessage) -> bool:
    """Whether the sender of a response only relayed one that the evidence shows arriving at it."""
    return _identity(response, response.source) in _arrived(trace)


def once_per_trace(gather: Callable[[Trace], T]) -> Callable[[Trace], T]:
    """Decorates what many checks ask of the same trace: it is gathered once, and again when the trace has grown."""
    kept = lru_cache(maxsize=1)(lambda trace, *_lengths: gather(trace))
    return wraps(gather)(lambda trace: kept(trace, len(trace.messages), len(trace.observations)))


@once_per_trace
def _arrived(trace: Trace) -> frozenset[_Key]:
    """Responses on their way to a proxy."""
    return frozenset(_identity(r, r.destination) for r in trace.messages if r.is_response and r.count("Via") > 1)


def said_by(trace: Trace, party: Address) -> list[WireMessage]:
    """Everything one party said, in order; stream clients by the port they listen on."""
    return _by_party(trace).get(party, [])


@once_per_trace
def _by_party(trace: Trace) -> dict[Address, list[WireMessage]]:
    found: dict[Address, list[WireMessage]] = {}
    for message in trace.messages:
        found.setdefault(trace.party(message.source), []).append(message)
    return found


def heard_after(trace: Trace, party: Address, moment: WireMessage, by: Address) -> bool:
    """Whether a party said anything to another in the 64 s after a message: it is there, and it passes the tap."""
    said = said_by(trace, party)
    for message in islice(said, bisect_right(said, moment.number, key=lambda m: m.number), None):
        if seconds(message, moment) > 2 * GIVE_UP:
            return False
        if trace.party(message.destination) == by:
            return True
    return False


def _identity(response: WireMessage, place: Address) -> _Key:
    return response.call_id, response.cseq_number, response.method, response.status, place


def contact(message: WireMessage | None) -> str:
    """The URI of the first Contact as sent, "" when there is none or it cannot be read."""
    found = message.contacts[0] if message is not None and message.contacts else None
    return found.uri_text if isinstance(found, NameAddr) else ""


def seconds_of(value: int | Fault | None) -> int | None:
    """A number of seconds, None when it is missing or cannot be read."""
    return None if isinstance(value, Fault) else value


@lru_cache(maxsize=1024)
def same_uri(one: str, other: str) -> bool:
    """Whether two URIs are equivalent (RFC 3261 §19.1.4); unreadable ones only when spelled alike."""
    if one == other:
        return True
    a, b = parse_uri(one), parse_uri(other)
    return not isinstance(a, Fault) and a.equals(b)


@lru_cache(maxsize=1024)
def same_place(one: str, other: str) -> bool:
    """Whether two URIs name the same user at the same host and port, whatever their parameters say."""
    if one == other:
        return True
    a, b = parse_uri(one), parse_uri(other)
    if not isinstance(a, SipUri) or not isinstance(b, SipUri):
        return False
    return a.aor() == b.aor()


def points_to(uri_text: str, address: Address) -> bool:
    """Whether a URI names this transport address literally."""
    uri = parse_uri(uri_text)
    if not isinstance(uri, SipUri):
        return False
    default = 5061 if uri.scheme == "sips" else 5060
    return (uri.host.strip("[]"), uri.port or default) == (address.host, address.port)


def sendings(messages: Iterable[WireMessage]) -> list[WireMessage]:
    """The messages without the copies a network made of them."""
    distinct: list[WireMessage] = []
    for message in messages:
        if not distinct or seconds(message, distinct[-1]) > COPY:
            distinct.append(message)
    return distinct


def finals(transaction: Transaction) -> Iterator[WireMessage]:
    """All final responses, retransmissions included."""
    return (r for r in transaction.responses if r.status >= 200)


def overtaken(dialog: Dialog, method: str = "") -> Iterator[tuple[Transaction, WireMessage]]:
    """In-dialog requests whose CSeq is below that of one the same receiver had accepted before it passed the tap.

    Yields the late transaction and the answer that proves the higher number was processed first; a refusal may be that
    of a proxy on the way.
    """
    highest: dict[Address, tuple[int, WireMessage]] = {}
    for transaction in dialog.transactions:
        request = transaction.request
        if request is None or request.method in ("ACK", "CANCEL"):
            continue
        known = highest.get(transaction.client)
        mark = request.cseq_number
        if known and mark < known[0] and known[1].number < request.number:
            if not method or request.method == method:
                yield transaction, known[1]
        elif transaction.succeeded and transaction.final is not None and (known is None or mark > known[0]):
            highest[transaction.client] = (mark, transaction.final)
