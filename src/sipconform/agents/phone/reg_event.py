"""The phone learns what the registrar thinks of it: a subscription to `reg` (RFC 3680)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sipconform.agents.subscriber import Subscriber
from sipconform.agents.user_agent import UserAgent
from sipconform.features.reginfo import CONTENT_TYPE, EVENT, RegInfo, parse_reginfo
from sipconform.sip.message import Message


@dataclass(eq=False, repr=False)
class RegWatch:
    """`last` is the latest event of a contact other than a refresh: "registered", "expired", "unregistered" …"""

    agent: UserAgent
    last: str = ""
    version: int = -1
    on_change: Callable[[], None] | None = None
    subscriber: Subscriber = field(init=False)

    def __post_init__(self) -> None:
        self.subscriber = Subscriber(self.agent, EVENT, CONTENT_TYPE, told=self._told)

    def _told(self, notify: Message) -> None:
        info = parse_reginfo(notify.content)
        if not isinstance(info, RegInfo) or info.version is None or info.version <= self.version:
            return  # an older document that was overtaken says nothing new (RFC 3680 §5.1)
        self.version = info.version
        events = [c.event for r in info.registrations for c in r.contacts if c.event != "refreshed"]
        self.last = events[-1] if events else self.last
        if self.on_change:
            self.on_change()
