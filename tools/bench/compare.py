"""Seconds to compare runs with their references, beside judging them: about a thousand messages of real scenarios.

Processor time of the best of several rounds in this process; a comparison reads both captures. `multiplied` is the
hard case: one capture of a thousand messages without the suite's own observations, on which few checks apply. Of that
one also what a user waits for: the programs, from start to report, on the clock.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from multiply import multiply

from sipconform.comparing import compare_captures, load_trace
from sipconform.judging import judge_capture
from sipconform.shipped import shipped

MESSAGES, ROUNDS = 1_000, 3


def best(work: Callable[[], object]) -> float:
    """Seconds of processor time, the least of all rounds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def judged(paths: Sequence[Path]) -> int:
    return sum(len(judgement.findings) for path in paths for _, judgement in judge_capture(path))


def compared(paths: Sequence[Path]) -> int:
    return sum(len(compare_captures(path, path).comparison.differences) for path in paths)


def waited(*words: str) -> float:
    """Seconds on the clock until a command of ours has written its report, the least of all rounds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "sipconform", *words], capture_output=True, check=False)
        if done.returncode not in (0, 1):
            raise RuntimeError(done.stderr.decode())
        taken.append(time.perf_counter() - began)
    return min(taken)


def tell(name: str, paths: Sequence[Path]) -> None:
    count = sum(len(load_trace(path).messages) for path in paths)
    judging, comparing = best(lambda: judged(paths)), best(lambda: compared(paths))
    print(f"{name}: {count} messages: judging {judging:.3f} s, comparing {comparing:.3f} s: {comparing / judging:.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("capture", nargs="*", type=Path, help="runs (default: the shipped references)")
    captures = parser.parse_args().capture or sorted(shipped("captures").glob("*.pcapng"))
    tell("runs", captures)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "multiplied.pcap"
        multiply(captures, MESSAGES, path)
        tell("multiplied", [path])
        judging = waited("judge", str(path), "--out", f"{folder}/judged")
        comparing = waited("compare", str(path), str(path), "--out", f"{folder}/compared")
        print(f"programs: judge {judging:.2f} s, compare {comparing:.2f} s: {comparing / judging:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
