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

SUMMARY = b"Failed call"  # in the statistics it ends with; without them it did not play at all


@dataclass(frozen=True, slots=True)
class SippRun:
    """What came of it: whether every call went as the scenario says, and what SIPp wrote about those that did not."""

    all_well: bool
    errors: str


def run_sipp(
    scenario: Path,
    server: Address,
    *,
    user: str,
    password: str = "",
    calls: int = 1,
    rate: int = 10,
    timeout: float = 10.0,
    port: int = 0,
) -> SippRun:
    """Plays `scenario` `calls` times, `rate` a second, over UDP; from `port`, if a scenario waits to be called there.

    The scenario may speak of the user as `[service]` and answer a challenge by `[authentication]`.

    Raises PeerMissing, or PeerFailed when SIPp could not run or was not done in `timeout` seconds.
    """
    program = find_program("sipp", "sip-tester")
    with TemporaryDirectory(prefix="sipp-") as folder:
        errors = Path(folder, "errors")
        command = [program, str(server), "-sf", str(scenario.resolve()), "-s", user, "-au", user, "-ap", password]
        command += ["-i", server.host, "-p", str(port or free_port(server.host))]
        command += ["-mp", str(free_port(server.host)), "-m", str(calls), "-r", str(rate), "-nostdin"]
        command += ["-trace_err", "-error_file", str(errors)]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise PeerFailed(f"sipp was not done within {timeout:g} s") from late
        if SUMMARY not in done.stdout:
            said = (done.stdout + done.stderr).decode(errors="replace")
            raise PeerFailed(f"sipp ended with status {done.returncode}; it said last:\n{said[-LOG_TAIL:]}")
        text = errors.read_text(errors="replace") if errors.exists() else ""
        return SippRun(done.returncode == 0, text)
