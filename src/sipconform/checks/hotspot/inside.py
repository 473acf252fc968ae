"""Calls within the hotspot: by extension number, by group number, handed over, and without a registration."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PASSED, PHONE, Finding, check, finding
from sipconform.checks.hotspot.spot import (
    GUIDE,
    SPREAD,
    Call,
    Spot,
    calls,
    extensions,
    missing,
    spots,
    wished,
)
from sipconform.trace.packet import Address, Observation
from sipconform.trace.trace import Trace

NOT_PUT_THROUGH = (403, 404, 484, 500, 501, 502, 503, 504, 604)
DIALLED_WITHIN = 4.0  # seconds


@check(
    "HOT-040", level=MUST, on=PHONE, clause=f"{GUIDE} §3",
    asks="without a prefix 0 is the host and 1, 2, … are the clients, for everybody",
)  # fmt: skip
def short_numbers(trace: Trace) -> Iterator[Finding]:
    """Numbers of clients that are not signed in are not judged. A client may be busy, but it is the one that is called;
    and no extension number is dialled at the PBX.
    """
    yield from _by_number(trace, prefixed=False)


@check(
    "HOT-041", level=MUST, on=PHONE, clause=f"{GUIDE} §2.2.1, §3",
    asks="with the prefix 8 the host is 8000 and the clients are 8001, 8002, …, and no such number reaches the PBX",
)  # fmt: skip
def prefixed_numbers(trace: Trace) -> Iterator[Finding]:
    """The same as without a prefix: the host adds and takes off the digits, and the PBX never hears of them."""
    yield from _by_number(trace, prefixed=True)


def _by_number(trace: Trace, *, prefixed: bool) -> Iterator[Finding]:
    for call in calls(trace):
        numbering = call.spot.numbering(call.time_ns)
        if call.from_outside or bool(numbering.prefix) is not prefixed or not call.spot.is_on(call.time_ns):
            continue
        known = extensions(trace, call.spot, call.invite)
        if call.dialled == numbering.host:
            yield from _reaches(trace, call, None)
        elif call.dialled in known and call.incoming.client in known.values():
            yield from _reaches(trace, call, known[call.dialled])
    for spot in spots(trace):
        for dialled in spot.intents("dial"):
            if bool(spot.numbering(dialled.time_ns).prefix) is prefixed and spot.setting("registers", dialled.time_ns):
                yield from _host_dials(trace, spot, dialled)


def _reaches(trace: Trace, call: Call, wanted: Address | None) -> Iterator[Finding]:
    """Judges where a call went; `wanted` None is the host itself."""
    spot, final, rung = call.spot, call.incoming.final, call.rung()
    for other in call.led_out():
        seen = f"{call.dialled} dialled at the PBX"
        yield finding(other, False, expected="a call within the hotspot", observed=seen, also=[call.invite])
    strangers = [branch for where, branch in rung.items() if where != wanted]
    for branch in strangers:
        seen = f"{call.dialled} rings at {branch.destination}"
        expected = f"{call.dialled} at {wanted or 'the host'}"
        yield finding(branch, False, expected=expected, observed=seen, also=[call.invite])
    if final is not None and final.status in NOT_PUT_THROUGH:
        seen = f"{final.status} {final.reason}"
        yield finding(final, False, expected=f"{call.dialled} called", observed=seen, also=[call.invite])
    elif wanted is not None and wanted not in rung and not strangers:
        busy = final is not None and final.status in (486, 487)
        if not busy and (final is not None or call.pending(trace) > SPREAD):
            verdict = missing(trace, spot, call.invite.transport, call.pending(trace))
            expected, party = f"an INVITE to {call.dialled}", spot.host
            yield finding(call.invite, False, expected=expected, observed="none", party=party, verdict=verdict)
    elif not strangers and not call.led_out():
        yield PASSED


def _host_dials(trace: Trace, spot: Spot, dialled: Observation) -> Iterator[Finding]:
    """The host's own user dials a client that is signed in."""
    number = str(dialled.what.get("number"))
    where = extensions(trace, spot, dialled.time_ns).get(number)
    if where is None or not spot.is_on(dialled.time_ns):
        return
    yield from _calls_there(trace, spot, dialled, where)


def _calls_there(trace: Trace, spot: Spot, wish: Observation, where: Address) -> Iterator[Finding]:
    """The host's user wants a client called: at its own address."""
    sent, waited = wished(trace, spot, wish), (trace.end_ns - wish.time_ns) / 1e9
    if sent is not None:
        to = trace.party(sent.destination)
        yield finding(sent, to == where, expected=f"an INVITE to {where}", observed=f"to {to}")
    elif waited > DIALLED_WITHIN:
        expected = f"an INVITE to {where}"
        yield finding(None, False, expected=expected, observed="none", party=spot.host)


