"""What the phone of a call does with its media: holding, holding privately, coming back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sipconform.checks.exchanges import ack_to
from sipconform.checks.shared_line.line import said_slot
from sipconform.features.appearance import Appearance, State
from sipconform.sip.sdp import Media, Sdp
from sipconform.trace.packet import Address
from sipconform.trace.trace import Dialog, Transaction, WireMessage

TALKS: frozenset[str] = frozenset({State.ACTIVE})
PUBLIC: frozenset[str] = frozenset({State.HELD})
PRIVATE: frozenset[str] = frozenset({State.HELD_PRIVATE})
EITHER = PUBLIC | PRIVATE


class Hold(NamedTuple):
    """A word of the line's phone on its media. `request` says it, `at` is the message that makes it good, `states` what
    the slot is by this phone alone: more than one where the words leave it open. `changes` says whether anything is
    other than before, `status` how it was answered."""

    at: WireMessage
    request: WireMessage
    states: frozenset[str]
    status: int
    changes: bool

    @property
    def held(self) -> bool:
        """Whether the phone surely holds."""
        return State.ACTIVE not in self.states

    @property
    def may_hold(self) -> bool:
        return self.states != TALKS

    @property
    def private(self) -> bool:
        return self.states == PRIVATE


def holds_of(dialog: Dialog, phone: Address, since: WireMessage) -> Iterator[Hold]:
    """Everything a phone says of its media in a call once it is up: in its own re-INVITEs and UPDATEs, in the ACK of a
    re-INVITE without a description (RFC 3261 §14.1), and in its answers where the offer left it the choice."""
    now: frozenset[str] = TALKS
    for transaction in dialog.transactions:
        request, final = transaction.request, transaction.final
        if request is None or final is None or request.number <= since.number or final.status in (401, 407):
            continue
        if transaction.method not in ("INVITE", "UPDATE"):
            continue
        said = _asked(dialog, transaction) if transaction.client == phone else _answered(dialog, transaction)
        if said is not None:
            sdp, at = said
            states = _states(sdp, said_slot(request) if transaction.client == phone else None, now)
            yield Hold(at, request, states, final.status, states != now)
            now = states if final.status < 300 else now


def _asked(dialog: Dialog, transaction: Transaction) -> tuple[Sdp, WireMessage] | None:
    """The phone's own offer, or its description in the ACK, with the message that makes it good."""
    request, final = transaction.request, transaction.final
    if request is None or final is None:
        return None
    if request.sdp is not None:
        return request.sdp, final
    ack = ack_to(dialog, request) if transaction.method == "INVITE" else None
    return (ack.sdp, ack) if ack is not None and ack.sdp is not None else None


def _answered(dialog: Dialog, transaction: Transaction) -> tuple[Sdp, WireMessage] | None:
    """The phone's answer to an offer of the server that asked for both directions, or its offer in the answer."""
    request, final = transaction.request, transaction.final
    if request is None or final is None or final.status >= 300 or final.sdp is None:
        return None
    if request.sdp is not None and (request.sdp.is_hold or any(m.direction != "sendrecv" for m in _used(request.sdp))):
        return None
    return final.sdp, ack_to(dialog, request) or final


def _states(sdp: Sdp, said: Appearance | None, now: frozenset[str]) -> frozenset[str]:
    """What a description means, given how it was until then. A hold is private when Call-Info says so; one that goes
    on, as in a refresh of the session, stays what it was unless a state is named."""
    if not sdp.is_hold:
        others = any(media.held for media in sdp.media if media.kind != "audio")
        return TALKS | PUBLIC if others else TALKS  # some servers go by any stream (5.3)
    state = said.state if said is not None else ""
    if state == State.HELD_PRIVATE:
        return PRIVATE
    goes_on = now <= EITHER
    if not goes_on or state == State.HELD:
        return PUBLIC
    return now if said is None else now | PUBLIC


def _used(sdp: Sdp) -> list[Media]:
    return [media for media in sdp.media if media.kind == "audio" and media.port]
