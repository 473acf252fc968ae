"""A person as driver: prompts say which key to press, and ask what the display shows.

For the device on the desk that nothing else can drive. Every prompt may be answered with "s": cannot be done, or
cannot be seen. What a phone did is not asked but seen on the wire, where our own server is at its other end: a person
who says that a phone has registered may be mistaken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sipconform.agents.changes import Changes
from sipconform.lab.actor import CouldNotRunError, NotSupportedError
from sipconform.lab.drivers.terminal import Terminal
from sipconform.lab.sightings import SIGN_OFF, Sighting, Sightings, last_status

SEEN_WITHIN = 30.0  # seconds from when a person says that it is done
ANSWERED_WITHIN = 200.0  # seconds: a call may ring for three minutes (timer C, RFC 3261 §16.6)
LITTLE = 2.0  # seconds for what may lead to nothing on the wire

ORDERS = {
    "start": "Switch {who} on and let it register (feature synchronisation {sync})",
    "stop": "Switch {who} off properly, so that it unregisters",
    "reboot": "Restart {who} and let it register",
    "restart": "Take the power from {who} and give it back",
    "power_cycle": "Take the power from {who} and give it back",
    "unplug": "Pull the cable of {who}",
    "set_dnd": "Switch Do Not Disturb {on} on {who}",
    "forward": "Switch the {kind} forward on on {who}, to {to}, rings {rings}",
    "stop_forward": "Switch the {kind} forward off on {who}",
    "switch_sync": "Switch feature synchronisation {on} on {who}",
    "set_mode": "Set {who} to keep features equal by {mode!r}",
    "set_codes": "Enter these feature codes on {who}: {rows}",
    "dial": "Dial {number} on {who}",
    "dial_code": "Dial {code} on {who}",
    "answer": "Answer the call on {who}",
    "reject": "Refuse the call on {who}",
    "hang_up": "Hang up on {who}",
    "hold": "Put the call on hold on {who}",
    "resume": "Take the call up again on {who}",
    "leave_line": "Switch the shared line off on {who}",
    "press_line": "Press line key {index} on {who}",
    "take_line": "Press line key {index} on {who}, to have its call",
    "seize": "Take the receiver off on line {index} of {who}, do not dial",
    "put_back": "Put the receiver of {who} back",
    "dial_on_line": "Dial {number} on the shared line of {who}",
    "hold_line": "Put the call of the shared line on hold on {who} (for yourself alone: {private})",
    "resume_line": "Take the call of the shared line up again on {who}",
    "hang_up_line": "Hang up the call of line key {index} on {who}",
}
"""What a person is told for each verb of a phone. A verb that is not here cannot be done by hand."""

KINDS = {"cfu": "unconditional", "cfb": "busy", "cfna": "no-answer"}
DETAILS = ("user", "sync", "on", "kind", "active", "to", "rings", "number", "code", "index", "mode", "rows", "private")
KEYS_ONLY: dict[str, dict[str, Any]] = {
    "hold": {"style": "sendonly", "late": False},
    "hold_line": {"style": "sendonly", "late": False},
    "dial": {"by_proxy": False},
    "dial_code": {"uri": "", "sender": ""},
    "reject": {"status": 486},
    "seize": {"call_info": None},
}
"""What some verbs may be asked for beside, and what that is where nothing is: no key does more."""

SERVER_ORDERS = {
    "set_dnd": "Switch Do Not Disturb {on} for {user} at {who}",
    "forward": "Switch the {kind} forward of {user} on at {who}, to {to}, rings {rings}",
    "stop_forward": "Switch the {kind} forward of {user} off at {who}",
}
"""The same for a server's portal."""

NEEDLESS = frozenset({"speak"})  # a person speaks, or not: who hears whom is asked of those that say a tone

SUBSCRIPTIONS = {"sync_status": "as-feature-event", "join_line": "call-info"}
"""What a phone does by itself once it has registered, and the package it then subscribes to."""

QUESTIONS = {
    "dnd": "Does {who} show Do Not Disturb {value}?",
    "cfu": "Does {who} show an unconditional forward: {value}?",
    "cfb": "Does {who} show a forward when busy: {value}?",
    "cfna": "Does {who} show a forward for no answer: {value}?",
    "call": "Is the call on {who} {value}?",
    "missed": "Does {who} show {value} missed calls?",
    "lamp": "Is the lamp of line key {index} on {who} {value}?",
    "line": "Does line key {index} of {who} show a call that is {value}?",
}
"""How a person is asked for what a display shows, by the first word of the belief's name."""


@dataclass(frozen=True, eq=False)
class Wire:
    """What the wire shows of one phone: of its user, at `place` once that is known. `hint` says what to look after
    when nothing is seen at all."""

    sightings: Sightings
    user: str
    place: Callable[[], str]
    others: Callable[[], set[str]]  # where other phones are
    hint: str

    @property
    def now(self) -> int:
        """This moment: what is seen from here on can be asked for."""
        return len(self.sightings.seen)

    async def status(self, since: int, method: str, package: str, within: float) -> int | None:
        """The final status of what the phone asked for, None if it asked for nothing, 408 where it got no answer."""
        changes = self.sightings.changes
        if not await changes.until(lambda: bool(self._seen(since, method, package)), within):
            return None
        await changes.until(lambda: _is_told(self._seen(since, method, package)), ANSWERED_WITHIN)
        return last_status(self._seen(since, method, package)) or 408

    @property
    def registered(self) -> bool:
        """By the last REGISTER that was answered."""
        last = [s for s in self._seen(0, "REGISTER") + self._seen(0, SIGN_OFF) if 200 <= s.status < 300]
        last.sort(key=self.sightings.seen.index)
        return bool(last) and last[-1].method == "REGISTER"

    def _seen(self, since: int, method: str, package: str = "") -> list[Sighting]:
        seen = self.sightings.since(since, method, self.user, package)
        return [s for s in seen if str(s.place) == self.place() or str(s.place) not in self.others()]


