"""Shared call appearances: the numbered call slots of a line, as `Call-Info` tells them.

The parameters `appearance-index`, `appearance-state` and `appearance-uri` come from BroadSoft's access-side
extensions; the header field itself from RFC 3261 §20.9. Values without an index (`answer-after`, `purpose`)
are about something else and are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import Params, quote
from sipconform.sip.headers import info, name_addr
from sipconform.sip.headers.name_addr import NameAddr

CALL_INFO = "call-info"
LINE_SEIZE = "line-seize"
HIGHEST_INDEX = 9999  # our own bound; the largest service licence is 35
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")  # a name from elsewhere must not end the header row


class State(StrEnum):
    """What a slot is doing. Any other token on the wire is kept as text and means busy, but unknown."""

    IDLE = "idle"
    SEIZED = "seized"
    PROGRESSING = "progressing"
    ALERTING = "alerting"
    ACTIVE = "active"
    HELD = "held"
    HELD_PRIVATE = "held-private"
    BRIDGE_ACTIVE = "bridge-active"
    BRIDGE_HELD = "bridge-held"


_STATES = {state.value: state for state in State}


def known_state(text: str) -> State | None:
    """The state a token names, whatever its case; None for a token that is none of the nine."""
    return _STATES.get(text.lower())


@dataclass(frozen=True, slots=True)
class Appearance:
    """One appearance value. `index` None is the `*` of a NOTIFY: every slot not listed.

    `state` is the token in lower case, "" when it is not said; `party` the far party as sent, unquoted.
    `faults` is what breaks the grammar of `Call-Info` and could be read all the same.
    """

    index: int | None
    state: str = ""
    party: str = ""
    uri: str = ""
    faults: tuple[Fault, ...] = field(default=(), compare=False)

    @property
    def far_party(self) -> NameAddr | Fault | None:
        """The far party as an address; None when it is not said."""
        return _read_party(self.party) if self.party else None

    def __str__(self) -> str:
        params = [("appearance-index", "*" if self.index is None else str(self.index))]
        if self.state:
            params.append(("appearance-state", self.state))
        if self.party:
            params.append(("appearance-uri", quote(_CONTROLS.sub(" ", self.party))))
        return f"<{self.uri}>{Params(tuple(params))}"


@lru_cache(maxsize=512)
def _read_party(text: str) -> NameAddr | Fault:
    return name_addr.parse(text)


def parse_appearances(values: Iterable[str]) -> list[Appearance | Fault]:
    """The appearance values among the rows of `Call-Info`, in order, commas and repeated rows alike.

    Never raises. A value that is about something else is left out; one whose index is no positive number or
    `*`, whose parameters repeat, or that is no `Call-Info` value at all is a `Fault`.
    """
    return list(_read_rows(tuple(values)))


@lru_cache(maxsize=512)  # a line is told the same of its slots again and again
def _read_rows(rows: tuple[str, ...]) -> tuple[Appearance | Fault, ...]:
    found = (_read(value) for value in info.parse_list(list(rows)))
    return tuple(appearance for appearance in found if appearance is not None)


def _read(value: info.Info | Fault) -> Appearance | Fault | None:
    if isinstance(value, Fault):
        return value
    params = value.params
    if "appearance-index" not in params:
        return None
    for name in ("appearance-index", "appearance-state", "appearance-uri"):
        if len(params.all(name)) > 1:
            return Fault(f"{name} stands once in a value")
    text = params.get("appearance-index") or ""
    index = _index(text)
    if index is None and text != "*":
        return Fault(f"appearance-index is a number from 1 or *, not {text[:20]!r}")
    state = (params.get("appearance-state") or "").lower()
    return Appearance(index, state, params.get("appearance-uri") or "", value.uri_text, tuple(value.faults))


def _index(text: str) -> int | None:
    legible = text.isascii() and text.isdigit() and len(text) <= len(str(HIGHEST_INDEX))
    return int(text) or None if legible else None


def appearance_of(values: Iterable[str]) -> Appearance | Fault | None:
    """The one slot a request or a response speaks of: the first appearance value; None when there is none.

    `*` names no slot, so there it is a Fault.
    """
    first = next(iter(parse_appearances(values)), None)
    if isinstance(first, Appearance) and first.index is None:
        return Fault("appearance-index * stands only in a NOTIFY")
    return first


@dataclass(frozen=True, slots=True)
class Appearances:
    """The full state of a line as one NOTIFY tells it. `rest` is what `*` says of the slots not listed.

    `rest` is "" when the NOTIFY had no `*`: then nothing is known of them.
    """

    slots: Mapping[int, Appearance] = field(default_factory=dict)
    rest: str = State.IDLE
    faults: tuple[Fault, ...] = ()

    def state(self, index: int) -> str:
        """The state token of a slot, "" when nothing is known of it."""
        slot = self.slots.get(index)
        return slot.state if slot is not None else self.rest

    def is_busy(self, index: int) -> bool:
        """Whether a slot is listed, and not as idle."""
        slot = self.slots.get(index)
        return slot is not None and slot.state != State.IDLE

    @property
    def busy(self) -> list[int]:
        """The indexes of the slots that are not idle, ascending."""
        return sorted(index for index, slot in self.slots.items() if slot.state != State.IDLE)

    def same_as(self, other: Appearances) -> bool:
        """Whether both tell the same states and far parties; `N;idle` and not being listed are alike."""
        known = self.slots.keys() | other.slots.keys()
        return all(_told(self, index) == _told(other, index) for index in known)

    def values(self, uri: str) -> list[str]:
        """The `Call-Info` values that tell this state: the busy slots ascending, then `*`."""
        listed = [self.slots[index] for index in self.busy]
        values = [str(Appearance(slot.index, slot.state, slot.party, uri)) for slot in listed]
        return [*values, str(Appearance(None, self.rest or State.IDLE, "", uri))]


def _told(told: Appearances, index: int) -> tuple[str, str]:
    slot = told.slots.get(index)
    return (slot.state, slot.party) if slot is not None and slot.state != State.IDLE else (told.state(index), "")


def read_full_state(values: Iterable[str]) -> Appearances:
    """Reads the `Call-Info` rows of a call-info NOTIFY. Never raises; what cannot be read is in `faults`.

    Faults are also an index told twice, a second `*`, `*` with a state other than idle, a value without a
    state and a state that is none of the nine. Of an index told twice the first counts.
    """
    return _full_state(tuple(values))


@lru_cache(maxsize=512)
def _full_state(rows: tuple[str, ...]) -> Appearances:
    slots: dict[int, Appearance] = {}
    stars: list[Appearance] = []
    faults: list[Fault] = []
    for value in _read_rows(rows):
        if isinstance(value, Fault):
            faults.append(value)
            continue
        faults += (*value.faults, *_state_faults(value))
        if value.index is None:
            stars.append(value)
        elif value.index in slots:
            faults.append(Fault(f"appearance-index {value.index} stands once"))
        else:
            slots[value.index] = value
    if len(stars) > 1:
        faults.append(Fault("appearance-index * stands once"))
    return Appearances(MappingProxyType(slots), stars[0].state if stars else "", tuple(faults))


def _state_faults(value: Appearance) -> list[Fault]:
    if known_state(value.state) is None:
        return [Fault(f"appearance-state is one of the nine, not {value.state[:30]!r}")]
    if value.index is None and value.state != State.IDLE:
        return [Fault("appearance-index * goes with idle only")]
    return []


def seize_value(uri: str, index: int) -> str:
    """The `Call-Info` of a line-seize SUBSCRIBE or NOTIFY: the slot, and nothing of its state."""
    return str(Appearance(index, uri=uri))
