"""Whose a number is, and how many bindings a phone has."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.bindings import (
    Owner,
    answered,
    aor,
    aors_of,
    contacts,
    flow_of,
    grants_of,
    registers,
    same_binding,
)
from sipconform.checks.catalogue import INFO, MUST, PASSED, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import same_uri
from sipconform.checks.forks import forks, whom
from sipconform.checks.names import aor_of, host_of, name_of
from sipconform.checks.told import intents, places
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, WireMessage


@check(
    "REG-018", level=MUST, on=SERVER, clause="RFC 3261 §10.3 steps 4 and 5",
    asks="a number of somebody else or of another domain is not registered, and no REGISTER is refused with a 6xx",
)  # fmt: skip
def foreign_number_is_refused(trace: Trace) -> Iterator[Finding]:
    """403 for the one, 404 for the other (SHOULD: any refusal protects). Whose number it is, and that a domain is
    another one, the scenario tells: by watching alone a second line of the same user looks the same, a third party may
    register for somebody (From), and a registrar may serve several names. That To and Request-URI name different hosts
    is noted once for each pair (INFO).
    """
    foreign = {_wanted(o.what, o.who, places(trace)) for o in intents(trace, "register_as")}
    noted: set[tuple[Address, str, str]] = set()
    for request, final in answered(trace):
        ok = final.status < 600
        yield finding(final, ok, expected="no 6xx", observed=f"{final.status} {final.reason}", also=[request])
        if final.status in (401, 407):
            continue
        seen = f"{final.status} {final.reason}"
        if _is_foreign(trace, request, foreign):
            yield finding(final, final.status >= 300, expected="403 or 404", observed=seen, also=[request])
            continue
        hosts = (final.source, host_of(_uri(request.to)), host_of(request.request_uri))
        if "" not in hosts[1:] and hosts[1] != hosts[2] and hosts not in noted:
            noted.add(hosts)
            expected = f"404 for {hosts[1]} at {hosts[2]}, unless that is a name of it"
            yield finding(final, final.status >= 300, expected=expected, observed=seen, also=[request], level=INFO)


def _wanted(what: dict[str, object], who: str, actors: dict[str, str]) -> tuple[str, str, str]:
    return actors.get(who, ""), str(what.get("user")), str(what.get("domain") or "").lower()


def _is_foreign(trace: Trace, request: WireMessage, foreign: set[tuple[str, str, str]]) -> bool:
    """Whether the scenario has tried to register what is not this phone's."""
    who, user, host = str(trace.party(request.source)), name_of(request.to), host_of(_uri(request.to))
    if (who, user, host) in foreign:
        return True
    return (who, user, "") in foreign and user != name_of(request.from_)


def _uri(address: object) -> str:
    return address.uri_text if isinstance(address, NameAddr) else ""


@check(
    "REG-019", level=SHOULD, on=SERVER, clause="Bright Pattern, softphones",
    asks="an extension that goes to a new user brings nothing along: no forwarding, no phone of its last owner",
)  # fmt: skip
def extension_starts_anew(trace: Trace) -> Iterator[Finding]:
    """After the owner was deleted no call goes to a Contact registered before; after the number was given out again
    no call to it is forwarded, until somebody says so. A number that several domains have at one server is left out.
    """
    for gone in intents(trace, "dismiss"):
        user, since = str(gone.what.get("user")), gone.time_ns
        for fork in forks(trace):
            is_one = len(aors_of(trace, fork.server, user)) < 2
            if fork.dialled != user or fork.invite.packet.time_ns < since or not is_one:
                continue
            for branch in fork.branches:
                invite = branch.request
                if invite is not None:
                    old, seen = _registered_before(trace, invite, since), f"INVITE {invite.request_uri}"
                    ok = whom(trace, branch, fork) == user and not invite.has("Diversion") and not old
                    yield finding(invite, ok, expected=f"no call but to the new phone of {user}", observed=seen)
            if not fork.branches:
                yield PASSED


def _registered_before(trace: Trace, invite: WireMessage, since_ns: int) -> bool:
    """Whether a Contact was registered before a moment and not after it."""
    grants = grants_of(trace, trace.party(invite.source), invite.request_uri)
    listed = [g.answer.packet.time_ns for _, g in grants if g.answer.number < invite.number]
    return bool(listed) and not any(since_ns < at for at in listed)


@check(
    "REG-026", level=SHOULD, on=SERVER, clause="RFC 3261 §10.2.4, §10.3 step 7; RFC 5626 §6",
    asks="a phone that restarts has one binding, not two",
)  # fmt: skip
def restart_leaves_one(trace: Trace) -> Iterator[Finding]:
    """The same Contact with a new Call-ID replaces the old binding: else the phone is called twice. With a registrar
    that confirms outbound so does the same flow of an instance with another Contact. Each flow has its own binding.
    """
    first: dict[tuple[Owner, str], WireMessage] = {}
    for transaction, request in registers(trace):
        final, asked = transaction.final, contacts(request)
        if final is None or final.status >= 300 or len(asked) != 1:
            continue
        outbound = "outbound" in final.require
        key = ((transaction.server, aor(request)), _mark(asked[0], outbound=outbound))
        before = first.setdefault(key, request)
        if before.call_id != request.call_id:
            own = [c for c in contacts(final) if _is_same(c, asked[0], outbound=outbound)]
            expected, seen = "one binding of this phone", f"{len(own)}: Contact: {', '.join(final.texts('Contact'))}"
            yield finding(final, len(own) <= 1, expected=expected, observed=seen, also=[before, request])
            first[key] = request


def _mark(contact: NameAddr, *, outbound: bool) -> str:
    """What a phone is known again by."""
    flow = flow_of(contact)
    return f"{flow}" if outbound and flow else aor_of(contact.uri_text)


def _is_same(one: NameAddr, other: NameAddr, *, outbound: bool) -> bool:
    return same_binding(one, other) and (outbound or same_uri(one.uri_text, other.uri_text))
