"""How host and clients find each other. The vendor's datagram is not published, so most of this only records.

What was said at the meeting place is in the trace as observations of the kind "discovery": sender, destination, length
and TTL, for our own stand-in and for a real device's datagrams alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sipconform.checks.bindings import contacts, granted, refreshes
from sipconform.checks.catalogue import INFO, MUST, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.hotspot.outside import registrations
from sipconform.checks.hotspot.spot import (
    GUIDE,
    PLACE,
    Client,
    Spot,
    address,
    beliefs,
    intents,
    meeting_place,
    shown,
    spots,
)
from sipconform.checks.names import name_of
from sipconform.features.hotspot import CONFIG_DEFAULTS
from sipconform.trace.packet import Address, Observation
from sipconform.trace.trace import Trace, WireMessage

HOST_KINDS = ("offer", "welcome", "refuse", "reboot", "upgrade")  # of our stand-in
ONE_FRAME = 1472  # octets of UDP payload in one Ethernet frame
WINDOW = 10.0  # seconds
MOST_IN_WINDOW = 30
SETTLED = 5.0  # seconds after which the host's table shows a new client


def datagrams(trace: Trace) -> list[Observation]:
    """What was said at the meeting place."""
    return [o for o in trace.observations if o.kind == "discovery"]


def _is_by(spot: Spot, said: Observation, lonely: bool) -> bool:
    """Whether a datagram is this host's: by its address, or on a shared one by what our stand-in says."""
    same = address(said.what.get("from")).host == spot.host.host
    by_kind = said.what.get("kind") in HOST_KINDS or said.what.get("protocol") == "unknown"
    return same and by_kind and (lonely or all(c.host != spot.host.host for c in spot.clients))


@check(
    "HOT-001", level=INFO, on=PHONE, clause=f"{GUIDE} §2.1.3 (1); behaviour recorded",
    asks="a hotspot that is switched off says nothing at the meeting place",
)  # fmt: skip
def silent_when_off(trace: Trace) -> Iterator[Finding]:
    """Recorded, not judged: what a real device sends there is not published. Whether it joins the multicast group is
    not seen here.
    """
    known = spots(trace)
    said = datagrams(trace)
    for spot in known:
        moments = [o for o in spot.told if o.what.get("do") == "switch_hotspot" and o.what.get("on") is False]
        for off in moments:
            again = next((o.time_ns for o in spot.told if o.time_ns > off.time_ns and _opens(o)), trace.end_ns)
            heard = [o for o in said if off.time_ns < o.time_ns < again and _is_by(spot, o, len(known) == 1)]
            seen = f"{len(heard)} datagrams while it was off"
            yield finding(None, not heard, expected="none", observed=seen, party=spot.host)


def _opens(intent: Observation) -> bool:
    return intent.what.get("do") == "start" or intent.what.get("on") is True


@check(
    "HOT-002", level=INFO, on=PHONE, clause="vendor's configuration files; behaviour recorded",
    asks="a hotspot nobody has touched is off, and has the vendor's group and port",
)  # fmt: skip
def defaults(trace: Trace) -> Iterator[Finding]:
    """Recorded, not judged. Asked where somebody can tell the exported configuration; the port is the lab's own where
    that has set one.
    """
    for spot in spots(trace):
        told = beliefs(trace, spot.name, "config")
        if not told or not isinstance(told[0][1], dict):
            continue
        wanted = {name: CONFIG_DEFAULTS[name] for name in ("EnableHotspot", "ListenIP")}
        wanted["ListenPort"] = str(spot.initial.get("port"))
        seen = {name: told[0][1].get(name) for name in wanted}
        yield finding(None, seen == wanted, expected=f"{wanted}", observed=f"{seen}", party=spot.host)


@check(
    "HOT-004", level=INFO, on=PHONE, clause="no clause: behaviour recorded",
    asks="discovery datagrams are small and few",
)  # fmt: skip
def datagrams_are_small(trace: Trace) -> Iterator[Finding]:
    """Recorded, not judged: each fits into one frame, and nobody sends more than thirty within ten seconds. Sizes, TTL
    and times of all are among the observations of the capture.
    """
    by_sender: dict[Address, list[Observation]] = defaultdict(list)
    for said in datagrams(trace):
        by_sender[address(said.what.get("from"))].append(said)
    for sender, all_said in by_sender.items():
        octets = max(_number(o.what.get("octets")) for o in all_said)
        times = [o.time_ns / 1e9 for o in all_said]
        busiest = max(sum(t <= other < t + WINDOW for other in times) for t in times)
        ok = octets <= ONE_FRAME and busiest <= MOST_IN_WINDOW
        ttl = {str(o.what.get("ttl")) for o in all_said} - {"None"}
        most = f"up to {octets} octets, {busiest} within {WINDOW:g} s"
        seen = f"{len(all_said)} datagrams of {most}, TTL {ttl or 'unknown'}"
        yield finding(None, ok, expected="small and few", observed=seen, party=sender)


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


