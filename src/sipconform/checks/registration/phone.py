"""How a phone registers (RFC 3261 §10.2): the form of a REGISTER, and its number."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.bindings import Line, aor, contacts, flow_of, line, refreshes, registers
from sipconform.checks.catalogue import MUST, PASSED, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, SLACK, author, seconds
from sipconform.sip.fault import Span
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, WireMessage

Binding = tuple[Address, str, str, tuple[str, str] | None]
"""A registrar, an address-of-record, a Contact's URI, and its flow."""


@check(
    "REG-001", level=MUST, on=PHONE, clause="RFC 3261 §10.2",
    asks="the Request-URI of REGISTER is the domain without a user, To is the address-of-record, Call-ID stays",
)  # fmt: skip
def register_form(trace: Trace) -> Iterator[Finding]:
    """The domain names the location service. A Call-ID may change with a restart, and is one for each registrar and
    flow, so only a phone that has three in a row for one Contact at one registrar is told, as SHOULD.
    """
    calls: dict[Binding, list[WireMessage]] = {}
    for transaction, request in registers(trace):
        uri, to = request.uri, request.to
        at = Span(0, len(request.start_line))
        if isinstance(uri, SipUri) and (uri.user or "@" in request.request_uri):
            expected, seen = "a Request-URI without user part", request.request_uri
            yield finding(request, False, expected=expected, observed=seen, at=at, party=author(request))
        elif not isinstance(to, NameAddr) or not isinstance(to.uri, SipUri):
            seen, party = f"To: {request.text('To')}", author(request)
            yield finding(request, False, expected="a SIP URI in To", observed=seen, at="To", party=party)
        else:
            yield PASSED
        asked = contacts(request)
        if refreshes(request) and transaction.succeeded:
            binding = (transaction.server, aor(request), asked[0].uri_text, flow_of(asked[0]))
            calls.setdefault(binding, []).append(request)
    for series in calls.values():
        yield from _stable_call_id(series)


def _stable_call_id(series: list[WireMessage]) -> Iterator[Finding]:
    for first, second, third in zip(series, series[1:], series[2:], strict=False):
        ids = {first.call_id, second.call_id, third.call_id}
        seen = "three Call-IDs in three registrations"
        at = "Call-ID"
        yield finding(
            third, len(ids) < 3, expected="one Call-ID", observed=seen, at=at, also=[first, second], level=SHOULD,
            party=author(third),
        )  # fmt: skip


@check(
    "REG-002", level=MUST, on=PHONE, clause="RFC 3261 §10.2, §22.2",
    asks="CSeq rises with every REGISTER of a Call-ID, after a challenge too",
)  # fmt: skip
def register_cseq_rises(trace: Trace) -> Iterator[Finding]:
    """The registrar drops what is not newer. A lower number that was not seen before may be a late repetition: by UDP
    it is blamed only after 32 s + 1 s, on a stream only where the higher one went by the same connection. The same
    number by another transport or connection is the same attempt (RFC 3263 §4.3), unless the first was long answered.
    Gaps are left alone.
    """
    highest: dict[Line, WireMessage] = {}
    numbers: dict[Line, dict[int, WireMessage]] = {}
    for transaction, request in registers(trace):
        key = line(transaction, request)
        top, known = highest.get(key), numbers.setdefault(key, {})
        same = known.get(request.cseq_number)
        if top is not None and request.cseq_number <= top.cseq_number:
            if same is None or not _is_same_attempt(same, request):
                proven = same is not None or _is_certain(top, request)
                expected, seen = f"CSeq above {top.cseq_number}", f"CSeq: {request.text('CSeq')}"
                at, also, party = "CSeq", [top], author(request)
                yield finding(request, not proven, expected=expected, observed=seen, at=at, also=also, party=party)
        else:
            highest[key] = request
            yield PASSED
        known[request.cseq_number] = request


def _is_same_attempt(first: WireMessage, again: WireMessage) -> bool:
    """Whether the second is the first, tried another way when nobody answered that."""
    if _way(first) == _way(again):
        return False
    final = first.transaction.final if first.transaction is not None else None
    return final is None or seconds(again, first) <= 2 * GIVE_UP


def _is_certain(higher: WireMessage, lower: WireMessage) -> bool:
    """Whether a lower number was sent after a higher one, and did not only pass the tap after it."""
    if lower.transport == "udp":
        return seconds(lower, higher) > GIVE_UP + SLACK
    return _way(lower) == _way(higher)


def _way(request: WireMessage) -> tuple[str, Address, str]:
    """By what transport, and from which port, a request was sent."""
    via = request.top_via
    return request.transport, request.source, via.transport.lower() if via else ""
