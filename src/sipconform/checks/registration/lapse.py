"""What a registrar does with bindings in the course of time: it keeps them, and it lets go of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sipconform.checks.bindings import answered, contacts, lifetime, refreshes, registers
from sipconform.checks.catalogue import MUST, PASSED, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import once_per_trace, same_uri
from sipconform.checks.forks import forks
from sipconform.checks.names import name_of, target, user_of
from sipconform.checks.told import intents, places
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, WireMessage

OVER = 1.0  # seconds after the end of its time a binding must be out of use
SURE = 2.0  # seconds before it, a binding must still be in use
Owner = tuple[Address, str]
"""A registrar and a user of it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A Contact as one answer lists it: until when, in nanoseconds."""

    answer: WireMessage
    uri: str
    until_ns: int


@once_per_trace
def grants(trace: Trace) -> dict[Owner, list[tuple[WireMessage, list[Grant]]]]:
    """Every answer that lists bindings, by user, in order; each list replaces the one before."""
    found: dict[Owner, list[tuple[WireMessage, list[Grant]]]] = {}
    for transaction, request in registers(trace):
        final = transaction.final
        if final is not None and final.status < 300:
            now = final.packet.time_ns
            listed = [Grant(final, c.uri_text, now + (lifetime(final, c) or 0) * 10**9) for c in contacts(final)]
            found.setdefault((transaction.server, name_of(request.to)), []).append((final, listed))
    return found


def known_at(trace: Trace, owner: Owner, number: int, *, at_least: bool = False) -> list[Grant] | None:
    """The bindings of a user before a message, as last listed; None when nothing was listed, or a REGISTER was under
    way that may have changed them: any, or with `at_least` one that takes something away."""
    lists = [listed for answer, listed in grants(trace).get(owner, []) if answer.number < number]
    under_way = (
        request
        for transaction, request in registers(trace)
        if (transaction.server, name_of(request.to)) == owner and request.number < number
        and (transaction.final is None or transaction.final.number > number)
    )  # fmt: skip
    unsure = any(not (at_least and refreshes(request)) for request in under_way)
    return None if unsure or not lists else lists[-1]


@check(
    "REG-009", level=MUST, on=SERVER, clause="RFC 3261 §10.2.3",
    asks="asking for the bindings changes none of them",
)  # fmt: skip
def query_changes_nothing(trace: Trace) -> Iterator[Finding]:
    """A REGISTER without Contact is a question. What was listed before and still had two seconds to live is listed."""
    for request, final in answered(trace):
        if request.has("Contact") or final.status >= 300:
            continue
        owner = (trace.party(request.destination), name_of(request.to))
        before = known_at(trace, owner, request.number, at_least=True)
        for grant in before or []:
            if grant.until_ns - final.packet.time_ns > SURE * 1e9:
                ok = any(same_uri(c.uri_text, grant.uri) for c in contacts(final))
                seen = f"Contact: {', '.join(final.texts('Contact')) or 'none'}"
                expected, also = f"Contact with {grant.uri}", [request, grant.answer]
                yield finding(final, ok, expected=expected, observed=seen, also=also)


@check(
    "REG-012", level=MUST, on=SERVER, clause="RFC 3261 §10.3, §16.5",
    asks="a binding whose time is over is not called, and the caller is told 480",
)  # fmt: skip
def expired_is_not_called(trace: Trace) -> Iterator[Finding]:
    """One second after the end of what was granted. The phone may have got a new address, and its old one a new
    owner. A server that answers 404 denies that the user exists: SHOULD.
    """
    for invite in trace.requests("INVITE"):
        server = trace.party(invite.source)
        owner = (server, target(invite))
        if server in trace.servers and not invite.to_tag and owner in grants(trace):
            gone = _expired(trace, owner, invite)
            seen = f"INVITE {invite.request_uri}"
            also = [gone.answer] if gone else []
            yield finding(invite, gone is None, expected="no call to an expired Contact", observed=seen, also=also)
    for call, final, known in refused(trace):
        now = call.packet.time_ns
        if all(g.until_ns + OVER * 1e9 < now for g in known):
            seen = f"{final.status} {final.reason}"
            yield finding(final, final.status == 480, expected="480", observed=seen, also=[call], level=SHOULD)


def _expired(trace: Trace, owner: Owner, invite: WireMessage) -> Grant | None:
    """The grant that is over by which this INVITE goes; None when it goes by a live one, or by none that was seen."""
    own = [g for _, listed in grants(trace)[owner] for g in listed if same_uri(g.uri, invite.request_uri)]
    before = [g for g in own if g.answer.number < invite.number]
    if not before or any(g.until_ns + OVER * 1e9 >= invite.packet.time_ns for g in before):
        return None
    return None if known_at(trace, owner, invite.number) is None else before[-1]


def refused(trace: Trace, *, at_least: bool = False) -> Iterator[tuple[WireMessage, WireMessage, list[Grant]]]:
    """Calls to a user whose bindings are known that a server refused with 404 or 480 and nobody rung: the INVITE, the
    answer, and the bindings."""
    rung = {id(fork.incoming) for fork in forks(trace) if fork.branches}
    for transaction in trace.transactions_of("INVITE"):
        invite, final = transaction.request, transaction.final
        if invite is None or final is None or invite.to_tag or id(transaction) in rung:
            continue
        if final.status not in (404, 480):
            continue
        owner = (transaction.server, user_of(invite.request_uri))
        known = known_at(trace, owner, invite.number, at_least=at_least)
        if known is not None:
            yield invite, final, known


@check(
    "REG-013", level=MUST, on=SERVER, clause="RFC 3261 §10.3, §16.5",
    asks="a binding is used until its time is over",
)  # fmt: skip
def live_binding_is_called(trace: Trace) -> Iterator[Finding]:
    """Up to two seconds before the end: a call to a user who is there is not refused as 404 or 480 with nobody rung.
    Left out where features were switched, for do not disturb may be answered 480 too.
    """
    if next(intents(trace, "set_dnd", "forward", "dial_code"), None) is not None or trace.subscriptions:
        return
    if any(fork.branches for fork in forks(trace)):
        yield PASSED
    for call, final, known in refused(trace, at_least=True):
        left = max(((g.until_ns - call.packet.time_ns) / 1e9 for g in known), default=0.0)
        seen = f"{final.status} {final.reason}, with {left:.0f} s to live"
        yield finding(final, left < SURE, expected="a call to the phone", observed=seen, also=[call])


@check(
    "REG-018", level=MUST, on=SERVER, clause="RFC 3261 §10.3 steps 4 and 5",
    asks="a number of somebody else or of another domain is not registered, and no REGISTER is refused with a 6xx",
)  # fmt: skip
def foreign_number_is_refused(trace: Trace) -> Iterator[Finding]:
    """403 for the one, 404 for the other (SHOULD: any refusal protects). Whose number it is the scenario tells; by
    watching alone a second line of the same user looks the same.
    """
    foreign = {_wanted(o.what, o.who, places(trace)) for o in intents(trace, "register_as")}
    for request, final in answered(trace):
        ok = final.status < 600
        yield finding(final, ok, expected="no 6xx", observed=f"{final.status} {final.reason}", also=[request])
        who = (str(trace.party(request.source)), name_of(request.to))
        if who in foreign and final.status not in (401, 407) and name_of(request.to) != name_of(request.from_):
            seen = f"{final.status} {final.reason}"
            yield finding(final, final.status >= 300, expected="403 or 404", observed=seen, also=[request])
        elif _host(request.to) != _host(request.from_) and final.status not in (401, 407):
            seen = f"{final.status} {final.reason}"
            yield finding(final, final.status >= 300, expected="404", observed=seen, also=[request])


def _wanted(what: dict[str, object], who: str, actors: dict[str, str]) -> tuple[str, str]:
    return actors.get(who, ""), str(what.get("user"))


def _host(address: object) -> str:
    uri = getattr(address, "uri", None)
    return str(getattr(uri, "host", "")).lower()


@check(
    "REG-019", level=SHOULD, on=SERVER, clause="Bright Pattern, softphones",
    asks="an extension that goes to a new user brings nothing along: no forwarding, no phone of its last owner",
)  # fmt: skip
def extension_starts_anew(trace: Trace) -> Iterator[Finding]:
    """After the owner was deleted no call goes to a Contact registered before; after the number was given out again
    no call to it is forwarded, until somebody says so.
    """
    for gone in intents(trace, "dismiss"):
        user, since = str(gone.what.get("user")), gone.time_ns
        for fork in forks(trace):
            if user_of(fork.invite.request_uri) != user or fork.invite.packet.time_ns < since:
                continue
            for branch in fork.branches:
                invite = branch.request
                if invite is not None:
                    old, seen = _registered_before(trace, invite, user, since), f"INVITE {invite.request_uri}"
                    ok = target(invite) == user and not invite.has("Diversion") and not old
                    yield finding(invite, ok, expected=f"no call but to the new phone of {user}", observed=seen)
            if not fork.branches:
                yield PASSED


def _registered_before(trace: Trace, invite: WireMessage, user: str, since_ns: int) -> bool:
    """Whether a Contact was registered before a moment and not after it."""
    own = [g for (_, name), lists in grants(trace).items() if name == user for _, listed in lists for g in listed]
    same = [g.answer.packet.time_ns for g in own if same_uri(g.uri, invite.request_uri)]
    return bool(same) and not any(since_ns < at < invite.packet.time_ns for at in same)


@check(
    "REG-026", level=SHOULD, on=SERVER, clause="RFC 3261 §10.2.4, §10.3 step 7; RFC 5626 §6",
    asks="a phone that restarts has one binding, not two",
)  # fmt: skip
def restart_leaves_one(trace: Trace) -> Iterator[Finding]:
    """The same Contact with a new Call-ID replaces the old binding, and so does the same instance with another
    Contact: else the phone is called twice.
    """
    first: dict[tuple[Owner, str], WireMessage] = {}
    for transaction, request in registers(trace):
        final, asked = transaction.final, contacts(request)
        if final is None or final.status >= 300 or len(asked) != 1:
            continue
        instance = asked[0].params.get("+sip.instance")
        key = ((transaction.server, name_of(request.to)), instance or asked[0].uri_text)
        before = first.setdefault(key, request)
        if before.call_id != request.call_id:
            own = [c for c in contacts(final) if _is_same(c, asked[0])]
            expected, seen = "one binding of this phone", f"{len(own)}: Contact: {', '.join(final.texts('Contact'))}"
            yield finding(final, len(own) <= 1, expected=expected, observed=seen, also=[before, request])
            first[key] = request


def _is_same(one: NameAddr, other: NameAddr) -> bool:
    """Whether two Contacts are the same phone's."""
    instance = other.params.get("+sip.instance")
    same_instance = instance is not None and one.params.get("+sip.instance") == instance
    return same_instance or same_uri(one.uri_text, other.uri_text)
