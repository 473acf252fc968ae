"""What the lab says of a line: its dialect's rules, what an administrator has set, and who of its phones is where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sipconform.checks.catalogue import MUST, SHOULD, Level
from sipconform.checks.evidence import once_per_trace
from sipconform.checks.told import places
from sipconform.trace.trace import Trace


@dataclass(frozen=True, slots=True)
class Policies:
    """What the profile in force says of shared lines; empty where nobody said. `told` are the rules that the story's
    administrator has set at the server."""

    facts: dict[str, Any] = field(default_factory=dict)
    told: frozenset[str] = frozenset()

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

    def level(self, key: str) -> Level:
        """How strongly a make's own rule binds where it is in force: as documented, or as set at this server, it is a
        MUST; where the profile only infers it, a warning."""
        inferred = key in self.facts.get("unconfirmed", ()) and key not in self.told
        return SHOULD if inferred else MUST


@once_per_trace
def policies_of(trace: Trace) -> Policies:
    """The lab's word on the dialect in force, with what was set at the server in the story's course. `places` is what
    was set of single places, by user, `others` who was given a shared line besides."""
    said = [o.what.get("line") for o in trace.observations if o.kind == "lab"]
    facts: dict[str, Any] = dict(next((f for f in reversed(said) if isinstance(f, dict)), {}))
    of_places: dict[str, dict[str, Any]] = {}
    told: set[str] = set()
    for intent in (o for o in trace.observations if o.kind == "intent"):
        what = {key: value for key, value in intent.what.items() if key not in ("do", "user")}
        if intent.what.get("do") == "line_rules":
            facts |= what
            told |= set(what)
        elif intent.what.get("do") == "line_place":
            of_places.setdefault(str(intent.what.get("user")), {}).update(what)
        elif intent.what.get("do") == "share_line":
            facts["others"] = [*facts.get("others", ()), intent.what.get("user")]
    return Policies(facts | {"places": of_places} if of_places else facts, frozenset(told))


def names_of(trace: Trace, address: object) -> set[str]:
    """The names by which the lab knows whoever is at an address."""
    return _names(trace).get(str(address), set())


@once_per_trace
def _names(trace: Trace) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, address in places(trace).items():
        found.setdefault(address, set()).add(name)
    return found
