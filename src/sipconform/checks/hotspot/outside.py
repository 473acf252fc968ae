"""What the PBX sees of a hotspot: one account, and nothing of the clients behind it."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import INFO, MUST, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, contact, watched
from sipconform.checks.hotspot.spot import GUIDE, Spot, address, calls, extensions, spots
from sipconform.checks.names import name_of, user_of
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, WireMessage

PATIENCE = GIVE_UP + 8  # seconds a refusal may take: a transaction towards the PBX may have to time out first


@check(
    "HOT-010", level=MUST, on=PHONE, clause=f"{GUIDE} §2.2.4",
    asks="a client's line has the host's address as its server",
)  # fmt: skip
def host_is_the_server(trace: Trace) -> Iterator[Finding]:
    """Seen in the Request-URI of the client's REGISTER; nothing is typed in at the client. That real clients register
    at all is inferred; those that do not are not judged.
    """
    for spot, request in registrations(trace):
        uri = request.uri
        there = uri.host.strip("[]") if isinstance(uri, SipUri) else ""
        seen = request.request_uri
        yield finding(request, there == spot.host.host, expected=f"sip:{spot.host.host}", observed=seen)


@check(
    "HOT-011", level=INFO, on=PHONE, clause="no clause: inferred",
    asks="a client signs in at its host by REGISTER before it calls or is called",
)  # fmt: skip
def client_signs_in(trace: Trace) -> Iterator[Finding]:
    """Recorded, not judged: a host may as well call its clients by address alone."""
    signed_in = [r for _, r in registrations(trace) if r.transaction is not None and r.transaction.succeeded]
    for call in calls(trace):
        if not call.from_outside:
            ok = any(trace.party(r.source) == call.incoming.client and r.number < call.invite.number for r in signed_in)
            yield finding(call.invite, ok, expected="a REGISTER before", observed="an INVITE without one")


@check(
    "HOT-030", level=MUST, on=PHONE, clause=f"{GUIDE} §1.1",
    asks="a call out from a client carries the host's identity, and its extension nowhere",
)  # fmt: skip
def host_speaks_for_all(trace: Trace) -> Iterator[Finding]:
    """Looked for in From, Contact and P-Asserted-Identity; what stands in display names is free."""
    for call in calls(trace):
        extension = name_of(call.invite.from_)
        for invite in call.led_out() if not call.from_outside else ():
            user = name_of(invite.from_)
            expected, seen = f"From: {call.spot.user}", f"From: {invite.text('From')}"
            yield finding(invite, user == call.spot.user, expected=expected, observed=seen, at="From")
            named = [user_of(contact(invite)), *(name_of(a) for a in invite.asserted)]
            seen = f"extension {extension} in Contact or P-Asserted-Identity"
            ok = not extension or extension not in named
            yield finding(invite, ok, expected="the host only", observed=seen, at="Contact")


@check(
    "HOT-031", level=SHOULD, on=PHONE, clause=f"{GUIDE} §1.1 (inferred)",
    asks="a client speaks with its host, never with the PBX",
)  # fmt: skip
def clients_stay_behind(trace: Trace) -> Iterator[Finding]:
    """The client has no account there. Inferred from that; a phone may have a line of its own beside the hotspot's."""
    known = spots(trace)
    if not known:
        return
    hosts = {spot.host for spot in known}
    servers = _servers(trace) - hosts
    for request in trace.requests():
        if request.method in ("REGISTER", "INVITE") and trace.party(request.source) in known[0].clients:
            to = trace.party(request.destination)
            yield finding(request, to not in servers, expected="to the host", observed=f"to the PBX at {to}")


@check(
    "HOT-063", level=INFO, on=PHONE, clause="no clause: inferred",
    asks="without its registration the host refuses calls out with a reason, and calls within go on",
)  # fmt: skip
def calls_out_are_refused(trace: Trace) -> Iterator[Finding]:
    """Recorded, not judged. Refused within the time a transaction towards the PBX may take; silence is worse."""
    for call in calls(trace):
        spot, final = call.spot, call.incoming.final
        gone = spot.intents("sign_off", until=call.time_ns)
        back = any(o.time_ns > gone[-1].time_ns for o in spot.intents("start", until=call.time_ns)) if gone else True
        if back or call.from_outside:
            continue
        if call.dialled in {*extensions(trace, spot, call.invite), spot.numbering(call.time_ns).host}:
            ok = final is None or final.status in (200, 480, 486, 487, 603)
            seen = f"{final.status if final is not None else ''} to {call.dialled}"
            yield finding(call.invite, ok, expected="calls within going on", observed=seen, party=spot.host)
        elif final is not None or watched(trace, call.invite) > PATIENCE:
            ok = final is not None and final.status >= 400
            seen = f"{final.status}" if final is not None else "silence"
            yield finding(call.invite, ok, expected="a refusal", observed=seen, party=spot.host)


def registrations(trace: Trace) -> Iterator[tuple[Spot, WireMessage]]:
    """What clients the lab knows sent to a host to register."""
    hosts = {spot.host: spot for spot in spots(trace)}
    for request in trace.requests("REGISTER"):
        spot = hosts.get(trace.party(request.destination))
        if spot is not None and trace.party(request.source) in spot.clients:
            yield spot, request


def _servers(trace: Trace) -> set[Address]:
    told = [o.what.get("servers") for o in trace.observations if o.kind == "lab"]
    return {address(text) for listed in told if isinstance(listed, list) for text in listed}
