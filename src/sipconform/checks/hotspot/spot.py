"""A hotspot as the lab describes it, how it was set at any moment, and the calls that went through its host.

Without the lab's word nobody knows that a phone is a host: a bare capture is not judged by this family.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sipconform.checks.bindings import histories, known_at
from sipconform.checks.catalogue import Verdict
from sipconform.checks.evidence import seconds, watched
from sipconform.checks.names import name_of, user_of
from sipconform.checks.told import is_ours
from sipconform.features.hotspot import Numbering
from sipconform.trace.packet import Address, Observation
from sipconform.trace.trace import Trace, Transaction, WireMessage

GUIDE = "Fanvil, SIP hotspot guide v1.1"
AT_ONCE = 2.0  # seconds within which an INVITE of the host belongs to the call that came in
SPREAD = 0.5  # seconds a host may take until it rings everybody
SURE = 4.0  # seconds after which an INVITE lost three times before the tap would have been seen
SHOWN_WITHIN = 5.0  # seconds a display may lag behind
PLACE = ("listen", "address", "port")


@dataclass(frozen=True, slots=True)
class Client:
    """A client the lab knows."""

    name: str
    address: Address
    mac: str


@dataclass(slots=True, eq=False)
class Spot:
    """One hotspot. `told` are the intents of its host, in order."""

    name: str
    host: Address
    user: str
    initial: dict[str, Any]
    clients: dict[Address, Client]
    told: list[Observation] = field(default_factory=list)

    def intents(self, *verbs: str, until: int | None = None) -> list[Observation]:
        """What the host was asked to do, of some verbs, up to a moment in ns."""
        return [o for o in self.told if o.what.get("do") in verbs and (until is None or o.time_ns <= until)]

    def setting(self, key: str, at: int) -> Any:
        """A setting as it was at a moment, in ns."""
        given = [o.what[key] for o in self.intents("set_hotspot", until=at) if key in o.what]
        return given[-1] if given else self.initial.get(key)

    def place(self, at: int) -> tuple[Any, ...]:
        """Where host and clients meet."""
        return meeting_place({key: self.setting(key, at) for key in PLACE})

    def is_on(self, at: int) -> bool:
        """Whether the hotspot is open."""
        moves = self.intents("start", "switch_hotspot", "stop", "unplug", until=at)
        return bool(moves) and (moves[-1].what["do"] == "start" or moves[-1].what.get("on") is True)

    def managed(self, at: int) -> set[str]:
        """The MAC addresses of the managed devices."""
        listed: set[str] = set()
        for intent in self.intents("manage_device", "delete_device", until=at):
            mac = str(intent.what.get("mac"))
            (listed.add if intent.what.get("on") else listed.discard)(mac)
        return listed

    def groups(self, at: int) -> dict[str, set[str]]:
        """Group numbers and the MAC addresses of their members; a device that is deleted is in no group any more."""
        found: dict[str, set[str]] = {}
        for intent in self.intents("group_device", "delete_device", until=at):
            mac = str(intent.what.get("mac"))
            if intent.what["do"] == "group_device":
                found.setdefault(str(intent.what.get("group")), set()).add(mac)
            else:
                for members in found.values():
                    members.discard(mac)
        return found

    def numbering(self, at: int) -> Numbering:
        return Numbering(str(self.setting("prefix", at) or ""))


@dataclass(slots=True, eq=False)
class Call:
    """One new call at a host, and the INVITEs the host sent because of it."""

    spot: Spot
    incoming: Transaction
    invite: WireMessage
    branches: list[Transaction] = field(default_factory=list)

    @property
    def time_ns(self) -> int:
        return self.invite.packet.time_ns

    @property
    def from_outside(self) -> bool:
        return self.incoming.client not in self.spot.clients

    @property
    def dialled(self) -> str:
        return user_of(self.invite.request_uri)

    @property
    def taken_up(self) -> WireMessage | None:
        """The first thing the host did about the call: until then it may not have got the INVITE."""
        begun = [branch.request for branch in self.branches if branch.request is not None]
        return min([*self.incoming.responses, *begun], key=lambda m: m.number, default=None)

    def pending(self, trace: Trace) -> float:
        """Seconds for which nobody had answered, since the host took it up."""
        began, final = self.taken_up, self.incoming.final
        if began is None:
            return 0.0
        return seconds(final, began) if final is not None else watched(trace, began)

    def rung(self) -> dict[Address, WireMessage]:
        """The clients that were called, each with the INVITE."""
        return {b.server: b.request for b in self.branches if b.request is not None and b.server in self.spot.clients}

    def led_out(self) -> list[WireMessage]:
        """The INVITEs that left the hotspot."""
        return [b.request for b in self.branches if b.request is not None and b.server not in self.spot.clients]


def spots(trace: Trace) -> list[Spot]:
    """The hotspots of the lab."""
    return list(_spots(trace, len(trace.messages)))


@lru_cache(maxsize=2)
def _spots(trace: Trace, _length: int) -> tuple[Spot, ...]:
    told = next((o.what for o in reversed(trace.observations) if "hotspots" in o.what and o.kind == "lab"), None)
    if told is None:
        return ()
    hosts, known, settings = (told.get(key) for key in ("hotspots", "hotspot_clients", "hotspot_settings"))
    if not (isinstance(hosts, dict) and isinstance(known, dict) and isinstance(settings, dict)):
        return ()
    listed = [(name, client) for name, client in known.items() if isinstance(client, dict)]
    named = [Client(str(name), address(c.get("place")), str(c.get("mac"))) for name, c in listed]
    clients = {client.address: client for client in named}
    found = []
    for name, host in hosts.items():
        intents = [o for o in trace.observations if o.kind == "intent" and o.who == name]
        if isinstance(host, dict):
            found.append(Spot(str(name), address(host.get("place")), str(host.get("user")), settings, clients, intents))
    return tuple(found)


def address(text: object) -> Address:
    """Reads "10.0.0.1:5060" and "[::1]:5060"."""
    host, _, port = str(text).rpartition(":")
    return Address(host.strip("[]"), int(port) if port.isdigit() and len(port) < 6 else 0)


def meeting_place(settings: dict[str, Any]) -> tuple[Any, ...]:
    """What must be the same on both sides: the address counts for multicast only (guide §2.1.3)."""
    listen = settings.get("listen")
    return listen, settings.get("address") if listen == "multicast" else "", settings.get("port")


def calls(trace: Trace) -> list[Call]:
    """All new calls at all hosts."""
    return list(_calls(trace, len(trace.messages)))


@lru_cache(maxsize=2)
def _calls(trace: Trace, _length: int) -> tuple[Call, ...]:
    hosts = {spot.host: spot for spot in spots(trace)}
    wishes = [wished(trace, spot, wish) for spot in hosts.values() for wish in spot.intents("dial", "transfer")]
    own_calls = {invite.call_id for invite in wishes if invite is not None}
    found: list[Call] = []
    for transaction in trace.transactions if hosts else ():
        invite = transaction.request
        if transaction.method != "INVITE" or invite is None or invite.to_tag:
            continue
        if spot := hosts.get(transaction.server):
            if transaction.final is None or transaction.final.status not in (401, 407):
                found.append(Call(spot, transaction, invite))
        elif transaction.client in hosts and invite.call_id not in own_calls:
            own = next((call for call in reversed(found) if _belongs(transaction, invite, call)), None)
            if own is not None:
                own.branches.append(transaction)
    return tuple(found)


def wished(trace: Trace, spot: Spot, wish: Observation) -> WireMessage | None:
    """What the host's own user dialled or handed over: the first fitting INVITE after his wish."""
    for invite in trace.requests("INVITE"):
        late = invite.packet.time_ns - wish.time_ns
        called = {user_of(invite.request_uri), name_of(invite.to)}
        fits = trace.party(invite.source) == spot.host and str(wish.what.get("number")) in called
        if fits and not invite.to_tag and 0 <= late < AT_ONCE * 1e9:
            return invite
    return None


