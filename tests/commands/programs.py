"""Runs `sipconform` as its users do: as a program, in an empty folder, ended by a signal if need be."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 120  # seconds; only ever spent by a test that fails


def sipconform(where: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The program, to its end."""
    command = [sys.executable, "-m", "sipconform", *words]
    return subprocess.run(
        command, cwd=where, capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment()
    )


@contextmanager
def begun(where: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """The program while it runs; killed at the end if it still does."""
    command = [sys.executable, "-m", "sipconform", *words]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=where, text=True, env=environment(), **streams) as program:  # type: ignore[call-overload]
        try:
            yield program
        finally:
            program.kill()


def environment() -> dict[str, str]:
    """Ours, without what the pytest around us has put there, and with warnings as errors."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return kept | {"PYTHONUNBUFFERED": "1"}


def run_facts(folder: Path) -> dict[str, Any]:
    """run.json"""
    facts: dict[str, Any] = json.loads((folder / "run.json").read_bytes())
    return facts


def lines(folder: Path) -> list[dict[str, Any]]:
    """findings.jsonl"""
    return [json.loads(line) for line in (folder / "findings.jsonl").read_text("utf-8").splitlines()]
