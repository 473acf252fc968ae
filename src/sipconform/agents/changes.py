"""How one waits for an agent to come to believe something, without asking again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Changes:
    """An agent calls `happened()` whenever its state changed; whoever waits looks again."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def happened(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def until(self, condition: Callable[[], bool], within: float) -> bool:
        """Whether the condition came true within so many seconds; it is looked at once more at the end."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while not condition():
            left = deadline - loop.time()
            if left <= 0:
                return False
            future = loop.create_future()
            self._waiting.add(future)
            timer = loop.call_later(left, self.happened)
            await future
            timer.cancel()
        return True
