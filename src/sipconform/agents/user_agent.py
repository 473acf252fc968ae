"""What phone and server share above transactions: dialogs, digest, the manners of a UAS (RFC 3261 §8, §12)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from sipconform.agents.credentials import CredentialStore
from sipconform.agents.endpoint import Endpoint
from sipconform.agents.requests import ClientRequest, ServerRequest
from sipconform.net.addresses import is_numeric
from sipconform.sip.compose import Draft
from sipconform.sip.dialog import Dialog, contact_uri
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri, parse_uri
from sipconform.trace.packet import Address

Headers = Iterable[tuple[str, str]]
Begun = Callable[[ClientRequest], None]
KNOWN_METHODS = frozenset(
    ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "SUBSCRIBE", "NOTIFY", "INFO", "UPDATE", "PRACK")
) | {"REFER", "MESSAGE", "PUBLISH"}
MOST_SOURCES = 1000  # peers that say no place; strangers may be many
DIALOG_METHODS = frozenset(("INVITE", "SUBSCRIBE"))
DEFAULT_PORT = {"udp": 5060, "tcp": 5060, "tls": 5061}


class Usage(Protocol):
    """Whoever lives in a dialog. `dialog.remote_tag` is "" until the peer has answered."""

    dialog: Dialog

    def received(self, request: ServerRequest) -> None:
        """A request in this dialog, in order and not seen before."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who an agent is, and what it proves it with. `auth_user` defaults to `user`."""

    user: str
    domain: str
    password: str = field(default="", repr=False)
    auth_user: str = ""
    display: str = ""

    @property
    def aor(self) -> str:
        return f"sip:{self.user}@{self.domain}"

    @property
    def name_addr(self) -> str:
        return f'"{self.display}" <{self.aor}>' if self.display else f"<{self.aor}>"


