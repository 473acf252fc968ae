"""Which phone it is: by the address it speaks from, and where several speak from one (behind a border controller, say)
by its Contact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sipconform.checks.evidence import contact
from sipconform.checks.names import aor_of
from sipconform.trace.packet import Address
from sipconform.trace.trace import Subscription


class Phone(NamedTuple):
    """A phone of a line. `contact` is "" where nobody else speaks from its address, and None where others do and
    nothing tells which of them it is."""

    address: Address
    contact: str | None = ""

    def is_surely(self, other: Phone) -> bool:
        """Whether both are one phone beyond doubt."""
        return self == other and self.contact is not None

    def may_be(self, other: Phone) -> bool:
        """Whether both are one phone as far as is known."""
        return not self.is_other_than(other)

    def is_other_than(self, other: Phone) -> bool:
        """Whether they are two phones beyond doubt."""
        if self.address != other.address:
            return True
        return self.contact != other.contact and None not in (self.contact, other.contact)


Neighbours = Mapping[Address, frozenset[str]]
"""Addresses from which more than one phone follows a line, with the Contacts by which they can be told apart."""


def neighbours(subscriptions: Iterable[Subscription]) -> Neighbours:
    """Two phones at one address are known by two subscriptions that were both taken note of at the same time. Where
    their Contacts are alike nothing tells them apart."""
    by_address: dict[Address, list[Subscription]] = {}
    for subscription in subscriptions:
        by_address.setdefault(subscription.subscriber, []).append(subscription)
    found: dict[Address, frozenset[str]] = {}
    for address, those in by_address.items():
        together = {s.call_id: s for one in those for s in those if one is not s and _live_together(one, s)}
        if together:
            contacts = [aor_of(contact_of(s)) for s in together.values()]
            found[address] = frozenset(c for c in contacts if contacts.count(c) == 1)
    return found


def _live_together(one: Subscription, other: Subscription) -> bool:
    """Whether the older of two was still answered for when the younger had begun, and the younger too."""
    first, second = _taken(one), _taken(other)
    return bool(first and second) and first[-1] > second[0] and second[-1] > first[0]


def _taken(subscription: Subscription) -> list[int]:
    """The numbers of the answers that took what a subscription told."""
    return sorted(t.final.number for t in subscription.notifies if t.final is not None and t.succeeded)


def contact_of(subscription: Subscription) -> str:
    """The Contact of a subscriber: as he said it, or as he is told there."""
    said = (contact(t.request) for t in subscription.subscribes)
    told = (t.request.request_uri for t in subscription.notifies if t.request is not None)
    return next((uri for uri in (*said, *told) if uri), "")


def phone_at(address: Address, uri_text: str, around: Neighbours) -> Phone:
    """The phone at an address that is known there by a Contact."""
    contacts = around.get(address)
    if contacts is None:
        return Phone(address)
    place = aor_of(uri_text)
    return Phone(address, place if place in contacts else None)
