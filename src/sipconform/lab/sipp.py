"""SIPp as a process: plays one of its XML scenarios against an address, a bounded number of times."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sipconform.lab.real_peers import LOG_TAIL, PeerFailed, find_program, free_port

if TYPE_CHECKING:
    from sipconform.trace.packet import Address

# SIPp's own words for its exit status; any other means that it could not do its work at all.
ALL_WELL, SOME_FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class SippRun:
    """What came of it: whether every call went as the scenario says, and what SIPp wrote about those that did not."""

    all_well: bool
    errors: str


def run_sipp(
    scenario: Path, server: Address, *, user: str, calls: int = 1, rate: int = 10, timeout: float = 10.0
) -> SippRun:
    """Plays `scenario` `calls` times, `rate` a second, over UDP; it may speak of its user as `[service]`.

    Raises PeerMissing, or PeerFailed when SIPp could not run or was not done in `timeout` seconds.
    """
    program = find_program("sipp", "sip-tester")
    with TemporaryDirectory(prefix="sipp-") as folder:
        errors = Path(folder, "errors")
        command = [program, str(server), "-sf", str(scenario.resolve()), "-s", user, "-i", server.host]
        command += ["-p", str(free_port(server.host)), "-m", str(calls), "-r", str(rate), "-nostdin"]
        command += ["-trace_err", "-error_file", str(errors)]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise PeerFailed(f"sipp was not done within {timeout:g} s") from late
        if done.returncode not in (ALL_WELL, SOME_FAILED):
            said = (done.stdout + done.stderr).decode(errors="replace")
            raise PeerFailed(f"sipp ended with status {done.returncode}; it said last:\n{said[-LOG_TAIL:]}")
        text = errors.read_text(errors="replace") if errors.exists() else ""
        return SippRun(done.returncode == ALL_WELL, text)
