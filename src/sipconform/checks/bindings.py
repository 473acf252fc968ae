"""What a REGISTER asks for and what its answer grants."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.evidence import passed_on, same_uri, seconds_of
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, Transaction, WireMessage

Line = tuple[str, str, Address, Address]
"""A phone's registrations at one registrar: Call-ID, address-of-record, client, server."""


def registers(trace: Trace) -> Iterator[tuple[Transaction, WireMessage]]:
    """Every REGISTER transaction whose request was seen."""
    for transaction in trace.transactions_of("REGISTER"):
        if transaction.request is not None:
            yield transaction, transaction.request


def answered(trace: Trace) -> Iterator[tuple[WireMessage, WireMessage]]:
    """Every REGISTER with its final answer, unless the sender of that only passed it on."""
    for transaction, request in registers(trace):
        final = transaction.final
        if final is not None and not passed_on(trace, final):
            yield request, final


def line(transaction: Transaction, request: WireMessage) -> Line:
    """What a REGISTER belongs to."""
    return request.call_id, aor(request), transaction.client, transaction.server


def aor(request: WireMessage) -> str:
    """The address-of-record: the URI in To, in one spelling when it can be read."""
    to = request.to
    if not isinstance(to, NameAddr):
        return request.text("To")
    uri = to.uri
    return uri.aor() if uri else to.uri_text


def contacts(message: WireMessage) -> list[NameAddr]:
    """The readable Contacts."""
    return [c for c in message.contacts if isinstance(c, NameAddr)]


def lifetime(message: WireMessage, contact: NameAddr) -> int | None:
    """Seconds for one Contact: its own parameter before the header field (RFC 3261 §10.2.1.1); None if unsaid."""
    own = contact.params.get("expires")
    if own is not None:
        return int(own) if own.isascii() and own.isdigit() and len(own) < 12 else 3600  # malformed counts as 3600
    return seconds_of(message.expires)


def granted(request: WireMessage, answer: WireMessage) -> int | None:
    """Seconds the answer grants to the request's first Contact, None when it is not listed."""
    asked = contacts(request)
    if not asked:
        return None
    listed = next((c for c in contacts(answer) if same_uri(c.uri_text, asked[0].uri_text)), None)
    return lifetime(answer, listed) if listed is not None else None


def refreshes(request: WireMessage) -> bool:
    """Whether a REGISTER asks for a binding to live on, as opposed to a query or a removal."""
    asked = contacts(request)
    return bool(asked) and not request.contact_star and lifetime(request, asked[0]) != 0
