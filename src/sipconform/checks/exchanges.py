"""Offers and answers of a call, as one hop shows them (RFC 3264; RFC 3261 §13.2.1, §14).

Only what has come to an end counts: an offer that was refused changes nothing. Descriptions in reliable provisional
answers (RFC 3262) open exchanges of their own; calls that use them are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sipconform.checks.evidence import once_per_trace
from sipconform.sip.sdp import Media, Sdp
from sipconform.trace.packet import Address
from sipconform.trace.trace import Dialog, Trace, Transaction, WireMessage


class Said(NamedTuple):
    """A description, and the message that carried it."""

    message: WireMessage
    sdp: Sdp


class Exchange(NamedTuple):
    """An offer and its answer. `offerer` and `answerer` are addresses of this hop; `standing` is what the answerer had
    wished last by himself."""

    dialog: Dialog
    offer: Said
    answer: Said
    offerer: Address
    answerer: Address
    standing: Said | None = None

    @property
    def holds(self) -> bool:
        """Whether the answerer held the call by his own wish when the offer came."""
        return self.standing is not None and self.standing.sdp.is_hold

    @property
    def wish(self) -> tuple[Address, Said]:
        """Who began the exchange, and what he said in it: in his offer, or in the ACK of an INVITE without one."""
        late = self.offer.message.is_response
        return (self.answerer, self.answer) if late else (self.offerer, self.offer)

    def streams(self) -> Iterator[tuple[Media, Media]]:
        """Offered and answered stream by stream; nothing where a stream could not be read or has no partner."""
        offered, answered = self.offer.sdp, self.answer.sdp
        if readable(offered) and readable(answered):
            yield from zip(offered.media, answered.media, strict=False)


def readable(sdp: Sdp) -> bool:
    """Whether every m= line could be read."""
    return len(sdp.media) == streams_of(sdp)


def streams_of(sdp: Sdp) -> int:
    """How many m= lines there are, legible or not."""
    return sum(line.kind == "m" for line in sdp.lines)


@once_per_trace
def exchanges(trace: Trace) -> Sequence[Exchange]:
    """Every exchange that came to its end, dialog by dialog, in order."""
    found: list[Exchange] = []
    for dialog in trace.dialogs:
        wishes: dict[Address, Said] = {}
        for exchange in () if _is_reliable(dialog) else _exchanges(dialog):
            found.append(exchange._replace(standing=wishes.get(exchange.answerer)))
            party, said = exchange.wish
            wishes[party] = said
    return found


def successive(trace: Trace) -> Iterator[tuple[Said, Said]]:
    """What a party said last in its call, and its next offer that was accepted."""
    last: dict[tuple[int, Address], Said] = {}
    for found in exchanges(trace):
        mine, theirs = (id(found.dialog), found.offerer), (id(found.dialog), found.answerer)
        if before := last.get(mine):
            yield before, found.offer
        last[mine], last[theirs] = found.offer, found.answer


def _is_reliable(dialog: Dialog) -> bool:
    return any(m.method == "PRACK" or (m.is_response and m.has("RSeq")) for m in dialog.messages)


def _exchanges(dialog: Dialog) -> Iterator[Exchange]:
    for transaction in dialog.transactions:
        request, final = transaction.request, accepted(transaction, dialog)
        if request is None or final is None or transaction.method not in ("INVITE", "UPDATE"):
            continue
        asked, answered = transaction.client, transaction.server
        if request.sdp is not None and final.sdp is not None:
            yield Exchange(dialog, Said(request, request.sdp), Said(final, final.sdp), asked, answered)
        elif not request.content and final.sdp is not None:
            ack = ack_to(dialog, request)
            if ack is not None and ack.sdp is not None:
                yield Exchange(dialog, Said(final, final.sdp), Said(ack, ack.sdp), answered, asked)


def accepted(transaction: Transaction, dialog: Dialog) -> WireMessage | None:
    """The 2xx that belongs to this dialog: an INVITE that forked has several."""
    taken = (r for r in transaction.responses if 200 <= r.status < 300)
    return next((r for r in taken if r.dialog is None or r.dialog is dialog), None)


def ack_to(dialog: Dialog, invite: WireMessage) -> WireMessage | None:
    """The ACK to a 2xx: by number and sender, in the dialog (RFC 3261 §13.2.2.4)."""
    acks = (m for m in dialog.messages if m.is_request and m.method == "ACK")
    return next((a for a in acks if a.cseq_number == invite.cseq_number and a.source == invite.source), None)
