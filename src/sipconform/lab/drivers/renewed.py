"""An agent of ours that lives longer than one story: `reset` puts a new one in its place.

Whatever an earlier story has switched, set or broken is gone then, as with the agents the lab makes itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sipconform.agents.changes import Changes
from sipconform.agents.probing import Prober
from sipconform.lab.drivers.own import OwnPhone, OwnServer

Build = Callable[[], Awaitable[OwnPhone | OwnServer]]
"""Makes the agent, on the address it has always had, and its driver."""


class RenewedDriver:
    """Drives whatever `build` has made last."""

    ours = True

    def __init__(self, build: Build, driver: OwnPhone | OwnServer) -> None:
        self._build = build
        self._driver = driver
        self.beliefs: dict[str, Any] = driver.beliefs
        self.changes: Changes = driver.changes

    @classmethod
    async def made(cls, build: Build) -> RenewedDriver:
        """The first agent. Raises what `build` raises."""
        return cls(build, await build())

    @property
    def prober(self) -> Prober:
        return self._driver.prober

    async def do(self, verb: str, **arguments: Any) -> Any:
        if verb == "reset":
            return await self._renew()
        return await self._driver.do(verb, **arguments)

    async def inspect(self, wanted: dict[str, Any]) -> None:
        await self._driver.inspect(wanted)

    async def _renew(self) -> None:
        """Who listens for beliefs and stimuli goes on listening."""
        old = self._driver
        old.close()
        await asyncio.sleep(0)  # the address is free once the loop has closed the socket
        self._driver = await self._build()
        self.beliefs = self._driver.beliefs
        self._driver.changes = self.changes
        self._driver.prober.announce = old.prober.announce
        self.changes.happened()
