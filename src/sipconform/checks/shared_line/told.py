"""Shared lines as the evidence shows them: who is subscribed to a line, what each was told, which slots were seized.

A line is what the lab says it is, else everything subscribed at one address-of-record.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple

from sipconform.checks.evidence import once_per_trace, seconds
from sipconform.checks.subscription.course import is_final, requested
from sipconform.features.appearance import (
    CALL_INFO,
    LINE_SEIZE,
    Appearance,
    Appearances,
    State,
    appearance_of,
    read_full_state,
)
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri, parse_uri
from sipconform.trace.packet import Address
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

QUIET = 4.0
"""Seconds without an event after which every phone must have been told: three lost sendings of a NOTIFY, and more than
the half second a server may wait for calls that it ends."""
UNDER_WAY_NS = 500_000_000
"""How long an answer that somebody gave may be under way to the server."""


class Told(NamedTuple):
    """One call-info NOTIFY with a readable Call-Info."""

    notify: WireMessage
    subscription: Subscription
    state: Appearances


@dataclass(frozen=True, slots=True)
class Policies:
    """What the profile in force says of shared lines; empty where nobody said."""

    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        return bool(self.facts)

    def get(self, key: str) -> Any:
        return self.facts.get(key)

    def place(self, user: str, what: str) -> bool:
        """Whether a place of the line may do something, by what was set of it; it may where nobody said."""
        places: dict[str, dict[str, bool]] = self.facts.get("places", {})
        return places.get(user, {}).get(what, True)

    def can(self, what: str) -> str:
        """ "yes", "no" or "unknown"."""
        able: dict[str, str] = self.facts.get("can", {})
        return able.get(what, "unknown")


@dataclass(eq=False, slots=True)
class Line:
    """`phones` by address; `subscriptions` are to call-info and accepted, `seizures` every line-seize subscription."""

    users: frozenset[str]
    server: Address
    policies: Policies
    subscriptions: list[Subscription] = field(default_factory=list)
    seizures: list[Subscription] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    _told_to: dict[int, list[Told]] = field(default_factory=dict)  # by the subscription's identity, as the next
    _ends: dict[int, WireMessage | None] = field(default_factory=dict)
    _seizures: tuple[Seizure, ...] | None = None

    @property
    def phones(self) -> set[Address]:
        return {s.subscriber for s in self.subscriptions}

    def told_to(self, subscription: Subscription) -> list[Told]:
        if not self._told_to:
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
        ends = [ended_at(subscription)]
        for later in self.subscriptions[self.subscriptions.index(subscription) + 1 :]:
            initial = later.initial
            if later.subscriber == subscription.subscriber and initial is not None and initial.succeeded:
                ends.append(initial.final)
        return min((end for end in ends if end is not None), key=lambda m: m.number, default=None)

    def live(self, subscription: Subscription, at: WireMessage) -> bool:
        """Whether a subscription had begun and had not ended at a message."""
        initial = subscription.initial
        begun = initial.final if initial is not None else None
        end = self.end_of(subscription)
        return (begun is None or begun.number < at.number) and (end is None or end.number > at.number)

    def told_between(self, first: int, last: float = inf) -> list[Told]:
        """What was told, to whomever, by NOTIFYs with a number above the first and below the last."""
        begin = bisect_right(self.told, first, key=_number)
        return self.told[begin : bisect_left(self.told, last, begin, key=_number)]

    def last_told(self, index: int, before: WireMessage) -> str:
        """What was said of a slot last before a message, to whomever; "" for nothing."""
        earlier = self.told_between(-1, before.number)
        return earlier[-1].state.state(index) if earlier else ""


def _number(told: Told) -> int:
    return told.notify.number


def lines(trace: Trace) -> list[Line]:
    """Every line of the trace, in order of the first subscription."""
    return _lines(trace, len(trace.messages), len(trace.observations))


@lru_cache(maxsize=2)
def _lines(trace: Trace, _messages: int, _observations: int) -> list[Line]:
    policies = policies_of(trace)
    found: dict[tuple[Address, object], Line] = {}
    for subscription in trace.subscriptions_to(CALL_INFO):
        if not any(t.succeeded for t in subscription.subscribes) and not subscription.notifies:
            continue
        line = found.setdefault(_key(subscription, policies), _new(subscription, policies))
        line.subscriptions.append(subscription)
    for subscription in trace.subscriptions_to(LINE_SEIZE):
        known = found.get(_key(subscription, policies))
        if known is not None:
            known.seizures.append(subscription)
    for line in found.values():
        line.told = sorted(_all_told(line), key=_number)
    return list(found.values())


def policies_of(trace: Trace) -> Policies:
    """The lab's word on the dialect in force, with what was set at the server in the story's course. `places` is what
    was set of single places, by user, `others` who was given a shared line besides."""
    told = [o.what.get("line") for o in trace.observations if o.kind == "lab"]
    facts: dict[str, Any] = dict(next((f for f in reversed(told) if isinstance(f, dict)), {}))
    places: dict[str, dict[str, Any]] = {}
    for intent in (o for o in trace.observations if o.kind == "intent"):
        what = {key: value for key, value in intent.what.items() if key not in ("do", "user")}
        if intent.what.get("do") == "line_rules":
            facts |= what
        elif intent.what.get("do") == "line_place":
            places.setdefault(str(intent.what.get("user")), {}).update(what)
        elif intent.what.get("do") == "share_line":
            facts["others"] = [*facts.get("others", ()), intent.what.get("user")]
    return Policies(facts | {"places": places} if places else facts)


def _key(subscription: Subscription, policies: Policies) -> tuple[Address, object]:
    user = _user(subscription)
    known = policies.get("locations") or ()
    return subscription.notifier, ("line",) if user in known else user


def _new(subscription: Subscription, policies: Policies) -> Line:
    user = _user(subscription)
    known = policies.get("locations") or ()
    return Line(frozenset(known if user in known else (user,)), subscription.notifier, policies)


def _user(subscription: Subscription) -> str:
    """Whose line it is; where the SUBSCRIBE came before the evidence, whoever the NOTIFYs are from."""
    notifies = (t.request for t in subscription.notifies if t.request is not None)
    sender = next((n.from_ for n in notifies if isinstance(n.from_, NameAddr)), None)
    return user_of(subscription.resource) or (user_of(sender.uri_text) if sender else "")


def _all_told(line: Line) -> Iterator[Told]:
    for subscription in line.subscriptions:
        for transaction in subscription.notifies:
            notify = transaction.request
            if notify is not None and notify.has("Call-Info"):
                yield Told(notify, subscription, read_full_state(notify.texts("Call-Info")))


def user_of(uri_text: str) -> str:
    """The user of a SIP URI, unescaped; "" for anything else."""
    uri = parse_uri(uri_text)
    return uri.username if isinstance(uri, SipUri) else ""


def index_of(message: WireMessage | None) -> int | None:
    """The slot a message names, None when it names none."""
    said = said_slot(message)
    return said.index if said is not None else None


def said_slot(message: WireMessage | None) -> Appearance | None:
    """What a request or answer says of one slot."""
    said = appearance_of(message.texts("Call-Info")) if message is not None else None
    return said if isinstance(said, Appearance) else None


class Seizure(NamedTuple):
    """An initial line-seize SUBSCRIBE that was answered for good."""

    subscription: Subscription
    transaction: Transaction
    request: WireMessage
    final: WireMessage
    slot: int | None


def seizures(line: Line) -> tuple[Seizure, ...]:
    """Every attempt to seize a slot, challenges left out."""
    if line._seizures is None:
        line._seizures = tuple(_find_seizures(line))
    return line._seizures


def _find_seizures(line: Line) -> Iterator[Seizure]:
    for subscription in line.seizures:
        initial = subscription.initial
        request, final = (initial.request, initial.final) if initial is not None else (None, None)
        if initial is not None and request is not None and final is not None and final.status not in (401, 407):
            yield Seizure(subscription, initial, request, final, index_of(request))


def ended_at(subscription: Subscription) -> WireMessage | None:
    """The NOTIFY that ended a subscription, or the 2xx to the SUBSCRIBE that did."""
    for transaction in subscription.subscribes:
        if requested(transaction) == 0 and transaction.succeeded:
            return transaction.final
    return next((t.request for t in subscription.notifies if is_final(t.request)), None)


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


def names_of(trace: Trace, address: object) -> set[str]:
    """The names by which the lab knows whoever is at an address."""
    return _names(trace).get(str(address), set())


@once_per_trace
def _names(trace: Trace) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for actors in (o.what.get("actors") for o in trace.observations if o.kind == "lab"):
        for name, address in actors.items() if isinstance(actors, dict) else ():
            found.setdefault(str(address), set()).add(name)
    return found


def is_busy(state: str) -> bool:
    return state not in ("", State.IDLE)


def soon(message: WireMessage, after: WireMessage, limit: float = QUIET) -> bool:
    """Whether a message follows another within the limit."""
    return message.number > after.number and seconds(message, after) <= limit
