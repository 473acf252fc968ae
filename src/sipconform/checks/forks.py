"""One call coming in at a server, and the calls it makes out of it; and what the lab says of the group.

A proxy keeps the Call-ID. A back-to-back user agent does not: its branches are known by the caller's From, or, for a
call to a group the lab has told of, by going to a member within two seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sipconform.checks.evidence import once_per_trace, seconds
from sipconform.checks.names import caller, target, user_of
from sipconform.sip.headers.reason import Reason
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, Transaction, WireMessage

AT_ONCE = 2.0  # seconds within which a call to a member belongs to the call to the group


@dataclass(frozen=True, slots=True)
class KnownGroup:
    """A hunt group as the lab describes it."""

    number: str
    members: frozenset[str]
    desk_only: frozenset[str]


@dataclass(slots=True, eq=False)
class Fork:
    """`branches` are INVITE transactions of the server, in the order begun. `group` when the call was to one."""

    incoming: Transaction
    invite: WireMessage
    group: KnownGroup | None = None
    branches: list[Transaction] = field(default_factory=list)

    @property
    def server(self) -> Address:
        return self.incoming.server

    @property
    def is_proxied(self) -> bool:
        return any(b.request is not None and b.request.call_id == self.invite.call_id for b in self.branches)


def groups(trace: Trace) -> dict[str, KnownGroup]:
    """The groups the lab has told of, by number."""
    told = [o.what.get("groups") for o in trace.observations if o.kind == "lab"]
    found = [group for groups in told if isinstance(groups, list) for group in groups if isinstance(group, dict)]
    return {
        str(g.get("number")): KnownGroup(str(g.get("number")), _names(g.get("members")), _names(g.get("desk_only")))
        for g in found
    }


def _names(listed: object) -> frozenset[str]:
    return frozenset(str(name) for name in listed) if isinstance(listed, list) else frozenset()


@once_per_trace
def forks(trace: Trace) -> Sequence[Fork]:
    """Every new call at a server that was taken further, and every call to a known group, taken further or not."""
    known = groups(trace)
    found: list[Fork] = []
    unanswered: dict[Address, list[Fork]] = {}  # by server
    for transaction in trace.transactions_of("INVITE"):
        invite = transaction.request
        if invite is None or invite.to_tag:
            continue
        near = [fork for fork in unanswered.get(transaction.client, ()) if not _is_over(fork, invite)]
        if near:
            unanswered[transaction.client] = near
        proxied = (fork for fork in near if fork.invite.call_id == invite.call_id)  # beats any likeness
        own = next(proxied, None) or next((fork for fork in reversed(near) if _belongs(invite, fork)), None)
        if own is not None:
            own.branches.append(transaction)
        elif transaction.final is None or transaction.final.status not in (401, 407):
            found.append(Fork(transaction, invite, known.get(user_of(invite.request_uri))))
            unanswered.setdefault(transaction.server, []).append(found[-1])
    return [fork for fork in found if fork.branches or fork.group]


def _belongs(invite: WireMessage, fork: Fork) -> bool:
    to_member = fork.group is not None and target(invite) in fork.group.members
    return caller(invite) == caller(fork.invite) or (to_member and seconds(invite, fork.invite) < AT_ONCE)


def _is_over(fork: Fork, invite: WireMessage) -> bool:
    final = fork.incoming.final
    return final is not None and final.number < invite.number


def cancel_of(trace: Trace, branch: Transaction) -> Transaction | None:
    """The CANCEL of a branch."""
    return next((t for t in trace.transactions_of("CANCEL") if t.invite is branch), None)


def pending(branch: Transaction, at: WireMessage) -> WireMessage | None:
    """The last 1xx of a branch that rang at that moment and of which the server has heard; None for any other.

    A server that repeats its INVITE has not heard the 1xx; so has one that may, for it has not yet had to.
    """
    early = [r for r in branch.responses if r.status < 200 and r.number < at.number]
    if not early or any(r.status >= 200 and r.number < at.number for r in branch.responses):
        return None
    asked_again = any(request.number > early[-1].number for request in branch.requests)
    return None if asked_again else early[-1]


def answers(branch: Transaction) -> dict[str, WireMessage]:
    """The first 2xx of every dialog an INVITE was answered with, by To tag."""
    found: dict[str, WireMessage] = {}
    for response in branch.responses:
        if 200 <= response.status < 300:
            found.setdefault(response.to_tag, response)
    return found


def within(trace: Trace, answer: WireMessage, method: str, by: Address) -> WireMessage | None:
    """The first request of a method in the dialog an answer made, sent by one side."""
    return next(
        (
            r
            for r in trace.requests(method)
            if r.call_id == answer.call_id and r.to_tag == answer.to_tag and trace.party(r.source) == by
        ),
        None,
    )


def elsewhere(request: WireMessage) -> bool:
    """Whether a Reason says that somebody else has answered (RFC 3326)."""
    said = {(r.protocol.upper(), r.cause) for r in request.reason_values if isinstance(r, Reason)}
    return ("SIP", 200) in said or ("Q.850", 26) in said


def won(trace: Trace, fork: Fork) -> WireMessage | None:
    """What proves that the server has heard of the first answer: its ACK to it, or its own 2xx to the caller."""
    taken = [r for r in fork.incoming.responses if 200 <= r.status < 300]
    acks = _acks(trace)
    for branch in fork.branches:
        for tag, answer in answers(branch).items():
            taken += [a for a in acks.get((answer.call_id, tag), ()) if trace.party(a.source) == fork.server]
    return min((m for m in taken if m.number > fork.invite.number), key=lambda m: m.number, default=None)


@once_per_trace
def _acks(trace: Trace) -> dict[tuple[str, str], list[WireMessage]]:
    """By Call-ID and To tag."""
    found: dict[tuple[str, str], list[WireMessage]] = {}
    for ack in trace.requests("ACK"):
        found.setdefault((ack.call_id, ack.to_tag), []).append(ack)
    return found
