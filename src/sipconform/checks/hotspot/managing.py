"""The host as manager of its clients: whom it serves, and what it may order them to do."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.bindings import refreshes
from sipconform.checks.catalogue import INFO, MUST, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.evidence import contact
from sipconform.checks.hotspot.outside import registrations
from sipconform.checks.hotspot.spot import GUIDE, Client, Spot, beliefs, intents, spots
from sipconform.trace.packet import Address, Observation
from sipconform.trace.trace import Trace

CARRIED_OUT = 30.0  # seconds


@check(
    "HOT-050", level=MUST, on=PHONE, clause=f"{GUIDE} §2.2.2",
    asks="in managed mode a device that is not listed gets no line",
)  # fmt: skip
def only_listed_devices(trace: Trace) -> Iterator[Finding]:
    """Judged by the host's answer to the client's REGISTER. A binding made before the device was taken off the list may
    live on until it expires.
    """
    for spot, request in registrations(trace):
        now = request.packet.time_ns
        final = request.transaction.final if request.transaction else None
        if not spot.setting("managed", now) or final is None or not refreshes(request):
            continue
        client = spot.clients[trace.party(request.source)]
        listed = client.mac in spot.managed(now)
        refused = final.status >= 300
        seen = f"{final.status} for {contact(request)}, {client.mac}"
        yield finding(final, listed or refused, expected="a refusal", observed=seen, also=[request])


def _orders(spot: Spot, client: Client, kind: str) -> list[Observation]:
    """The orders the host was asked to give a client while that was managed."""
    given = spot.intents("order_device")
    mine = [o for o in given if o.what.get("mac") == client.mac and o.what.get("kind") == kind]
    return [o for o in mine if client.mac in spot.managed(o.time_ns)]


def _forged(trace: Trace, spot: Spot, client: Client) -> bool:
    names = [c.name for c in spot.clients.values()]
    return any(o.what.get("mac") == client.mac for name in names for o in intents(trace, name, "forge_order"))


def _counts(trace: Trace, client: Client) -> tuple[int, list[str]] | None:
    """Reboots and fetched addresses as the client last told them; None where nobody tells."""
    reboots, fetched = beliefs(trace, client.name, "reboots"), beliefs(trace, client.name, "fetched")
    if not reboots or not fetched:
        return None
    count, addresses = reboots[-1][1], fetched[-1][1]
    return (count if isinstance(count, int) else 0), (addresses if isinstance(addresses, list) else [])


@check(
    "HOT-051", level=MUST, on=PHONE, clause=f"{GUIDE} §2.2.2, §2.2.3",
    asks="reboot and upgrade orders reach managed clients only, each once",
)  # fmt: skip
def orders_reach_managed_clients(trace: Trace) -> Iterator[Finding]:
    """Counted by what the client says it has done, for how an order travels is not published. An order that is not
    carried out within half a minute is a SHOULD: it may have been lost.
    """
    for spot in spots(trace)[:1]:
        for where, client in spot.clients.items():
            counts = _counts(trace, client)
            if counts is None or _forged(trace, spot, client) or not spot.intents("order_device"):
                continue
            yield from _carried_out(trace, spot, where, client, counts)


def _carried_out(
    trace: Trace, spot: Spot, where: Address, client: Client, counts: tuple[int, list[str]]
) -> Iterator[Finding]:
    reboots, upgrades = _orders(spot, client, "reboot"), _orders(spot, client, "upgrade")
    done = {"reboot": (reboots, counts[0]), "upgrade": (upgrades, len(counts[1]))}
    for kind, (ordered, times) in done.items():
        expected, seen = f"{kind} {len(ordered)} times", f"{times} times"
        party = where if ordered else spot.host
        yield finding(None, times <= len(ordered), expected=expected, observed=seen, party=party)
        if ordered and (trace.end_ns - ordered[-1].time_ns) / 1e9 > CARRIED_OUT:
            yield finding(None, times >= len(ordered), expected=expected, observed=seen, party=where, level=SHOULD)


@check(
    "HOT-052", level=INFO, on=PHONE, clause="no clause: security, recorded",
    asks="nobody but the host can make a client reboot or fetch firmware",
)  # fmt: skip
def orders_of_strangers(trace: Trace) -> Iterator[Finding]:
    """Recorded, not judged: by our stand-in datagram sent from a neighbour's address. It says nothing of what a real
    device makes of a replayed datagram of its own kind.
    """
    for spot in spots(trace)[:1]:
        for where, client in spot.clients.items():
            counts = _counts(trace, client)
            if counts is None or not _forged(trace, spot, client):
                continue
            done = counts[0] + len(counts[1])
            allowed = len(_orders(spot, client, "reboot")) + len(_orders(spot, client, "upgrade"))
            seen = f"{done - allowed} orders of a neighbour obeyed"
            yield finding(None, done <= allowed, expected="none obeyed", observed=seen, party=where)
