"""One call coming in at a server, and the calls it makes out of it; and what the lab says of the group.

A proxy keeps the Call-ID. A back-to-back user agent does not: its branches are known by the caller's From, or, for a
call to a group the lab has told of, by going to a member within two seconds. Whom a branch rings is told by the Contact
it goes to; a proxy leaves To alone (RFC 3261 §16.6).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sipconform.checks.bindings import aors_of, grants_of, owners_at
from sipconform.checks.evidence import once_per_trace, seconds
from sipconform.checks.names import caller, name_of, user_of
from sipconform.features.diversion import forwarded_by
from sipconform.sip.fault import Fault
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
    """`branches` are INVITE transactions of the server, in the order begun. `group` when the call was to one and this
    server is the last that was asked for it by the group's number. `unsure` when a branch may be this call's or
    another's: then what is missing may be there."""

    incoming: Transaction
    invite: WireMessage
    group: KnownGroup | None = None
    branches: list[Transaction] = field(default_factory=list)
    unsure: bool = False

    @property
    def server(self) -> Address:
        return self.incoming.server

    @property
    def dialled(self) -> str:
        return user_of(self.invite.request_uri)

    @property
    def is_proxied(self) -> bool:
        """Whether the caller's own request went on: same Call-ID, same From tag."""
        asked = (self.invite.call_id, self.invite.from_tag)
        return any(b.request is not None and (b.request.call_id, b.request.from_tag) == asked for b in self.branches)


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


# -- which branch belongs to which call ---------------------------------------------------------------------------


@once_per_trace
def forks(trace: Trace) -> Sequence[Fork]:
    """Every new call at a server that was taken further, and every call to a known group, taken further or not. A
    branch that is taken further at the next server is a call of its own there."""
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
            _attach(trace, transaction, invite, near)
        if transaction.final is None or transaction.final.status not in (401, 407):
            found.append(Fork(transaction, invite, known.get(user_of(invite.request_uri))))
            unanswered.setdefault(transaction.server, []).append(found[-1])
    for fork in found:
        if _went_on(trace, fork):
            fork.group = None  # whoever is asked next by the group's number is the group
    return [fork for fork in found if fork.branches or fork.group]


def _attach(trace: Trace, branch: Transaction, invite: WireMessage, near: Sequence[Fork]) -> None:
    """Gives a branch to the one call it can belong to. Where two look alike, to neither."""
    candidates = [fork for fork in near if fork.invite.call_id == invite.call_id]  # beats any likeness
    candidates = [fork for fork in candidates if _came_from(invite, fork)] or candidates[-1:]
    candidates = candidates or _likely(trace, branch, [f for f in near if caller(f.invite) == caller(invite)])
    candidates = candidates or [fork for fork in near if _rings_a_member(trace, branch, invite, fork)]
    if len(candidates) == 1:
        candidates[0].branches.append(branch)
    else:
        for fork in candidates:
            fork.unsure = True


def _came_from(invite: WireMessage, fork: Fork) -> bool:
    """Whether the second Via is the one a call came in with, as on a proxy's branch (RFC 3261 §16.6 step 8)."""
    vias = invite.via
    return len(vias) > 1 and not isinstance(vias[1], Fault) and vias[1].branch == fork.incoming.branch


def _likely(trace: Trace, branch: Transaction, alike: list[Fork]) -> list[Fork]:
    """Of several calls of one caller, those whose number is the one the branch rings, or says that it comes from."""
    if len(alike) < 2 or branch.request is None:
        return alike
    by = forwarded_by(branch.request)
    named = name_of(by.party) if by is not None else ""
    open_ = [fork for fork in alike if not _went_on(trace, fork)]
    meant = [f for f in open_ if f.dialled in (whom(trace, branch, f), named) or _is_member(trace, branch, f)]
    return meant or alike


def _rings_a_member(trace: Trace, branch: Transaction, invite: WireMessage, fork: Fork) -> bool:
    return _is_member(trace, branch, fork) and seconds(invite, fork.invite) < AT_ONCE


def _is_member(trace: Trace, branch: Transaction, fork: Fork) -> bool:
    return fork.group is not None and whom(trace, branch, fork) in fork.group.members


