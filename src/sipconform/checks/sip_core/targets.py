"""Where requests inside a dialog are sent: route set and remote target (RFC 3261 §12.1, §12.2.1.1)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from sipconform.checks.catalogue import EITHER, MUST, PASSED, SHOULD, Finding, check, finding
from sipconform.checks.evidence import SLACK, contact, is_relayed, points_to, same_place, same_uri, seconds
from sipconform.sip.fault import Fault, Span
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri, parse_uri
from sipconform.trace.packet import Address
from sipconform.trace.trace import Dialog, Subscription, Trace, WireMessage

REFRESHES = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})  # target refresh requests


@check(
    "SIP-016", level=MUST, on=EITHER, clause="RFC 3261 §12.1.1, §12.1.2, §12.2.1.1",
    asks="requests in a dialog carry the Route set by Record-Route: reversed from the caller, in order from the callee",
)  # fmt: skip
def route_set_is_kept(trace: Trace) -> Iterator[Finding]:
    """Proxies that asked to stay on the path must be passed again.

    Judged on a hop next to the sender (a single Via) where the INVITE or SUBSCRIBE and its 2xx were seen, and for
    loose routers only: a strict one moves the first route into the Request-URI. The ACK of a refusal goes one hop with
    the Route of its INVITE (§17.1.1.3), and is left out. A subscriber may take its routes from the 2xx or from the
    first NOTIFY.
    """
    yield from _calls(trace)
    for subscription in trace.subscriptions:
        yield from _subscription(subscription)


def _calls(trace: Trace) -> Iterator[Finding]:
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
            yield _route_finding(request, [wanted], invite.final)


def _subscription(subscription: Subscription) -> Iterator[Finding]:
    """Judges the requests of either side of a subscription that was accepted in sight."""
    initial = subscription.initial
    if initial is None or initial.request is None or initial.final is None or not initial.succeeded:
        return
    told = [t.request for t in subscription.notifies if t.request is not None]
    subscriber = [[_uri(r) for r in reversed(initial.final.record_routes)]]
    subscriber += [[_uri(r) for r in notify.record_routes] for notify in told[:1]]
    notifier = [_uri(r) for r in initial.request.record_routes]
    if not all(_is_loose(uri) for uri in chain(notifier, *subscriber)):
        return
    asked = [t.request for t in subscription.subscribes if t.request is not None and t.request.to_tag]
    for request in (r for r in asked if not is_relayed(r)):
        yield _route_finding(request, subscriber, initial.final)
    for request in (r for r in told if not is_relayed(r)):
        yield _route_finding(request, [notifier], initial.request)


def _route_finding(request: WireMessage, wanted: list[list[str]], given: WireMessage) -> Finding:
    """Judges that a request has one of these lists as its Route."""
    told = [_uri(r) for r in request.routes]
    if any(_same_routes(routes, told) for routes in wanted):
        return PASSED
    seen = f"Route: {', '.join(told) or 'none'}"
    expected = f"Route: {', '.join(wanted[0]) or 'none'}"
    return finding(request, False, expected=expected, observed=seen, at="Route", also=[given])


def _same_routes(one: list[str], other: list[str]) -> bool:
    return len(one) == len(other) and all(same_uri(a, b) for a, b in zip(one, other, strict=True))


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
    for whether it counts is disputed (RFC 6141); so does one of which no answer shows that it arrived. A server that
    writes the address it has heard from into the Contact of a phone behind a NAT helps the phone: a warning.
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
    level = SHOULD if is_rewritten(request, contact(last)) else None
    seen = request.request_uri
    return finding(request, False, expected=expected, observed=seen, at=at, also=[last], level=level)


def is_rewritten(request: WireMessage, given: str) -> bool:
    """Whether a Request-URI is a Contact with its host replaced by the address the request is sent to."""
    known = parse_uri(given)
    if not isinstance(request.uri, SipUri) or not isinstance(known, SipUri) or request.uri.user != known.user:
        return False
    return points_to(request.request_uri, request.destination)


def _candidates(request: WireMessage, known: list[WireMessage]) -> Iterator[WireMessage]:
    """The last one, those of the last second, the one before them; and the last that is known to have arrived."""
    settled = taken = False
    for message in reversed(known):
        counts = message.is_response or (message.transaction is not None and message.transaction.succeeded)
        if not settled or (counts and not taken):
            yield message
        taken |= counts
        settled |= seconds(request, message) > SLACK
        if settled and taken:
            return
