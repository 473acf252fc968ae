"""Switching the feature off, and the host's disappearance: what becomes of the lines."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.bindings import contacts, granted, refreshes
from sipconform.checks.catalogue import INFO, MUST, PHONE, Finding, check, finding
from sipconform.checks.evidence import SLACK
from sipconform.checks.hotspot.outside import registrations
from sipconform.checks.hotspot.spot import GUIDE, SHOWN_WITHIN, Client, Spot, intents, shown, spots
from sipconform.trace.packet import Observation
from sipconform.trace.trace import Trace

MARGIN_NS = 1_000_000_000  # what was under way when the switch was pressed
KEPT_NS = 10_000_000_000  # a removal so soon after the switch is the switch's doing
DAY = 86_400


@check(
    "HOT-062", level=MUST, on=PHONE, clause=f"{GUIDE} §2.2.4",
    asks="switching the feature off clears the client's line, and leaves the host's registration alone",
)  # fmt: skip
def switching_off(trace: Trace) -> Iterator[Finding]:
    """The client registers no more until it is switched on again, and shows no line; one it gave back in good order or
    let expire is the same. The host's own binding at the PBX is neither removed nor forgotten.
    """
    for spot in spots(trace):
        for client in spot.clients.values():
            for off in intents(trace, client.name, "stop", "disconnect"):
                yield from _cleared(trace, spot, client, off)
        for off in spot.intents("switch_hotspot"):
            if off.what.get("on") is False:
                yield from _kept(trace, spot, off)


def _cleared(trace: Trace, spot: Spot, client: Client, off: Observation) -> Iterator[Finding]:
    again = [o.time_ns for o in intents(trace, client.name, "start", "connect") if o.time_ns > off.time_ns]
    until = min([*again, trace.end_ns])
    late = [
        request for at, request in registrations(trace)
        if at is spot and trace.party(request.source) == client.address and refreshes(request)
        and off.time_ns + MARGIN_NS < request.packet.time_ns < until
    ]  # fmt: skip
    seen, party = "a REGISTER after switching off", client.address
    yield finding(late[0] if late else None, not late, expected="no REGISTER", observed=seen, party=party)
    settled = off.time_ns + int(SHOWN_WITHIN * 1e9)
    line = shown(trace, client.name, "line", settled) if settled < until else None
    if line is not None:
        yield finding(None, not line, expected="no line", observed=f"line {line}", party=party)


def _kept(trace: Trace, spot: Spot, off: Observation) -> Iterator[Finding]:
    if spot.intents("stop", "sign_off", "unplug"):
        return
    removed = [
        request for request in trace.requests("REGISTER")
        if trace.party(request.source) == spot.host and not refreshes(request) and request.has("Contact")
        and 0 <= request.packet.time_ns - off.time_ns < KEPT_NS
    ]  # fmt: skip
    expected, seen = "the host's own binding kept", "its removal"
    yield finding(removed[0] if removed else None, not removed, expected=expected, observed=seen, party=spot.host)
    told = shown(trace, spot.name, "registered", off.time_ns + int(SHOWN_WITHIN * 1e9))
    if told is not None and shown(trace, spot.name, "registered", off.time_ns):
        yield finding(None, told is True, expected="the host registered", observed="not registered", party=spot.host)


@check(
    "HOT-064", level=INFO, on=PHONE, clause="no clause: inferred",
    asks="when the host has vanished a client shows its line down before its registration has run out",
)  # fmt: skip
def line_goes_down(trace: Trace) -> Iterator[Finding]:
    """What a client shows when its host is gone is not documented anywhere, so it is recorded and not judged."""
    for spot in spots(trace):
        for gone in spot.intents("unplug"):
            for client in spot.clients.values():
                left = _ends(trace, spot, client, gone.time_ns)
                if left and left < trace.end_ns:
                    line = shown(trace, client.name, "line", left)
                    ok, party = line != "up", client.address
                    yield finding(None, ok, expected="the line down", observed=f"line {line}", party=party)


def _ends(trace: Trace, spot: Spot, client: Client, before: int) -> int:
    """The moment in ns at which a client's last registration had run out; 0 without one."""
    found = 0
    for at, request in registrations(trace):
        final = request.transaction.final if request.transaction else None
        mine = at is spot and trace.party(request.source) == client.address
        if mine and final is not None and final.status < 300 and final.packet.time_ns <= before:
            listed = max((granted(final, c) or 0 for c in contacts(request)), default=0)
            found = final.packet.time_ns + int((min(listed, DAY) + SLACK) * 1e9)
    return found
