"""How long `sipconform --help` takes beside an empty Python program, in one run."""

from __future__ import annotations

import subprocess
import sys
import time

ROUNDS = 10


def best(*arguments: str) -> float:
    """Milliseconds of the quickest of several runs, for the slower ones measure the machine's other business."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - start)
    return min(taken) * 1_000


def main() -> None:
    empty, help_text = best("-c", "pass"), best("-m", "sipconform", "--help")
    print(f"python -c pass     {empty:6.0f} ms")
    print(f"sipconform --help  {help_text:6.0f} ms (100 or less is wanted)")
    print(f"ratio              {help_text / empty:6.2f}")


if __name__ == "__main__":
    main()
