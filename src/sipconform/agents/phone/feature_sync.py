"""The phone's end of feature synchronisation: it shows what the server last said, and asks before it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sipconform.agents.subscriber import GIVE_UP, Subscriber
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

GIVE_UP_AFTER = 5.0  # seconds without a word from the server after which a wish is no longer shown as pending
LOST = (404, 481)  # answers that say the subscription is not known; the subscriber begins anew by itself


@dataclass(eq=False, repr=False)
class FeatureSync:
    """`shown` is what the display says, `pending` what the user has asked for and the server not yet confirmed;
    `on` whether the synchronisation switch is on (it is off by default)."""

    agent: UserAgent
    on: bool = False
    obeys_switch: bool = True  # False: synchronised whatever the switch says (Fortinet, REQUIREMENTS B6)
    expires: int = 3600
    shown: FeatureState = field(default_factory=FeatureState.assigned)
    subscriber: Subscriber = field(init=False)
    pending: SetDoNotDisturb | SetForwarding | None = None
    on_change: Callable[[], None] | None = None
    _revert: asyncio.TimerHandle | None = None
    _one_by_one: asyncio.Lock = field(default_factory=asyncio.Lock)

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
        before, self.on = self.synchronises, on
        if self.synchronises and not before:
            await self.subscriber.subscribe()
        elif before and not self.synchronises:
            await self.subscriber.unsubscribe()

    def forget(self) -> None:
        """What a phone without power loses: the display, and what its user was waiting for."""
        self._wait_for(None)
        self.show(FeatureState.assigned())

    async def _ask_for(self, document: SetDoNotDisturb | SetForwarding) -> None:
        """Sends the wanted state; the display follows the server's NOTIFY, never the key (feature sync sheet §8).
        A wish that is refused, or that nobody answers, is given up: the display stays as it was."""
        async with self._one_by_one:
            self._wait_for(document)
            if not await self._sent(document):
                self._wait_for(None)

    async def _sent(self, document: SetDoNotDisturb | SetForwarding) -> bool:
        """Whether the server took it. Where it had forgotten the subscription it is asked once more in the new one,
        after the full state; silence is not answered with a blind repeat."""
        for _ in range(2):
            if not self.subscriber.active and not await self._begun():
                return False
            answer = await self.subscriber.ask_within([("Content-Type", CONTENT_TYPE)], document.to_xml())
            if answer is None or answer.status not in LOST:
                return answer is not None and answer.status < 300
        return False

    async def _begun(self) -> bool:
        """A subscription for a wish that finds none; not where the server has said it will have none."""
        if self.subscriber.status in GIVE_UP:
            return False
        return 200 <= await self.subscriber.subscribe() < 300

    def _wait_for(self, document: SetDoNotDisturb | SetForwarding | None) -> None:
        if self._revert:
            self._revert.cancel()
            self._revert = None
        self.pending = document
        if document is not None:
            loop = asyncio.get_running_loop()
            self._revert = loop.call_later(GIVE_UP_AFTER, self._wait_for, None)
        self.show(self.shown)

    def _told(self, notify: Message) -> None:
        """Takes every document of ours; those of other kinds, in foreign namespaces or unreadable, are left alone."""
        state = self.shown
        for part in read_body(notify.text("Content-Type"), notify.content):
            document = part.document
            if isinstance(document, DoNotDisturbEvent | ForwardingEvent) and document.facts and document.facts.is_csta:
                state = apply(state, document)
                if _answers(document, self.pending):
                    self._wait_for(None)
        self.show(state)

    def show(self, state: FeatureState) -> None:
        """Changes the display."""
        self.shown = state
        if self.on_change:
            self.on_change()


def _answers(event: DoNotDisturbEvent | ForwardingEvent, wish: SetDoNotDisturb | SetForwarding | None) -> bool:
    """Whether an event tells the feature a wish was about, whatever the server made of it."""
    if isinstance(event, ForwardingEvent):
        return isinstance(wish, SetForwarding) and wish.type is event.type
    return isinstance(wish, SetDoNotDisturb)
