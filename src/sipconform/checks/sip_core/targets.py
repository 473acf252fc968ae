"""Where requests inside a dialog are sent: route set and remote target (RFC 3261 §12.1, §12.2.1.1)."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import EITHER, MUST, PASSED, Finding, check, finding
from sipconform.checks.evidence import SLACK, contact, is_relayed, same_place, same_uri, seconds
from sipconform.sip.fault import Fault, Span
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address
from sipconform.trace.trace import Dialog, Trace, Transaction, WireMessage

REFRESHES = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})  # target refresh requests


@check(
    "SIP-016", level=MUST, on=EITHER, clause="RFC 3261 §12.1.1, §12.1.2, §12.2.1.1",
    asks="requests in a dialog carry the Route set by Record-Route: reversed from the caller, in order from the callee",
)  # fmt: skip
def route_set_is_kept(trace: Trace) -> Iterator[Finding]:
    """Proxies that asked to stay on the path must be passed again.

    Judged on a hop next to the sender (a single Via) where the INVITE and its 2xx were seen, and for loose routers
    only: a strict one moves the first route into the Request-URI. The ACK of a refusal goes one hop with the Route of
    its INVITE (§17.1.1.3), and is left out.
    """
    for dialog in trace.dialogs:
        invite = dialog.invite
        if invite is None or invite.request is None or invite.final is None or invite.final.status >= 300:
            continue
        caller = [_uri(r) for r in reversed(invite.final.record_routes)]
        callee = [_uri(r) for r in invite.request.record_routes]
        strict = any(not _is_loose(uri) for uri in caller + callee)
        of_refusals = {id(ack) for t in dialog.transactions if t.final and t.final.status >= 300 for ack in t.acks}
        acks = (m for m in dialog.messages if m.method == "ACK" and m.is_request and m.repeats is None)
        acks = (ack for ack in acks if id(ack) not in of_refusals)
        for request in () if strict else (*_requests(dialog), *acks):
            if is_relayed(request) or request is invite.request:
                continue
            wanted = caller if trace.party(request.source) == invite.client else callee
            told = [_uri(r) for r in request.routes]
            if len(wanted) == len(told) and all(same_uri(a, b) for a, b in zip(wanted, told, strict=True)):
                yield PASSED
            else:
                seen = f"Route: {', '.join(told) or 'none'}"
                expected = f"Route: {', '.join(wanted) or 'none'}"
                at = "Route"
                yield finding(request, False, expected=expected, observed=seen, at=at, also=[invite.final])


def _uri(address: NameAddr | Fault) -> str:
    return address.uri_text if isinstance(address, NameAddr) else ""


def _is_loose(text: str) -> bool:
    return ";lr" in text.lower()


def _requests(dialog: Dialog) -> Iterator[WireMessage]:
    return (t.request for t in dialog.transactions if t.request is not None and t.request.to_tag)


@check(
    "SIP-030", level=MUST, on=EITHER, clause="RFC 3261 §12.2.1.1, §12.2.1.2, §12.2.2",
    asks="requests in a dialog are addressed to the Contact the peer gave last",
)  # fmt: skip
def remote_target_is_followed(trace: Trace) -> Iterator[Finding]:
    """The peer may have moved. The Request-URI must name the same user, host and port as its last Contact.

    Judged on a hop next to the sender where the beginning was seen, in dialogs without strict routers. For 1 s
    after a refresh the old target passes as well, and a Contact that a refused re-INVITE offered passes too,
    for whether it counts is disputed (RFC 6141).
    """
    for dialog in trace.dialogs:
        if dialog.began_here and len(dialog.transactions) > 1 and not _strict_routes(dialog):
            yield from _targets(trace, dialog)


def _strict_routes(dialog: Dialog) -> bool:
    return any(
        not _is_loose(_uri(route)) for m in dialog.messages if m.has("Record-Route") for route in m.record_routes
    )


def _targets(trace: Trace, dialog: Dialog) -> Iterator[Finding]:
    given: dict[Address, list[WireMessage]] = {}  # who gave a Contact, in order
    for message in dialog.messages:
        source, peer = trace.party(message.source), trace.party(message.destination)
        known = given.get(peer)
        if known and _is_aimed(message):
            yield _target_finding(message, known)
        if _gives_contact(message):
            given.setdefault(source, []).append(message)


def _is_aimed(message: WireMessage) -> bool:
    fresh = message.is_request and message.repeats is None and message.method not in ("CANCEL", "ACK")
    return fresh and bool(message.to_tag) and not is_relayed(message)


def _gives_contact(message: WireMessage) -> bool:
    if message.method not in REFRESHES or not message.has("Contact"):
        return False
    return message.is_request or 100 < message.status < 300


def _target_finding(request: WireMessage, known: list[WireMessage]) -> Finding:
    if any(same_place(contact(m), request.request_uri) for m in _candidates(request, known)):
        return PASSED
    last = known[-1]
    if not isinstance(request.uri, SipUri) or not contact(last):
        return PASSED
    expected = f"Request-URI {contact(last)}"
    at = Span(0, len(request.start_line))
    return finding(request, False, expected=expected, observed=request.request_uri, at=at, also=[last])


def _candidates(request: WireMessage, known: list[WireMessage]) -> Iterator[WireMessage]:
    """The last one, those of the last second, the one before them; and the last that no answer has refused."""
    settled = taken = False
    for message in reversed(known):
        counts = not (message.is_request and _refused(message.transaction))
        if not settled or (counts and not taken):
            yield message
        taken |= counts
        settled |= seconds(request, message) > SLACK
        if settled and taken:
            return


def _refused(transaction: Transaction | None) -> bool:
    return transaction is not None and transaction.final is not None and transaction.final.status >= 300
