"""`sipconform faults`: the seeded faults and the checks they kill."""

from __future__ import annotations

from collections.abc import Sequence

from sipconform.agents.faults import all_faults
from sipconform.commands import Parser


def main(arguments: Sequence[str]) -> int:
    Parser("faults", "List the seeded faults: side, id, the checks they kill, what goes wrong.").parse_args(arguments)
    faults = all_faults()
    for fault in faults.values():
        print(f"{fault.id:<10} {fault.on:<7} {','.join(sorted(fault.kills)):<24} {fault.story.splitlines()[0]}")
    print(f"{len(faults)} faults")
    return 0
