"""Standard output and standard error as a command needs them: work goes on when nobody reads any more.

`sipconform judge … | head -1` has to judge to its end and to say by its exit code what it found.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

STANDARD = (0, 1, 2)  # input, output, error


class _Pipe(io.FileIO):
    """A standard stream that swallows what can no longer be written; `trouble` is why."""

    trouble: OSError | None = None

    def write(self, data: Any, /) -> int:
        if self.trouble is None:
            try:
                return super().write(data)
            except BlockingIOError:
                raise  # only full for the moment
            except OSError as error:
                self.trouble = error
        return memoryview(data).nbytes


class Printed:
    """What became of what was printed."""

    def __init__(self, pipes: list[_Pipe]) -> None:
        self._pipes = pipes

    @property
    def trouble(self) -> str:
        """Why something could not be written, "" if all could. Readers who go away have seen enough: no trouble."""
        errors = (pipe.trouble for pipe in self._pipes)
        return next((str(e.strerror or e) for e in errors if e is not None and e.errno != errno.EPIPE), "")


@contextmanager
def patiently() -> Iterator[Printed]:
    """While this lasts, printing to the streams of this process cannot fail. Streams that somebody has put in their
    place stay his."""
    _open_standard()
    before = sys.stdout, sys.stderr
    pipes: list[_Pipe] = []
    if sys.stdout is sys.__stdout__:
        sys.stdout = _patient(sys.__stdout__, 1, pipes)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _patient(sys.__stderr__, 2, pipes)
    try:
        yield Printed(pipes)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(ValueError):  # closed by somebody
                stream.flush()
        sys.stdout, sys.stderr = before


def _open_standard() -> None:
    """A file that is opened must not get the number of a standard stream that was closed."""
    with suppress(OSError):
        while (number := os.open(os.devnull, os.O_RDWR)) in STANDARD:
            pass
        os.close(number)


def _patient(stream: TextIO | None, number: int, pipes: list[_Pipe]) -> TextIO:
    """The stream once more, on the same descriptor. What its encoding lacks is written as an escape."""
    with suppress(OSError, ValueError):
        if stream is not None:
            stream.flush()
    pipes.append(pipe := _Pipe(number, "wb", closefd=False))
    return io.TextIOWrapper(
        io.BufferedWriter(pipe),
        encoding=getattr(stream, "encoding", None),
        errors="backslashreplace",
        line_buffering=number == STANDARD[2] or getattr(stream, "line_buffering", False),
        write_through=getattr(stream, "write_through", False),
    )
