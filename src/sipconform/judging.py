"""From a capture file to a judged result: the one road that live runs and customers' captures both take."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sipconform.checks.catalogue import Check, Verdict, catalogue
from sipconform.checks.judge import Judgement, judge
from sipconform.trace.capture import read_capture
from sipconform.trace.memory import seldom_collecting
from sipconform.trace.packet import Note, Observation, Packet
from sipconform.trace.parts import traces
from sipconform.trace.trace import Trace

if TYPE_CHECKING:  # judging alone writes no report
    from sipconform.report.folder import RunFolder
    from sipconform.report.model import ScenarioResult

MOST_PROCESSES = 4  # one process reads for all of them, and cannot feed more
NO_SIP = "no SIP message was found in it"
NOT_OPENED = f"{NO_SIP}; the notes say what was there and could not be opened"
Progress = Callable[[int], None]
"""Told how many messages have been judged so far."""


class Read(Protocol):
    """A reader of captures; see `trace.capture.read_capture`."""

    def __call__(self, path: Path, *, keylog: Path | None = None) -> Iterator[Packet | Observation | Note]: ...


def judge_capture(
    path: Path,
    *,
    keylog: Path | None = None,
    checks: Mapping[str, Check] | None = None,
    read: Read = read_capture,
    processes: int = 1,
) -> Generator[tuple[Trace, Judgement], None, None]:
    """The parts of a capture, judged by the whole catalogue or these checks, as soon as each is over. Raises
    CaptureError for what is no capture. `read` may be another reader (`trace.second_opinion`). With more than one of
    `processes` several parts are judged at a time; what is said, and in which order, is the same."""
    checks = catalogue() if checks is None else checks
    with seldom_collecting():
        parts = traces(read(path, keylog=keylog))
        if processes > 1 and may_fork():
            from sipconform.workers import judge_several  # noqa: PLC0415 - nothing to import for one process

            with closing(judge_several(parts, checks, processes)) as judged:
                yield from judged
        else:
            for trace in parts:
                yield trace, judge(trace, checks)


def judge_into(
    folder: RunFolder,
    result: ScenarioResult,
    path: Path,
    *,
    keylog: Path | None = None,
    progress: Progress | None = None,
    read: Read = read_capture,
    processes: int = 1,
) -> None:
    """Judges a capture by the run's checks into a result of its folder, and adds the result."""
    judging = judge_capture(path, keylog=keylog, checks=folder.run.checks, read=read, processes=processes)
    with closing(judging):
        for trace, judgement in judging:
            folder.take(result, trace, judgement.findings, judgement.passed)
            if trace not in result.traces:
                trace.let_go()
            if progress:
                progress(result.messages)
    if not result.messages:
        result.verdict, result.error = Verdict.COULD_NOT_RUN, NOT_OPENED if result.notes else NO_SIP
    folder.add(result)


def may_fork() -> bool:
    """Whether a copy of this process can go on by itself."""
    return hasattr(os, "fork") and sys.platform != "darwin" and threading.active_count() == 1


def usable_processors() -> int:
    """How many processes are of use in judging: 1 where there may be no more."""
    if not may_fork():
        return 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, MOST_PROCESSES)
