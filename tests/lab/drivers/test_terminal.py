"""A real terminal: a line is taken as it is typed, nothing typed before counts, and nothing waits when all is over."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import threading
from collections.abc import Iterator
from typing import TextIO

import pytest

from sipconform.lab.actor import NotSupportedError
from sipconform.lab.drivers.terminal import Terminal

Ends = tuple[int, TextIO]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """The person's end, and the program's."""
    person, program = pty.openpty()
    with open(program, encoding="utf-8") as answers:
        yield person, answers
    os.close(person)


def test_the_answer_is_the_line_that_is_typed_after_the_question(ends: Ends) -> None:
    person, answers = ends
    os.write(person, b"too early\n")

    class Prompts(io.StringIO):
        def flush(self) -> None:
            asyncio.get_running_loop().call_later(0.01, os.write, person, b"Yes \n")

    terminal = Terminal(answers, Prompts())
    assert asyncio.run(terminal.ask("Does it ring?")) == "yes"
    assert terminal.steps == ["Does it ring?: Yes"]


def test_who_is_no_longer_asked_leaves_nothing_that_waits(ends: Ends) -> None:
    async def ask_in_vain() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await Terminal(ends[1], io.StringIO()).ask("Does it ring?")

    before = threading.active_count()
    asyncio.run(ask_in_vain())
    assert threading.active_count() == before


def test_the_end_of_the_input_is_no_answer(ends: Ends) -> None:
    person, answers = ends

    class Prompts(io.StringIO):
        def flush(self) -> None:
            asyncio.get_running_loop().call_later(0.01, os.write, person, b"\x04")

    with pytest.raises(NotSupportedError, match="closed"):
        asyncio.run(Terminal(answers, Prompts()).ask("Does it ring?"))
