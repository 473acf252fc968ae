"""The driver of a device that nobody drives: only the wire is known."""

from __future__ import annotations

from typing import Any

from sipconform.agents.changes import Changes
from sipconform.lab.actor import NotSupportedError


class Nobody:
    """Every intent is not supported; nothing is believed."""

    ours = False

    def __init__(self) -> None:
        self.beliefs: dict[str, Any] = {}
        self.changes = Changes()

    async def inspect(self, wanted: dict[str, Any]) -> None:
        """Nothing to ask: nobody could answer."""

    async def do(self, verb: str, **_: Any) -> Any:
        raise NotSupportedError(f"nobody drives this device: {verb!r} needs a driver (`control` in the lab file)")
