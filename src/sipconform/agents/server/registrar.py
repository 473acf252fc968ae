"""The registrar (RFC 3261 §10.3): an expired binding is never given out, swept or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

from sipconform.agents.requests import ServerRequest
from sipconform.agents.server.authentication import Authentication
from sipconform.agents.server.directory import Binding, User
from sipconform.agents.user_agent import UserAgent
from sipconform.features.reginfo import ContactEvent
from sipconform.sip.fault import Fault
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri


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
        elif message.text("Contact").strip() == "*":
            self._remove_all(request, user)
        else:
            self._update(request, user)

    def _remove_all(self, request: ServerRequest, user: User) -> None:
        if request.message.text("Expires") != "0":
            request.respond(400, "Contact * needs Expires 0")
            return
        for uri in list(user.bindings):
            self._remove(user, uri)
        request.respond(200, headers=self._bindings(user))

    def _remove(self, user: User, uri: str) -> None:
        binding = user.bindings.pop(uri, None)
        if binding is not None and self.on_binding:
            self.on_binding(user, binding, ContactEvent.UNREGISTERED)

    def _is_ours(self, message: Message) -> bool:
        """Whether the address-of-record is one of our domain (§10.3 step 5)."""
        to = message.to
        host = to.uri.host if isinstance(to, NameAddr) and isinstance(to.uri, SipUri) else ""
        own = self.agent.endpoint.transports[0].local.host
        return host.strip("[]").lower() in (self.authentication.directory.domain.strip("[]").lower(), own)

    def _update(self, request: ServerRequest, user: User) -> None:
        message = request.message
        contacts = [c for c in message.contacts if isinstance(c, NameAddr)]
        if len(contacts) != len(message.contacts):
            request.respond(400, "Contact cannot be read")
            return
        wanted = [(str(c.uri), self._asked(c, message)) for c in contacts]
        flows = {str(c.uri): flow_of(c) for c in contacts}
        if any(0 < seconds < self.min_expires for _, seconds in wanted):
            request.respond(423, headers=[("Min-Expires", str(self.min_expires))])
            return
        if any(self._is_stale(user.bindings.get(uri), message) for uri, _ in wanted):
            request.respond(500, "CSeq out of order")
            return
        now = asyncio.get_running_loop().time()
        for uri, seconds in wanted:
            if seconds == 0:
                self._remove(user, uri)
            else:
                expires_at = now + min(seconds, self.max_expires)
                self._bind(user, Binding(uri, expires_at, message.call_id, message.cseq_number, flows[uri]), now)
        request.respond(200, headers=[*self._outbound(message, flows), *self._bindings(user)])

    def _bind(self, user: User, binding: Binding, now: float) -> None:
        """A flow of an instance has one binding, whatever its Contact was before (RFC 5626 §6)."""
        for other in list(user.bindings.values()):
            if binding.flow and other.flow == binding.flow and other.contact != binding.contact:
                self._remove(user, other.contact)
        known = user.bindings.get(binding.contact)
        user.bindings[binding.contact] = binding
        if self.on_binding:
            fresh = known is None or known.expires_at <= now
            self.on_binding(user, binding, ContactEvent.REGISTERED if fresh else ContactEvent.REFRESHED)

    def _outbound(self, message: Message, flows: dict[str, str]) -> list[tuple[str, str]]:
        if "outbound" not in message.supported or not any(flows.values()):
            return []
        timer = [("Flow-Timer", str(self.flow_timer))] if self.flow_timer else []
        return [("Require", "outbound"), *timer]

    def _asked(self, contact: NameAddr, message: Message) -> int:
        """The parameter beats the header field, which beats our default (§10.3 step 6)."""
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
        live = [b for b in user.bindings.values() if b.expires_at > now]
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
