"""A phone with line keys, as scenarios speak to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from sipconform.features.lamp import lamp
from sipconform.lab.actor import BELIEVED_WITHIN, BeliefError, CouldNotRunError, NotSupportedError
from sipconform.lab.actors import Phone

PATIENCE = 10.0  # seconds a user listens to ringing after having asked for a call that is there
PRESS_AGAIN = 0.5  # seconds after which a user tries a key again
NO_LINE = frozenset({403, 404, 405, 489, 501})


@dataclass(eq=False, repr=False)
class LinePhone(Phone):
    """`lamps` names the lamp table of its make, `tone` is its voice in hertz."""

    lamps: str = field(kw_only=True)
    tone: int = field(kw_only=True)

    @property
    def line_number(self) -> str:
        """What others dial to reach the line: its primary user, with whose name every phone of it signs in."""
        return self.account.auth_user or self.account.user

    async def start_line(self) -> None:
        """Registers, finds its voice, and subscribes to the line. Not supported where the server has no lines."""
        await self.start(sync=False)
        await self.speak()
        status = await self.do("join_line")
        if status in NO_LINE:
            raise NotSupportedError(f"the server has no shared line for {self.account.aor}: {status} to call-info")
        if not 200 <= status < 300:
            raise CouldNotRunError(f"{self.name} could not subscribe to its line: {status}")

    async def leave_line(self) -> None:
        """Switches the shared line off; the phone stays registered."""
        await self.do("leave_line")

    async def speak(self) -> None:
        """From now on it says its own tone in every call, so that audio proves who hears whom."""
        await self.do("speak", hertz=self.tone)

    async def seize(self, index: int = 0, call_info: str | None = None) -> int:
        """Lifts the receiver on a line key, the first free one by default. Gives the status of the seizure.
        `call_info` is said in place of what the phone would say, "" is silence."""
        given = {} if call_info is None else {"call_info": call_info}
        status: int = await self.do("seize", index=index, **given)
        return status

    async def seize_elsewhere(self, user: str, index: int) -> int:
        """Tries to seize a slot of somebody else's line. Gives the status."""
        status: int = await self.do("seize_elsewhere", user=user, index=index)
        return status

    async def put_back(self) -> None:
        """Puts the receiver back without having dialled."""
        await self.do("put_back")

    async def dial_on_line(self, number: str) -> int:
        """Dials on the line, seizing a slot first if none is. Gives the final status of call or seizure."""
        status: int = await self.do("dial_on_line", number=number)
        return status

    async def call_on(self, index: int, number: str) -> int:
        """Calls on a slot that it has not seized, as a phone that is out of step would. Gives the final status."""
        status: int = await self.do("call_on", index=index, number=number)
        return status

    async def dial_anonymously(self, number: str) -> int:
        """Calls with Privacy: id. Gives the final status."""
        status: int = await self.do("dial_anonymously", number=number)
        return status

    async def press_line(self, index: int) -> int:
        """Presses a line key, which does what the slot's state asks for; the status where there is one, else 0."""
        return await self._asked("press_line", index)

    async def take_line(self, index: int) -> int:
        """Asks for the call of a slot whatever the phone knows of it. Gives the status of the INVITE."""
        return await self._asked("take_line", index)

    async def _asked(self, verb: str, index: int) -> int:
        patience = PATIENCE + self.lag
        try:
            async with asyncio.timeout(patience):
                status: int = await self.do(verb, index=index)
                return status
        except TimeoutError:
            await self.do("hang_up_line", index=index)
            raise BeliefError(
                f"{self.name} asked for the call on key {index}, and was neither given nor refused it in {patience:g} s"
            ) from None

    async def hold_line(self, *, private: bool = False, style: str = "sendonly", late: bool = False) -> int:
        """Public or private hold; `style` is how the description says so, `late` says it in the ACK only."""
        status: int = await self.do("hold_line", private=private, style=style, late=late)
        return status

    async def resume_line(self) -> int:
        status: int = await self.do("resume_line")
        return status

    async def answer_line(self, index: int) -> None:
        """Answers the call that rings on a line key. It is pressed again while it alerts and the phone does not ring
        yet: what a phone is told may come before the call."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + BELIEVED_WITHIN + self.lag
        while await self.do("press_line", index=index) == 0 and loop.time() < deadline:
            await asyncio.sleep(PRESS_AGAIN)
            if not str(self.driver.beliefs.get(f"line.{index}")).startswith("alerting"):
                return

    async def hang_up_line(self, index: int) -> None:
        await self.do("hang_up_line", index=index)

    async def keep_seizing(self) -> int:
        """Goes on listening to the dial tone, so that the seizure is refreshed. Gives the status."""
        status: int = await self.do("keep_seizing")
        return status

    async def dial_as(self, number: str, name: str) -> int:
        """Calls under a name of its own. Gives the final status."""
        status: int = await self.do("dial_as", number=number, name=name)
        return status

    async def forget_line(self) -> None:
        """Loses its subscription to the line and tells nobody."""
        await self.do("forget_line")

    async def set_line(self, **settings: bool | float | str) -> None:
        """Phone settings: `barge_in` (whether the key of a call elsewhere joins it), `names_nobody` and `says_state`
        (how it asks for a call), `names_slot` (says in its answers which slot a call has), `ack_after` (seconds by
        which its ACKs are late). How it follows the line: `names_no_time` (without saying for how long), `refreshes`,
        `by_proxy` (over a recorded route), `follows_parks` (wants to hear of parked callers), `spelling` (how it spells
        the line: "parameters", "escaped")."""
        await self.do("set_line", **settings)

    async def restart(self) -> None:
        """Loses its power and comes up again, knowing nothing of what was."""
        await self.do("restart")

    async def shows_line(self, index: int, state: str, *, mine: bool = False, within: float = BELIEVED_WITHIN) -> None:
        """Waits until the key shows the state: by name where the phone can tell it, and by its lamp's colour and
        rhythm where it tells that and its guide says what is right."""
        wanted = {f"line.{index}": f"{state}, {'mine' if mine else 'theirs'}"}
        lit = lamp(state, mine, self.lamps)
        if lit is not None:
            wanted[f"lamp.{index}"] = str(lit)
        kinds = {key.partition(".")[0] for key in self.driver.beliefs}
        known = {key: value for key, value in wanted.items() if key.partition(".")[0] in kinds}
        await self.shows(within, **(known or wanted))