def _is_told(seen: list[Sighting]) -> bool:
    """Whether the last is answered, and not by a challenge that the phone will take up."""
    return bool(seen) and seen[-1].status not in (0, 401, 407)


class Operator:
    """Asks whoever sits at the terminal. `wire` is there for a phone at a server of ours."""

    ours = False

    def __init__(self, who: str, terminal: Terminal, wire: Wire | None = None, *, server: bool = False) -> None:
        self.who = who
        self.beliefs: dict[str, Any] = {}
        self.changes = Changes()
        self._terminal, self._wire = terminal, wire
        self._orders = SERVER_ORDERS if server else ORDERS
        self._started = False

    async def do(self, verb: str, **arguments: Any) -> Any:
        if verb in NEEDLESS:
            return None
        if verb in SUBSCRIPTIONS:
            return await self._subscribed(verb)
        order = self._orders.get("stop_forward" if verb == "forward" and arguments.get("active") is False else verb)
        usual = KEYS_ONLY.get(verb, {})
        if order is None or any(arguments.get(name, value) != value for name, value in usual.items()):
            raise NotSupportedError(f"{verb!r} cannot be done by hand on {self.who}")
        since = self._wire.now if self._wire and self._started else 0
        told = order.format(who=self.who, **_words(arguments))
        if await self._terminal.ask(f"{told}, then press Enter (s: cannot be done)") == "s":
            raise NotSupportedError(f"the operator could not: {told}")
        return await self._seen(verb, since)

    async def inspect(self, wanted: dict[str, Any]) -> None:
        """Asks for each belief that is wanted whether the display shows it. A key whose lamp was asked for is known."""
        for key, value in wanted.items():
            kind, _, index = key.partition(".")
            if kind == "line" and (lamp := f"lamp.{index}") in wanted:
                await self._look(lamp, wanted[lamp])
                self.beliefs[key] = value if self.beliefs.get(lamp) == wanted[lamp] else self.beliefs.get(lamp)
            elif kind != "lamp" or f"line.{index}" not in wanted:
                await self._look(key, value)

    async def _look(self, key: str, value: Any) -> None:
        if key == "registered" and self._wire:
            self.beliefs[key] = self._wire.registered
            return
        kind, _, index = key.partition(".")
        question = QUESTIONS.get(kind, "Does {who} show {key} {value}?")
        asked = question.format(who=self.who, key=key, index=index, value=_word(value))
        said = await self._terminal.ask(f"{asked} (y, n, s: cannot be seen)")
        if said == "s":
            self.beliefs.pop(key, None)
        else:
            self.beliefs[key] = value if said.startswith("y") else f"something else than {_word(value)}"

    # -- what the wire tells --------------------------------------------------------------------------------

    async def _seen(self, verb: str, since: int) -> Any:
        """What came of an order, where somebody wants to know it."""
        if verb not in RESULTS:
            return None
        method, package, needed = RESULTS[verb]
        if self._wire is None:
            raise NotSupportedError(f"what came of {verb!r} on {self.who} cannot be seen: its server is not ours")
        status = await self._wire.status(since, method, package, SEEN_WITHIN if needed else LITTLE)
        self._started |= method == "REGISTER" and status is not None
        if status is None and needed:
            raise CouldNotRunError(f"no {method} of {self.who} was seen: {self._wire.hint}")
        return status or 0

    async def _subscribed(self, verb: str) -> int:
        package = SUBSCRIPTIONS[verb]
        if self._wire is None:
            raise NotSupportedError(f"what {self.who} subscribes to cannot be seen: its server is not ours")
        status = await self._wire.status(0, "SUBSCRIBE", package, SEEN_WITHIN)
        if status is None:
            raise CouldNotRunError(f"{self.who} did not subscribe to {package}: is that switched on, on the phone?")
        return status


RESULTS = {
    "start": ("REGISTER", "", True),
    "reboot": ("REGISTER", "", True),
    "dial": ("INVITE", "", True),
    "dial_code": ("INVITE", "", True),
    "hold": ("INVITE", "", True),
    "resume": ("INVITE", "", True),
    "press_line": ("INVITE", "", False),
    "take_line": ("INVITE", "", True),
    "seize": ("SUBSCRIBE", "line-seize", True),
    "dial_on_line": ("INVITE", "", True),
    "hold_line": ("INVITE", "", True),
    "resume_line": ("INVITE", "", True),
}
"""Of which request a verb gives the final status, and whether there has to be one: a key may also answer a call."""


def _words(arguments: Mapping[str, Any]) -> dict[str, str]:
    said = dict.fromkeys(DETAILS, "as usual") | {name: _word(value) for name, value in arguments.items()}
    free = {"index": "(any that is free)"} if arguments.get("index") == 0 else {}
    return said | {"kind": KINDS.get(said["kind"], said["kind"])} | free


def _word(value: Any) -> str:
    if isinstance(value, list | tuple):  # rows of feature, action and code
        return ", ".join(" ".join(map(str, row)) if isinstance(row, list | tuple) else str(row) for row in value)
    if value is None:
        return "as usual"
    return ("on" if value else "off") if isinstance(value, bool) else str(value) or "off"
