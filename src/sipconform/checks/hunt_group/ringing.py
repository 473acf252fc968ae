"""Who is rung when the number of a group is called."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.bindings import owner_of, present, registers
from sipconform.checks.catalogue import (
    INFO,
    MUST,
    PASSED,
    PHONE,
    SERVER,
    SHOULD,
    Finding,
    Verdict,
    check,
    finding,
)
from sipconform.checks.evidence import contact, seconds, watched
from sipconform.checks.forks import Fork, KnownGroup, forks, groups, whom
from sipconform.checks.names import caller, host_of, name_of
from sipconform.checks.told import intents, is_ours, places
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import escape
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, WireMessage

SPREAD = 0.5  # seconds between the first and the last branch of a parallel ring
IN_TURN = 4.0  # seconds: an INVITE lost three times before the tap is there by then
NATIONAL = 6  # digits by which a number is known, whatever stands before it
FOR_SOMETHING = (400, 500, 501)
FOR_THE_TONE = (*FOR_SOMETHING, 415, 420, 488, 606)
GUIDE = "estos UCServer, Sammelgruppe"


def signed_in(trace: Trace, fork: Fork) -> frozenset[str]:
    """The members with a softphone line who have a live binding at the server when the call comes."""
    if fork.group is None:
        return frozenset()
    domain = fork.invite.request_uri.partition("@")[2]
    names = fork.group.members - fork.group.desk_only - {caller(fork.invite)}
    owners = {name: owner_of(trace, fork.server, f"sip:{escape(name)}@{domain}") for name in names}
    return frozenset(name for name, owner in owners.items() if present(trace, owner, fork.invite))


@check(
    "HUNT-001", level=MUST, on=SERVER, clause=f"{GUIDE}; RFC 3261 §16.6",
    asks="a call to the group rings every signed-in member's softphone line at the same time",
)  # fmt: skip
def all_members_ring(trace: Trace) -> Iterator[Finding]:
    """Only for groups the lab has told of. Members signed in for a second or more are expected to ring within half a
    second of the first; the caller himself need not. One that begins within four seconds is slow (SHOULD), a later one
    is asked in turn. By UDP a branch that comes later may have been lost before the tap: inconclusive, unless the tap
    sits in the server; and where calls cannot be told apart, what is missing may be there.
    """
    for fork in forks(trace):
        first = next((b.request for b in fork.branches if b.request is not None), None)
        if fork.group is None or _was_refused_early(fork):
            continue
        rung: dict[str, WireMessage] = {}
        for branch in fork.branches:
            if branch.request is not None:
                rung.setdefault(whom(trace, branch, fork), branch.request)
        for user in sorted(signed_in(trace, fork)):
            if user not in rung and watched(trace, fork.invite) < SPREAD + 1:
                continue
            yield _in_time(trace, fork, user, first, rung.get(user))


def _was_refused_early(fork: Fork) -> bool:
    """Whether the caller was refused for a reason of his own: not known, not allowed, gave up."""
    final = fork.incoming.final
    return final is not None and final.status in (400, 401, 403, 407, 420, 482, 483, 487, 488)


def _in_time(trace: Trace, fork: Fork, user: str, first: WireMessage | None, branch: WireMessage | None) -> Finding:
    expected = f"an INVITE to member {user} within {SPREAD:g} s"
    if branch is None or first is None:
        verdict = Verdict.INCONCLUSIVE if fork.unsure else Verdict.FAIL
        return finding(fork.invite, False, expected=expected, observed="none", party=fork.server, verdict=verdict)
    late = seconds(branch, first)
    certain = branch.transport != "udp" or is_ours(trace, fork.server)
    verdict, level = Verdict.FAIL if certain else Verdict.INCONCLUSIVE, SHOULD if late <= IN_TURN else None
    seen, ok, also = f"{late:.1f} s after the first", late <= SPREAD, [fork.invite]
    return finding(branch, ok, expected=expected, observed=seen, also=also, verdict=verdict, level=level)


@check(
    "HUNT-002", level=MUST, on=SERVER, clause=GUIDE,
    asks="members without a softphone line are not rung, and the others get the call all the same",
)  # fmt: skip
def desk_members_stay_silent(trace: Trace) -> Iterator[Finding]:
    """The call is shown on softphones only. That a member is absent must not cost the caller the call: with anybody
    there it is not refused before somebody has been rung.
    """
    for fork in forks(trace):
        if fork.group is None:
            continue
        for branch in fork.branches:
            user = whom(trace, branch, fork)
            if branch.request is not None and user in fork.group.desk_only:
                expected, seen = "no INVITE to a member without softphone line", f"INVITE to {user}"
                yield finding(branch.request, False, expected=expected, observed=seen)
        final, there = fork.incoming.final, signed_in(trace, fork)
        if final is not None and there and not _was_refused_early(fork):
            seen = f"{final.status} with {len(there)} members there"
            rung = bool(fork.branches) or final.status < 300
            verdict = Verdict.INCONCLUSIVE if fork.unsure else Verdict.FAIL
            expected, also = "the members that are there rung", [fork.invite]
            yield finding(final, rung, expected=expected, observed=seen, also=also, verdict=verdict)
        else:
            yield PASSED


@check(
    "HUNT-013", level=SHOULD, on=SERVER, clause=f"{GUIDE}; RFC 3325",
    asks="a member is shown the caller's own identity, not the group's",
)  # fmt: skip
def caller_is_shown(trace: Trace) -> Iterator[Finding]:
    """In From or in P-Asserted-Identity; the contact data a client shows is looked up by it. The number may be written
    another way, with or without country code. Who wants to be private (RFC 3323) is not shown, and neither is one whose
    identity the server withholds.
    """
    for fork in forks(trace):
        if fork.group is None or not caller(fork.invite) or _is_private(fork.invite):
            continue
        for branch in fork.branches:
            invite = branch.request
            if invite is not None and not _is_private(invite):
                shown = {caller(invite), *(name_of(address) for address in invite.asserted)}
                expected, seen = f"the caller, {caller(fork.invite)}", f"From: {invite.text('From')}"
                ok = any(_is_same_number(caller(fork.invite), name) for name in shown)
                yield finding(invite, ok, expected=expected, observed=seen, at="From", also=[fork.invite])


def _is_private(invite: WireMessage) -> bool:
    asked = {value.strip().lower() for value in invite.text("Privacy").split(";")} - {"", "none"}
    host = host_of(invite.from_.uri_text) if isinstance(invite.from_, NameAddr) else ""
    return bool(asked) or caller(invite).lower() == "anonymous" or host == "anonymous.invalid"


def _is_same_number(one: str, other: str) -> bool:
    """Whether two user parts are one number, whatever stands before it to dial it from elsewhere."""
    if one == other:
        return True
    short, long = sorted((one.lstrip("+0"), other.lstrip("+0")), key=len)
    return len(short) >= NATIONAL and short.isdigit() and long.endswith(short)


@check(
    "HUNT-023", level=SHOULD, on=PHONE, clause="RFC 3261 §20.4",
    asks="a phone rings whatever Alert-Info says, and fetches nothing from an address a stranger may have written",
)  # fmt: skip
def alert_info_is_harmless(trace: Trace) -> Iterator[Finding]:
    """An alternative tone is the user's choice. A request for the address is told by whoever drives the phone. That a
    phone refuses for the tone's sake is certain only where the scenario asked for the tone and calls are taken without;
    else the session description may be what it cannot do. Refusals for other reasons (busy, not there) are not counted.
    """
    asked = any(o.what.get("alert_info") for o in intents(trace, "group_tells"))
    for transaction in trace.transactions_of("INVITE"):
        invite, final = transaction.request, transaction.final
        if invite is None or not invite.has("Alert-Info") or invite.to_tag or transaction.server in trace.servers:
            continue
        refused = final is not None and final.status in (FOR_THE_TONE if asked else FOR_SOMETHING)
        seen, told, party = f"{final.status if final else ''}", invite.text("Alert-Info"), transaction.server
        verdict = Verdict.FAIL if asked else Verdict.INCONCLUSIVE
        expected = f"ringing, with Alert-Info: {told}"
        yield finding(
            final, not refused, expected=expected, observed=seen, also=[invite], party=party, verdict=verdict
        )  # fmt: skip
        fetched = _fetched(trace, transaction.server)
        seen = f"{fetched} was fetched"
        yield finding(invite, not fetched, expected="nothing fetched", observed=seen, party=party, level=MUST)


def _fetched(trace: Trace, phone: Address) -> str:
    """What a phone says that it has fetched, "" for nothing."""
    actors = places(trace)
    told = (o for o in trace.observations if o.kind == "belief" and o.what.get("fetched"))
    return next((str(o.what["fetched"]) for o in told if actors.get(o.who) == str(phone)), "")


@check(
    "HUNT-024", level=SHOULD, on=SERVER, clause=GUIDE,
    asks="the number of a group cannot be registered as a user's line",
)  # fmt: skip
def group_number_is_no_line(trace: Trace) -> Iterator[Finding]:
    """Else calls to the group could be taken away by whoever registers it."""
    known: dict[str, KnownGroup] = groups(trace)
    for transaction, request in registers(trace):
        final = transaction.final
        if name_of(request.to) in known and final is not None and request.has("Contact"):
            seen = f"{final.status} to the registration of {contact(request)}"
            yield finding(final, final.status >= 300, expected="a refusal", observed=seen, also=[request])


@check(
    "HUNT-025", level=SHOULD, on=SERVER, clause="RFC 3261 §13.2.1",
    asks="the caller gets one session description, whoever plays what while it rings",
)  # fmt: skip
def ringback_is_one(trace: Trace) -> Iterator[Finding]:
    """The first description a caller gets in a dialog counts, all later ones are ignored: early media of one member,
    passed on under the caller's dialog, leaves him deaf to the one who answers. A proxy's forks have To tags of
    their own; bodies that describe no session (of ISUP, for example) are something else.
    """
    for fork in forks(trace):
        if len(fork.branches) < 2:
            continue
        first: dict[str, WireMessage] = {}
        for response in fork.incoming.responses:
            if response.repeats is None and response.status < 300 and response.sdp is not None:
                known = first.setdefault(response.to_tag, response)
                if known is not response:
                    ok = known.sdp is not None and known.sdp.raw == response.sdp.raw
                    expected, seen = "the description already given", f"another one in the {response.status}"
                    yield finding(response, ok, expected=expected, observed=seen, also=[known])
        if fork.incoming.succeeded:
            yield PASSED


@check(
    "HUNT-026", level=INFO, on=SERVER, clause="no clause: behaviour recorded",
    asks="members who come or go while it rings do not end the call",
)  # fmt: skip
def changes_while_ringing(trace: Trace) -> Iterator[Finding]:
    """Whether a newcomer is rung is the server's affair. A REGISTER of a member while a call to the group rings must
    only not be followed, within a second, by a refusal of the caller while others still ring.
    """
    for fork in forks(trace):
        final = fork.incoming.final
        if fork.group is None:
            continue
        for transaction, request in registers(trace):
            answer = transaction.final
            ringing = request.number > fork.invite.number and (final is None or final.number > request.number)
            if not ringing or answer is None or answer.status >= 300 or name_of(request.to) not in fork.group.members:
                continue
            if final is None:
                yield PASSED
                continue
            refused = final.status >= 300 and final.status != 487 and seconds(final, answer) < 1
            others = any(b.final is None or b.final.number > final.number for b in fork.branches)
            seen = f"{final.status} after a REGISTER"
            ok = not (refused and others)
            yield finding(final, ok, expected="the call going on", observed=seen, also=[request])
