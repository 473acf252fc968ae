"""When the phones of a line are told: once per event, from a snapshot taken as the NOTIFYs leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sipconform.agents.call import Leg
from sipconform.agents.server.lines import Line
from sipconform.features.appearance import Appearances

PATIENCE = 0.5  # seconds a NOTIFY waits at most for calls that are being ended


@dataclass(eq=False, repr=False)
class Publication:
    """`tell` sends the state of the line to every subscriber.

    While something holds it back, events pile up and are told together: a phone that is being cancelled or hung
    up on forgets what it was told just before.
    """

    line: Line
    tell: Callable[[], None]
    told: Appearances = field(default_factory=Appearances)
    _holding: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def publish(self) -> None:
        """An event is over: tells the state if it is another than the last told."""
        if self._holding:
            return
        now = self.line.snapshot()
        if not now.same_as(self.told):
            self.told = now
            self.tell()

    def hold_back(self) -> None:
        """Nothing is told until the matching `release`."""
        self._holding += 1

    def release(self, after: Iterable[Leg] = ()) -> None:
        """Tells once these legs have nothing unanswered any more, or after half a second."""
        task = asyncio.get_running_loop().create_task(self._release(list(after)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _release(self, legs: list[Leg]) -> None:
        waiting = [asyncio.ensure_future(leg.settled()) for leg in legs]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=PATIENCE)
            for task in late:
                task.cancel()
        self._holding -= 1
        self.publish()
