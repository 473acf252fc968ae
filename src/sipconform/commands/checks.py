"""`sipconform checks [ID…]`: the catalogue, as a list or explained."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from sipconform.agents.faults import all_faults
from sipconform.checks.catalogue import Check, Side, catalogue
from sipconform.commands import Parser, complain


def main(arguments: Sequence[str]) -> int:
    parser = Parser("checks", "List the checks, or explain those named (an id, or a family such as SUB).")
    parser.add_argument("id", nargs="*", help="SUB-007, or a whole family: SUB")
    wanted = [word.upper() for word in parser.parse_args(arguments).id]
    checks = catalogue()
    if not wanted:
        for check in checks.values():
            print(_row(check))
        print(f"{len(checks)} checks")
        return 0
    for word in wanted:
        chosen = [checks[word]] if word in checks else [c for c in checks.values() if c.family == word]
        if not chosen:
            return complain(f"no check is called {word!r}; `sipconform checks` lists all {len(checks)}")
        print("\n\n".join(_explained(c) for c in chosen) if word in checks else "\n".join(map(_row, chosen)))
    return 0


def _row(check: Check) -> str:
    return f"{check.id:<9} {check.level:<6} {check.on:<7} {check.asks}"


def _explained(check: Check) -> str:
    killers = [f"  {f.id}  {f.story.splitlines()[0]}" for f in all_faults().values() if check.id in f.kills]
    return "\n".join(
        [
            f"{check.id}: {check.asks}",
            f"level {check.level}, on {_side(check)}, {check.clause}",
            "",
            inspect.cleandoc(check.explanation) or "(no further explanation)",
            "",
            "seeded faults that make it fail:",
            *(killers or ["  none"]),
        ]
    )


def _side(check: Check) -> str:
    return "either side" if check.on is Side.EITHER else f"the {check.on}"
