"""What stops a capture from being read at all; everything less is a `Note`."""

from __future__ import annotations

from pathlib import Path


class CaptureError(Exception):
    """A file that cannot be read as a capture: `what` is wrong with it, and what to `do` about it."""

    def __init__(self, path: Path, what: str, do: str) -> None:
        super().__init__(f"{path}: {what}; {do}")
        self.path = path
        self.what = what
        self.do = do
