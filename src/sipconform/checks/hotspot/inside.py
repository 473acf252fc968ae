"""Calls within the hotspot: by extension number, by group number, handed over, and without a registration."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sipconform.checks.bindings import refreshes
from sipconform.checks.catalogue import MUST, PASSED, PHONE, Finding, Verdict, check, finding
from sipconform.checks.evidence import GIVE_UP, watched
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
from sipconform.trace.trace import Trace, WireMessage

WANTS_NO_CALLS = (480, 600, 603)
NOT_PUT_THROUGH = (403, 404, 484, 500, 501, 502, 503, 504, 604)
DIALLED_WITHIN = 4.0  # seconds
UNDER_WAY_NS = 1_000_000_000  # what was under way when a setting was changed


@check(
    "HOT-040", level=MUST, on=PHONE, clause=f"{GUIDE} §3",
    asks="without a prefix 0 is the host and 1, 2, … are the clients, for everybody",
)  # fmt: skip
def short_numbers(trace: Trace) -> Iterator[Finding]:
    """Numbers of clients that are not signed in are not judged. A client may be busy, but it is the one that is called;
    and no extension number is dialled at the PBX. A host may know that a client wants no calls: a refusal that says so
    is inconclusive.
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
            unwanted = final is not None and final.status in WANTS_NO_CALLS
            verdict = missing(trace, spot, call.invite.transport, call.pending(trace))
            verdict = Verdict.INCONCLUSIVE if unwanted else verdict
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
    two are joined is the host's affair. A client makes basic calls only: its REFER gets a final answer that is no 2xx,
    or is taken and refused in the NOTIFY that follows (RFC 3515 §2.4.4).
    """
    for spot in spots(trace):
        for intent in spot.intents("transfer"):
            yield from _handed_over(trace, spot, intent)
        for transaction in trace.transactions_of("REFER"):
            if transaction.server == spot.host and transaction.client in spot.clients and transaction.final is not None:
                yield from _refused(trace, transaction.final)


def _refused(trace: Trace, final: WireMessage) -> Iterator[Finding]:
    """Whether a client's REFER came to nothing: by its answer, or by the last that was told of it."""
    told = [] if final.status >= 300 else [o for o in map(_outcome, _reports(trace, final)) if o >= 200]
    if final.status < 300 and not told and watched(trace, final) < GIVE_UP:
        return
    came_to = told[-1] if told else final.status
    seen = f"{final.status}, and {came_to} in the NOTIFY" if told else f"{final.status}"
    yield finding(final, came_to >= 300, expected="a refusal", observed=seen)


def _reports(trace: Trace, final: WireMessage) -> Iterator[WireMessage]:
    """The NOTIFYs in the dialog of a REFER."""
    tags = {final.from_tag, final.to_tag}
    return (n for n in trace.requests("NOTIFY") if n.call_id == final.call_id and {n.from_tag, n.to_tag} == tags)


def _outcome(notify: WireMessage) -> int:
    """The status a NOTIFY of a REFER tells, 0 when it tells none."""
    told = re.match(rb"SIP/2\.0 ([1-6][0-9]{2})", notify.content)
    return int(told[1]) if told else 0


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
    """Number and server are entered and the account is not registered; taking an old binding away is in order. The host
    may call its clients once "dial without registration" is on, and not before.
    """
    for spot in spots(trace):
        for request in trace.requests("REGISTER"):
            own, now = trace.party(request.source) == spot.host, request.packet.time_ns
            before = any(spot.setting("registers", at) for at in (now, now - UNDER_WAY_NS))
            if own and refreshes(request) and not before:
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
