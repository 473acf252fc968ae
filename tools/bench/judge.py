"""Messages per second of `sipconform judge` beside tshark and pyshark on the same capture, and its peak memory.

Every figure is a fresh process. The ratios are the result; the rates depend on the machine and its other business.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from multiply import multiply

BASE, DOUBLE, SAMPLE = 100_000, 200_000, 1_000  # messages; pyshark gets the sample
FIELDS = ("sip.Method", "sip.Status-Code", "sip.Call-ID", "sip.CSeq", "sip.From")


def judge_all(path: Path) -> int:
    from sipconform.judging import judge_capture  # noqa: PLC0415 – the other process is not to carry it

    return sum(len(trace.messages) for trace, _ in judge_capture(path))


def pyshark_all(path: Path) -> int:
    import pyshark  # noqa: PLC0415 – likewise

    with pyshark.FileCapture(str(path), display_filter="sip", keep_packets=False) as capture:
        return sum(1 for packet in capture if packet.sip.get("call_id"))


READERS = {"judge": judge_all, "pyshark": pyshark_all}


def one(reader: str, path: Path) -> None:
    """Run in a process of its own: prints messages, seconds and MB."""
    start = time.perf_counter()
    messages = READERS[reader](path)
    seconds = time.perf_counter() - start
    print(messages, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure(reader: str, path: Path, messages: int) -> tuple[float, float]:
    """Messages per second and peak memory in MB. Raises RuntimeError when messages were lost on the way."""
    said = subprocess.run(
        [sys.executable, __file__, "--one", reader, str(path)], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    seen, seconds, memory = (float(word) for word in said.split())
    if seen != messages:
        raise RuntimeError(f"{reader} saw {seen:.0f} of {messages} messages")
    return messages / seconds, memory


def measure_tshark(path: Path, messages: int) -> float:
    command = ["tshark", "-r", str(path), "-Y", "sip", "-T", "fields"]
    for field in FIELDS:
        command += ["-e", field]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return messages / (time.perf_counter() - start)


def compare(captures: Sequence[Path]) -> None:
    with TemporaryDirectory(prefix="sipconform-bench-") as folder:
        paths = {}
        for wanted in (BASE, DOUBLE, SAMPLE):
            paths[wanted] = Path(folder, f"{wanted}.pcap")
            multiply(captures, wanted, paths[wanted])
        base, memory = measure("judge", paths[BASE], BASE)
        double, memory_double = measure("judge", paths[DOUBLE], DOUBLE)
        tshark = measure_tshark(paths[BASE], BASE)
        pyshark, _ = measure("pyshark", paths[SAMPLE], SAMPLE)
    print(f"judge    {base:9,.0f} messages/s on {BASE:,}; peak {memory:,.0f} MB")
    print(f"judge    {double:9,.0f} messages/s on {DOUBLE:,}; peak {memory_double:,.0f} MB")
    print(f"tshark   {tshark:9,.0f} messages/s on {BASE:,}, five fields")
    print(f"pyshark  {pyshark:9,.0f} messages/s on {SAMPLE:,}")
    print(f"ratio    {base / tshark:9.2f} to tshark (1 or more is wanted)")
    print(f"ratio    {base / pyshark:9.2f} to pyshark (20 or more is wanted)")
    print(f"ratio    {base / double:9.2f} time per message, {DOUBLE:,} to {BASE:,} (about 1 is wanted)")
    print(f"ratio    {memory_double / memory:9.2f} memory, {DOUBLE:,} to {BASE:,} (about 1 is wanted)")


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
