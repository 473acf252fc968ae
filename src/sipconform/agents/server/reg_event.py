"""The registrar tells of bindings: the event package `reg` (RFC 3680)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from sipconform.agents.notifier import Content, Notifier, NotifierSubscription
from sipconform.agents.requests import ServerRequest
from sipconform.agents.server.authentication import Authentication
from sipconform.agents.server.directory import Binding, User
from sipconform.agents.server.registrar import Registrar, user_part
from sipconform.agents.user_agent import UserAgent
from sipconform.features.reginfo import CONTENT_TYPE, EVENT, ContactEvent, RegContact, RegInfo, Registration

SOON = 0.05  # seconds: an expiry is told when it is surely over


@dataclass(eq=False, repr=False)
class RegEvent:
    """Full documents, one for every change; `version` counts per subscription from 0 (RFC 3680 §5.1)."""

    agent: UserAgent
    authentication: Authentication
    registrar: Registrar
    versions: dict[NotifierSubscription, int] = field(default_factory=dict)
    _last: dict[str, str] = field(default_factory=dict)  # binding -> the event that brought it where it is
    _expiries: dict[str, asyncio.TimerHandle] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.notifier = Notifier(self.agent, EVENT, admit=self._admit, content=self._document)
        self.registrar.on_binding = self.happened

    def _admit(self, request: ServerRequest) -> str | None:
        user = self.authentication.authenticated(request)
        if user is not None and user_part(request.message.to) != user.name:
            request.respond(403)
            return None
        return user.name if user else None

    def happened(self, user: User, binding: Binding, event: ContactEvent) -> None:
        """A binding was made, refreshed, taken away or has expired: every watcher is told."""
        if handle := self._expiries.pop(binding.key, None):
            handle.cancel()
        gone = event in (ContactEvent.UNREGISTERED, ContactEvent.EXPIRED, ContactEvent.DEACTIVATED)
        if not gone:
            loop = asyncio.get_running_loop()
            when = binding.expires_at + SOON
            self._expiries[binding.key] = loop.call_at(when, self._expired, user, binding)
        self._last[binding.key] = event
        left = [binding] if gone else []
        for subscription in self.notifier.of(user.name):
            subscription.notify(self._told(subscription, user, left))

    def _expired(self, user: User, binding: Binding) -> None:
        if binding.expires_at <= asyncio.get_running_loop().time():
            self.happened(user, binding, ContactEvent.EXPIRED)

    def _document(self, subscription: NotifierSubscription) -> list[Content]:
        user = self.authentication.directory.find(subscription.user)
        return [self._told(subscription, user, [])] if user else [Content()]

    def _told(self, subscription: NotifierSubscription, user: User, left: list[Binding]) -> Content:
        now = asyncio.get_running_loop().time()
        live = [b for b in user.bound(now) if b not in left]
        contacts = [self._contact(b, "active", round(b.expires_at - now)) for b in live]
        contacts += [self._contact(b, "terminated", 0) for b in left]
        state = "active" if live else "terminated" if left else "init"
        aor = f"sip:{user.name}@{self.authentication.directory.domain}"
        version = self.versions[subscription] = self.versions.get(subscription, -1) + 1
        info = RegInfo(version, True, (Registration(aor, f"r{user.name}", state, tuple(contacts)),))
        return Content(info.to_xml(), CONTENT_TYPE)

    def _contact(self, binding: Binding, state: str, expires: int) -> RegContact:
        event = self._last.get(binding.key, ContactEvent.REGISTERED)
        return RegContact(
            f"c{binding.key}", binding.contact, state, event, expires, call_id=binding.call_id, cseq=binding.cseq
        )

    def close(self) -> None:
        """No expiry is told any more."""
        for handle in self._expiries.values():
            handle.cancel()
        self._expiries.clear()
