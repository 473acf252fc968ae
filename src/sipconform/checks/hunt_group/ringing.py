"""Who is rung when the number of a group is called."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.bindings import contacts, lifetime, registers
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
from sipconform.checks.forks import Fork, KnownGroup, forks, groups
from sipconform.checks.names import caller, name_of, target
from sipconform.checks.told import places
from sipconform.trace.trace import Trace, WireMessage

SPREAD = 0.5  # seconds between the first and the last branch of a parallel ring
GUIDE = "estos UCServer, Sammelgruppe"


def signed_in(trace: Trace, fork: Fork, margin: float = 1.0) -> dict[str, WireMessage]:
    """Users who have a live binding at the server when the call comes, each with the answer that granted it."""
    found: dict[str, tuple[WireMessage, float]] = {}
    for transaction, request in registers(trace):
        final = transaction.final
        if transaction.server != fork.server or final is None or not 200 <= final.status < 300:
            continue
        if final.number > fork.invite.number or not contacts(request):
            continue
        granted = max((lifetime(final, c) or 0 for c in contacts(final)), default=0)
        asked = lifetime(request, contacts(request)[0])
        left = granted - seconds(fork.invite, final)
        found[name_of(request.to)] = (final, 0 if asked == 0 else left)
    return {user: final for user, (final, left) in found.items() if left > margin}


@check(
    "HUNT-001", level=MUST, on=SERVER, clause=f"{GUIDE}; RFC 3261 §16.6",
    asks="a call to the group rings every signed-in member's softphone line at the same time",
)  # fmt: skip
def all_members_ring(trace: Trace) -> Iterator[Finding]:
    """Only for groups the lab has told of. Members signed in for a second or more are expected to ring within half a
    second of the first; the caller himself need not. By UDP a branch that comes later may have been lost before the
    tap: inconclusive, unless the server is ours and the tap sits in it.
    """
    for fork in forks(trace):
        group, first = fork.group, next((b.request for b in fork.branches if b.request is not None), None)
        if group is None or _was_refused_early(fork):
            continue
        rung = {target(b.request): b.request for b in fork.branches if b.request is not None}
        for user in sorted(signed_in(trace, fork).keys() & (group.members - group.desk_only) - {caller(fork.invite)}):
            branch = rung.get(user)
            if branch is None and watched(trace, fork.invite) < SPREAD + 1:
                continue
            yield _in_time(trace, fork, user, first, branch)


def _was_refused_early(fork: Fork) -> bool:
    """Whether the caller was refused for a reason of his own: not known, not allowed, gave up."""
    final = fork.incoming.final
    return final is not None and final.status in (400, 401, 403, 407, 420, 482, 483, 487, 488)


def _in_time(trace: Trace, fork: Fork, user: str, first: WireMessage | None, branch: WireMessage | None) -> Finding:
    expected = f"an INVITE to member {user} within {SPREAD:g} s"
    if branch is None or first is None:
        return finding(fork.invite, False, expected=expected, observed="none", party=fork.server)
    late = seconds(branch, first)
    certain = branch.transport != "udp" or str(fork.server) in _ours(trace)
    verdict = Verdict.FAIL if certain else Verdict.INCONCLUSIVE
    seen = f"{late:.1f} s after the first"
    return finding(branch, late <= SPREAD, expected=expected, observed=seen, also=[fork.invite], verdict=verdict)


def _ours(trace: Trace) -> set[str]:
    told = [o.what.get("ours") for o in trace.observations if o.kind == "lab"]
    return {str(a) for addresses in told if isinstance(addresses, list) for a in addresses}


@check(
    "HUNT-002", level=MUST, on=SERVER, clause=GUIDE,
    asks="members without a softphone line are not rung, and the others get the call all the same",
)  # fmt: skip
def desk_members_stay_silent(trace: Trace) -> Iterator[Finding]:
    """The call is shown on softphones only. That a member is absent must not cost the caller the call: with anybody
    there it is not refused before somebody has been rung.
    """
    for fork in forks(trace):
        group = fork.group
        if group is None:
            continue
        wrong = [b.request for b in fork.branches if b.request is not None and target(b.request) in group.desk_only]
        for branch in wrong:
            seen = f"INVITE to {target(branch)}"
            yield finding(branch, False, expected="no INVITE to a member without softphone line", observed=seen)
        final = fork.incoming.final
        present = signed_in(trace, fork).keys() & (group.members - group.desk_only) - {caller(fork.invite)}
        if final is not None and present and not _was_refused_early(fork):
            seen = f"{final.status} with {len(present)} members there"
            rung = bool(fork.branches) or final.status < 300
            yield finding(final, rung, expected="the members that are there rung", observed=seen, also=[fork.invite])
        elif not wrong:
            yield PASSED


@check(
    "HUNT-013", level=SHOULD, on=SERVER, clause=f"{GUIDE}; RFC 3325",
    asks="a member is shown the caller's own identity, not the group's",
)  # fmt: skip
def caller_is_shown(trace: Trace) -> Iterator[Finding]:
    """In From or in P-Asserted-Identity; the contact data a client shows is looked up by it."""
    for fork in forks(trace):
        if fork.group is None or not caller(fork.invite):
            continue
        for branch in fork.branches:
            invite = branch.request
            if invite is not None:
                shown = {caller(invite), *(name_of(address) for address in invite.asserted)}
                expected, seen = f"the caller, {caller(fork.invite)}", f"From: {invite.text('From')}"
                ok = caller(fork.invite) in shown
                yield finding(invite, ok, expected=expected, observed=seen, at="From", also=[fork.invite])


@check(
    "HUNT-023", level=SHOULD, on=PHONE, clause="RFC 3261 §20.4",
    asks="a phone rings whatever Alert-Info says, and fetches nothing from an address a stranger may have written",
)  # fmt: skip
def alert_info_is_harmless(trace: Trace) -> Iterator[Finding]:
    """An alternative tone is the user's choice. A request for the address is told by whoever drives the phone.
    Refusals for other reasons (busy, not there) are not counted.
    """
    actors = places(trace)
    for transaction in trace.transactions_of("INVITE"):
        invite, final = transaction.request, transaction.final
        if invite is None or not invite.has("Alert-Info") or invite.to_tag:
            continue
        if transaction.server in trace.servers:
            continue
        refused = final is not None and final.status in (400, 415, 420, 488, 500, 501, 606) and transaction.server
        seen, told = f"{final.status if final else ''}", f"Alert-Info: {invite.text('Alert-Info')}"
        yield finding(
            final, not refused, expected=f"ringing, with {told}", observed=seen, also=[invite], party=transaction.server
        )
        fetched = [
            o for o in trace.observations
            if o.kind == "belief" and o.what.get("fetched") and actors.get(o.who) == str(transaction.server)
        ]  # fmt: skip
        seen = f"{fetched[0].what['fetched'] if fetched else ''} was fetched"
        party = transaction.server
        yield finding(invite, not fetched, expected="nothing fetched", observed=seen, party=party, level=MUST)


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
    their own.
    """
    for fork in forks(trace):
        if len(fork.branches) < 2:
            continue
        first: dict[str, WireMessage] = {}
        for response in fork.incoming.responses:
            if response.repeats is None and response.status < 300 and response.content:
                known = first.setdefault(response.to_tag, response)
                if known is not response:
                    ok = known.content == response.content
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
