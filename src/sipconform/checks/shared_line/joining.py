"""Lines whose places have an address-of-record each, told from the evidence alone: two addresses are one line where one
call rang at both on the same slot, and where their phones are told the same, always."""

from __future__ import annotations

from itertools import pairwise

from sipconform.checks.evidence import seconds
from sipconform.checks.shared_line.line import QUIET, Line, Told, index_of
from sipconform.checks.shared_line.owning import is_to
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, WireMessage

TOGETHER = 2.0  # seconds between the first and the last INVITE of one incoming call


def joined(trace: Trace, lines: list[Line]) -> list[Line]:
    """The lines, those that are one made one."""
    whole: list[list[Line]] = [[line] for line in lines]
    for one, other in _rung_together(trace, lines) if len(lines) > 1 else ():
        first, second = (next(group for group in whole if line in group) for line in (one, other))
        if first is not second and all(_agree(trace, a, b) for a in first for b in second):
            first += second
            whole.remove(second)
    return [_made_one(group) for group in whole]


def caller_of(invite: WireMessage) -> str:
    """The address a call is said to come from."""
    return invite.from_.uri_text if isinstance(invite.from_, NameAddr) else ""


def _rung_together(trace: Trace, lines: list[Line]) -> list[tuple[Line, Line]]:
    """Pairs of lines of one server at whose phones one call rang, on the same slot."""
    by_place: dict[tuple[Address, Address], list[Line]] = {}
    for line in lines:
        for address in line.addresses:
            by_place.setdefault((line.server, address), []).append(line)
    recent: dict[object, list[tuple[WireMessage, Line]]] = {}
    found: dict[tuple[int, int], tuple[Line, Line]] = {}
    for request in trace.requests("INVITE"):
        server, index, caller = trace.party(request.source), index_of(request), caller_of(request)
        here = by_place.get((server, trace.party(request.destination)), ())
        if not here or request.to_tag or index is None or not caller:
            continue
        key = (server, caller, index)
        near = [(r, line) for r, line in recent.get(key, ()) if seconds(request, r) <= TOGETHER]
        for line in (line for line in here if is_to(trace, line, request)):
            others = (other for r, other in near if r.destination != request.destination and other is not line)
            found |= {(id(other), id(line)): (other, line) for other in others}
            near.append((request, line))
        recent[key] = near
    return list(found.values())


def _agree(trace: Trace, one: Line, other: Line) -> bool:
    """Whether both are told the same each time nothing was told for a while, and were once told of the same call."""
    merged = sorted([*one.told, *other.told], key=lambda told: told.notify.number)
    latest: dict[int, Told] = {}
    mine, busy = set(map(id, one.told)), False
    for told, following in pairwise([*merged, None]):
        if told is None:
            break
        latest[id(told) in mine] = told
        until = following.notify.packet.time_ns if following is not None else trace.end_ns
        if len(latest) == 2:
            alike = latest[True].state.same_as(latest[False].state)
            if not alike and until - told.notify.packet.time_ns > QUIET * 1e9:
                return False
            busy = busy or (alike and bool(told.state.busy))
    return busy


def _made_one(group: list[Line]) -> Line:
    if len(group) == 1:
        return group[0]
    first = group[0]
    users, members = (frozenset().union(*sets) for sets in ((x.users for x in group), (x.members for x in group)))
    subscriptions = [subscription for line in group for subscription in line.subscriptions]
    line = Line(users, first.server, first.policies, subscriptions, members=members)
    line.listen()
    return line
