"""A person drives a phone: prompts reach the terminal, answers reach the story, and Ctrl-C ends it."""

import json
import os
import pty
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipconform.trace.packet import address_of
from tests.commands.programs import PATIENCE, environment, run_facts
from tests.lab.apart import Program, free_port, program

OK, NOT_JUDGED = 0, 2


class Desk:
    """A terminal with `sipconform run` in it, as a person sees it."""

    def __init__(self, where: Path, *words: str) -> None:
        self.seen = ""
        self._end, theirs = pty.openpty()
        name = os.ttyname(theirs)
        # The first terminal that a leader of a session opens is where Ctrl-C comes from.
        command = ["sh", "-c", f'exec "$@" <>{name} >&0 2>&1', "sh", sys.executable, "-m", "sipconform", "run", *words]
        self.process = subprocess.Popen(command, cwd=where, env=environment(), start_new_session=True)
        os.close(theirs)

    def waits_for(self, text: str) -> None:
        """Until it stands on the screen."""
        until = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert select.select([self._end], [], [], until - time.monotonic())[0], self.seen
            self.seen += self._read()

    def types(self, keys: str) -> None:
        os.write(self._end, keys.encode())

    def is_over(self) -> int:
        """The exit code."""
        while told := self._read():
            self.seen += told
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        os.close(self._end)
        self.process.kill()
        self.process.wait()

    def _read(self) -> str:
        try:
            return os.read(self._end, 4096).decode(errors="replace")
        except OSError:  # the other end is closed
            return ""


STORY = ("feature_sync", "-k", "test_without_synchronisation", "--account", "phone=2001:pw2001", "--out", "run")


@pytest.fixture
def place() -> str:
    """Where our server will listen."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def desk(tmp_path: Path, place: str) -> Iterator[Desk]:
    started = Desk(tmp_path, *STORY, "--listen", place, "--phone", "phone=operator")
    yield started
    started.end()


@pytest.fixture
def phone(place: str) -> Iterator[Program]:
    """The phone on the desk."""
    with program("phone", "--server", place, "--user", "2001:pw2001") as running:
        yield running


def registers(phone: Program) -> None:
    """The person does as he is told."""
    there = address_of(phone.control)
    assert there is not None
    with socket.create_connection(there, PATIENCE) as telling:
        telling.sendall(json.dumps({"do": "start", "with": {"sync": False}, "id": 1}).encode() + b"\n")
        said = ""
        while '"done"' not in said:
            said += telling.recv(4096).decode()


def test_a_person_is_asked_and_the_phone_is_what_is_judged(tmp_path: Path, desk: Desk, phone: Program) -> None:
    desk.waits_for("Switch phone 2001 on and let it register")
    registers(phone)
    desk.types("\n")
    desk.waits_for("Switch Do Not Disturb on on phone 2001")
    desk.types("\n")
    desk.waits_for("Does phone 2001 show Do Not Disturb on?")
    desk.types("y\n")
    assert desk.is_over() == OK, desk.seen
    facts = run_facts(tmp_path / "run")
    assert [scenario["verdict"] for scenario in facts["scenarios"]] == ["pass"]
    assert "What the operator was asked to do" in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_ctrl_c_at_a_prompt_ends_it_with_a_report(tmp_path: Path, desk: Desk) -> None:
    desk.waits_for("Switch phone 2001 on and let it register")
    desk.types("\x03")
    assert desk.is_over() == NOT_JUDGED, desk.seen
    assert run_facts(tmp_path / "run")["status"] == "interrupted"
    assert (tmp_path / "run" / "report.html").is_file()


def test_where_nobody_is_nobody_is_asked(tmp_path: Path, place: str) -> None:
    command = [sys.executable, "-m", "sipconform", "run", *STORY, "--listen", place, "--phone", "phone=operator"]
    subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False, env=environment())
    [scenario] = run_facts(tmp_path / "run")["scenarios"]
    assert scenario["verdict"] == "not-supported"
    assert "nobody is at a terminal" in scenario["sentence"]
