"""What the tests share: the programs and captures they need, and what to do when those are missing."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

PROJECT = Path(__file__).resolve().parents[1]
SHARED_CAPTURES = PROJECT.parent / "shared" / "captures"


def missing(what: str) -> NoReturn:
    """Skip the test for want of `what`; under CI=true fail instead, for there everything is to be present."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and CI=true asks for everything", pytrace=False)
    pytest.skip(f"{what} is missing")


def find_program(name: str) -> str | None:
    """The path of a program, looked for in /usr/sbin also, which is not on every user's PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


def require_program(name: str) -> str:
    """The path of the program, or the end of the test (see `missing`)."""
    path = find_program(name)
    if path is None:
        missing(f"the program {name}")
    return path


def require_captures() -> Path:
    """The folder of reference captures beside the project, or the end of the test (see `missing`)."""
    if not SHARED_CAPTURES.is_dir():
        missing("the folder ../shared/captures")
    return SHARED_CAPTURES