@check(
    "HOT-003", level=SHOULD, on=PHONE, clause=f"{GUIDE} §2.1.3 (3)-(5)",
    asks="a client set to another way of listening, address or port does not appear at the host",
)  # fmt: skip
def different_settings_do_not_meet(trace: Trace) -> Iterator[Finding]:
    """The guide asks the user to set both alike. Judged by the client's REGISTER; signing off where it was before is
    good manners."""
    if len(spots(trace)) == 1:
        yield from _places(trace)


@check(
    "HOT-065", level=MUST, on=PHONE, clause=f"{GUIDE} §2.2.4",
    asks="hotspots with different addresses do not mix: a client registers at the one it is set to",
)  # fmt: skip
def hotspots_do_not_mix(trace: Trace) -> Iterator[Finding]:
    """Which host a client belongs to shows in where it registers, so it is judged by the client's REGISTER alone."""
    if len(spots(trace)) > 1:
        yield from _places(trace)


def _places(trace: Trace) -> Iterator[Finding]:
    for spot, request in registrations(trace):
        if not refreshes(request):
            continue
        now = request.packet.time_ns
        client = spot.clients[trace.party(request.source)]
        theirs, ours = spot.place(now), _place_of(trace, spot, client, now)
        seen = f"a client set to {_told(ours)} registers at a host set to {_told(theirs)}"
        yield finding(request, theirs == ours, expected="no REGISTER there", observed=seen)


def _place_of(trace: Trace, spot: Spot, client: Client, at: int) -> tuple[Any, ...]:
    settings = {key: spot.initial.get(key) for key in PLACE}
    for intent in intents(trace, client.name, "set_client"):
        if intent.time_ns <= at:
            settings.update({key: intent.what[key] for key in PLACE if key in intent.what})
    return meeting_place(settings)


def _told(place: tuple[Any, ...]) -> str:
    return " ".join(str(part) for part in place if part)


@check(
    "HOT-012", level=MUST, on=PHONE, clause=f"{GUIDE} §2.1.3, §2.2.2",
    asks="every client has an extension of its own, and the host's table shows it",
)  # fmt: skip
def extensions_are_distinct(trace: Trace) -> Iterator[Finding]:
    """Two clients that register the same extension at one host have been given the same, unless the first has signed
    off or its time was over: the number is free then. The table counts where somebody tells what it shows; it may lag
    five seconds behind, and a client may be gone again by then.
    """
    owners: dict[tuple[Address, str], tuple[Address, int]] = {}
    for spot, request in registrations(trace):
        extension, client = name_of(request.to), trace.party(request.source)
        now, key = request.packet.time_ns, (spot.host, extension)
        owner, until = owners.get(key, (client, 0))
        if not refreshes(request) or not extension:
            if owner == client and request.has("Contact"):
                owners.pop(key, None)
            continue
        owners[key] = (client, _until(request))
        settled = now + int(SETTLED * 1e9)
        moved = bool(spot.intents("delete_device", until=settled))
        seen = f"{extension} is {owner}'s and {client}'s"
        ok = owner == client or moved or now > until
        yield finding(request, ok, expected="one each", observed=seen, party=spot.host)
        rows = shown(trace, spot.name, "devices", settled)
        if isinstance(rows, list) and not moved:
            listed = {row.get("extension") for row in rows if isinstance(row, dict)}
            ok, seen = extension in listed, f"{sorted(map(str, listed))}"
            expected, party = f"{extension} in the table", spot.host
            yield finding(request, ok, expected=expected, observed=seen, party=party, level=SHOULD)


def _until(request: WireMessage) -> int:
    """The moment in ns at which the time granted to a REGISTER is over; its own when it was not accepted."""
    final = request.transaction.final if request.transaction else None
    if final is None or final.status >= 300:
        return request.packet.time_ns
    time = max((granted(final, contact) or 0 for contact in contacts(request)), default=0)
    return final.packet.time_ns + time * 10**9