@check(
    "HOT-042", level=MUST, on=PHONE, clause=f"{GUIDE} §2.2.2",
    asks="the number of a group rings all its members, and nobody else",
)  # fmt: skip
def group_rings(trace: Trace) -> Iterator[Finding]:
    """Members are those signed in, without the one who calls. A call answered within half a second shows nothing of
    the members that are missing.
    """
    for call in calls(trace):
        macs = call.spot.groups(call.time_ns).get(call.dialled)
        if macs is None or call.from_outside:
            continue
        there = set(extensions(trace, call.spot, call.invite).values()) - {call.incoming.client}
        members = {client.address for client in call.spot.clients.values() if client.mac in macs}
        wanted, rung, party = members & there, call.rung(), call.spot.host
        for where, branch in rung.items():
            seen = f"{where} is no member"
            yield finding(branch, where in members, expected="members only", observed=seen)
        for where in sorted(wanted - rung.keys()):
            if call.pending(trace) > SPREAD or not rung:
                verdict = missing(trace, call.spot, call.invite.transport, call.pending(trace))
                expected = f"an INVITE to {where}"
                yield finding(call.invite, False, expected=expected, observed="none", party=party, verdict=verdict)


@check(
    "HOT-060", level=MUST, on=PHONE, clause=f"{GUIDE} §2.2.4",
    asks="the host can hand a call over to a client, and a client's own wish to transfer is refused",
)  # fmt: skip
def only_the_host_transfers(trace: Trace) -> Iterator[Finding]:
    """The client that is to have the call is called, and until it has answered the caller is not hung up on. How the
    two are joined is the host's affair. A client makes basic calls only: its REFER gets a final answer that is no 2xx.
    """
    for spot in spots(trace):
        for intent in spot.intents("transfer"):
            yield from _handed_over(trace, spot, intent)
        for transaction in trace.transactions_of("REFER"):
            if transaction.server == spot.host and transaction.client in spot.clients and transaction.final is not None:
                final = transaction.final
                yield finding(final, final.status >= 300, expected="a refusal", observed=f"{final.status}")


def _handed_over(trace: Trace, spot: Spot, intent: Observation) -> Iterator[Finding]:
    where = extensions(trace, spot, intent.time_ns).get(str(intent.what.get("number")))
    if where is None:
        return
    yield from _calls_there(trace, spot, intent, where)
    sent = wished(trace, spot, intent)
    answer = sent.transaction.final if sent is not None and sent.transaction else None
    until = answer.packet.time_ns if answer is not None else trace.end_ns
    for call in calls(trace):
        if call.spot is not spot or not call.incoming.succeeded or _hung_up(spot, intent, until):
            continue
        lost = [
            m for m in trace.requests("BYE")
            if m.call_id == call.invite.call_id and trace.party(m.source) == spot.host
            and intent.time_ns <= m.packet.time_ns < until
        ]  # fmt: skip
        expected, seen = "the caller kept until the client has answered", "BYE"
        yield finding(lost[0] if lost else None, not lost, expected=expected, observed=seen, party=spot.host)


def _hung_up(spot: Spot, intent: Observation, until: int) -> bool:
    return any(intent.time_ns <= o.time_ns <= until for o in spot.intents("hang_up"))


@check(
    "HOT-061", level=MUST, on=PHONE, clause=f"{GUIDE} §2.1.2",
    asks="without a registration the clients call each other and the host, and the host calls them if it may",
)  # fmt: skip
def works_without_registration(trace: Trace) -> Iterator[Finding]:
    """Number and server are entered and the account is not registered. The host may call its clients once "dial without
    registration" is on, and not before.
    """
    for spot in spots(trace):
        for request in trace.requests("REGISTER"):
            if trace.party(request.source) == spot.host and not spot.setting("registers", request.packet.time_ns):
                yield finding(request, False, expected="no REGISTER", observed="a REGISTER to the PBX")
        for intent in spot.intents("dial"):
            if not spot.setting("registers", intent.time_ns):
                yield from _dials_without(trace, spot, intent)
    for call in calls(trace):
        if call.from_outside or call.spot.setting("registers", call.time_ns):
            continue
        known = extensions(trace, call.spot, call.invite)
        final = call.incoming.final
        if call.dialled in known or call.dialled == call.spot.numbering(call.time_ns).host:
            refused = final is not None and final.status in NOT_PUT_THROUGH
            seen = f"{final.status}" if final is not None else ""
            expected = f"{call.dialled} called"
            yield finding(call.invite, not refused, expected=expected, observed=seen, party=call.spot.host)


def _dials_without(trace: Trace, spot: Spot, intent: Observation) -> Iterator[Finding]:
    number = str(intent.what.get("number"))
    where = extensions(trace, spot, intent.time_ns).get(number)
    if where is None:
        return
    if spot.setting("dials_unregistered", intent.time_ns):
        yield from _calls_there(trace, spot, intent, where)
        return
    sent = wished(trace, spot, intent)
    seen = f"an INVITE to {number}"
    yield finding(sent, sent is None, expected="no call", observed=seen, party=spot.host)
