"""`sipconform faults [ID…]`: the seeded faults and the checks they kill."""

from __future__ import annotations

from collections.abc import Sequence

from sipconform.agents.faults import Fault, all_faults
from sipconform.commands import Parser, complain


def main(arguments: Sequence[str]) -> int:
    parser = Parser("faults", "List the seeded faults: side, id, the checks they kill, what goes wrong.")
    parser.add_argument("id", nargs="*", help="a fault (M01), or a check or family that is killed (SUB-007, SUB)")
    wanted = [word.upper() for word in parser.parse_args(arguments).id]
    chosen = dict(all_faults()) if not wanted else {}
    for word in wanted:
        found = {fault.id: fault for fault in all_faults().values() if _is_meant(fault, word)}
        if not found:
            return complain(f"no fault is called {word!r}, and none kills a check of that name")
        chosen |= found
    for fault in chosen.values():
        print(f"{fault.id:<10} {fault.on:<7} {','.join(sorted(fault.kills)):<24} {fault.story.splitlines()[0]}")
    print(f"{len(chosen)} fault{'s' * (len(chosen) != 1)}")
    return 0


def _is_meant(fault: Fault, word: str) -> bool:
    return fault.id == word or any(word in (check, check.partition("-")[0]) for check in fault.kills)