@dataclass(eq=False, repr=False)
class UserAgent:
    """`proxy` is where requests outside dialogs go; None sends them where their Request-URI says."""

    endpoint: Endpoint
    account: Account | None = None
    proxy: Address | None = None
    product: str = "sipconform"
    usages: dict[tuple[str, str], Usage] = field(default_factory=dict)
    _handlers: dict[tuple[str, str], Callable[[ServerRequest], None]] = field(default_factory=dict)
    _packages: list[str] = field(default_factory=list)
    _sources: dict[str, Address] = field(default_factory=dict)  # Call-ID -> whence a peer that says no place came
    credentials: CredentialStore | None = None

    def __post_init__(self) -> None:
        self.endpoint.on_request = self._dispatch
        account = self.account
        if account is not None:
            user = account.auth_user or account.user
            self.credentials = CredentialStore(user, account.password, self.endpoint.random)

    # -- as a client ----------------------------------------------------------------------------------------

    @property
    def contact(self) -> str:
        """Our Contact value, with the transport named where it is not UDP."""
        transport = self.endpoint.transports[0]
        user = f"{self.account.user}@" if self.account else ""
        suffix = "" if transport.protocol == "udp" else f";transport={transport.protocol}"
        return f"<sip:{user}{transport.local}{suffix}>"

    def new_request(
        self, method: str, uri: str, to: str, *, call_id: str = "", cseq: int = 1, sender: str = ""
    ) -> Draft:
        """A request outside any dialog (§8.1.1) with a fresh From tag. `sender` is From when we speak for another."""
        if not sender and self.account is None:
            raise ValueError("a request outside dialogs needs an account to be From")
        sender = sender or (self.account.name_addr if self.account else "")
        draft = Draft.request(method, uri)
        draft.add("Max-Forwards", "70")
        draft.add("From", f"{sender};tag={self.endpoint.new_tag()}")
        draft.add("To", to)
        draft.add("Call-ID", call_id or self.endpoint.new_call_id())
        draft.add("CSeq", f"{cseq} {method}")
        return draft

    def in_dialog(self, dialog: Dialog, method: str, headers: Headers = (), body: bytes = b"") -> Draft:
        """A request within a dialog, with Contact where it refreshes the target."""
        draft = dialog.request(method)
        draft.insert("Max-Forwards", "70")
        if method in ("INVITE", "SUBSCRIBE", "NOTIFY", "UPDATE", "REFER"):
            draft.add("Contact", self.contact)
        for name, value in headers:
            draft.add(name, value)
        draft.body = body
        return draft

    def send(self, draft: Draft, begun: Begun | None = None) -> ClientRequest:
        """Sends a request once, without answering challenges."""
        request = self.endpoint.prepare(draft, self.next_hop(draft))
        if begun:
            begun(request)
        return self.endpoint.begin(request)

    async def ask(
        self,
        draft: Draft,
        dialog: Dialog | None = None,
        begun: Begun | None = None,
        credentials: CredentialStore | None = None,
    ) -> Message | None:
        """Sends a request and gives the final answer, None for silence. A challenge is answered once (§22.2), and a
        proxy's beside the server's (§22.3): the same request, body and all, with credentials (our own unless others
        are given) and the next CSeq number. `begun` is called with each request as it is sent, for whoever wants its
        provisional answers too."""
        credentials = credentials or self.credentials
        if credentials is None:
            return await self.send(draft, begun).final()
        bare, challenged = _copy(draft), {401, 407}
        while True:
            credentials.authorise(draft)
            answer = await self.send(draft, begun).final()
            if answer is None or answer.status not in challenged or not credentials.learn(answer):
                return answer
            challenged.remove(answer.status)
            number, _, method = bare.get("CSeq").partition(" ")
            bare.set("CSeq", f"{int(number) + 1} {method}")
            draft = _copy(bare)
            if dialog is not None:
                dialog.local_cseq += 1

    def next_hop(self, draft: Draft) -> Address:
        """Where a request goes: its topmost Route that is not ourselves (§16.4), the proxy for requests outside
        dialogs, else its Request-URI. Names are not looked up: what names no address, or is no SIP URI, goes to the
        proxy too, or back whence the peer's request came."""
        passed = {str(transport.local) for transport in self.endpoint.transports}
        routes = [value.partition("<")[2].partition(">")[0] for value in draft.all("Route")]
        ahead = [route for route in routes if route.partition(":")[2].partition(";")[0] not in passed]
        if not routes and self.proxy is not None and ";tag=" not in draft.get("To"):
            return self.proxy
        text = ahead[0] if ahead else draft.start_line.split(" ")[1]
        place = self._place(text)
        hop = place if place is not None and is_numeric(place) else self.proxy
        found = (None if routes else self._sources.get(draft.get("Call-ID"))) or hop or place
        if found is None:
            raise ValueError(f"cannot route to {text!r}: not a SIP URI")
        return found

    def _place(self, uri_text: str) -> Address | None:
        """What a SIP URI names as its host and port, an address or not."""
        uri = parse_uri(uri_text)
        default = DEFAULT_PORT[self.endpoint.transports[0].protocol]
        return Address(uri.host.strip("[]"), uri.port or default) if isinstance(uri, SipUri) else None

    # -- as a server ----------------------------------------------------------------------------------------

    def serve(self, method: str, handler: Callable[[ServerRequest], None], package: str = "") -> None:
        """Takes new requests of a method, for SUBSCRIBE and NOTIFY those of one event package."""
        self._handlers[method, package] = handler
        if package and package not in self._packages:
            self._packages.append(package)

    def stop_serving(self, method: str, package: str = "") -> None:
        """Refuses from now on what `serve` had offered."""
        self._handlers.pop((method, package), None)
        if package in self._packages:
            self._packages.remove(package)

    @property
    def allow(self) -> str:
        methods = {method for method, _ in self._handlers} | {"OPTIONS"}
        if "INVITE" in methods:
            methods |= {"ACK", "CANCEL", "BYE"}
        return ", ".join(sorted(methods))

    @property
    def allow_events(self) -> str:
        return ", ".join(self._packages)

    def attach(self, usage: Usage) -> None:
        """From now on requests of this dialog go to `usage`."""
        self.usages[usage.dialog.call_id, usage.dialog.local_tag] = usage

    def detach(self, usage: Usage) -> None:
        self.usages.pop((usage.dialog.call_id, usage.dialog.local_tag), None)

    def _dispatch(self, request: ServerRequest) -> None:
        message = request.message
        if refusal := self._refusal(message):
            request.respond(*refusal)
        elif not message.to_tag and self.is_merged(request):
            request.respond(482)
        else:
            self._note_source(request)
            (self._dispatch_in_dialog if message.to_tag else self._dispatch_new)(request)

    def _note_source(self, request: ServerRequest) -> None:
        """Remembers where a peer is whose Contact does not say it."""
        message = request.message
        if message.method not in DIALOG_METHODS:
            return
        place = self._place(contact_uri(message))
        self._sources.pop(message.call_id, None)
        if place is None or not is_numeric(place):
            self._sources[message.call_id] = request.packet.source
            if len(self._sources) > MOST_SOURCES:
                del self._sources[next(iter(self._sources))]

    def is_merged(self, request: ServerRequest) -> bool:
        """Whether this is a copy, come another way, of a request still being served (§8.2.2.2)."""
        return self.endpoint.origins.get(request.origin) is not request

    def _refusal(self, message: Message) -> tuple[int, str, list[tuple[str, str]]] | None:
        """What every UAS looks at before the method (§8.2, §21.4)."""
        if message.version.upper() != "SIP/2.0":
            return 505, "", []
        if not (message.call_id and message.from_tag and message.cseq_number >= 0 and message.has("Via")):
            return 400, "Bad Request", []
        if message.cseq and message.cseq.method != message.method:
            return 400, "CSeq method differs", []
        if message.has("Require") and message.method not in ("ACK", "CANCEL"):
            return 420, "", [("Unsupported", ", ".join(message.values("Require")))]
        return None

    def _dispatch_in_dialog(self, request: ServerRequest) -> None:
        message = request.message
        usage = self.usages.get((message.call_id, message.to_tag))
        if usage is None or usage.dialog.remote_tag not in ("", message.from_tag):
            request.respond(481)
        elif not usage.dialog.in_order(message):
            request.respond(500, "CSeq out of order")
        elif message.method == "OPTIONS":  # as outside a dialog (§11.2)
            request.respond(200, headers=self._capabilities())
        else:
            usage.received(request)

    def _dispatch_new(self, request: ServerRequest) -> None:
        message = request.message
        method = message.method
        package = message.event.package if method in ("SUBSCRIBE", "NOTIFY") and message.event else ""
        handler = self._handlers.get((method, package))
        if handler is not None:
            handler(request)
        elif method == "OPTIONS":
            request.respond(200, headers=self._capabilities())
        elif method == "NOTIFY":
            request.respond(481)
        elif method == "SUBSCRIBE":
            request.respond(489, headers=[("Allow-Events", self.allow_events)] if self._packages else [])
        elif method == "BYE":
            request.respond(481)
        elif method in KNOWN_METHODS:
            request.respond(405, headers=[("Allow", self.allow)])
        else:
            request.respond(501, headers=[("Allow", self.allow)])

    def _capabilities(self) -> list[tuple[str, str]]:
        found = [("Allow", self.allow), ("Accept", "application/sdp"), ("Supported", "")]
        return found + ([("Allow-Events", self.allow_events)] if self._packages else [])


def _copy(draft: Draft) -> Draft:
    return replace(draft, headers=list(draft.headers))
