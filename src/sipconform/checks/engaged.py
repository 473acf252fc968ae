"""Who is in a call: a phone that talks, calls or rings already may refuse the next call as busy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from typing import NamedTuple

from sipconform.checks.evidence import once_per_trace
from sipconform.trace.packet import Address
from sipconform.trace.trace import Dialog, Trace, Transaction, WireMessage

IN_CALLS = frozenset(("INVITE", "ACK", "BYE", "UPDATE", "PRACK", "INFO", "REFER"))


class Call(NamedTuple):
    """A call one party took part in, by the numbers of its first message and of the one that ended it."""

    call_id: str
    since: float
    until: float


def is_engaged(trace: Trace, party: Address, moment: WireMessage, but: frozenset[str] = frozenset()) -> bool:
    """Whether a party is in a call, or may be by all that was seen, when a message passes; that message's own call and
    the Call-IDs of `but` left out."""
    others = (c for c in _calls(trace).get(party, ()) if c.call_id != moment.call_id and c.call_id not in but)
    return any(call.since < moment.number < call.until for call in others)


@once_per_trace
def _calls(trace: Trace) -> Mapping[Address, list[Call]]:
    found: dict[Address, list[Call]] = {}
    for parties, call in (*_dialled(trace), *_joined(trace)):
        for party in parties:
            found.setdefault(trace.party(party), []).append(call)
    return found


def _dialled(trace: Trace) -> Iterator[tuple[frozenset[Address], Call]]:
    """From the INVITE on: until it was refused, or the BYE of a call it began."""
    byes = {t.request.call_id: t.request.number for t in trace.transactions_of("BYE") if t.request is not None}
    for transaction in trace.transactions_of("INVITE"):
        request = transaction.request
        if request is not None and not request.to_tag:
            parties = frozenset((transaction.client, transaction.server))
            yield parties, Call(request.call_id, request.number, _end(transaction, byes))


def _end(transaction: Transaction, byes: Mapping[str, int]) -> float:
    request, final = transaction.request, transaction.final
    if final is not None and final.status >= 300:
        return final.number
    return byes.get(request.call_id, inf) if request is not None else inf


def _joined(trace: Trace) -> Iterator[tuple[frozenset[Address], Call]]:
    """Calls that were up when the capture began: from before its first message."""
    for dialog in trace.dialogs:
        if not dialog.began_here and dialog.messages and _is_call(dialog):
            bye = next((m.number for m in dialog.messages if m.method == "BYE"), inf)
            yield dialog.parties, Call(dialog.call_id, -1, bye)


def _is_call(dialog: Dialog) -> bool:
    return any(m.method in IN_CALLS for m in dialog.messages)