def _belongs(transaction: Transaction, invite: WireMessage, call: Call) -> bool:
    final = call.incoming.final
    if transaction.client != call.spot.host or (final is not None and final.number < invite.number):
        return False
    if call.from_outside and transaction.server not in call.spot.clients:
        return False
    again = any(b.request is not None and b.request.call_id == invite.call_id for b in call.branches)
    return again or seconds(invite, call.invite) < AT_ONCE


def extensions(trace: Trace, spot: Spot, at: WireMessage | int, margin: float = 1.0) -> dict[str, Address]:
    """Who is signed in at the host at a moment, by extension; for at least `margin` seconds more. After a change of the
    host's table only what was registered since then is known for sure."""
    now = at if isinstance(at, int) else at.packet.time_ns
    changes = spot.intents("delete_device", "switch_hotspot", "start", until=now)
    taken_off = [o for o in spot.intents("manage_device", until=now) if not o.what.get("on")]
    since = max((o.time_ns for o in [*changes, *taken_off]), default=0)
    number = bisect_right(trace.messages, now, key=lambda message: message.packet.time_ns)
    found: dict[str, Address] = {}
    for owner, history in histories(trace).items():
        last = history.before(number) if owner[0] == spot.host else None
        if last is None or last.answer.packet.time_ns <= since:
            continue
        known = known_at(trace, owner, number, at_least=True) or []
        if any(grant.until_ns - now > margin * 1e9 for grant in known):
            found[user_of(owner[1])] = trace.party(last.request.source)
    return found


