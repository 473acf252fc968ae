"""The scenarios that come with the suite, found without pytest: for those who play them by the thousand."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from sipconform.lab.stage import Scenario
from sipconform.shipped import shipped

DEFAULT_PROFILE = "broadsoft"


@dataclass(frozen=True, slots=True)
class Known:
    """One scenario: its feature (the folder), its name, and the profile it was written for."""

    feature: str
    name: str
    play: Scenario
    profile: str
    rows: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"{self.feature}/{self.name}"


@cache
def known_scenarios() -> tuple[Known, ...]:
    """All scenarios of `suites/`, in the order of their files."""
    paths = sorted(shipped("suites").rglob("test_*.py"))
    return tuple(scenario for path in paths for scenario in _in_file(path))


def _in_file(path: Path) -> Iterator[Known]:
    module = _load(path)
    for name, function in vars(module).items():
        if name.startswith("test_") and inspect.iscoroutinefunction(function):
            marks = [*_marks(module), *getattr(function, "pytestmark", [])]
            feature = path.parent.name
            for case, arguments in _cases(name, marks):
                yield Known(feature, case, _bound(function, arguments), _profile(marks), _rows(marks))


def _load(path: Path) -> ModuleType:
    name = f"sipconform_suite_{path.parent.name}_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _marks(module: ModuleType) -> list[Any]:
    marks = getattr(module, "pytestmark", [])
    return marks if isinstance(marks, list) else [marks]


def _profile(marks: list[Any]) -> str:
    """The innermost `@pytest.mark.profile("…")`."""
    named = [mark.args[0] for mark in marks if mark.name == "profile"]
    return named[-1] if named else DEFAULT_PROFILE


def _rows(marks: list[Any]) -> tuple[str, ...]:
    return tuple(row for mark in marks if mark.name == "rows" for row in mark.args)


def _cases(name: str, marks: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The cases of a parametrised scenario, each combination of values one."""
    cases: list[tuple[str, dict[str, Any]]] = [("", {})]
    for mark in (mark for mark in marks if mark.name == "parametrize"):
        names = [n.strip() for n in mark.args[0].split(",")] if isinstance(mark.args[0], str) else list(mark.args[0])
        grown: list[tuple[str, dict[str, Any]]] = []
        for label, arguments in cases:
            for values in mark.args[1]:
                row = tuple(values) if len(names) > 1 else (values,)
                words = "-".join([*([label] if label else []), *map(str, row)])
                grown.append((words, {**arguments, **dict(zip(names, row, strict=True))}))
        cases = grown
    for label, arguments in cases:
        yield f"{name}[{label}]" if label else name, arguments


def _bound(function: Scenario, arguments: dict[str, Any]) -> Scenario:
    if not arguments:
        return function

    async def case(**actors: Any) -> None:
        await function(**arguments, **actors)

    case.__doc__ = function.__doc__
    vars(case).update(vars(function))
    wanted = [p for name, p in inspect.signature(function).parameters.items() if name not in arguments]
    case.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in wanted]
    )
    return case
