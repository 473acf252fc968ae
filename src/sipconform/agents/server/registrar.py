"""The registrar (RFC 3261 §10.3): an expired binding is never given out, swept or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

from sipconform.agents.requests import ServerRequest
from sipconform.agents.server.authentication import Authentication
from sipconform.agents.server.directory import Binding, User, equal
from sipconform.agents.user_agent import UserAgent
from sipconform.features.reginfo import ContactEvent
from sipconform.sip.fault import Fault
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri

AN_HOUR = 3600  # seconds: who asks for as much is not refused for the shortness of it (§10.3 step 7)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One Contact of a REGISTER: its URI, its flow, and for how many seconds."""

    uri: str
    flow: str
    seconds: int

    def bound(self, user: User, now: float) -> Binding | None:
        """The binding it means, if that is still alive."""
        return next((b for b in user.bound(now) if b.is_for(self.uri, self.flow)), None)


@dataclass(eq=False, repr=False)
class Registrar:
    """Takes REGISTER for the users of the authentication's directory."""

    agent: UserAgent
    authentication: Authentication
    min_expires: int = 10
    default_expires: int = 3600
    max_expires: int = 7200
    flow_timer: int = 0  # seconds between keep-alives asked of phones with outbound (RFC 5626 §4.4.1); 0: unsaid
    on_binding: Callable[[User, Binding, ContactEvent], None] | None = None

    def __post_init__(self) -> None:
        self.agent.serve("REGISTER", self._register)

    def _register(self, request: ServerRequest) -> None:
        proven = self.authentication.authenticated(request)
        if proven is None:
            return
        message = request.message
        user = self.authentication.directory.identity(proven, user_part(message.to))
        if not self._is_ours(message):
            request.respond(404)
        elif user is None:
            request.respond(403)
        elif "*" in message.values("Contact"):
            self._remove_all(request, user)
        else:
            self._update(request, user)

    def _remove_all(self, request: ServerRequest, user: User) -> None:
        """All of his bindings or, when one of them is newer than the request, none (§10.3 step 6)."""
        message, bound = request.message, user.bound(asyncio.get_running_loop().time())
        if message.text("Expires") != "0" or len(message.values("Contact")) > 1:
            request.respond(400, "Contact * stands alone and needs Expires 0")
            return
        if any(self._is_stale(binding, message) for binding in bound):
            request.respond(500, "CSeq out of order")
            return
        for binding in bound:
            self._remove(user, binding)
        request.respond(200, headers=self._bindings(user))

    def _remove(self, user: User, binding: Binding) -> None:
        del user.bindings[binding.key]
        if self.on_binding:
            self.on_binding(user, binding, ContactEvent.UNREGISTERED)

    def _is_ours(self, message: Message) -> bool:
        """Whether the address-of-record is one of our domain (§10.3 step 5)."""
        to = message.to
        host = to.uri.host if isinstance(to, NameAddr) and isinstance(to.uri, SipUri) else ""
        own = self.agent.endpoint.transports[0].local.host
        return host.strip("[]").lower() in (self.authentication.directory.domain.strip("[]").lower(), own)

    def _update(self, request: ServerRequest, user: User) -> None:
        message = request.message
        contacts = [c for c in message.contacts if isinstance(c, NameAddr) and not isinstance(c.uri, Fault)]
        if len(contacts) != len(message.contacts):
            request.respond(400, "Contact cannot be read")
            return
        wanted = [Wanted(str(c.uri), flow_of(c), self._asked(c, message)) for c in contacts]
        if any(0 < asked.seconds < min(self.min_expires, AN_HOUR) for asked in wanted):
            request.respond(423, headers=[("Min-Expires", str(self.min_expires))])
            return
        now = asyncio.get_running_loop().time()
        if any(self._is_stale(asked.bound(user, now), message) for asked in wanted):
            request.respond(500, "CSeq out of order")
            return
        for asked in wanted:
            known = asked.bound(user, now)
            if asked.seconds:
                expires_at = now + min(asked.seconds, self.max_expires)
                made = Binding(asked.uri, expires_at, message.call_id, message.cseq_number, asked.flow, now)
                self._bind(user, made, now)
            elif known is not None:
                self._remove(user, known)
        flows = [asked.flow for asked in wanted if asked.flow]
        request.respond(200, headers=[*self._outbound(message, flows), *self._bindings(user)])

    def _bind(self, user: User, binding: Binding, now: float) -> None:
        """In place of what was bound for this flow of the instance, or for this URI however that was spelled."""
        known = next((b for b in user.bindings.values() if b.is_for(binding.contact, binding.flow)), None)
        fresh = known is None or known.expires_at <= now
        if known is not None and known.flow == binding.flow and equal(known.contact, binding.contact):
            binding.contact = known.contact
        elif known is not None:
            del user.bindings[known.key]
            if not fresh and self.on_binding:
                self.on_binding(user, known, ContactEvent.UNREGISTERED)
            fresh = True
        user.bindings[binding.key] = binding
        if self.on_binding:
            self.on_binding(user, binding, ContactEvent.REGISTERED if fresh else ContactEvent.REFRESHED)

    def _outbound(self, message: Message, flows: list[str]) -> list[tuple[str, str]]:
        if "outbound" not in message.supported or not flows:
            return []
        timer = [("Flow-Timer", str(self.flow_timer))] if self.flow_timer else []
        return [("Require", "outbound"), *timer]

    def _asked(self, contact: NameAddr, message: Message) -> int:
        """The parameter beats the header field, which beats our default (§10.3 step 7)."""
        text = contact.params.get("expires") or message.text("Expires")
        if not text:
            return self.default_expires
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 3600

    @staticmethod
    def _is_stale(binding: Binding | None, message: Message) -> bool:
        return binding is not None and binding.call_id == message.call_id and binding.cseq >= message.cseq_number

    def _bindings(self, user: User) -> list[tuple[str, str]]:
        """Every current binding with what is left of it, and Date (§10.3 step 8)."""
        now = asyncio.get_running_loop().time()
        live = user.bound(now)
        date = formatdate(self.agent.endpoint.network.now_ns() / 1e9, usegmt=True)
        listed = (f"<{b.contact}>;expires={round(b.expires_at - now)}{b.flow}" for b in live)
        return [("Date", date), *(("Contact", contact) for contact in listed)]


def flow_of(contact: NameAddr) -> str:
    """Instance and flow as parameters of a Contact, "" where it names none (RFC 5626 §4.1)."""
    instance, flow = contact.params.get("+sip.instance"), contact.params.get("reg-id")
    return f';reg-id={flow};+sip.instance="{instance}"' if instance and flow else ""


def user_part(address: NameAddr | Fault) -> str:
    """The user of a From or To that could be read, unescaped; "" otherwise."""
    uri = address.uri if isinstance(address, NameAddr) else None
    return uri.username if isinstance(uri, SipUri) else ""
