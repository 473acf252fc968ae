"""The calls between the phones of a line and its server, each from its INVITE to its end.

An event counts from the server's own message that shows the server had taken part in it (its answer, its ACK, its
BYE), for what a phone sent may never have arrived.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sipconform.checks.evidence import contact, once_per_trace, seconds
from sipconform.checks.exchanges import ack_to
from sipconform.checks.names import name_of, user_of
from sipconform.checks.shared_line.holds import Hold, holds_of
from sipconform.checks.shared_line.line import QUIET, Line, index_of
from sipconform.checks.shared_line.lines import lines
from sipconform.checks.shared_line.owning import is_from, is_to
from sipconform.checks.shared_line.phones import Phone
from sipconform.trace.trace import Trace, Transaction, WireMessage


@dataclass(eq=False, slots=True)
class Leg:
    """One call between a phone of the line and the server. `calls`: the phone sent the INVITE; `press`: to the own line
    with an index, to retrieve or to join. `leaving` is the first message by which either side ends it, `end` the one
    that shows it ended, None while it lasts."""

    phone: Phone
    invite: Transaction
    request: WireMessage
    calls: bool
    press: bool
    index: int | None
    ringing: WireMessage | None = None
    answer: WireMessage | None = None  # the 2xx
    ack: WireMessage | None = None  # to the 2xx
    settled: WireMessage | None = None  # … as known to the server
    leaving: WireMessage | None = None
    end: WireMessage | None = None
    bye: Transaction | None = None
    cancel: WireMessage | None = None
    holds: list[Hold] = field(default_factory=list)

    def talks(self, at: WireMessage) -> bool:
        return self.settled is not None and self.settled.number <= at.number and not self.over(at)

    def over(self, at: WireMessage) -> bool:
        return self.end is not None and self.end.number <= at.number

    def leaves(self, at: WireMessage) -> bool:
        """Whether it is being ended at a message: what the server knows of that cannot be told."""
        return self.leaving is not None and self.leaving.number <= at.number and not self.over(at)

    def lasts(self, since: WireMessage, until: WireMessage) -> bool:
        """Whether it is up all the time from one message to another, beyond doubt."""
        return self.talks(since) and (self.leaving is None or self.leaving.number > until.number)

    def hold(self, at: WireMessage) -> Hold | None:
        """The last change of hold that had been made good at a message."""
        made = [h for h in self.holds if h.at.number <= at.number and h.status < 300]
        return made[-1] if made else None

    @property
    def ended_by_phone(self) -> bool:
        return self.bye is not None and self.bye.client == self.phone.address

    @property
    def ended_by_server(self) -> bool:
        return self.bye is not None and self.bye.client != self.phone.address


def legs(trace: Trace) -> Iterator[tuple[Line, Leg]]:
    """Every call between a phone of a line and its server, those without an index too."""
    for line in lines(trace):
        for leg in legs_of(trace, line):
            yield line, leg


def legs_of(trace: Trace, line: Line) -> list[Leg]:
    known = _known_legs(trace)
    if line not in known:
        known[line] = list(_legs_of(trace, line))
    return known[line]


@once_per_trace
def _known_legs(_: Trace) -> dict[Line, list[Leg]]:
    """Filled as lines are asked about."""
    return {}


def _legs_of(trace: Trace, line: Line) -> Iterator[Leg]:
    addresses, server = line.addresses, line.server
    for transaction in trace.transactions_of("INVITE"):
        request, final = transaction.request, transaction.final
        if request is None or request.to_tag or (final is not None and final.status in (401, 407)):
            continue
        if transaction.client in addresses and transaction.server == server and is_from(trace, line, request):
            yield leg_of(trace, line, transaction, request, calls=True)
        elif transaction.server in addresses and transaction.client == server and is_to(trace, line, request):
            yield leg_of(trace, line, transaction, request, calls=False)


def leg_of(trace: Trace, line: Line, invite: Transaction, request: WireMessage, *, calls: bool) -> Leg:
    """A call of a phone, or one to it, as a leg of the line."""
    address, at = (invite.client, contact(request)) if calls else (invite.server, request.request_uri)
    phone, final = line.phone_at(address, at), invite.final
    press = calls and _is_press(line, phone, request)
    leg = Leg(phone, invite, request, calls, press, _index(invite, request, calls and not press))
    leg.cancel = _cancels(trace).get(id(invite))
    leg.ringing = next((r for r in invite.responses if 100 < r.status < 200), None)
    if final is not None and final.status >= 300:
        leg.end = final if calls else next(iter(invite.acks), final)
        leg.leaving = min((m for m in (leg.cancel, final) if m is not None), key=lambda m: m.number)
    elif final is not None:
        leg.answer = final
        _follow(leg, final)
    else:
        leg.leaving = leg.cancel
    return leg


def _index(invite: Transaction, request: WireMessage, asks: bool) -> int | None:
    """The slot of a call: a phone that is called is told it, or chooses; one that calls asks for it, and may be given
    another (4.8). Answers that contradict each other tell nothing."""
    answered = {i for r in invite.responses if 100 < r.status < 300 and (i := index_of(r))}
    asked = index_of(request)
    if answered and (asks or asked is None):
        return answered.pop() if len(answered) == 1 else None
    return asked


@once_per_trace
def _cancels(trace: Trace) -> dict[int, WireMessage]:
    """What cancels an INVITE, by the identity of its transaction."""
    cancels = trace.transactions_of("CANCEL")
    return {id(t.invite): t.request for t in reversed(cancels) if t.invite is not None and t.request is not None}


def _is_press(line: Line, phone: Phone, request: WireMessage) -> bool:
    """An INVITE to the own line, or to nobody, with an index; but one that follows the seizure of its slot is a call,
    say to the own voice mail."""
    target, index = user_of(request.request_uri), index_of(request)
    own = name_of(request.from_) == name_of(request.to) and (not target or target in line.members)
    return own and index is not None and not any(
        s.slot == index and s.granted and s.phone.may_be(phone) and s.final.number < request.number
        and not s.over(request) for s in line.seizures
    )  # fmt: skip


def _follow(leg: Leg, answer: WireMessage) -> None:
    """The life of an answered leg: when the server knew of it, its holds, its end."""
    dialog = answer.dialog
    leg.settled = answer if leg.calls else None
    if dialog is None:
        return
    leg.ack = ack_to(dialog, leg.request)
    leg.settled = answer if leg.calls else leg.ack
    leg.holds = list(holds_of(dialog, leg.phone.address, leg.request))
    for transaction in dialog.transactions:
        request, final = transaction.request, transaction.final
        if request is None or transaction.method != "BYE" or (final is not None and final.status in (401, 407)):
            continue
        leg.bye = leg.bye or transaction
        leg.leaving = leg.leaving or request
        leg.end = leg.end or (request if transaction.client != leg.phone.address else final)


def refusal(leg: Leg) -> tuple[WireMessage, bool, str] | None:
    """The final answer to a press, whether it refuses the press, and how to say so; None where that is not known.

    A phone that was left to ring until it gave up has not been refused; one that gave up at once may yet have been.
    """
    final = leg.invite.final
    if final is None:
        return None
    if final.status != 487:
        return final, final.status >= 400, str(final.status)
    rang = seconds(final, leg.request)
    return (final, False, f"no answer but ringing for {rang:.0f} s") if rang > QUIET else None
