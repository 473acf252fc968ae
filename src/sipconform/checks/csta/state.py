"""What is known of a phone's do not disturb at a moment, by everybody who has spoken of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from sipconform.checks.csta.course import player, sent
from sipconform.checks.evidence import once_per_trace
from sipconform.checks.feature_code.course import believed
from sipconform.checks.feature_sync.told import before
from sipconform.features.feature_event import EVENT
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, WireMessage

_Said = tuple[int, bool]  # the number of a message, and what it says


def dnd_of(trace: Trace, phone: Address, at: WireMessage) -> set[bool]:
    """The last that each witness said before a message: the display, the phone in its sessions, the server in them, and
    the server to its subscription. Empty where nobody did; both values where they do not agree."""
    who = player(trace, phone)
    shown = believed(trace, who, "dnd", at.packet.time_ns) if who else None
    found = {shown} if isinstance(shown, bool) else set()
    for said in (_by_phones(trace), _by_servers(trace)):
        told = said.get(phone, [])
        earlier = bisect_left(told, at.number, key=_number)
        found |= {told[earlier - 1][1]} if earlier else set()
    for subscription in trace.subscriptions_to(EVENT):
        told_on = before(subscription, at, "dnd") if trace.party(subscription.subscriber) == phone else None
        found |= {told_on[0]} if told_on is not None and told_on[0] is not None else set()
    return found


@once_per_trace
def _by_phones(trace: Trace) -> Mapping[Address, list[_Said]]:
    """The events of each phone, and what it answered when it was asked or told to set it."""
    found: dict[Address, list[_Said]] = {}
    for of in sent(trace, by_server=False):
        if of.document.name == "DoNotDisturbEvent" and of.document.on is not None:
            found.setdefault(of.session.phone, []).append((of.request.number, of.document.on))
    for of in sent(trace):
        answer = of.answer if of.final is not None else None
        if of.final is not None and answer is not None and answer.name == f"{of.document.name}Response":
            on = answer.on if of.document.name == "GetDoNotDisturb" else of.document.on
            if of.document.name.endswith("DoNotDisturb") and on is not None:
                found.setdefault(of.session.phone, []).append((of.final.number, on))
    return {phone: sorted(said) for phone, said in found.items()}


@once_per_trace
def _by_servers(trace: Trace) -> Mapping[Address, list[_Said]]:
    """What each phone was told, or told to set."""
    found: dict[Address, list[_Said]] = {}
    for of in sent(trace):
        if of.document.name in ("DoNotDisturbEvent", "SetDoNotDisturb") and of.document.on is not None:
            found.setdefault(of.session.phone, []).append((of.request.number, of.document.on))
    return {phone: sorted(said) for phone, said in found.items()}


def _number(said: _Said) -> int:
    return said[0]
