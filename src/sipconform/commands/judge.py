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
from sipconform.commands import Parser, complain
from sipconform.judging import Read, judge_into, usable_processors
from sipconform.lab.profile import ProfileError, load_profile
from sipconform.report.folder import RunFolder
from sipconform.report.legible import counted, in_frames
from sipconform.report.model import Arrangement, Run, ScenarioResult
from sipconform.report.summary import counts, failed_checks
from sipconform.trace.capture import read_capture
from sipconform.trace.errors import CaptureError
from sipconform.trace.second_opinion import read_with_tshark

COULD_NOT_JUDGE = 2
READERS: dict[str, Read] = {"own": read_capture, "tshark": read_with_tshark}


def main(arguments: Sequence[str]) -> int:
    parser = Parser("judge", "Judge captures (pcap, pcapng, gzip of either) and write a report.")
    parser.add_argument("capture", nargs="+", type=Path)
    parser.add_argument("--keylog", type=Path, help="TLS key log file (SSLKEYLOGFILE) for what is encrypted")
    parser.add_argument("--dissector", choices=list(READERS), default="own", help="who reads the capture (default own)")
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
        profile = load_profile(given.profile) if given.profile else None
    except ProfileError as error:
        return complain(str(error))
    started = datetime.now().astimezone()
    path = given.out or Path("reports") / f"{started:%Y-%m-%d-%H%M%S}"
    run = Run(
        path.name,
        started,
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
        folder = RunFolder(path, run, None if given.out else path.parent / "history.sqlite")
    except OSError as error:
        return complain(f"{path} cannot be written: {error.strerror}", COULD_NOT_JUDGE)
    with folder:
        read = [_judge_one(folder, capture, given) for capture in given.capture]
    _tell(run, path, read)
    return run.exit_code


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text)):
        raise argparse.ArgumentTypeError(f"a number from 1 to 999 is wanted, not {text[:20]!r}")
    return int(text)


def _judge_one(folder: RunFolder, capture: Path, given: argparse.Namespace) -> bool:
    """False if the capture cannot be read; that has been said then."""
    result = ScenarioResult(capture.name, title=capture.name, bare=True, capture=str(capture))
    result.reproduce = _again(capture, given)
    progress = _progress if sys.stderr.isatty() else None
    try:
        read, processes = READERS[given.dissector], given.processes or usable_processors()
        judge_into(folder, result, capture, keylog=given.keylog, progress=progress, read=read, processes=processes)
    except CaptureError as error:
        complain(str(error))
        result.verdict, result.error = Verdict.COULD_NOT_RUN, str(error)
        folder.add(result)
        return False
    return True


def _again(capture: Path, given: argparse.Namespace) -> str:
    """The command line that judges this one capture as it was judged."""
    words = ["sipconform", "judge", str(capture)]
    for option, value in (("--keylog", given.keylog), ("--profile", given.profile)):
        words += [option, str(value)] if value else []
    words += ["--dissector", given.dissector] if given.dissector != "own" else []
    return shlex.join([*words, *(word for check in given.check for word in ("--check", check))])


def _progress(messages: int) -> None:
    print(f"\r{messages} messages judged", end="", file=sys.stderr, flush=True)


def _tell(run: Run, path: Path, read: Sequence[bool]) -> None:
    for result, was_read in zip(run.scenarios, read, strict=True):
        why = (result.error or failed_checks(result)) if was_read else "see above"
        print(f"{result.id}: {result.verdict}, {counted(result.messages, 'message')}{f': {why}' if why else ''}")
        for note in result.notes:
            print(f"  note: {note.text}{in_frames(note.frames)}")
    if len(run.scenarios) > 1:
        print(counts(run))
    print(f"report: {path / 'report.html'}")
