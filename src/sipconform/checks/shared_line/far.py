"""The far legs of a line's calls: what passes between the server and whoever is outside the line.

Where they are in the evidence they show whether a call goes on, whoever of the line has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from sipconform.checks.evidence import once_per_trace, seconds
from sipconform.checks.forks import Fork, forks
from sipconform.checks.names import caller
from sipconform.checks.shared_line.legs import Leg
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, Transaction, WireMessage

AT_ONCE = 2.0  # seconds within which a server calls on behalf of who calls it


@dataclass(frozen=True, slots=True, eq=False)
class Far:
    """The far side of one call. `answered` and `end` are the messages by which the server has taken part in it, `bye`
    is that of the far party."""

    invite: WireMessage
    answered: WireMessage | None
    end: WireMessage | None
    bye: WireMessage | None = None

    def hung_up(self, near: WireMessage) -> bool:
        """Whether the far party hung up at about the time of a message."""
        return self.bye is not None and abs(seconds(self.bye, near)) < AT_ONCE


def far_of(trace: Trace, leg: Leg) -> Far | None:
    """The far leg of a leg's call; None where it is not in the evidence, or may be another's."""
    fork = _by_transaction(trace).get(id(leg.invite))
    if fork is None or not _is_sure(trace, fork):
        return None
    if not leg.calls:
        return _far(fork.incoming, by_server=False)
    outward = [branch for branch in fork.branches if branch.request is not None]
    found = [far for branch in outward if (far := _far(branch, by_server=True)) is not None]
    return next((far for far in found if far.answered is not None), found[-1] if found else None)


@once_per_trace
def _by_transaction(trace: Trace) -> dict[int, Fork]:
    return {id(t): fork for fork in forks(trace) for t in (fork.incoming, *fork.branches)}


def _is_sure(trace: Trace, fork: Fork) -> bool:
    """Whether no other call of the same caller was being set up at the server meanwhile: then names tell nothing."""
    return not fork.unsure and (fork.is_proxied or id(fork) not in _mixed_up(trace))


@once_per_trace
def _mixed_up(trace: Trace) -> set[int]:
    """The calls, by identity, that one caller made so close together that their forks may be taken for each other's."""
    by_caller: dict[tuple[Address, str], list[Fork]] = {}
    for fork in forks(trace):
        by_caller.setdefault((fork.server, caller(fork.invite)), []).append(fork)
    found: set[int] = set()
    for first, second in (pair for same in by_caller.values() for pair in pairwise(same)):
        last = first.branches[-1].request if first.branches else None
        overlap = last is not None and second.invite.number < last.number
        if overlap or seconds(second.invite, first.invite) < AT_ONCE:
            found |= {id(first), id(second)}
    return found


def _far(invite: Transaction, *, by_server: bool) -> Far | None:
    request, final = invite.request, invite.final
    if request is None:
        return None
    if final is None or final.status >= 300:
        return Far(request, None, next(iter(invite.acks), final) if by_server else final)
    dialog = final.dialog
    byes = (t for t in dialog.transactions if t.method == "BYE") if dialog is not None else iter(())
    over = next(byes, None)
    if over is None:
        return Far(request, final, None)
    by_far = (over.client == invite.client) is not by_server
    return Far(request, final, over.final if by_far else over.request, over.request if by_far else None)
