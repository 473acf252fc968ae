"""One name of a scenario, and the driver behind it that turns intents into deeds.

Behind an actor is a driver: our own agent, a control connection to one in another process, a person at a prompt,
or nobody. What a driver cannot do or tell is *not supported*, and the scenario says so; nobody guesses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sipconform.agents.changes import Changes

BELIEVED_WITHIN = 5.0  # seconds a display may lag behind the wire


class NotSupportedError(Exception):
    """The device, or whoever drives it, cannot do or tell this. No fault of anybody's."""


class CouldNotRunError(Exception):
    """The environment let us down: nobody listens, no answer to a registration, a port in use."""


class BeliefError(AssertionError):
    """A device does not show what it ought to show."""


class Driver(Protocol):
    """How an actor's intents become deeds.

    `beliefs` is what the device last said it shows, by key; a key that is missing is not known. `changes` wakes
    whoever waits for a belief. `ours` tells our own agents from real devices.
    """

    beliefs: dict[str, Any]
    changes: Changes
    ours: bool

    async def do(self, verb: str, **arguments: Any) -> Any:
        """Carries out one intent; raises NotSupportedError or CouldNotRunError."""

    async def inspect(self, wanted: dict[str, Any]) -> None:
        """Called before beliefs are awaited: who is not told by the device itself may go and ask."""


Record = Callable[[str, str, dict[str, Any]], None]
"""Adds an observation to the capture: who, kind, what."""


@dataclass(eq=False, repr=False)
class Actor:
    """One name of the scenario and its driver. `lag`: by how many seconds a network that loses may delay a display."""

    name: str
    driver: Driver
    record: Record | None = None
    lag: float = field(default=0.0, kw_only=True)

    def __repr__(self) -> str:
        """The name alone: behind it hangs the whole lab, and whoever prints a task would print all of it."""
        return f"<{type(self).__name__} {self.name}>"

    async def do(self, verb: str, **arguments: Any) -> Any:
        """Carries out an intent, and lets the record know: what was asked for is no fault of whoever does it."""
        if self.record:
            self.record(self.name, "intent", {"do": verb, **arguments})
        return await self.driver.do(verb, **arguments)

    async def shows(self, within: float = BELIEVED_WITHIN, **wanted: Any) -> None:
        """Waits until the device shows all this; raises BeliefError saying what it shows instead."""
        driver, within = self.driver, within + self.lag
        await driver.inspect(wanted)
        if unknown := [key for key in wanted if key not in driver.beliefs]:
            raise NotSupportedError(f"nobody can tell what {self.name} shows for {', '.join(unknown)}")
        if not await driver.changes.until(
            lambda: all(driver.beliefs.get(key) == value for key, value in wanted.items()), within
        ):
            shown = {key: driver.beliefs.get(key) for key in wanted}
            raise BeliefError(f"{self.name} shows {_told(shown)}, {within:g} s after it should show {_told(wanted)}")

    async def shows_too(self, within: float = BELIEVED_WITHIN, **wanted: Any) -> None:
        """As `shows`, of what the device can tell: a witness beside others, where he can be had. For what a story is
        about there is `shows`."""
        await self.driver.inspect(wanted)
        known = {key: value for key, value in wanted.items() if key in self.driver.beliefs}
        if known:
            await self.shows(within, **known)


def _told(beliefs: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value!r}" for key, value in beliefs.items())
