"""An event loop whose clock leaps to the next timer as soon as nobody has anything to do.

An hour of subscription life costs milliseconds, and nothing outside the run (load, threads, sockets) can
change the order of callbacks. Two mistakes that hang a real loop for ever end in an error here: everybody
waits and nothing is scheduled (`DeadlockError`), and periodic timers keep the loop busy while the run itself
never ends (`HorizonError`).

Why our own and not `looptime` 0.9, which was tried: it mixes virtual with real time (a deadlock is noticed
after real seconds, if a timeout was set at all), rounds to microseconds where our stamps are nanoseconds,
makes 42 empty rounds before every leap (10,000 timers in a row: 1.1 s there, 0.04 s here), and patches the
private `_selector` of a loop that exists. asyncio's public doors are enough: `SelectorEventLoop(selector)` and
`time()`.

Two limits of asyncio itself: tasks cancelled by the closing of the loop or of a `TaskGroup` are cancelled in
the order of a set, which differs between runs. Whoever sends packets while closing is closed inside the run,
one by one.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar, TypeVarTuple, Unpack

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

SECOND = 1_000_000_000
WEEK = 7 * 86_400.0


class DeadlockError(RuntimeError):
    """Somebody waits, nothing is scheduled: on a real network the run would hang for ever."""


class HorizonError(RuntimeError):
    """The run outlived the virtual time it was given."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time, starting at 0 s. For `asyncio.Runner(loop_factory=VirtualLoop)`.

    `horizon` is the virtual time in seconds after which `HorizonError` ends the run. Real sockets raise
    RuntimeError; what is given to an executor runs at once and in place.
    """

    def __init__(self, horizon: float = WEEK) -> None:
        self._clock = _LeapingClock(round(horizon * SECOND), self._who_waits)
        super().__init__(self._clock)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._clock.now_ns / SECOND

    def run_in_executor(self, executor: object, func: Callable[[Unpack[_Ts]], _T], *args: *_Ts) -> asyncio.Future[_T]:
        """Calls `func` here and now: a thread would let real time in."""
        done: asyncio.Future[_T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # it belongs to whoever awaits the call, as from a thread
            done.set_exception(error)
        return done

    def _who_waits(self) -> str:
        waiting = sorted(_place(task) for task in asyncio.all_tasks(self))
        return "; ".join(waiting) or "nobody"


def run(main: Coroutine[Any, Any, _T], *, horizon: float = WEEK) -> _T:
    """Runs a coroutine to its end on a fresh `VirtualLoop`. Raises `DeadlockError` and `HorizonError`."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(horizon)) as runner:
        return runner.run(main)


class _LeapingClock(selectors.BaseSelector):
    """A selector in which no file ever becomes ready: to wait in it is to move the clock."""

    def __init__(self, horizon_ns: int, who_waits: Callable[[], str]) -> None:
        self.now_ns = 0
        self._horizon_ns = horizon_ns
        self._who_waits = who_waits
        self._keys: dict[int, selectors.SelectorKey] = {}

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            now = self.now_ns / SECOND
            raise DeadlockError(f"nothing is scheduled at {now:.3f} s, yet these wait: {self._who_waits()}")
        # Rounded up, so that the timer leapt to is certainly due.
        self.now_ns += math.ceil(timeout * SECOND)
        if self.now_ns > self._horizon_ns:
            limit = self._horizon_ns / SECOND
            self._horizon_ns = self.now_ns + 60 * SECOND  # for what the cancelled tasks still have to close
            raise HorizonError(f"no end within {limit:.0f} virtual seconds; these wait: {self._who_waits()}")
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        if self._keys:  # the first is the loop's own wake-up pipe
            raise RuntimeError("no real socket on the virtual clock: use SimulatedNetwork")
        self._keys[fileobj] = selectors.SelectorKey(fileobj, fileobj, events, data)
        return self._keys[fileobj]

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


def _place(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack(limit=1)
    where = f" at {frames[-1].f_code.co_name} line {frames[-1].f_lineno}" if frames else ""
    return f"{task.get_name()}{where}"