def beliefs(trace: Trace, who: str, key: str) -> list[tuple[int, Any]]:
    """What an actor showed for a key, with the moments from which it did."""
    told = (o for o in trace.observations if o.kind == "belief" and o.who == who)
    return [(o.time_ns, o.what[key]) for o in told if key in o.what]


def shown(trace: Trace, who: str, key: str, at: int) -> Any:
    """What an actor showed at a moment; None when nobody told."""
    told = [value for moment, value in beliefs(trace, who, key) if moment <= at]
    return told[-1] if told else None


def showed_ringing(trace: Trace, call: Call) -> bool | None:
    """Whether the host's own telephone rang for a call; None when nobody told what it shows."""
    told = beliefs(trace, call.spot.name, "call")
    if not told:
        return None
    final = call.incoming.final
    end = final.packet.time_ns if final is not None else trace.end_ns
    return any(call.time_ns <= moment <= end and value == "ringing" for moment, value in told)


def intents(trace: Trace, who: str, *verbs: str) -> Iterator[Observation]:
    """What an actor was asked to do, of some verbs."""
    return (o for o in trace.observations if o.kind == "intent" and o.who == who and o.what.get("do") in verbs)


def missing(trace: Trace, spot: Spot, transport: str, waited: float) -> Verdict:
    """What a missing INVITE of the host means: by UDP it may have been lost before the tap, unless the tap is ours
    and sits in the host, or its repetitions would have been seen."""
    ours = is_ours(trace, spot.host)
    return Verdict.FAIL if ours or transport != "udp" or waited >= SURE else Verdict.INCONCLUSIVE


def alone(trace: Trace, call: Call) -> bool:
    """Whether no other call was going on at the host: what a busy phone does is not written down."""
    return not any(
        other is not call and other.spot is call.spot and other.time_ns < call.time_ns and not _over(trace, other, call)
        for other in calls(trace)
    )


def _over(trace: Trace, other: Call, before: Call) -> bool:
    final = other.incoming.final
    if final is None or final.number > before.invite.number:
        return False
    ids = {other.invite.call_id}
    byes = (m for m in trace.requests("BYE") if m.call_id in ids and m.number < before.invite.number)
    return final.status >= 300 or any(True for _ in byes)
