"""`sipconform judge CAPTURE…`: reads, correlates, judges, reports."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sipconform import __version__
from sipconform.checks.catalogue import Verdict, catalogue
from sipconform.commands import CLEAR_LINE, Parser, complain
from sipconform.commands.reading import READERS, add_reading
from sipconform.expectations import load_expecting
from sipconform.judging import judge_into, usable_processors
from sipconform.lab.profile import ProfileError
from sipconform.report.folder import RunFolder
from sipconform.report.legible import counted, in_frames
from sipconform.report.model import Arrangement, Run, ScenarioResult
from sipconform.report.summary import counts, failed_checks, unexpected
from sipconform.trace.errors import CaptureError

COULD_NOT_JUDGE = 2


def main(arguments: Sequence[str]) -> int:
    parser = Parser("judge", "Judge captures (pcap, pcapng, gzip of either) and write a report.")
    parser.add_argument("capture", nargs="+", type=Path)
    add_reading(parser)
    parser.add_argument("--profile", help="vendor profile, for its expected deviations")
    parser.add_argument("--check", action="append", default=[], help="judge by this check only (repeatable)")
    parser.add_argument(
        "--processes", type=_count, help="parts of a long capture judged at a time (default: one for each processor)"
    )
    parser.add_argument("--out", type=Path, help="run folder (default reports/<date and time>)")
    given = parser.parse_args(arguments)
    unknown = [word for word in given.check if word not in catalogue()]
    if unknown:
        return complain(f"no check is called {unknown[0]!r}; `sipconform checks` lists them")
    try:
        profile = load_expecting(given.profile) if given.profile else None
    except ProfileError as error:
        return complain(str(error))
    run = Run(
        "",
        datetime.now().astimezone(),
        shlex.join(["sipconform", "judge", *arguments]),
        Arrangement.CAPTURE,
        profile=profile.name if profile else "",
        device=", ".join(p.name for p in given.capture),
        environment={"sipconform": __version__},
        expected_deviations={d.check: d.reason for d in profile.deviations} if profile else {},
    )
    if given.check:
        run.checks = {name: check for name, check in run.checks.items() if name in given.check}
    try:
        folder = RunFolder.begun(run, given.out)
    except OSError as error:
        return complain(f"{given.out or error.filename} cannot be written: {error.strerror}", COULD_NOT_JUDGE)
    try:
        with folder:
            for capture in given.capture:
                _judge_one(folder, capture, given)
    except KeyboardInterrupt:
        complain("interrupted; the report tells what was judged until then")
    except OSError as error:
        return complain(f"{error.filename or folder.path}: {error.strerror}", COULD_NOT_JUDGE)
    _tell(run, folder.path)
    return run.exit_code


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text)):
        raise argparse.ArgumentTypeError(f"a number from 1 to 999 is wanted, not {text[:20]!r}")
    return int(text)


def _judge_one(folder: RunFolder, capture: Path, given: argparse.Namespace) -> None:
    """What cannot be read is said, and costs the other captures nothing."""
    result = ScenarioResult(capture.name, title=capture.name, bare=True, capture=str(capture))
    result.reproduce = _again(capture, given)
    read, processes = READERS[given.dissector], given.processes or usable_processors()
    try:
        with _Counter() as counter:
            judge_into(folder, result, capture, keylog=given.keylog, progress=counter, read=read, processes=processes)
    except CaptureError as error:
        complain(str(error))
        result.verdict, result.error = Verdict.COULD_NOT_RUN, str(error)
        folder.add(result)


def _again(capture: Path, given: argparse.Namespace) -> str:
    """The command line that judges this one capture as it was judged."""
    words = ["sipconform", "judge", str(capture)]
    for option, value in (("--keylog", given.keylog), ("--profile", given.profile)):
        words += [option, str(value)] if value else []
    words += ["--dissector", given.dissector] if given.dissector != "own" else []
    return shlex.join([*words, *(word for check in given.check for word in ("--check", check))])


class _Counter:
    """How many messages have been judged, while somebody watches; gone when other things are said."""

    def __init__(self) -> None:
        self._shown = False
        self._watched = sys.stderr.isatty()

    def __enter__(self) -> _Counter:
        return self

    def __call__(self, messages: int) -> None:
        if self._watched:
            self._shown = True
            print(f"\r{messages:,} messages judged", end="", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print(f"\r{CLEAR_LINE}", end="", file=sys.stderr, flush=True)


def _tell(run: Run, path: Path) -> None:
    for result in run.scenarios:
        why = failed_checks(result) or result.error
        why = "see above" if why.startswith(f"{result.capture}: ") else why  # it was a sentence of its own
        print(f"{result.id}: {result.verdict}, {counted(result.messages, 'message')}{f': {why}' if why else ''}")
        for note in result.notes:
            print(f"  note: {note.text}{in_frames(note.frames)}")
    for line in unexpected(run):
        print(line)
    if len(run.scenarios) > 1:
        print(counts(run))
    print(f"report: {path / 'report.html'}")
