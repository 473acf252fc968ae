"""Plays one scenario: a laboratory on an event loop of its own, the actors it names, and how it ended.

pytest uses it through the fixtures of `fixtures/actors.py`, the kill matrix and the seed runs directly.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from sipconform.agents.faults import Fault
from sipconform.lab import second_line
from sipconform.lab.actor import CouldNotRunError, NotSupportedError
from sipconform.lab.aside import Aside
from sipconform.lab.clock import Clock
from sipconform.lab.lab import Lab, new_loop
from sipconform.lab.listening import Listening
from sipconform.lab.record import MOST_MESSAGES
from sipconform.lab.settings import LabSettings
from sipconform.lab.shared_line import DESKS, TONES
from sipconform.trace.trace import Trace

QUIET = {"sockets": 1.0, "simulated": 40.0}
"""Seconds of silence recorded after a scenario, so that a late NOTIFY, an echo or a retransmission is evidence too."""
SCENARIO_LIMIT = {"sockets": 120.0, "simulated": 90_000.0}
BY_HAND_LIMIT = 1800.0
FLOOD = f"more than {MOST_MESSAGES:,} messages crossed the wire, as where two answer each other without end"

Scenario = Callable[..., Coroutine[Any, Any, None]]


class Ending(StrEnum):
    """How a scenario ended, before its capture is judged."""

    PLAYED = "played"
    FAILED = "failed"  # an expectation of the scenario itself was not met
    NOT_SUPPORTED = "not supported"
    COULD_NOT_RUN = "could not run"
    TOO_LONG = "too long"
    TOO_MUCH = "too much"


class Played(NamedTuple):
    """The ending, and the sentence that tells why it was not `PLAYED`."""

    ending: Ending
    sentence: str = ""


def race_of(scenario: Scenario) -> str:
    """What the outcome of a scenario hangs on, as told by `@pytest.mark.race("who answers first")`; "" for nothing."""
    marks = getattr(scenario, "pytestmark", [])
    return next((str(mark.args[0]) for mark in marks if mark.name == "race"), "")


class FloodError(Exception):
    """More messages than any scenario has: two who answer each other would never end."""


class Stage:
    """Opens a lab at once; `play` may be called once, and closes it. What could not be built is told by `play`."""

    def __init__(self, settings: LabSettings, capture: Path, faults: tuple[Fault, ...] = ()) -> None:
        self.runner = asyncio.Runner(loop_factory=lambda: new_loop(settings))
        self.lab = Lab(settings, capture, list(faults))
        self.refusal: CouldNotRunError | None = None
        self._closed = False
        try:
            self.runner.run(self.lab.open())
        except CouldNotRunError as error:
            self.refusal = error
        except BaseException:
            self.runner.close()
            raise

    def actor(self, name: str) -> Any:
        """What a scenario's parameter of that name stands for: `server`, `profile`, `clock`, or a phone.

        None once something could not be built, for then `play` asks nobody for anything.
        """
        if self.refusal is not None:
            return None
        try:
            return self._actor(name)
        except CouldNotRunError as error:
            self.refusal = error
            return None

    def _actor(self, name: str) -> Any:
        if name == "server":
            return self.lab.server()
        if name == "profile":
            return self.lab.profile
        if name == "audio":
            return Listening(self.lab.capture, TONES, self.lab.network.now_ns, self.lab.observe)
        if name == "desks":
            return [self.actor(desk) for desk in DESKS]
        if name == "clock":
            return Clock(self.lab.simulated)
        making = self.lab.other_server() if name == second_line.SERVER else self.lab.phone(name)
        return self.runner.run(making)

    def play(self, scenario: Scenario, arguments: dict[str, Any] | None = None) -> Played:
        """Plays the scenario to its end, whatever that is, and closes the lab. The capture is on disk then."""
        try:
            if arguments is None:
                arguments = {name: self.actor(name) for name in inspect.signature(scenario).parameters}
            if self.refusal is not None:
                return Played(Ending.COULD_NOT_RUN, str(self.refusal))
            return self._played(scenario, arguments)
        finally:
            self.close()

    def takes_part(self, traces: Iterable[Trace]) -> bool:
        """Whether a device under test has sent anything that the capture shows; True where only ours are tested."""
        return self.lab.record.takes_part(traces)

    def close(self) -> None:
        """Closes the lab, played or not. A second call does nothing."""
        if not self._closed:
            self._closed = True
            self.runner.run(self.lab.close())
            self.runner.close()

    def _played(self, scenario: Scenario, arguments: dict[str, Any]) -> Played:
        played = Played(Ending.PLAYED)
        try:
            self.runner.run(self._in_time(scenario(**arguments), race_of(scenario)))
        except NotSupportedError as error:
            played = Played(Ending.NOT_SUPPORTED, str(error))
        except CouldNotRunError as error:
            played = Played(Ending.COULD_NOT_RUN, str(error))
        except AssertionError as error:
            played = Played(Ending.FAILED, str(error) or "an expectation of the scenario was not met")
        except TimeoutError:
            played = Played(Ending.TOO_LONG, f"the scenario was not over after {self._limit:g} s")
        except FloodError:
            return Played(Ending.TOO_MUCH, FLOOD)
        try:
            self.runner.run(self._in_bounds(asyncio.sleep(QUIET[self.lab.settings.network])))
        except FloodError:
            return Played(Ending.TOO_MUCH, FLOOD)
        return played

    @property
    def _limit(self) -> float:
        return BY_HAND_LIMIT if self.lab.settings.by_hand else SCENARIO_LIMIT[self.lab.settings.network]

    async def _in_time(self, scenario: Coroutine[Any, Any, None], race: str) -> None:
        if race:
            self.lab.observe("lab", "race", {"race": race})
        aside = Aside(asyncio.get_running_loop())
        try:
            async with asyncio.timeout(self._limit):
                await self._in_bounds(scenario)
        except AssertionError as error:
            if refusal := aside.refusal():
                raise refusal from error
            raise

    async def _in_bounds(self, doing: Coroutine[Any, Any, None]) -> None:
        """Until it is done, or too much is said meanwhile. Raises FloodError then."""
        task = asyncio.current_task()
        assert task is not None
        self.lab.record.on_flood(lambda: task.cancelling() or task.cancel())
        try:
            await doing
        except asyncio.CancelledError:
            if not self.lab.record.is_flooded:
                raise
            task.uncancel()
            raise FloodError from None
