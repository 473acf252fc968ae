"""A real soft phone as driver: the program is started for the scenario, told what to do, and read like a display.

It knows nothing of feature synchronisation, so its user does what users of such phones do: he dials codes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from sipconform.agents.changes import Changes
from sipconform.features.feature_code import Action, CodeTable, Feature
from sipconform.lab.actor import CouldNotRunError, NotSupportedError
from sipconform.lab.real_peers import PeerFailed, PeerMissing
from sipconform.lab.real_phones import LOOPBACK, Baresip, Linphone, RealPhone, Twinkle
from sipconform.trace.packet import Address

KINDS: dict[str, type[RealPhone]] = {"baresip": Baresip, "linphone": Linphone, "twinkle": Twinkle}
DISPLAYED = {"incoming": "ringing", "established": "active", "ended": "idle"}
READ_WITHIN = 2.0  # seconds until what the program has said is read
ANSWERED_WITHIN = 40.0  # seconds a call may take to be answered or refused
SIGN_WITHIN = 8.0
_STATUS = re.compile(r"\b([3-6][0-9]{2}) [A-Z]")

Moved = Callable[[Address], None]
"""Told where the phone is, once it has started."""


class SoftPhone:
    """One account on one program. Raises CouldNotRunError when the program is missing or does not do as told."""

    ours = False

    def __init__(self, phone: RealPhone, codes: CodeTable, moved: Moved) -> None:
        self.phone, self.codes, self._moved = phone, codes, moved
        self.beliefs: dict[str, Any] = {"call": "idle", "missed": 0}
        self.changes = Changes()
        self._read = 0  # characters of its output
        self._ends = 0  # calls that have ended
        self._last = ""  # what it said of the end of the last one
        self._line = asyncio.Lock()
        self._refused = False  # whether the call that rings is being refused by its user
        self._watching: asyncio.Task[None] | None = None

    async def do(self, verb: str, **arguments: Any) -> Any:
        deed = getattr(self, f"_do_{verb}", None)
        if deed is None:
            raise NotSupportedError(f"{self.phone.program} cannot {verb!r}")
        try:
            return await deed(**arguments)
        except (PeerFailed, PeerMissing, OSError) as error:
            raise CouldNotRunError(str(error)) from error

    async def inspect(self, wanted: dict[str, Any]) -> None:
        """Nothing to ask: its output is read all the time."""

    async def close(self) -> None:
        """Ends the program."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
            await asyncio.to_thread(self.phone.__exit__, None, None, None)

    # -- what its user does ---------------------------------------------------------------------------------------

    async def _do_start(self, **_: Any) -> int:
        await asyncio.to_thread(self.phone.__enter__)
        self._moved(Address(LOOPBACK, self.phone.sip_port))
        self._read = len(self.phone.output)
        self._watching = asyncio.get_running_loop().create_task(self._watch())
        return 200

    async def _do_stop(self) -> None:
        await self.close()

    async def _do_dial(self, number: str, **_: Any) -> int:
        """The final status, as far as the program tells it; 487 where it only says that it is over."""
        ends = self._ends
        await self._obeyed(partial(self.phone.dial, number), "established", "ended", within=ANSWERED_WITHIN)
        await self.changes.until(lambda: self._ends > ends or self.beliefs["call"] == "active", READ_WITHIN)
        if self._ends == ends:
            return 200
        status = _STATUS.search(self._last)
        return int(status[1]) if status else 487

    async def _do_dial_code(self, code: str, listen: float = SIGN_WITHIN, **bent: Any) -> int:
        """A call to a code, heard to its end; what should bend it is beyond this phone. One after the other, and in
        front: beside another call it would not be what phones do that dial codes for a key."""
        if any(bent.values()):
            raise NotSupportedError(f"{self.phone.program} says what it says")
        async with self._line:
            if self.beliefs["call"] != "idle":
                raise NotSupportedError(f"{self.phone.program} dials no code beside a call")
            ends = self._ends
            status = await self._do_dial(code)
            if not await self.changes.until(lambda: self._ends > ends, listen):
                await self._do_hang_up()
        return status

    async def _do_set_dnd(self, on: bool) -> None:
        await self._dial(self.codes.compose(Feature.DND, Action.ON if on else Action.OFF))

    async def _do_forward(self, kind: str, active: bool, to: str, **_: Any) -> None:
        action = Action.ON if active else Action.OFF
        await self._dial(self.codes.compose(Feature(kind), action, to if active else ""))

    async def _dial(self, code: str | None) -> None:
        if not code:
            raise NotSupportedError("there is no code for it")
        await self._do_dial_code(code)

    async def _do_set_codes(self, rows: list[tuple[str, str, str]]) -> None:
        """Its user learns them."""
        self.codes = CodeTable.of(rows)

    async def _do_set_mode(self, mode: str) -> None:
        if mode != "feature-code":
            raise NotSupportedError(f"{self.phone.program} keeps features equal by codes alone")

    async def _do_answer(self) -> None:
        await self._obeyed(self.phone.answer, "established", "ended")

    async def _do_reject(self, status: int = 486) -> None:
        if status != self.phone.REFUSES_WITH:
            raise NotSupportedError(f"{self.phone.program} cannot refuse a call with {status}")
        self._refused = True
        await self._obeyed(self.phone.reject, "ended")

    async def _do_hang_up(self) -> None:
        await self._obeyed(self.phone.hang_up, "ended")

    async def _do_hold(self, **how: Any) -> int:
        if how:
            raise NotSupportedError(f"{self.phone.program} has one way to hold")
        await self._obeyed(self.phone.hold, "held")
        return 200

    async def _do_resume(self) -> int:
        await self._obeyed(self.phone.resume, "resumed")
        return 200

    async def _obeyed(self, order: Callable[[], None], *signs: str, within: float = SIGN_WITHIN) -> None:
        """Gives an order and waits until the program says that it was carried out."""
        await asyncio.to_thread(partial(self.phone.obey, order, *signs, timeout=within))

    # -- what it shows --------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Reads its output as it comes, and believes what it says of its call."""
        while True:
            seen = await asyncio.to_thread(self._next_sign)
            if seen is not None:
                self._saw(*seen)

    def _next_sign(self) -> tuple[str, str] | None:
        """The next sign of a call in its output, and the text that leads to it."""
        found = [(match.end(), sign) for sign in DISPLAYED if (match := self.phone.says(sign, 0.05, self._read))]
        if not found:
            return None
        length, sign = min(found)
        text = self.phone.output[self._read : self._read + length + 80]
        self._read += length
        return sign, text

    def _saw(self, sign: str, text: str) -> None:
        if sign == "ended" and self.beliefs["call"] == "ringing" and not self._refused:
            self.beliefs["missed"] += 1  # it rang, and nobody answered
        self._refused = self._refused and sign != "ended"
        self.beliefs["call"] = DISPLAYED[sign]
        if sign == "ended":
            self._ends += 1
            self._last = text
        self.changes.happened()
