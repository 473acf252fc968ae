"""Flows (RFC 5626): who names one keeps it alive, and takes it over after a restart."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from sipconform.checks.bindings import Owner, aor, contacts, flow_of, registers
from sipconform.checks.catalogue import MUST, PASSED, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import once_per_trace
from sipconform.checks.told import has_lab, intents, seconds_left
from sipconform.sip.stun import ERROR, REQUEST, SUCCESS, parse_stun
from sipconform.trace.packet import Address, Packet
from sipconform.trace.trace import Trace, WireMessage

PING, PONG = b"\r\n\r\n", b"\r\n"
PONG_WITHIN = 10.0  # seconds (§4.4.1)
STUN_WITHIN = 10.0  # seconds: a Binding request is repeated for about as long
NEW_FLOW_WITHIN = 90.0  # seconds: a phone may back off before it makes a new flow (§4.5)
TIMER_SLACK = 2.0
A_MINUTE = 60.0  # seconds: later than that nothing is an answer


def asked(trace: Trace, kind: str) -> Iterator[tuple[Packet, Packet | None]]:
    """Every sign of life a client gave, "ping" or "stun", and its answer."""
    for way, signs in _by_way(trace).items():
        back = _by_way(trace).get((way[1], way[0]), [])
        for packet in signs:
            stun = parse_stun(packet.payload)
            if kind == "ping" and packet.transport != "udp" and packet.payload == PING:
                yield packet, next((p for p in _later(back, packet) if p.payload == PONG), None)
            elif kind == "stun" and stun is not None and stun.kind == REQUEST:
                known = ((p, parse_stun(p.payload)) for p in _later(back, packet))
                found = (p for p, s in known if s and s.kind in (SUCCESS, ERROR) and s.transaction == stun.transaction)
                yield packet, next(found, None)


@once_per_trace
def _by_way(trace: Trace) -> dict[tuple[Address, Address], list[Packet]]:
    """Signs of life by source and destination, in order."""
    found: dict[tuple[Address, Address], list[Packet]] = {}
    for packet in trace.keep_alives:
        found.setdefault((packet.source, packet.destination), []).append(packet)
    return found


def _later(signs: list[Packet], packet: Packet) -> Iterator[Packet]:
    """Those in the minute after a packet."""
    for sign in islice(signs, bisect_left(signs, packet.time_ns, key=lambda p: p.time_ns), None):
        if _after(sign, packet) > A_MINUTE:
            return
        yield sign


def _after(packet: Packet, since: Packet) -> float:
    return (packet.time_ns - since.time_ns) / 1e9


def _cut(trace: Trace, at_ns: int) -> bool:
    """Whether the scenario had cut a link by then."""
    state = [o.what["do"] for o in intents(trace, "lose_link", "regain_link", "unplug") if o.time_ns <= at_ns]
    return bool(state) and state[-1] != "regain_link"


def _regained(trace: Trace, at_ns: int) -> int:
    """When the link came back after a moment, 0 for never: until then a phone sends where nobody sees it."""
    return next((o.time_ns for o in intents(trace, "regain_link") if o.time_ns > at_ns), 0)


def _negotiated(trace: Trace, sign: Packet) -> bool:
    """Whether the server had said by then that it answers signs of life: by confirming outbound, by Flow-Timer, or by
    the keep parameter in Via (RFC 5626 §4.4, §6; RFC 6223 §4.4). Others may leave empty lines alone (RFC 3261 §7.5)."""
    told = _offers(trace).get((trace.party(sign.source), trace.party(sign.destination)))
    return told is not None and told < sign.time_ns


@once_per_trace
def _offers(trace: Trace) -> dict[tuple[Address, Address], int]:
    """When a server first said so to a client."""
    found: dict[tuple[Address, Address], int] = {}
    for transaction, _ in registers(trace):
        final = transaction.final
        if final is not None and final.status < 300 and _is_offer(final):
            found.setdefault((transaction.client, transaction.server), final.packet.time_ns)
    return found


def _is_offer(final: WireMessage) -> bool:
    via = final.top_via
    return "outbound" in final.require or final.has("Flow-Timer") or bool(via and via.params.get("keep"))


def _of(trace: Trace, address: Address) -> WireMessage | None:
    """A REGISTER of that party, to hang a finding on."""
    return next((r for t, r in registers(trace) if address in (r.source, t.client, t.server)), None)


@check(
    "REG-021", level=MUST, on=SERVER, clause="RFC 5626 §4.4.1",
    asks="a ping on a stream is answered, and a phone that hears no answer makes a new flow",
)  # fmt: skip
def ping_is_answered(trace: Trace) -> Iterator[Finding]:
    """Ten seconds without a pong mean that the flow has failed. A new REGISTER within a minute and a half, once it can
    be seen, shows that the phone has noticed. Judged in captures of our own, which keep pings and pongs, and of servers
    that have confirmed outbound or asked to be kept alive.
    """
    for ping, pong in asked(trace, "ping"):
        if not _negotiated(trace, ping):
            continue
        of, left = _of(trace, ping.source), seconds_left(trace, ping.time_ns)
        if pong is not None:
            yield PASSED
        elif left > PONG_WITHIN and not _cut(trace, ping.time_ns):
            seen = f"nothing in {left:.0f} s"
            yield finding(of, False, expected="a pong", observed=seen, party=ping.destination)
        elif (back := _regained(trace, ping.time_ns)) and seconds_left(trace, back) > PONG_WITHIN + NEW_FLOW_WITHIN:
            party = trace.party(ping.source)
            due = back + int((PONG_WITHIN + NEW_FLOW_WITHIN) * 1e9)
            made = any(t.client == party and ping.time_ns < r.packet.time_ns < due for t, r in registers(trace))
            expected, seen = f"a new REGISTER within {NEW_FLOW_WITHIN:g} s", "none"
            yield finding(of, made, expected=expected, observed=seen, party=party)


@check(
    "REG-022", level=SHOULD, on=SERVER, clause="RFC 5626 §4.4, §4.4.2",
    asks="STUN on the SIP port is answered, and signs of life come as often as the server asked",
)  # fmt: skip
def stun_is_answered(trace: Trace) -> Iterator[Finding]:
    """A repeated Binding request counts once. Flow-Timer bounds the time between two signs; two seconds of slack. As
    REG-021, judged in captures of our own, and where the server has said that it takes part.
    """
    silent: dict[bytes, Packet] = {}
    for request, answer in asked(trace, "stun"):
        key = request.payload
        if not _negotiated(trace, request):
            continue
        if answer is not None:
            silent.pop(key, None)
            yield PASSED
        elif not _cut(trace, request.time_ns):
            silent.setdefault(key, request)
    times = Counter(packet.payload for packet in trace.keep_alives)
    for request in silent.values():
        sent = times[request.payload]
        if seconds_left(trace, request.time_ns) > STUN_WITHIN and sent >= 3:
            of, seen = _of(trace, request.source), f"nothing to {sent} Binding requests"
            yield finding(of, False, expected="a Binding response", observed=seen, party=request.destination)
    if has_lab(trace):
        yield from _often_enough(trace)


def _often_enough(trace: Trace) -> Iterator[Finding]:
    signs = _signs(trace)
    for transaction, request in registers(trace):
        finals = [r for r in transaction.responses if r.status >= 200]
        final = finals[-1] if finals else None  # the first sendings may have been lost behind the tap
        text = final.text("Flow-Timer") if final is not None and final.status < 300 else ""
        bound = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
        if not bound or final is None or seconds_left(trace, final.packet.time_ns) < bound + TIMER_SLACK:
            continue
        client, now = transaction.client, final.packet.time_ns
        if _cut(trace, now + int(bound * 1e9)) or _stopped(trace, now):
            continue
        times = signs.get(client, [])
        place = bisect_right(times, now)
        after = (times[place] - now) / 1e9 if place < len(times) else None
        ok = after is not None and after <= bound + TIMER_SLACK
        expected, seen = f"a sign of life within {bound} s", "none" if after is None else f"after {after:.0f} s"
        yield finding(final, ok, expected=expected, observed=seen, also=[request], party=client)


@once_per_trace
def _signs(trace: Trace) -> dict[Address, list[int]]:
    """When a client gave a sign of life, or registered, in nanoseconds."""
    found: dict[Address, list[int]] = {}
    for packet in trace.keep_alives:
        found.setdefault(trace.party(packet.source), []).append(packet.time_ns)
    for transaction, request in registers(trace):
        found.setdefault(transaction.client, []).append(request.packet.time_ns)
    return {client: sorted(times) for client, times in found.items()}


def _stopped(trace: Trace, at_ns: int) -> bool:
    return any(o.time_ns >= at_ns for o in intents(trace, "stop", "unplug", "reboot"))


@check(
    "REG-023", level=MUST, on=SERVER, clause="RFC 5626 §4.2, §6",
    asks="a phone keeps its instance id through a restart, and a flow of it has one binding",
)  # fmt: skip
def instance_is_stable(trace: Trace) -> Iterator[Finding]:
    """The instance names the device for as long as it lives. A registrar that knows outbound confirms it by
    `Require: outbound` (without it the rest is not asked of it) and replaces the binding of the same flow.
    """
    known: dict[Owner, dict[str, str]] = {}
    for transaction, request in registers(trace):
        for contact in contacts(request):
            instance, place = contact.params.get("+sip.instance"), contact.uri_text
            if instance is None:
                continue
            before = known.setdefault((transaction.client, aor(request)), {}).setdefault(place, instance)
            expected, party = f"+sip.instance {before}", transaction.client
            yield finding(request, instance == before, expected=expected, observed=instance, party=party, level=SHOULD)
        final = transaction.final
        if final is not None and final.status < 300 and "outbound" in final.require:
            named = [flow for flow in map(flow_of, contacts(final)) if flow is not None]
            seen = f"Contact: {', '.join(final.texts('Contact'))}"
            ok = len(named) == len(set(named))
            yield finding(final, ok, expected="one binding of each flow", observed=seen, also=[request])
