"""Seeded faults: tamperings applied to an honest agent from outside, at least one for every check.

A fault is a function that is given one agent and changes what leaves it (`tampering`) or how it decides
(`instead_of`); the agents know nothing of it. `kills` names the checks that must fail when it is applied.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Side = Literal["server", "phone", "host", "client"]
FAMILIES = (
    "sip_core",
    "offers",
    "subscription",
    "registration",
    "feature_sync",
    "hunt_group",
    "feature_code",
    "csta",
    "shared_line",
    "hotspot",
)
_faults: dict[str, Fault] = {}


@dataclass(frozen=True, slots=True)
class Fault:
    """`seen` says where it was real; "" when it was made up to kill a check. `scenarios` are words in the names of
    those that can show it (empty: any), `lab` the settings it takes to show it ({"transport": "tcp"})."""

    id: str
    on: Side
    kills: frozenset[str]
    seen: str
    scenarios: tuple[str, ...]
    lab: Mapping[str, object]
    seed: Callable[[Any], None] = field(repr=False)

    @property
    def story(self) -> str:
        """What goes wrong, in one sentence: the function's docstring."""
        return (self.seed.__doc__ or "").strip()

    def apply(self, agent: Any) -> None:
        """Seeds the fault if the agent is of its side."""
        if agent.side == self.on:
            self.seed(agent)


def fault(
    id: str,
    *,
    on: Side,
    kills: Iterable[str],
    seen: str = "",
    scenarios: Iterable[str] = (),
    lab: Mapping[str, object] | None = None,
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Enters the decorated function among the faults. A second use of an id is a programming error."""

    def enter(seed: Callable[[Any], None]) -> Callable[[Any], None]:
        if id in _faults:
            raise ValueError(f"fault {id} is declared twice")
        _faults[id] = Fault(id, on, frozenset(kills), seen, tuple(scenarios), lab or {}, seed)
        return seed

    return enter


def all_faults() -> dict[str, Fault]:
    """Every fault by id. Families are imported when first asked for."""
    for family in FAMILIES:
        importlib.import_module(f"sipconform.agents.faults.{family}")
    return dict(sorted(_faults.items()))


def fault_named(name: str) -> Fault:
    """Raises ValueError, with what to do, for an id nobody declared."""
    known = all_faults()
    if name not in known:
        raise ValueError(f"no fault is called {name!r}: `sipconform faults` lists them")
    return known[name]
