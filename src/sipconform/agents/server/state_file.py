"""The users' features in a file, so that they outlive the server's process.

The file is replaced as a whole or not at all: a new one is written beside it and put in its place.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from sipconform.agents.server.storage import Storage

FORMAT: Literal["sipconform server state 1"] = "sipconform server state 1"


class StateFileError(ValueError):
    """A state file that cannot be used: which, and why. It is left as it is."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")


class _Forward(msgspec.Struct, forbid_unknown_fields=True):
    active: bool
    to: str
    rings: int | None


class _Features(msgspec.Struct, forbid_unknown_fields=True):
    dnd: bool | None
    forwards: dict[Literal["forwardImmediate", "forwardBusy", "forwardNoAns"], _Forward]


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["sipconform server state 1"]
    users: dict[str, _Features]


@dataclass(frozen=True, slots=True)
class StateFile:
    """`load` what was kept, then `keep` after every change."""

    path: Path
    storage: Storage

    def load(self) -> None:
        """Gives the users the features kept; no file is an empty one. Raises StateFileError, and OSError."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return
        self.storage.restore(_read(self.path, text))

    def keep(self) -> None:
        """Writes every user's features to the disk. Raises OSError; then the file is as it was."""
        content = {"format": FORMAT, "users": self.storage.save()}
        fresh = self.path.with_name(f"{self.path.name}.new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(content)))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)


def _read(path: Path, text: bytes) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(text, type=_Content)
    except msgspec.ValidationError as error:
        raise StateFileError(path, f"is no state of a sipconform server: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StateFileError(path, f"is no state of a sipconform server: not JSON ({error})") from error
    users: dict[str, Any] = msgspec.to_builtins(content.users)
    return users
