"""`sipconform watch --interface IF`: both sides are real, we only listen, and judge as it goes."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from sipconform import __version__
from sipconform.checks.catalogue import Verdict
from sipconform.commands import CLEAR_LINE, Parser, complain
from sipconform.expectations import load_expecting
from sipconform.judging import judge_into
from sipconform.lab.profile import ProfileError
from sipconform.net.sniffer import MayNotListen, Sniffer
from sipconform.report.folder import RunFolder
from sipconform.report.model import Arrangement, Run, ScenarioResult
from sipconform.report.summary import unexpected
from sipconform.trace.packet import Note, Observation, Packet

NOT_JUDGED = 2
COUNTED_EVERY_S = 0.5


def main(arguments: Sequence[str]) -> int:
    parser = Parser("watch", "Listen until Ctrl-C, judge what two real sides say to each other, report.")
    parser.add_argument("--interface", required=True, metavar="IF")
    parser.add_argument("--filter", default="", help="which packets, in the words of pcap-filter (port 5060)")
    parser.add_argument("--seconds", type=float, help="stop after so long")
    parser.add_argument("--profile", help="vendor profile, for its expected deviations")
    parser.add_argument("--out", type=Path, help="run folder (default reports/<date and time>)")
    given = parser.parse_args(arguments)
    try:
        profile = load_expecting(given.profile) if given.profile else None
        sniffer = Sniffer(given.interface, given.filter, given.seconds)
    except ProfileError as error:
        return complain(str(error))
    except MayNotListen as error:
        return complain(str(error), NOT_JUDGED)
    run = Run(
        "", datetime.now().astimezone(), shlex.join(["sipconform", "watch", *arguments]), Arrangement.WATCHED,
        profile=profile.name if profile else "",
        device=f"what passes {given.interface}",
        environment={"sipconform": __version__, "interface": given.interface, "filter": given.filter or "none"},
        expected_deviations={d.check: d.reason for d in profile.deviations} if profile else {},
    )  # fmt: skip
    try:
        folder = RunFolder.begun(run, given.out)
    except OSError as error:
        return complain(f"{given.out or error.filename} cannot be written: {error.strerror}", NOT_JUDGED)
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, lambda *_: sniffer.stop())
    print(f"listening on {given.interface}; Ctrl-C ends it", flush=True)
    with folder:
        _watch(folder, sniffer)
    _tell(run, folder.path, sniffer)
    return run.exit_code


def _watch(folder: RunFolder, sniffer: Sniffer) -> None:
    capture = folder.capture_path("watched").with_suffix(".pcap")
    capture.parent.mkdir(parents=True, exist_ok=True)
    name = str(capture.relative_to(folder.path))
    result = ScenarioResult("watched", title=f"watched on {sniffer.interface}", bare=True, capture=name)
    result.reproduce = shlex.join(["sipconform", "judge", str(capture)])
    screen = _Screen(sniffer, result)
    judge_into(folder, result, capture, progress=screen.judged, read=screen.read)
    screen.clear()


class _Screen:
    """What is told as it goes: what was found, a line each, as soon as its part is judged; counts on a terminal."""

    def __init__(self, sniffer: Sniffer, result: ScenarioResult) -> None:
        self._sniffer, self._result = sniffer, result
        self._told = 0  # of what is shown of the result
        self._counted = 0.0
        self._terminal = sys.stderr.isatty()

    def read(self, path: Path, *, keylog: Path | None = None) -> Iterator[Packet | Observation | Note]:
        for item in self._sniffer.read(path, keylog=keylog):
            self._count()
            yield item

    def judged(self, _: int) -> None:
        for line in self._result.shown[self._told :]:
            if line.verdict is Verdict.FAIL:
                self.clear()
                expected = "as expected: " if line.deviation is not None else ""
                print(f"{line.level}: {expected}{line.message}", flush=True)
        self._told = len(self._result.shown)

    def _count(self) -> None:
        if not self._terminal or (now := time.monotonic()) < self._counted + COUNTED_EVERY_S:
            return
        self._counted = now
        heard = f"{self._sniffer.frames:,} frames, {self._sniffer.messages:,} messages"
        judged = f"{self._result.messages:,} judged, {self._told} findings"
        print(f"\r{heard}; {judged}{CLEAR_LINE}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Takes the counts away, so that something else can stand in their line."""
        if self._terminal:
            print(f"\r{CLEAR_LINE}", end="", file=sys.stderr, flush=True)


def _tell(run: Run, path: Path, sniffer: Sniffer) -> None:
    for result in run.scenarios:
        bad = {told.check for told in result.tally if told.verdict is Verdict.FAIL and not told.expected}
        failed = f": {', '.join(sorted(bad))}" if bad else ""
        print(f"{sniffer.frames} frames, {result.messages} messages: {result.verdict}{failed}")
        for note in result.notes:
            print(f"  note: {note.text}")
    for line in unexpected(run):
        print(line)
    print(f"capture: {path / run.scenarios[0].capture}\nreport: {path / 'report.html'}")
