"""A person as driver: prompts say which key to press, and ask what the display shows.

For the device on the desk that nothing else can drive. Every prompt may be answered with "s": cannot be done, or
cannot be seen. Without a terminal nobody can answer, and every intent is not supported.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, TextIO

from sipconform.agents.changes import Changes
from sipconform.lab.actor import NotSupportedError

ORDERS = {
    "start": "Switch {who} on and let it register (feature synchronisation {sync})",
    "stop": "Switch {who} off properly, so that it unregisters",
    "unplug": "Pull the cable of {who}",
    "set_dnd": "Switch Do Not Disturb {on} on {who}",
    "forward": "Set the forward {kind!r} on {who}: {active}, to {to!r}, rings {rings}",
    "dial": "Dial {number} on {who}",
    "answer": "Answer the call on {who}",
    "reject": "Refuse the call on {who}",
    "hang_up": "Hang up on {who}",
    "hold": "Put the call on hold on {who}",
    "resume": "Take the call up again on {who}",
    "press_line": "Press line key {index} on {who}",
    "seize": "Take the receiver off on line {index} of {who}, do not dial",
}
"""What a person is told for each verb. A verb that is not here cannot be done by hand."""

RESULTS = {"start": 200, "dial": 200, "hold": 200, "resume": 200}
"""What a verb gives back once the person says it is done; the wire shows what really happened."""


class Operator:
    """Asks whoever sits at the terminal. `steps` keeps what was asked, for the report."""

    ours = False

    def __init__(self, who: str, answers: TextIO | None = None, prompts: TextIO | None = None) -> None:
        self.who = who
        self.beliefs: dict[str, Any] = {}
        self.changes = Changes()
        self.steps: list[str] = []
        self._answers, self._prompts = answers or sys.stdin, prompts or sys.stderr

    async def do(self, verb: str, **arguments: Any) -> Any:
        order = ORDERS.get(verb)
        if order is None or (verb == "hold" and arguments):  # a person has one key to hold
            raise NotSupportedError(f"{verb!r} cannot be done by hand on {self.who}")
        words = {name: _word(value) for name, value in arguments.items()}
        self._missing(order, words)
        if await self._ask(f"{order.format(who=self.who, **words)}, then press Enter (s: cannot be done)") == "s":
            raise NotSupportedError(f"the operator could not: {order.format(who=self.who, **words)}")
        return RESULTS.get(verb)

    async def inspect(self, wanted: dict[str, Any]) -> None:
        """Asks for each belief that is wanted whether the display shows it."""
        for key, value in wanted.items():
            said = await self._ask(f"Does {self.who} show {key} {_word(value)}? (y, n, s: cannot be seen)")
            if said == "s":
                self.beliefs.pop(key, None)
            else:
                self.beliefs[key] = value if said.startswith("y") else f"something else than {_word(value)}"

    @staticmethod
    def _missing(order: str, words: dict[str, str]) -> None:
        for name in ("sync", "on", "kind", "active", "to", "rings", "number", "index"):
            if f"{{{name}" in order:
                words.setdefault(name, "as usual")

    async def _ask(self, prompt: str) -> str:
        if not self._answers.isatty():
            raise NotSupportedError(f"nobody is at a terminal to be asked: {prompt}")
        self.steps.append(prompt)
        print(f"\n>>> {prompt}: ", end="", file=self._prompts, flush=True)
        line: str = await asyncio.get_running_loop().run_in_executor(None, self._answers.readline)
        return line.strip().lower()


def _word(value: Any) -> str:
    if value is None:
        return "as usual"
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