def _went_on(trace: Trace, fork: Fork) -> bool:
    """Whether the server asked another one for the same number."""
    asked = (b.request for b in fork.branches if b.server not in trace.phones)
    return any(request is not None and user_of(request.request_uri) == fork.dialled for request in asked)


def _is_over(fork: Fork, invite: WireMessage) -> bool:
    final = fork.incoming.final
    return final is not None and final.number < invite.number


def whom(trace: Trace, branch: Transaction, fork: Fork) -> str:
    """The user a branch rings: whose registered Contact its Request-URI is; else who is named in a To that the server
    has changed; else whose phone it goes to; else as the Request-URI says."""
    invite, server = branch.request, branch.client
    if invite is None:
        return ""
    by_contact = _only(user_of(owner) for owner, _ in grants_of(trace, server, invite.request_uri))
    named = name_of(invite.to)
    is_changed = named != name_of(fork.invite.to)
    is_known = bool(aors_of(trace, server, named)) or (fork.group is not None and named in fork.group.members)
    by_to = named if is_changed and is_known else ""
    by_place = _only(user_of(owner) for owner in owners_at(trace, server, branch.server))
    return by_contact or by_to or by_place or user_of(invite.request_uri) or named


def _only(names: Iterable[str]) -> str:
    """The one name there is, "" for none or several."""
    found = set(names)
    return found.pop() if len(found) == 1 else ""


# -- what became of a branch --------------------------------------------------------------------------------------


def cancel_of(trace: Trace, branch: Transaction) -> Transaction | None:
    """The CANCEL of a branch."""
    return _cancels(trace).get(id(branch))


@once_per_trace
def _cancels(trace: Trace) -> dict[int, Transaction]:
    """By what is cancelled."""
    found: dict[int, Transaction] = {}
    for cancel in trace.transactions_of("CANCEL"):
        if cancel.invite is not None:
            found.setdefault(id(cancel.invite), cancel)
    return found


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
    sent = (r for r in _in_call(trace).get((answer.call_id, method), ()) if trace.party(r.source) == by)
    return next((r for r in sent if r.to_tag == answer.to_tag), None)


def goodbye(trace: Trace, answer: WireMessage) -> WireMessage | None:
    """The first BYE in the dialog an answer made, of either side."""
    tags = {answer.from_tag, answer.to_tag}
    return next((r for r in _in_call(trace).get((answer.call_id, "BYE"), ()) if {r.from_tag, r.to_tag} == tags), None)


@once_per_trace
def _in_call(trace: Trace) -> dict[tuple[str, str], list[WireMessage]]:
    """ACK and BYE by Call-ID and method."""
    found: dict[tuple[str, str], list[WireMessage]] = {}
    for method in ("ACK", "BYE"):
        for request in trace.requests(method):
            found.setdefault((request.call_id, method), []).append(request)
    return found


def elsewhere(request: WireMessage) -> bool:
    """Whether a Reason says that somebody else has answered (RFC 3326)."""
    said = {(r.protocol.upper(), r.cause) for r in request.reason_values if isinstance(r, Reason)}
    return ("SIP", 200) in said or ("Q.850", 26) in said


def won(trace: Trace, fork: Fork) -> WireMessage | None:
    """What proves that the server has taken an answer for the call: a proxy's 2xx to the caller, or an ACK on its way.

    Of a back-to-back user agent the later of its own 2xx and that of a branch: it may answer the caller with music
    before anybody is there, and may ask whoever answers whether he wants the call.
    """
    to_caller = [r for r in fork.incoming.responses if 200 <= r.status < 300 and r.number > fork.invite.number]
    if fork.is_proxied:
        taken = [*to_caller, *_acks(trace, fork)]
        return min(taken, key=lambda m: m.number, default=None)
    of_branches = [answer for branch in fork.branches for answer in answers(branch).values()]
    if not to_caller or not of_branches:
        return None
    first = (min(heard, key=lambda m: m.number) for heard in (to_caller, of_branches))
    return max(first, key=lambda m: m.number)


def _acks(trace: Trace, fork: Fork) -> Iterator[WireMessage]:
    for branch in fork.branches:
        for answer in answers(branch).values():
            if (ack := within(trace, answer, "ACK", fork.server)) is not None and ack.number > fork.invite.number:
                yield ack
