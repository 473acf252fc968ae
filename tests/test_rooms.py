"""Imports point downwards: a room knows those above it in ARCHITECTURE's table, and never the front doors; and no file
is needed by what it needs."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support import PROJECT

ROOMS = ["sip", "features", "trace", "checks", "compare", "net", "agents", "lab", "replay", "report"]
FOR_ALL = {"shipped"}
SOURCE = PROJECT / "src" / "sipconform"


def imported(path: Path) -> Iterator[str]:
    """The rooms and modules of ours that a file imports from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sipconform."):
            yield (node.module or "").split(".")[1]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_from_those_above_it(room: str) -> None:
    allowed = {*ROOMS[: ROOMS.index(room) + 1], *FOR_ALL}
    files = sorted((SOURCE / room).rglob("*.py"))
    assert files
    assert [(path.name, name) for path in files for name in imported(path) if name not in allowed] == []


def needed(path: Path) -> Iterator[str]:
    """The modules of ours that must be there before a file can be read: not what only the types ask for."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sipconform"):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_file_is_needed_by_what_it_needs() -> None:
    names = {path: ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts) for path in SOURCE.rglob("*.py")}
    modules = {
        own: set(needed(path)) - {own} for path, name in names.items() if (own := name.removesuffix(".__init__"))
    }
    assert list(TopologicalSorter(modules).static_order())  # raises CycleError with the circle
