"""Where the folders that travel with the engine are: suites, fixtures, captures and the report's templates."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def shipped(name: str) -> Path:
    """The folder or file `name` ("reports/templates", "suites") inside the wheel, or in the checkout's root.

    Raises `FileNotFoundError` when neither has it: the installation is incomplete.
    """
    package = Path(str(files("sipconform")))
    for candidate in (package / "_shipped" / name, package.parent.parent / name):
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"{name} is missing from this installation of sipconform ({package})")
