"""The phone's end of feature synchronisation: it shows what the server last said, and asks before it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sipconform.agents.subscriber import Subscriber
from sipconform.agents.user_agent import UserAgent
from sipconform.features.feature_body import read_body
from sipconform.features.feature_event import (
    CONTENT_TYPE,
    EVENT,
    DoNotDisturbEvent,
    ForwardingEvent,
    SetDoNotDisturb,
    SetForwarding,
    apply,
)
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.sip.message import Message


@dataclass(eq=False)
class FeatureSync:
    """`shown` is what the display says; `on` whether the synchronisation switch is on (it is off by default)."""

    agent: UserAgent
    on: bool = False
    obeys_switch: bool = True  # False: synchronised whatever the switch says (Fortinet, REQUIREMENTS B6)
    expires: int = 3600
    shown: FeatureState = field(default_factory=FeatureState.assigned)
    subscriber: Subscriber = field(init=False)
    on_change: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        accept = f"{CONTENT_TYPE}, multipart/mixed"
        self.subscriber = Subscriber(self.agent, EVENT, accept, self.expires, self._told)

    @property
    def synchronises(self) -> bool:
        return self.on or not self.obeys_switch

    async def start(self) -> int:
        """What the phone does once registered: with the switch on it subscribes (REQUIREMENTS B2)."""
        return await self.subscriber.subscribe() if self.synchronises else 0

    async def press_dnd(self, on: bool) -> None:
        """The user presses the key. Without synchronisation the phone acts locally and sends nothing (B1)."""
        if not self.synchronises:
            self.show(self.shown.with_dnd(on))
        else:
            await self._ask_for(SetDoNotDisturb(on, ""))

    async def set_forward(self, kind: ForwardType, forward: Forward) -> None:
        """The user sets a forward."""
        if not self.synchronises:
            self.show(self.shown.with_forward(kind, forward))
        else:
            rings = forward.rings if kind is ForwardType.NO_ANSWER else None
            await self._ask_for(SetForwarding(kind, forward.active, forward.to, rings, ""))

    async def switch(self, on: bool) -> None:
        """Turns synchronisation on or off while the phone runs."""
        self.on = on
        if on:
            await self.subscriber.subscribe()
        else:
            await self.subscriber.unsubscribe()

    async def _ask_for(self, document: SetDoNotDisturb | SetForwarding) -> None:
        """Sends the wanted state; the display follows the server's NOTIFY, never the key (feature sync sheet §8)."""
        headers = [("Content-Type", CONTENT_TYPE)]
        await self.subscriber.ask_within(headers, document.to_xml())

    def _told(self, notify: Message) -> None:
        state = self.shown
        for part in read_body(notify.text("Content-Type"), notify.content):
            if isinstance(part.document, DoNotDisturbEvent | ForwardingEvent):
                state = apply(state, part.document)
        self.show(state)

    def show(self, state: FeatureState) -> None:
        """Changes the display."""
        self.shown = state
        if self.on_change:
            self.on_change()
