"""Feature codes at the phone: a key press becomes a call nobody hears (feature sync sheet §4).

What the display says follows the answer, never the key: 2xx alone means that it was done. An error after an
announcement says nothing, so it changes nothing. The phone listens all the same, and can tell whether a voice came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from sipconform.agents.call import Leg
from sipconform.agents.phone.ear import Ear
from sipconform.agents.user_agent import UserAgent
from sipconform.features.feature_code import (
    FORWARDS,
    LEGAL_SECONDS,
    SECONDS_PER_RING,
    Action,
    CodeTable,
    Feature,
    UriForm,
    apply_code,
    request_uri,
)
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.sip.message import Message
from sipconform.sip.offer_answer import compose_answer, compose_audio
from sipconform.sip.sdp import Sdp

TRY_AGAIN = frozenset((408, 480, 486, 500, 503, 504))  # busy or not there for the moment; all else is an answer
OF_KIND = {kind: feature for feature, kind in FORWARDS.items()}


@dataclass(eq=False, repr=False)
class FeatureCodes:
    """`tries` bounds how often one press is dialled, `pause` seconds apart; a call whose prompt never ends is hung
    up after `longest` seconds. `shown` and `show` read and change the display."""

    agent: UserAgent
    shown: Callable[[], FeatureState]
    show: Callable[[FeatureState], None]
    table: CodeTable = field(default_factory=CodeTable)
    form: UriForm = "plain"
    tries: int = 3
    pause: float = 2.0
    longest: float = 20.0
    on_change: Callable[[], None] | None = None
    _line: asyncio.Lock = field(default_factory=asyncio.Lock)  # presses in quick order are dialled in that order
    _dialled: int = 0
    _dialling: Leg | None = None
    _ear: Ear | None = None

    @property
    def heard_prompt(self) -> bool:
        """Whether a voice was heard in the last call to a code."""
        return self._ear is not None and self._ear.heard_a_voice

    async def press_dnd(self, on: bool) -> int:
        """The key for do not disturb: gives the final status, 0 when there is no code and nothing was sent."""
        return await self._press(self.table.compose(Feature.DND, Action.ON if on else Action.OFF))

    async def set_forward(self, kind: ForwardType, forward: Forward) -> int:
        """A forward set in the menu; as `press_dnd`. A ring count no timer code can say is left away."""
        if not forward.active:
            return await self._press(self.table.compose(OF_KIND[kind], Action.OFF))
        seconds = (forward.rings or 0) * SECONDS_PER_RING
        timer = seconds if seconds in LEGAL_SECONDS else None
        return await self._press(self.table.compose(OF_KIND[kind], Action.ON, forward.to, timer))

    async def dial(
        self,
        code: str,
        uri: str = "",
        sender: str = "",
        begun: Callable[[str], None] | None = None,
        listen: float = 0.0,
    ) -> int:
        """Dials any string once, as a user would who knows the codes: gives the final status. `uri` and `sender`
        are said instead of what would be said; `begun` is told the Call-ID. `listen`: the user hears out what the
        server has to say, for so many seconds at most."""
        async with self._line:
            status, _ = await self._dial(code, uri, sender, begun, listen)
        if listen and self._dialling is not None:
            await self._dialling.settled()
        return status

    async def _press(self, code: str | None) -> int:
        """Dials, again if it must be, and shows what the code does once it was accepted."""
        match = self.table.match(code) if code else None
        if not code or match is None:
            return 0
        async with self._line:
            status = await self._dial_patiently(code)
        if 200 <= status < 300:
            self.show(apply_code(self.shown(), match))
        return status

    async def _dial_patiently(self, code: str) -> int:
        status, announced = await self._dial(code)
        for _ in range(self.tries - 1):
            if announced or status not in TRY_AGAIN:
                break
            await asyncio.sleep(self.pause)
            status, announced = await self._dial(code)
        return status

    async def _dial(
        self,
        code: str,
        uri: str = "",
        sender: str = "",
        begun: Callable[[str], None] | None = None,
        listen: float = 0.0,
    ) -> tuple[int, bool]:
        """One call to a code, until it is over: its final status, and whether early media came before an error."""
        account = self.agent.account
        if account is None:
            raise ValueError("a phone needs an account to call")
        uri = uri or request_uri(code, account.domain, self.form)
        ear = await self._listen()
        leg, over, announced = Leg(self.agent), asyncio.Event(), False

        def progressed(_: Leg, message: Message) -> None:
            nonlocal announced
            announced = announced or (message.status == 183 and bool(message.content))

        leg.on_provisional = progressed
        leg.on_state = lambda changed: over.set() if changed.state == "ended" else None
        self._dialling, voice = leg, self._voice(ear)
        leg.on_offer = lambda _, again: leg.agree(again, voice(again.message.sdp))
        leg.call(uri, f"<{uri}>", voice(None), identity=sender)
        if begun:
            begun(leg.dialog.call_id)
        leg.spawn(self._until_over(leg, over, ear, listen or self.longest))
        return await leg.outcome(), announced

    def give_up(self) -> bool:
        """The user ends the call to a code that is not answered yet; False when there is none."""
        leg = self._dialling
        if leg is None or leg.state not in ("calling", "ringing"):
            return False
        leg.hang_up()
        return True

    async def _listen(self) -> Ear:
        """An ear for one call. Raises OSError when no port is to be had."""
        endpoint = self.agent.endpoint
        self._ear = await Ear.open(endpoint.network, endpoint.transports[0].local.host, self._noticed)
        return self._ear

    def _noticed(self) -> None:
        if self.on_change:
            self.on_change()

    async def _until_over(self, leg: Leg, over: asyncio.Event, ear: Ear, longest: float) -> None:
        """Listens until the call is over, and ends it when the other side has not in time."""
        try:
            if await leg.outcome() < 300:
                async with asyncio.timeout(longest):
                    await over.wait()
        except TimeoutError:
            leg.hang_up()
        finally:
            ear.close()

    def _voice(self, ear: Ear) -> Callable[[Sdp | None], bytes]:
        """Describes one call's session again and again: our offer, or the answer to one of the other side's."""
        self._dialled += 1
        session, local, versions = 2000 + self._dialled, ear.port.local, count(1)

        def describe(offer: Sdp | None) -> bytes:
            version = next(versions)
            if offer is None:
                return compose_audio(local.host, local.port, session, version=version)
            return compose_answer(offer, local.host, local.port, session, version=version)

        return describe
