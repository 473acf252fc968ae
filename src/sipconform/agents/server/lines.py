"""Shared lines as the server keeps them: who may use a line, and what each of its slots is doing.

The state of a slot is never stored: it follows from the legs and the seizure that are there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from sipconform.agents.call import Leg
from sipconform.agents.notifier import NotifierSubscription
from sipconform.agents.server.conference import Conference, Party
from sipconform.features.appearance import Appearance, Appearances, State
from sipconform.features.call_park import NOBODY, Parked
from sipconform.sip.sdp import Sdp
from sipconform.sip.uri import SipUri, parse_uri


class Device(NamedTuple):
    """One phone: the location it registered as and the place its Contact names: user, host and port, for two may share
    a host. The parameters of a Contact are of a connection, and come and go."""

    location: str
    place: str

    @classmethod
    def at(cls, location: str, contact: str) -> Device:
        uri = parse_uri(contact)
        return cls(location, uri.aor() if isinstance(uri, SipUri) else contact)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the server allows on a line; the words of `profile.shared_line`."""

    private_press: Literal["reject", "barge"] = "reject"
    bridge_held: Literal["any", "all"] = "any"
    bridging: bool = True
    multiple_call_arrangement: bool = True
    warning_tone: Literal["none", "barge-in", "barge-in-and-repeat"] = "none"
    appearances: int = 35
    seize_expires: int = 15  # seconds
    seizes_unsubscribed: bool = True  # a phone that does not follow the line may seize its slots


@dataclass(slots=True)
class Location:
    """One place of a line. `user` is its own address-of-record's user part, which may be the line's own."""

    user: str
    active: bool = True
    originates: bool = True
    terminates: bool = True


@dataclass(eq=False, repr=False)
class Talker:
    """A location's answered leg on a slot."""

    device: Device
    leg: Leg
    party: Party
    private: bool = False  # its last hold was a private one
    holds: bool = False  # it held until the offer that is on the table

    @property
    def held(self) -> bool:
        """Whether its phone holds the call, by the last description it gave (RFC 3264 §8.4)."""
        return bool(self.leg.remote_sdp) and Sdp(self.leg.remote_sdp).is_hold


@dataclass(slots=True)
class Seizure:
    """A slot taken in order to dial. `key` is Call-ID and subscriber's tag of the line-seize subscription."""

    device: Device
    key: tuple[str, str]
    subscription: NotifierSubscription | None = None


@dataclass(eq=False, repr=False)
class Slot:
    """One appearance: `far` is the leg of the party outside, `party` how it is told to the phones."""

    index: int
    rules: Rules
    seizure: Seizure | None = None
    caller: Leg | None = None  # a location's, while it calls out
    caller_device: Device | None = None
    alerting: bool = False
    far: Leg | None = None
    far_party: Party | None = None
    conference: Conference | None = None
    talkers: list[Talker] = field(default_factory=list)
    party: str = ""
    peer: tuple[Line, Slot] | None = None  # the other end, where that is a shared line too

    @property
    def state(self) -> State:
        """What the slot is doing, in the words of the wire."""
        if self.talkers:
            return self._in_call()
        if self.alerting:
            return State.ALERTING
        if self.caller is not None:
            return State.PROGRESSING
        return State.SEIZED if self.seizure else State.IDLE

    def _in_call(self) -> State:
        held = [talker for talker in self.talkers if talker.held]
        if len(self.talkers) > 1:
            enough = 1 if self.rules.bridge_held == "any" else len(self.talkers)
            return State.BRIDGE_HELD if len(held) >= enough else State.BRIDGE_ACTIVE
        if not held:
            return State.ACTIVE
        return State.HELD_PRIVATE if held[0].private else State.HELD

    @property
    def free(self) -> bool:
        """Whether a new call may have it."""
        return self.state is State.IDLE

    def users(self) -> set[Device]:
        """The phones that have to do with it now."""
        found = {talker.device for talker in self.talkers}
        found |= {self.seizure.device} if self.seizure else set()
        return found | ({self.caller_device} if self.caller_device else set())


@dataclass(eq=False, repr=False)
class Line:
    """A shared line: its locations by user, and its slots by index, made as they are needed."""

    user: str
    locations: dict[str, Location]
    rules: Rules = field(default_factory=Rules)
    slots: dict[int, Slot] = field(default_factory=dict)
    parked: Parked = NOBODY

    def rule(self, **changes: Any) -> None:
        """Changes what is allowed on the line, for what is going on too."""
        self.rules = replace(self.rules, **changes)
        for slot in self.slots.values():
            slot.rules = self.rules

    def slot(self, index: int) -> Slot | None:
        """The slot of an index; None beyond the last."""
        if index > self.rules.appearances:
            return None
        return self.slots.setdefault(index, Slot(index, self.rules))

    def seized_by(self, device: Device) -> Slot | None:
        """The slot a phone has seized."""
        seized = (slot for slot in self.slots.values() if slot.seizure is not None and slot.seizure.device == device)
        return next(seized, None)

    def lowest_free(self) -> Slot | None:
        indexes = range(1, self.rules.appearances + 1)
        return next((slot for index in indexes if (slot := self.slot(index)) and slot.free), None)

    def taken_by_others(self, device: Device) -> bool:
        """Whether another phone is in a call: then this one must wait where calls may not be side by side."""
        return any(slot.users() - {device} for slot in self.slots.values())

    def snapshot(self) -> Appearances:
        """The full state, as a NOTIFY tells it."""
        told = {
            slot.index: Appearance(slot.index, slot.state, slot.party)
            for slot in self.slots.values()
            if slot.state is not State.IDLE
        }
        return Appearances(told)
