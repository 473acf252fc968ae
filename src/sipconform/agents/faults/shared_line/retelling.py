"""How the faults of this family bend what a line server tells: call-info NOTIFYs are rewritten as they leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sipconform.agents.faults.tampering import is_request, tamper
from sipconform.features.appearance import Appearance, State, read_full_state
from sipconform.sip.compose import Draft

Slots = dict[int, Appearance]
Change = Callable[[Slots, Slots], Slots | None]
"""Given the slots as they are and as this phone was told them last, gives those to tell; None: tell nothing."""


def is_state(draft: Draft) -> bool:
    return is_request(draft, "NOTIFY") and draft.get("Event") == "call-info" and draft.has("Call-Info")


def retell(agent: Any, change: Change) -> None:
    """Passes the state of every call-info NOTIFY through `change`."""
    told: dict[str, Slots] = {}

    def edit(draft: Draft) -> Draft | None:
        state = read_full_state(draft.all("Call-Info"))
        uri = next(iter(state.slots.values())).uri if state.slots else f"sip:{agent.directory.domain}"
        slots = change(dict(state.slots), told.get(draft.get("Call-ID"), {}))
        if slots is None:
            return None
        told[draft.get("Call-ID")] = slots
        values = [str(replace(slot, index=index, uri=uri)) for index, slot in sorted(slots.items())]
        return draft.set("Call-Info", ", ".join([*values, f"<{uri}>;appearance-index=*;appearance-state=idle"]))

    tamper(agent, is_state, edit)


def renamed(before: str, after: str) -> Change:
    """Every slot in one state is told in another; "idle" takes it off the list."""

    def change(slots: Slots, _: Slots) -> Slots:
        named = {i: replace(s, state=after) if s.state == before else s for i, s in slots.items()}
        return {i: s for i, s in named.items() if s.state != State.IDLE}

    return change


def stuck(*states: str, shown: str = "") -> Change:
    """A slot told in one of these states is never told idle afterwards."""

    def change(slots: Slots, last: Slots) -> Slots:
        left = {i: s for i, s in last.items() if i not in slots and s.state in states}
        return slots | {i: replace(s, state=shown or s.state) for i, s in left.items()}

    return change


def keep(agent: Any, state: str, instead: str) -> None:
    """A slot told in `state` is told so again when it is in `instead`."""

    def change(slots: Slots, last: Slots) -> Slots:
        return {
            i: last[i] if i in last and last[i].state == state and s.state == instead else s for i, s in slots.items()
        }

    retell(agent, change)
