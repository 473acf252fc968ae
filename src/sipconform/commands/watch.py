"""`sipconform watch --interface IF`: both sides are real, we only listen, and judge as it goes."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sipconform import __version__
from sipconform.checks.catalogue import Verdict
from sipconform.commands import Parser, complain
from sipconform.judging import judge_into
from sipconform.lab.profile import ProfileError, load_profile
from sipconform.net.sniffer import MayNotListen, Sniffer
from sipconform.report.folder import RunFolder
from sipconform.report.model import Arrangement, Run, ScenarioResult

NOT_JUDGED = 2


def main(arguments: Sequence[str]) -> int:
    parser = Parser("watch", "Listen until Ctrl-C, judge what two real sides say to each other, report.")
    parser.add_argument("--interface", required=True, metavar="IF")
    parser.add_argument("--filter", default="", help="which packets, in the words of pcap-filter (port 5060)")
    parser.add_argument("--seconds", type=float, help="stop after so long")
    parser.add_argument("--profile", help="vendor profile, for its expected deviations")
    parser.add_argument("--out", type=Path, help="run folder (default reports/<date and time>)")
    given = parser.parse_args(arguments)
    try:
        profile = load_profile(given.profile) if given.profile else None
        sniffer = Sniffer(given.interface, given.filter, given.seconds)
    except ProfileError as error:
        return complain(str(error))
    except MayNotListen as error:
        return complain(str(error), NOT_JUDGED)
    started = datetime.now().astimezone()
    path = given.out or Path("reports") / f"{started:%Y-%m-%d-%H%M%S}"
    run = Run(
        path.name, started, shlex.join(["sipconform", "watch", *arguments]), Arrangement.WATCHED,
        profile=profile.name if profile else "",
        device=f"what passes {given.interface}",
        environment={"sipconform": __version__, "interface": given.interface, "filter": given.filter or "none"},
        expected_deviations={d.check: d.reason for d in profile.deviations} if profile else {},
    )  # fmt: skip
    try:
        folder = RunFolder(path, run, None if given.out else path.parent / "history.sqlite")
    except OSError as error:
        return complain(f"{path} cannot be written: {error.strerror}", NOT_JUDGED)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sniffer.stop())
    print(f"listening on {given.interface}; Ctrl-C ends it", flush=True)
    with folder:
        _watch(folder, sniffer)
    _tell(run, path, sniffer)
    return run.exit_code


def _watch(folder: RunFolder, sniffer: Sniffer) -> None:
    capture = folder.capture_path("watched").with_suffix(".pcap")
    capture.parent.mkdir(parents=True, exist_ok=True)
    name = str(capture.relative_to(folder.path))
    result = ScenarioResult("watched", title=f"watched on {sniffer.interface}", bare=True, capture=name)
    result.reproduce = shlex.join(["sipconform", "judge", str(capture)])
    progress = _progress if sys.stderr.isatty() else None
    judge_into(folder, result, capture, progress=progress, read=sniffer.read)


def _progress(messages: int) -> None:
    print(f"\r{messages} messages judged", end="", file=sys.stderr, flush=True)


def _tell(run: Run, path: Path, sniffer: Sniffer) -> None:
    for result in run.scenarios:
        bad = {told.check for told in result.tally if told.verdict is Verdict.FAIL and not told.expected}
        failed = f": {', '.join(sorted(bad))}" if bad else ""
        print(f"{sniffer.frames} frames, {result.messages} messages: {result.verdict}{failed}")
        for note in result.notes:
            print(f"  note: {note.text}")
    print(f"capture: {path / run.scenarios[0].capture}\nreport: {path / 'report.html'}")
