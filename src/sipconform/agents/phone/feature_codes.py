"""Feature codes at the phone: a key press becomes a call nobody hears (feature sync sheet §4).

What the display says follows the answer, never the key: 2xx alone means that it was done. An error after an
announcement says nothing, so it changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sipconform.agents.call import Leg
from sipconform.agents.phone.calls import Calls
from sipconform.agents.user_agent import UserAgent
from sipconform.features.feature_code import (
    FORWARDS,
    SECONDS_PER_RING,
    Action,
    CodeTable,
    Feature,
    UriForm,
    request_uri,
)
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.sip.message import Message
from sipconform.sip.offer_answer import compose_audio

TRY_AGAIN = frozenset((408, 480, 486, 500, 503, 504))  # busy or not there for the moment; all else is an answer
OF_KIND = {kind: feature for feature, kind in FORWARDS.items()}


@dataclass(eq=False)
class FeatureCodes:
    """`tries` bounds how often one press is dialled, `pause` seconds apart; a call whose prompt never ends is hung
    up after `longest` seconds. `shown` and `show` read and change the display."""

    agent: UserAgent
    calls: Calls
    shown: Callable[[], FeatureState]
    show: Callable[[FeatureState], None]
    table: CodeTable = field(default_factory=CodeTable)
    form: UriForm = "plain"
    tries: int = 3
    pause: float = 2.0
    longest: float = 20.0
    _line: asyncio.Lock = field(default_factory=asyncio.Lock)  # presses in quick order are dialled in that order
    _dialled: int = 0

    async def press_dnd(self, on: bool) -> int:
        """The key for do not disturb: gives the final status, 0 when there is no code and nothing was sent."""
        status = await self._press(Feature.DND, Action.ON if on else Action.OFF)
        if 200 <= status < 300:
            self.show(self.shown().with_dnd(on))
        return status

    async def set_forward(self, kind: ForwardType, forward: Forward) -> int:
        """A forward set in the menu; as `press_dnd`."""
        action = Action.ON if forward.active else Action.OFF
        seconds = forward.rings * SECONDS_PER_RING if forward.rings is not None else None
        number = forward.to if forward.active else ""
        status = await self._press(OF_KIND[kind], action, number, seconds)
        if 200 <= status < 300:
            self.show(self.shown().with_forward(kind, forward))
        return status

    async def _press(self, feature: Feature, action: Action, number: str = "", seconds: int | None = None) -> int:
        code = self.table.compose(feature, action, number, seconds)
        if not code:
            return 0
        async with self._line:
            for left in reversed(range(self.tries)):
                status, announced = await self._dial(code)
                if announced or status not in TRY_AGAIN or not left:
                    return status
                await asyncio.sleep(self.pause)
        return status

    async def _dial(self, code: str) -> tuple[int, bool]:
        """One call to a code, until it is over: its final status, and whether early media came before an error."""
        account = self.agent.account
        if account is None:
            raise ValueError("a phone needs an account to call")
        uri = request_uri(code, account.domain, self.form)
        leg, over, announced = Leg(self.agent), asyncio.Event(), False

        def progressed(_: Leg, message: Message) -> None:
            nonlocal announced
            announced = announced or (message.status == 183 and bool(message.content))

        leg.on_provisional = progressed
        leg.on_state = lambda changed: over.set() if changed.state == "ended" else None
        leg.call(uri, f"<{uri}>", self._offer())
        status = await leg.outcome()
        if status < 300:
            leg.spawn(self._until_over(leg, over))
        return status, announced

    async def _until_over(self, leg: Leg, over: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self.longest):
                await over.wait()
        except TimeoutError:
            leg.hang_up()

    def _offer(self) -> bytes:
        self._dialled += 1
        host = self.agent.endpoint.transports[0].local.host
        return compose_audio(host, self.calls.media_port, 2000 + self._dialled)
