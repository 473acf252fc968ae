"""What a user's call features are set to: do not disturb and the three forwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

LEGAL_RINGS = range(1, 101)  # the span the device feature key package gives ringCount


class ForwardType(StrEnum):
    """When a forward applies; the value is the CSTA word for it (ECMA-323)."""

    IMMEDIATE = "forwardImmediate"
    BUSY = "forwardBusy"
    NO_ANSWER = "forwardNoAns"


@dataclass(frozen=True, slots=True)
class Forward:
    """One forward: whether it is on, where to, and after how many rings (no answer only, 1 to 100)."""

    active: bool = False
    to: str = ""
    rings: int | None = None


@dataclass(frozen=True, slots=True)
class FeatureState:
    """The features of one user. `dnd` None, or a forward not in `forwards`: that feature is not assigned."""

    dnd: bool | None = None
    forwards: Mapping[ForwardType, Forward] = field(default_factory=dict)

    @classmethod
    def assigned(cls, *forwards: ForwardType, dnd: bool = True) -> FeatureState:
        """The named forwards (all when none is named) and do not disturb: assigned and switched off."""
        return cls(False if dnd else None, {kind: Forward() for kind in forwards or ForwardType})

    def forward(self, kind: ForwardType) -> Forward | None:
        """The forward of that kind, None when it is not assigned."""
        return self.forwards.get(kind)

    def with_dnd(self, on: bool) -> FeatureState:
        """The same state with do not disturb on or off."""
        return replace(self, dnd=on)

    def with_forward(self, kind: ForwardType, forward: Forward) -> FeatureState:
        """The same state with one forward replaced."""
        return replace(self, forwards={**self.forwards, kind: forward})
