"""`sipconform run [SUITE…]`: what `pytest suites/` does, with our exit codes and from any folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sipconform.commands import WRONG_USE, Parser, complain
from sipconform.options import usable
from sipconform.run_options import OPTIONS
from sipconform.shipped import shipped

COULD_NOT_JUDGE = 2


def main(arguments: Sequence[str], plugins: Sequence[object] = ()) -> int:
    """`plugins` are pytest plugins of whoever runs the scenarios from a program of their own."""
    parser = Parser("run", "Run scenarios and judge what crossed the wire.")
    parser.add_argument(
        "suite", nargs="*", help="folder of suites/ (feature_sync, …), path, or PATH::SCENARIO; none: all"
    )
    parser.add_argument("-k", dest="words", default="", help="only scenarios whose name matches, as in pytest -k")
    for name, settings in OPTIONS.items():
        parser.add_argument(name, **settings)
    given = parser.parse_args(arguments)
    try:
        paths = [_suite(word) for word in given.suite] or [str(shipped("suites"))]
    except FileNotFoundError as error:
        return complain(str(error))
    try:
        usable(given)
    except pytest.UsageError as error:
        return complain(str(error))
    own = [word for word in arguments if word not in given.suite]
    return exit_code(pytest.main([*paths, *own, *_quietly(paths)], list(plugins)))


def _suite(word: str) -> str:
    where, colons, scenario = word.partition("::")
    for path in (Path(where), shipped("suites") / where):
        if path.exists():
            return f"{path}{colons}{scenario}"
    known = ", ".join(sorted(p.name for p in shipped("suites").iterdir() if p.is_dir() and p.name[0] not in "._"))
    raise FileNotFoundError(f"there is no suite {where!r}; these come with sipconform: {known}")


def _quietly(paths: Sequence[str]) -> list[str]:
    """pytest's own settings for a run that is not a test session of some project."""
    root = os.path.commonpath([Path(path.partition("::")[0]).resolve().parent for path in paths])
    settings = ["-q", "-p", "no:cacheprovider", "--rootdir", root, "-o", "addopts="]
    settings += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # we were here before pytest
    return settings if sys.stdout.isatty() else [*settings, "--color=no"]


def exit_code(status: int) -> int:
    """pytest's exit codes in our words; 0, 1 and 2 are already ours (see the plugin's `pytest_sessionfinish`)."""
    return {3: COULD_NOT_JUDGE, 4: WRONG_USE, 5: WRONG_USE}.get(int(status), int(status))
