"""What a story does beside its own course: a call that is being dialled while somebody waits for the ringing.

When that could not be done at all, the ringing that never came accuses nobody.
"""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakSet

from sipconform.lab.actor import CouldNotRunError, NotSupportedError


class Aside:
    """Watches every task that is begun on a loop from now on."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        loop.set_task_factory(self._begin)

    def _begin(self, loop: asyncio.AbstractEventLoop, coroutine: Any, /, **how: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, **how)
        self._tasks.add(task)
        return task

    def refusal(self) -> NotSupportedError | CouldNotRunError | None:
        """Why something that was begun could not be done; None if all could."""
        for task in self._tasks:
            error = task.exception() if task.done() and not task.cancelled() else None
            if isinstance(error, NotSupportedError | CouldNotRunError):
                return error
        return None
