"""Prints the kill matrix: checks nobody kills, faults nobody catches, findings against the honest agents.

usage: kill_matrix.py [--family SUB] [--fault M01] [--processes N]      exit 1 if any list is not empty
"""

from __future__ import annotations

import argparse
import os
import sys

from sipconform.agents.faults import all_faults
from sipconform.killing import checks_of, kill_matrix


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", default="", help="only checks of this family, and the faults that kill them")
    parser.add_argument("--fault", action="append", default=[], help="only this fault (repeatable)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    checks = checks_of(given.family)
    faults = [f for f in all_faults().values() if f.id in given.fault or not given.fault]
    faults = [f for f in faults if not given.family or f.kills & set(checks)]
    matrix = kill_matrix(faults, processes=given.processes, progress=_progress if sys.stderr.isatty() else None)
    for seen in matrix.honest:
        print(f"HONEST   {seen.scenario}: {seen.ending} {seen.sentence}")
        for check, observed in seen.failed.items():
            print(f"         {check}: {observed}")
    broken = matrix.broken.union(*(seen.broken for seen in matrix.honest))
    for check in sorted(broken):
        print(f"BROKEN   {check} raised an exception")
    escaped = matrix.escaped(faults)
    for fault, missing in escaped.items():
        print(f"ESCAPED  {fault} is not caught by {', '.join(sorted(missing))}")
    survivors = [] if given.fault else matrix.survivors(checks)
    for check in survivors:
        print(f"SURVIVOR {check}")
    print(
        f"{len(checks)} checks, {len(survivors)} survive; {len(faults)} faults, {len(escaped)} escape; "
        f"{len(matrix.honest)} scenarios with findings against honest agents"
    )
    return 1 if survivors or escaped or broken or matrix.honest else 0


def _progress(fault: str) -> None:
    print(f"\r{fault:<12}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
