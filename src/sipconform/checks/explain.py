"""What the catalogue says of itself, for `sipconform checks` and for the report."""

from __future__ import annotations

import inspect
from typing import NamedTuple

from sipconform.checks.catalogue import Check, catalogue


class Explanation(NamedTuple):
    """A check in words. `why` is its docstring without indentation; `source` "file:line" within the package."""

    id: str
    family: str
    level: str
    side: str
    clause: str
    asks: str
    why: str
    source: str


def explain(check: Check) -> Explanation:
    """One check in words."""
    line = check.ask.__code__.co_firstlineno
    source = f"{check.ask.__module__.replace('.', '/')}.py:{line}"
    why = inspect.cleandoc(check.ask.__doc__ or "")
    return Explanation(check.id, check.family, check.level, check.on, check.clause, check.asks, why, source)


def explanations(id_or_family: str = "") -> list[Explanation]:
    """All checks in words, or those of one family ("SUB"), or one ("SUB-007"); letters of any case."""
    wanted = id_or_family.upper()
    return [
        explain(check) for check in catalogue().values() if not wanted or wanted in (check.id.upper(), check.family)
    ]
