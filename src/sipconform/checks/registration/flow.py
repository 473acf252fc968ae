"""Flows (RFC 5626): who names one keeps it alive, and takes it over after a restart."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.bindings import contacts, registers
from sipconform.checks.catalogue import MUST, PASSED, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.names import name_of
from sipconform.checks.registration.lapse import Owner
from sipconform.checks.told import intents, seconds_left
from sipconform.sip.stun import ERROR, REQUEST, SUCCESS, parse_stun
from sipconform.trace.packet import Address, Packet
from sipconform.trace.trace import Trace, WireMessage

PING, PONG = b"\r\n\r\n", b"\r\n"
PONG_WITHIN = 10.0  # seconds (§4.4.1)
STUN_WITHIN = 10.0  # seconds: a Binding request is repeated for about as long
NEW_FLOW_WITHIN = 90.0  # seconds: a phone may back off before it makes a new flow (§4.5)
TIMER_SLACK = 2.0


def asked(trace: Trace, kind: str) -> Iterator[tuple[Packet, Packet | None]]:
    """Every sign of life a client gave, "ping" or "stun", and its answer."""
    signs = trace.keep_alives
    for place, packet in enumerate(signs):
        stun = parse_stun(packet.payload)
        if kind == "ping" and packet.transport != "udp" and packet.payload == PING:
            yield packet, next((p for p in signs[place + 1 :] if p.payload == PONG and _answers(p, packet)), None)
        elif kind == "stun" and stun is not None and stun.kind == REQUEST:
            same = (p for p in signs[place + 1 :] if _answers(p, packet))
            known = ((p, parse_stun(p.payload)) for p in same)
            yield (
                packet,
                next(
                    (p for p, s in known if s and s.kind in (SUCCESS, ERROR) and s.transaction == stun.transaction),
                    None,
                ),
            )


def _answers(answer: Packet, question: Packet) -> bool:
    return (answer.source, answer.destination) == (question.destination, question.source)


def _after(packet: Packet, since: Packet) -> float:
    return (packet.time_ns - since.time_ns) / 1e9


def _cut(trace: Trace, at_ns: int) -> bool:
    """Whether the scenario had cut a link by then."""
    state = [o.what["do"] for o in intents(trace, "lose_link", "regain_link", "unplug") if o.time_ns <= at_ns]
    return bool(state) and state[-1] != "regain_link"


def _regained(trace: Trace, at_ns: int) -> int:
    """When the link came back after a moment, 0 for never: until then a phone sends where nobody sees it."""
    return next((o.time_ns for o in intents(trace, "regain_link") if o.time_ns > at_ns), 0)


def _of(trace: Trace, address: Address) -> WireMessage | None:
    """A REGISTER of that party, to hang a finding on."""
    return next((r for t, r in registers(trace) if address in (r.source, t.client, t.server)), None)


@check(
    "REG-021", level=MUST, on=SERVER, clause="RFC 5626 §4.4.1",
    asks="a ping on a stream is answered, and a phone that hears no answer makes a new flow",
)  # fmt: skip
def ping_is_answered(trace: Trace) -> Iterator[Finding]:
    """Ten seconds without a pong mean that the flow has failed. A new REGISTER within a minute and a half, once it can
    be seen, shows that the phone has noticed. Judged in captures of our own, which keep pings and pongs.
    """
    for ping, pong in asked(trace, "ping"):
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
    """A repeated Binding request counts once. Flow-Timer bounds the time between two signs; two seconds of slack."""
    silent: dict[bytes, Packet] = {}
    for request, answer in asked(trace, "stun"):
        key = request.payload
        if answer is not None:
            silent.pop(key, None)
            yield PASSED
        elif not _cut(trace, request.time_ns):
            silent.setdefault(key, request)
    for request in silent.values():
        sent = sum(p.payload == request.payload for p in trace.keep_alives)
        if seconds_left(trace, request.time_ns) > STUN_WITHIN and sent >= 3:
            of, seen = _of(trace, request.source), f"nothing to {sent} Binding requests"
            yield finding(of, False, expected="a Binding response", observed=seen, party=request.destination)
    yield from _often_enough(trace)


def _often_enough(trace: Trace) -> Iterator[Finding]:
    for transaction, request in registers(trace):
        finals = [r for r in transaction.responses if r.status >= 200]
        final = finals[-1] if finals else None  # the first sendings may have been lost behind the tap
        text = final.text("Flow-Timer") if final is not None and final.status < 300 else ""
        bound = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
        if not bound or final is None or seconds_left(trace, final.packet.time_ns) < bound + TIMER_SLACK:
            continue
        client = transaction.client
        signs = [p for p in trace.keep_alives if trace.party(p.source) == client and p.time_ns > final.packet.time_ns]
        messages = [r for t, r in registers(trace) if t.client == client and r.number > final.number]
        times = [p.time_ns for p in signs] + [m.packet.time_ns for m in messages]
        if _cut(trace, final.packet.time_ns + int(bound * 1e9)) or _stopped(trace, final.packet.time_ns):
            continue
        first = min(times, default=None)
        after = (first - final.packet.time_ns) / 1e9 if first is not None else None
        ok = after is not None and after <= bound + TIMER_SLACK
        expected, seen = f"a sign of life within {bound} s", "none" if after is None else f"after {after:.0f} s"
        yield finding(final, ok, expected=expected, observed=seen, also=[request], party=client)


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
            before = known.setdefault((transaction.client, name_of(request.to)), {}).setdefault(place, instance)
            expected, party = f"+sip.instance {before}", transaction.client
            yield finding(request, instance == before, expected=expected, observed=instance, party=party, level=SHOULD)
        final = transaction.final
        if final is not None and final.status < 300 and "outbound" in final.require:
            flows = [(c.params.get("+sip.instance"), c.params.get("reg-id")) for c in contacts(final)]
            named = [flow for flow in flows if flow[0] and flow[1]]
            seen = f"Contact: {', '.join(final.texts('Contact'))}"
            ok = len(named) == len(set(named))
            yield finding(final, ok, expected="one binding of each flow", observed=seen, also=[request])
