"""Messages per second of `sipconform judge` beside tshark and pyshark on the same capture, and its peak memory.

`judge` reads, correlates and judges with the whole catalogue in one process; `command` is the program, which also
writes findings and report, in one process too. Every figure is a fresh process and counts processor time, its start and
its children included, so that the machine's other business disturbs little. `spread` is `judge` as the program does it,
by one process for each processor: it saves time on the clock, so its figures, and those it is held against, are of the
clock and worth something on an idle machine only. The ratios are the result; the rates depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from multiply import multiply

BASE, DOUBLE, SAMPLE = 100_000, 200_000, 3_000  # messages; pyshark gets the sample
ROUNDS = 3  # of `judge` and tshark in turn; the best of each counts
FIELDS = ("sip.Method", "sip.Status-Code", "sip.Call-ID", "sip.CSeq", "sip.From")


def judge_all(path: Path, processes: int = 1) -> int:
    from sipconform.judging import judge_capture  # noqa: PLC0415 – the other process is not to carry it

    count = 0
    for trace, _ in judge_capture(path, processes=processes):
        count += len(trace.messages)
        trace.let_go()
    return count


def judge_spread(path: Path) -> int:
    from sipconform.judging import usable_processors  # noqa: PLC0415 – likewise

    return judge_all(path, usable_processors())


def whole_command(path: Path) -> int:
    from sipconform import cli  # noqa: PLC0415 – likewise

    folder = path.with_suffix(".run")
    with redirect_stdout(sys.stderr):
        cli.main(["judge", str(path), "--processes", "1", "--out", str(folder)])
    run = json.loads((folder / "run.json").read_bytes())
    return sum(scenario["messages"] for scenario in run["scenarios"])


def pyshark_all(path: Path) -> int:
    import pyshark  # noqa: PLC0415 – likewise

    with pyshark.FileCapture(str(path), display_filter="sip", keep_packets=False) as capture:
        return sum(1 for packet in capture if packet.sip.get("call_id"))


READERS = {"judge": judge_all, "spread": judge_spread, "command": whole_command, "pyshark": pyshark_all}


def one(reader: str, path: Path) -> None:
    """Run in a process of its own: prints messages and MB."""
    messages = READERS[reader](path)
    print(messages, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def processor_seconds(command: list[str]) -> tuple[float, str]:
    """What a program and its children cost, and what it printed. Raises CalledProcessError when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, said


def clock_seconds(command: list[str]) -> float:
    """What a clock on the wall says of a program, from its start to its end."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def reading(reader: str, path: Path) -> list[str]:
    """The command that runs one reader over a capture in a process of its own."""
    return [sys.executable, __file__, "--one", reader, str(path)]


def measure(reader: str, path: Path, messages: int) -> tuple[float, float]:
    """Messages per second and peak memory in MB. Raises RuntimeError when messages were lost on the way."""
    seconds, said = processor_seconds(reading(reader, path))
    seen, memory = (float(word) for word in said.split())
    if seen != messages:
        raise RuntimeError(f"{reader} saw {seen:.0f} of {messages} messages")
    return messages / seconds, memory


def dissecting(path: Path) -> list[str]:
    """The command that has tshark print some fields of each message."""
    fields = [word for field in FIELDS for word in ("-e", field)]
    return ["tshark", "-r", str(path), "-Y", "sip", "-T", "fields", *fields]


def measure_tshark(path: Path, messages: int) -> float:
    seconds, said = processor_seconds(dissecting(path))
    if said.count("\n") != messages:
        raise RuntimeError(f"tshark saw {said.count(chr(10))} of {messages} messages")
    return messages / seconds


def clocked(path: Path, sample: Path) -> dict[str, float]:
    """Messages per second on the clock of each, in turn, the best of all rounds."""
    commands = {
        "judge": (BASE, reading("judge", path)),
        "spread": (BASE, reading("spread", path)),
        "tshark": (BASE, dissecting(path)),
        "pyshark": (SAMPLE, reading("pyshark", sample)),
    }
    rounds = [{name: count / clock_seconds(run) for name, (count, run) in commands.items()} for _ in range(ROUNDS)]
    return {name: max(figures[name] for figures in rounds) for name in commands}


def compare(captures: Sequence[Path]) -> None:
    with TemporaryDirectory(prefix="sipconform-bench-") as folder:
        paths = {}
        for wanted in (BASE, DOUBLE, SAMPLE):
            paths[wanted] = Path(folder, f"{wanted}.pcap")
            multiply(captures, wanted, paths[wanted])
        rounds = [(*measure("judge", paths[BASE], BASE), measure_tshark(paths[BASE], BASE)) for _ in range(ROUNDS)]
        base, memory, tshark = (max(figures) for figures in zip(*rounds, strict=True))
        command, memory_command = measure("command", paths[BASE], BASE)
        command_double, memory_command_double = measure("command", paths[DOUBLE], DOUBLE)
        double, memory_double = measure("judge", paths[DOUBLE], DOUBLE)
        clock = clocked(paths[BASE], paths[SAMPLE])
        pyshark, _ = measure("pyshark", paths[SAMPLE], SAMPLE)
    print(f"judge    {base:9,.0f} messages/s on {BASE:,}; peak {memory:,.0f} MB")
    print(f"judge    {double:9,.0f} messages/s on {DOUBLE:,}; peak {memory_double:,.0f} MB")
    print(f"command  {command:9,.0f} messages/s on {BASE:,}; peak {memory_command:,.0f} MB")
    print(f"command  {command_double:9,.0f} messages/s on {DOUBLE:,}; peak {memory_command_double:,.0f} MB")
    print(f"tshark   {tshark:9,.0f} messages/s on {BASE:,}, five fields")
    print(f"pyshark  {pyshark:9,.0f} messages/s on {SAMPLE:,}")
    print(f"ratio    {base / tshark:9.2f} to tshark (1 or more is wanted)")
    print(f"ratio    {base / pyshark:9.2f} to pyshark (20 or more is wanted)")
    print(f"ratio    {base / double:9.2f} time per message, {DOUBLE:,} to {BASE:,} (about 1 is wanted)")
    print(f"ratio    {memory_double / memory:9.2f} memory, {DOUBLE:,} to {BASE:,} (about 1 is wanted)")
    for name, rate in clock.items():
        print(f"clock    {rate:9,.0f} messages/s, {name}")
    print(f"ratio    {clock['spread'] / clock['tshark']:9.2f} on the clock, {os.cpu_count()} processors, to tshark")
    print(f"ratio    {clock['spread'] / clock['pyshark']:9.2f} on the clock, {os.cpu_count()} processors, to pyshark")
    print(f"ratio    {clock['spread'] / clock['judge']:9.2f} on the clock, {os.cpu_count()} processors, to one process")
    print(f"ratio    {command / tshark:9.2f} of the command to tshark")
    print(f"ratio    {command / command_double:9.2f} time per message of the command, {DOUBLE:,} to {BASE:,}")
    print(f"ratio    {memory_command_double / memory_command:9.2f} memory of the command, {DOUBLE:,} to {BASE:,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("captures", type=Path, nargs="*", help="what to multiply: SIP over UDP")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one[0], Path(options.one[1]))
    elif options.captures:
        compare(options.captures)
    else:
        parser.error("name at least one capture to multiply")


if __name__ == "__main__":
    main()
