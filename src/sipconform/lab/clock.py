"""Time as a scenario sees it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sipconform.lab.actor import NotSupportedError

LONGEST_REAL_WAIT = 10.0  # seconds a scenario may let pass on real sockets


@dataclass(frozen=True, slots=True)
class Clock:
    """`virtual` on the simulated network, where an hour passes at once."""

    virtual: bool

    async def passes(self, seconds: float) -> None:
        """Lets time pass; raises NotSupportedError where nobody would want to wait for it."""
        if not self.virtual and seconds > LONGEST_REAL_WAIT:
            raise NotSupportedError(f"{seconds:g} s are not waited for in real time: run this with --network simulated")
        await asyncio.sleep(seconds)
