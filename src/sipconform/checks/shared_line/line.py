"""A shared line as the evidence shows it: who follows it, what each was told, which slots were asked for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from sipconform.checks.shared_line.phones import Neighbours, Phone, contact_of, neighbours, phone_at
from sipconform.checks.shared_line.policies import Policies
from sipconform.checks.subscription.course import is_final, requested, terms
from sipconform.checks.subscription.subscribing import lost
from sipconform.features.appearance import Appearance, Appearances, State, appearance_of, read_full_state
from sipconform.trace.packet import Address
from sipconform.trace.trace import Subscription, Transaction, WireMessage

QUIET = 4.0
"""Seconds after an event in which every phone must have been told: three lost sendings of a NOTIFY, and more than
the half second a server may wait for calls that it ends."""
UNDER_WAY_NS = 500_000_000
"""How long an answer that somebody gave may be under way to the server."""


class Told(NamedTuple):
    """One call-info NOTIFY with a readable Call-Info."""

    notify: WireMessage
    subscription: Subscription
    state: Appearances
    phone: Phone


class Seizure(NamedTuple):
    """An initial line-seize SUBSCRIBE that was answered for good."""

    subscription: Subscription
    transaction: Transaction
    request: WireMessage
    final: WireMessage
    slot: int | None
    phone: Phone

    @property
    def granted(self) -> bool:
        return self.final.status < 300

    @property
    def end(self) -> WireMessage | None:
        return ended_at(self.subscription)

    def over(self, at: WireMessage) -> bool:
        """Whether it had ended when a message passed."""
        end = self.end
        return end is not None and end.number < at.number


@dataclass(eq=False, slots=True)
class Line:
    """`subscriptions` are to call-info and accepted, `seizing` every line-seize subscription. `members` are the line's
    users and whoever follows it under another name. `told` is what phones were told, in the order seen, without what
    came after something newer; `whole` says whether every phone of the line is in the evidence."""

    users: frozenset[str]
    server: Address
    policies: Policies
    subscriptions: list[Subscription] = field(default_factory=list)
    seizing: list[Subscription] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    members: frozenset[str] = frozenset()
    whole: bool = False
    _told_to: dict[int, list[Told]] | None = None  # by the subscription's identity, as the next
    _ends: dict[int, WireMessage | None] = field(default_factory=dict)
    _terms: dict[int, list[tuple[int, int]]] = field(default_factory=dict)  # as _ends; when said, until when
    _around: Neighbours | None = None
    _seizures: tuple[Seizure, ...] | None = None

    @property
    def around(self) -> Neighbours:
        if self._around is None:
            self._around = neighbours(self.subscriptions)
        return self._around

    @property
    def addresses(self) -> set[Address]:
        return {s.subscriber for s in self.subscriptions}

    def phone_of(self, subscription: Subscription) -> Phone:
        return phone_at(subscription.subscriber, contact_of(subscription), self.around)

    def phone_at(self, address: Address, contact: str) -> Phone:
        return phone_at(address, contact, self.around)

    def listen(self) -> None:
        """Reads what the subscriptions were told."""
        found = [told for subscription in self.subscriptions for told in self._heard(subscription)]
        self.told = sorted(found, key=_number)

    def _heard(self, subscription: Subscription) -> Iterator[Told]:
        phone = self.phone_of(subscription)
        for notify in in_order(subscription):
            if notify.has("Call-Info"):
                yield Told(notify, subscription, read_full_state(notify.texts("Call-Info")), phone)

    def told_to(self, subscription: Subscription) -> list[Told]:
        if self._told_to is None:
            self._told_to = {}
            for told in self.told:
                self._told_to.setdefault(id(told.subscription), []).append(told)
        return self._told_to.get(id(subscription), [])

    def end_of(self, subscription: Subscription) -> WireMessage | None:
        """What ended a subscription, or put another of the same phone in its place."""
        key = id(subscription)
        if key not in self._ends:
            self._ends[key] = self._find_end(subscription)
        return self._ends[key]

    def _find_end(self, subscription: Subscription) -> WireMessage | None:
        ends, phone = [ended_at(subscription)], self.phone_of(subscription)
        for later in self.subscriptions[self.subscriptions.index(subscription) + 1 :]:
            initial = later.initial
            same = "" in (later.resource, subscription.resource) or later.resource == subscription.resource
            same = same and self.phone_of(later).is_surely(phone)
            if same and initial is not None and initial.succeeded:
                ends.append(initial.final)
        return min((end for end in ends if end is not None), key=lambda m: m.number, default=None)

    def live(self, subscription: Subscription, at: WireMessage) -> bool:
        """Whether a subscription had begun and had neither ended nor run out at a message."""
        initial = subscription.initial
        begun = initial.final if initial is not None else None
        end = self.end_of(subscription)
        there = (begun is None or begun.number < at.number) and (end is None or end.number > at.number)
        return there and self._lasts_until(subscription, at.packet.time_ns) >= at.packet.time_ns

    def lives_on(self, subscription: Subscription, at_ns: int) -> bool:
        """Whether a subscription that had begun has neither ended nor run out at a time."""
        end = self.end_of(subscription)
        return (end is None or end.packet.time_ns > at_ns) and self._lasts_until(subscription, at_ns) > at_ns

    def _lasts_until(self, subscription: Subscription, at_ns: int) -> float:
        """When a subscription runs out, in nanoseconds, by what had been granted or told last at a time."""
        key = id(subscription)
        if key not in self._terms:
            self._terms[key] = terms(subscription)
        given = self._terms[key]
        known = bisect_right(given, at_ns, key=lambda term: term[0])
        return given[known - 1][1] if known else inf

    def follows(self, phone: Phone, at: WireMessage) -> bool:
        """Whether a phone followed the line at a message."""
        return any(self.phone_of(s).is_surely(phone) and self.live(s, at) for s in self.subscriptions)

    def told_between(self, first: int, last: float = inf) -> list[Told]:
        """What was told, to whomever, by NOTIFYs with a number above the first and below the last."""
        begin = bisect_right(self.told, first, key=_number)
        return self.told[begin : bisect_left(self.told, last, begin, key=_number)]

    def last_told(self, index: int, before: WireMessage) -> str:
        """What was said of a slot last before a message, to whomever; "" for nothing."""
        earlier = self.told_between(-1, before.number)
        return earlier[-1].state.state(index) if earlier else ""

    @property
    def seizures(self) -> tuple[Seizure, ...]:
        """Every attempt to seize a slot, challenges left out."""
        if self._seizures is None:
            self._seizures = tuple(self._find_seizures())
        return self._seizures

    def _find_seizures(self) -> Iterator[Seizure]:
        for subscription in self.seizing:
            initial = subscription.initial
            request, final = (initial.request, initial.final) if initial is not None else (None, None)
            if initial is not None and request is not None and final is not None and final.status not in (401, 407):
                phone = self.phone_of(subscription)
                yield Seizure(subscription, initial, request, final, index_of(request), phone)


def _number(told: Told) -> int:
    return told.notify.number


def in_order(subscription: Subscription) -> list[WireMessage]:
    """The NOTIFYs of a subscription by CSeq, without those that came once a higher number had been used: a phone takes
    them for old, whatever delayed them (RFC 3261 §12.2.2)."""
    highest, found = -1, []
    for transaction in subscription.notifies:
        request = transaction.request
        if request is not None and request.cseq_number >= highest:
            highest = request.cseq_number
            found.append(request)
    return found


def ended_at(subscription: Subscription) -> WireMessage | None:
    """The NOTIFY that ended a subscription, the 2xx to the SUBSCRIBE that did, or the 481 by which the server says that
    it knows of none."""
    for transaction in subscription.subscribes:
        if requested(transaction) == 0 and transaction.succeeded:
            return transaction.final
    ended = next((t.request for t in subscription.notifies if is_final(t.request)), None)
    return ended or next((answer for _, answer in lost([subscription])), None)


def index_of(message: WireMessage | None) -> int | None:
    """The slot a message names, None when it names none."""
    said = said_slot(message)
    return said.index if said is not None else None


def said_slot(message: WireMessage | None) -> Appearance | None:
    """What a request or answer says of one slot."""
    said = appearance_of(message.texts("Call-Info")) if message is not None else None
    return said if isinstance(said, Appearance) else None


def caught_up(subscription: Subscription, at_ns: int) -> bool:
    """Whether the server had an answer to every NOTIFY it sent before a time: else the next one has to wait.

    An answer may still be under way, and one that was followed by the same NOTIFY again got lost.
    """
    for transaction in subscription.notifies:
        request = transaction.request
        if request is None or request.packet.time_ns > at_ns:
            continue
        answer = answer_that_arrived(transaction)
        if answer is None or answer.packet.time_ns > at_ns - UNDER_WAY_NS or answer.status >= 300:
            return False
    return True


def answer_that_arrived(transaction: Transaction) -> WireMessage | None:
    """The final answer after which the request was not repeated any more."""
    last = transaction.requests[-1].number if transaction.requests else 0
    if transaction.final is not None and transaction.final.number > last:
        return transaction.final
    return next((r for r in transaction.responses if r.status >= 200 and r.number > last), None)


def is_busy(state: str) -> bool:
    return state not in ("", State.IDLE)
