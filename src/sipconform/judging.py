"""From a capture file to a judged result: the one road that live runs and customers' captures both take."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sipconform.checks.catalogue import Check, Verdict
from sipconform.checks.judge import Judgement, judge
from sipconform.report.folder import RunFolder
from sipconform.report.model import ScenarioResult
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import Note, Observation, Packet
from sipconform.trace.parts import traces
from sipconform.trace.trace import Trace

YOUNG_OBJECTS = 200_000  # some ten thousand messages with all that belongs to them
NO_SIP = "no SIP message was found in it; the notes say what was there and could not be opened"
Progress = Callable[[int], None]
"""Told how many messages have been judged so far."""


class Read(Protocol):
    """A reader of captures; see `trace.capture.read_capture`."""

    def __call__(self, path: Path, *, keylog: Path | None = None) -> Iterator[Packet | Observation | Note]: ...


def judge_capture(
    path: Path, *, keylog: Path | None = None, checks: Mapping[str, Check] | None = None, read: Read = read_capture
) -> Generator[tuple[Trace, Judgement], None, None]:
    """The parts of a capture, judged by the whole catalogue or these checks, as soon as each is over. Raises
    CaptureError for what is no capture. `read` may be another reader (`trace.second_opinion`)."""
    with _seldom_collecting():
        for trace in traces(read(path, keylog=keylog)):
            yield trace, judge(trace, checks)


def judge_into(
    folder: RunFolder,
    result: ScenarioResult,
    path: Path,
    *,
    keylog: Path | None = None,
    progress: Progress | None = None,
    read: Read = read_capture,
) -> None:
    """Judges a capture by the run's checks into a result of its folder, and adds the result."""
    for trace, judgement in judge_capture(path, keylog=keylog, checks=folder.run.checks, read=read):
        folder.take(result, trace, judgement.findings, judgement.passed)
        if trace not in result.traces:
            trace.let_go()
        if progress:
            progress(result.messages)
    if not result.messages:
        result.verdict, result.error = Verdict.COULD_NOT_RUN, NO_SIP
    folder.add(result)


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Messages, transactions and dialogs point at each other by the thousand: looking for rings among them as often
    as Python does by default costs half the time."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
