"""One module for each command of the command line; thin, for the rooms below do the work."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from sipconform.report.legible import legible

WRONG_USE = 3
CLEAR_LINE = "\x1b[K"  # for a terminal: what stands from here on in this line goes


class Parser(argparse.ArgumentParser):
    """argparse with our exit code for wrong use, and one clear sentence instead of the whole usage."""

    def __init__(self, command: str, description: str, **settings: object) -> None:
        super().__init__(f"sipconform {command}", description=description, allow_abbrev=False, **settings)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(WRONG_USE)


def complain(sentence: str, code: int = WRONG_USE) -> int:
    """Says on standard error what is wrong, with what is from the wire made legible, and gives the exit code back."""
    print(f"sipconform: {legible(sentence)}", file=sys.stderr)
    return code
