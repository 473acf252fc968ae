"""Runs every benchmark, each in a process of its own: python tools/bench [CAPTURE…]"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
WITH_CAPTURES = ("judge",)
WITHOUT = ("startup", "reader", "udp", "compare", "replay")


def run(name: str, *arguments: str) -> int:
    print(f"\n{name}", flush=True)
    return subprocess.run([sys.executable, str(HERE / f"{name}.py"), *arguments], check=False).returncode


def main() -> int:
    captures = sys.argv[1:]
    failures = [run(name) for name in WITHOUT]
    if captures:
        failures += [run(name, *captures) for name in WITH_CAPTURES]
    else:
        print("\njudge: left out, for no capture to multiply was named")
    return max(failures)


if __name__ == "__main__":
    sys.exit(main())
