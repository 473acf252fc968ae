"""Everything that breaks the grammar of a message: its lines, its start line, its header fields one by one.

The reader lets pass what it can read; this is the strict other half. Rules that ask for more than one
message, or for an extension, are not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sipconform.sip.digest import parse_challenge, parse_credentials
from sipconform.sip.fault import Fault
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri

VIEWS = {  # header field: the view that reads it
    "From": "from_",
    "To": "to",
    "CSeq": "cseq",
    "Via": "via",
    "Contact": "contacts",
    "Route": "routes",
    "Record-Route": "record_routes",
    "P-Asserted-Identity": "asserted",
    "Refer-To": "refer_to",
    "Event": "event",
    "Subscription-State": "subscription_state",
    "Content-Type": "content_type",
    "Accept": "accept",
    "Content-Length": "content_length",
    "Expires": "expires",
    "Min-Expires": "min_expires",
    "Max-Forwards": "max_forwards",
    "Retry-After": "retry_after",
    "Reason": "reason_values",
    "Call-Info": "call_info",
    "Alert-Info": "alert_info",
    "History-Info": "history_info",
    "Diversion": "diversion",
    "Replaces": "replaces",
    "Join": "join",
    "Date": "date",
}
ONCE = (  # RFC 3261 §7.3.1: header fields whose grammar is no list have one row
    "Call-ID",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "Date",
    "Event",
    "Expires",
    "From",
    "Max-Forwards",
    "Min-Expires",
    "Refer-To",
    "Replaces",
    "Retry-After",
    "Subject",
    "Subscription-State",
    "To",
)
MANDATORY = ("To", "From", "CSeq", "Call-ID", "Via")  # RFC 3261 §8.1.1, §8.2.6
_AUTH = {
    "WWW-Authenticate": parse_challenge,
    "Proxy-Authenticate": parse_challenge,
    "Authorization": parse_credentials,
    "Proxy-Authorization": parse_credentials,
}


class Flaw(NamedTuple):
    """Where: a header field's name, "start line", "lines" or "body"; and what."""

    place: str
    fault: Fault


def flaws(message: Message) -> list[Flaw]:
    """Every flaw of a message; none means that it is well-formed as far as its grammar is known here."""
    return [
        *(Flaw("lines", fault) for fault in message.faults),
        *(Flaw("start line", fault) for fault in _start_line(message)),
        *_presence(message),
        *_values(message),
        *(Flaw("body", fault) for fault in _body(message)),
    ]


def _start_line(message: Message) -> Iterator[Fault]:
    span = message.start_span
    if message.version.upper() != "SIP/2.0":
        yield Fault("the version is SIP/2.0", span)
    if message.is_request:
        uri = message.uri
        if isinstance(uri, Fault):
            yield uri
        else:
            yield from (fault.placed(span) for fault in uri.faults)
        if isinstance(uri, SipUri) and (uri.headers or "method" in uri.params):
            yield Fault("a Request-URI has neither headers nor a method parameter", span)
    if message.is_response and not 100 <= message.status <= 699:
        yield Fault("a status code is between 100 and 699", span)


def _presence(message: Message) -> Iterator[Flaw]:
    wanted = (*MANDATORY, "Max-Forwards") if message.is_request else MANDATORY
    for name in wanted:
        if not message.has(name):
            yield Flaw(name, Fault(f"there is a {name}", message.start_span))
    for name in ONCE:
        if message.count(name) > 1:
            yield Flaw(name, Fault(f"{name} stands once", message.rows(name)[1].span))
    if message.is_request and message.cseq and message.cseq.method != message.method:
        yield Flaw("CSeq", Fault("CSeq names the method of the request", message.span("CSeq")))


def _values(message: Message) -> Iterator[Flaw]:
    for name, view in VIEWS.items():
        if not message.has(name):
            continue
        read = getattr(message, view)
        for value in read if isinstance(read, list) else [read]:
            if isinstance(value, Fault):
                yield Flaw(name, value)
            else:
                found = getattr(value, "faults", ())
                yield from (Flaw(name, fault.placed(message.span(name))) for fault in found)
    for name, parse in _AUTH.items():
        for row in message.rows(name):
            credentials = parse(row.value)
            if isinstance(credentials, Fault):
                yield Flaw(name, credentials.placed(row.span))
            elif credentials.scheme.lower() == "digest":
                yield from (Flaw(name, fault.placed(row.span)) for fault in credentials.faults)


def _body(message: Message) -> Iterator[Fault]:
    if message.surplus < 0:
        yield Fault("the body is as long as Content-Length says", message.span("Content-Length"))
    if message.multipart:
        yield from message.multipart.faults
