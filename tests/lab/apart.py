"""One side in a process of its own, and a story played with it on real sockets."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sipconform.checks.catalogue import Verdict
from sipconform.checks.judge import Judgement
from sipconform.judging import judge_capture
from sipconform.lab.settings import LabSettings
from sipconform.lab.stage import Ending, Scenario, Stage

LISTENS = re.compile(r"listens on \w+ (\S+)")
DRIVEN = re.compile(r"driver interface on (\S+)")


class Program:
    """One of our agents in a process of its own: where it listens, and where its driver interface is."""

    def __init__(self, *words: str) -> None:
        command = [sys.executable, "-m", "sipconform", *words, "--control", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        told = self.process.stdout.readline() + self.process.stdout.readline()
        listens, driven = LISTENS.search(told), DRIVEN.search(told)
        assert listens, told
        assert driven, told
        self.address, self.control = listens[1], driven[1]

    def end(self) -> int:
        """In good order; gives the exit code."""
        self.process.terminate()
        self.process.communicate(timeout=10)
        return self.process.returncode

    def kill(self) -> None:
        """As by a power cut."""
        self.process.kill()
        self.process.communicate(timeout=10)


@contextmanager
def program(*words: str) -> Iterator[Program]:
    """A program that ends with the test."""
    begun = Program(*words)
    try:
        yield begun
    finally:
        begun.end()


def free_port() -> int:
    """A UDP port that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def judged(scenario: Scenario, settings: LabSettings, capture: Path) -> Judgement:
    """Plays a scenario on sockets; it must be played to its end, and nobody be accused."""
    played = Stage(settings, capture).play(scenario)
    assert played.ending is Ending.PLAYED, played.sentence
    (result,) = [judgement for _, judgement in judge_capture(capture)]
    failed = [(f.check and f.check.id, f.observed) for f in result.findings if f.verdict is Verdict.FAIL]
    assert failed == []
    return result
