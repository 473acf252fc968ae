"""The terminal at which a person may sit: asks one question at a time and waits for the line that is typed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import TextIO

from sipconform.lab.actor import NotSupportedError

uncaptured: Callable[[], AbstractContextManager[None]] = nullcontext
"""Gives the program its own streams while a question is asked. Whoever catches what is printed (pytest) sets it."""


@dataclass(eq=False, repr=False)
class Terminal:
    """`answers` and `prompts` are those of the process unless given. `steps` keeps what was asked, for the report."""

    answers: TextIO | None = None
    prompts: TextIO | None = None
    steps: list[str] = field(default_factory=list)
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, prompt: str) -> str:
        """The answer, in small letters. Raises NotSupportedError where nobody is there to give one."""
        async with self._one:
            with uncaptured():
                answers, prompts = self.answers or sys.stdin, self.prompts or sys.stderr
                if answers is None or not answers.isatty():
                    raise NotSupportedError(f"nobody is at a terminal to be asked: {prompt}")
                _forget_what_was_typed(answers)
                print(f"\n>>> {prompt}: ", end="", file=prompts, flush=True)
                line = await _line_of(answers)
        if not line:
            raise NotSupportedError(f"the terminal was closed when this was asked: {prompt}")
        self.steps.append(f"{prompt}: {line.strip() or 'Enter'}")
        return line.strip().lower()


async def _line_of(answers: TextIO) -> str:
    """A line; "" at the end of the input. Nothing is left behind that waits, so that Ctrl-C ends the program."""
    try:
        number = answers.fileno()
    except (OSError, ValueError):
        return answers.readline()
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[str] = loop.create_future()
    try:
        loop.add_reader(number, _take, number, typed)
    except (NotImplementedError, OSError):  # a Windows console cannot be watched
        Thread(target=lambda: loop.call_soon_threadsafe(_give, typed, answers.readline()), daemon=True).start()
        return await typed
    try:
        return await typed
    finally:
        loop.remove_reader(number)


def _take(number: int, typed: asyncio.Future[str]) -> None:
    """A terminal gives whole lines."""
    try:
        _give(typed, os.read(number, 4096).decode(errors="replace"))
    except OSError:
        _give(typed, "")


def _give(typed: asyncio.Future[str], line: str) -> None:
    if not typed.done():
        typed.set_result(line)


def _forget_what_was_typed(answers: TextIO) -> None:
    """A key that was pressed before the question stands there answers no question."""
    try:
        import termios  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    with suppress(OSError, ValueError, termios.error):  # no terminal of this machine
        termios.tcflush(answers.fileno(), termios.TCIFLUSH)
