"""A SIP stack under an agent: it owns the transports and the timers and lets the transaction machines drive them.

Everything random (tags, branches, Call-IDs) comes from the generator it is given, and everything timed from the
running event loop, so on the simulated network a seed gives the same packets bit for bit.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sipconform.net.transport import Network, Transport
from sipconform.sip.compose import Draft
from sipconform.sip.message import Message
from sipconform.sip.stun import REQUEST, binding_answer, parse_stun
from sipconform.sip.timers import Timers
from sipconform.sip.transaction import (
    Action,
    Arm,
    ClientTransaction,
    Deliver,
    Done,
    Send,
    ServerTransaction,
    Stop,
    TimedOut,
)
from sipconform.trace.packet import Address, Packet

Tamper = Callable[[Draft], Iterable[Draft | bytes]]
"""Given what is about to leave, yields what leaves instead: nothing, one, or several. Faults are made of these."""

TRYING_AFTER = 0.2  # seconds without an answer to an INVITE before 100 is due (RFC 3261 §17.2.1)


class _Timed:
    """Runs the actions of one transaction: sends, delivers, and keeps its timers."""

    def __init__(self, endpoint: Endpoint, transport: Transport, peer: Address) -> None:
        self.endpoint, self.transport, self.peer = endpoint, transport, peer
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._more: list[bytes] = []

    def run(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Send(payload):
                    self._send(payload)
                case Deliver(message):
                    self.delivered(message)
                case Arm(timer, after):
                    self._stop(timer)
                    loop = asyncio.get_running_loop()
                    self._timers[timer] = loop.call_later(after, self._fired, timer)
                case Stop(timer):
                    self._stop(timer)
                case TimedOut():
                    self.timed_out()
                case Done():
                    self.forget()

    def _send(self, payload: bytes) -> None:
        if payload:
            self.transport.send(payload, self.peer)
        for extra in self._more:  # what a fault sends beside the message itself, once
            self.transport.send(extra, self.peer)
        self._more = []

    def leaving(self, draft: Draft) -> bytes:
        """The bytes of a message after whatever tampers with it; further messages leave beside the first."""
        first, *self._more = self.endpoint.tampered(draft) or [b""]
        return first

    def _stop(self, timer: str) -> None:
        if handle := self._timers.pop(timer, None):
            handle.cancel()

    def _fired(self, timer: str) -> None:
        del self._timers[timer]
        self.run(self.machine_fired(timer))

    def close(self) -> None:
        for timer in list(self._timers):
            self._stop(timer)

    def machine_fired(self, timer: str) -> Iterable[Action]:
        raise NotImplementedError

    def delivered(self, message: Message) -> None:
        raise NotImplementedError

    def timed_out(self) -> None:
        raise NotImplementedError

    def forget(self) -> None:
        raise NotImplementedError


class ClientRequest(_Timed):
    """A request we sent. `await final()` gives the first final answer, or None when nobody answered in 64*T1."""

    def __init__(
        self, endpoint: Endpoint, draft: Draft, transport: Transport, peer: Address, branch: str = ""
    ) -> None:
        super().__init__(endpoint, transport, peer)
        self.method = draft.start_line.partition(" ")[0]
        self.branch = branch or endpoint.new_branch()
        draft.insert("Via", endpoint.via(transport, self.branch))
        self.provisional: list[Message] = []
        self.answers: list[Message] = []  # every final delivered: an INVITE may get a 2xx from several forks
        self.on_answer: Callable[[Message], None] | None = None
        self.on_provisional: Callable[[Message], None] | None = None
        self._final: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        payload = self.leaving(draft)
        self.sent = Message(bytes(draft.to_bytes()))
        self.machine = ClientTransaction(
            payload, self.method == "INVITE", transport.protocol != "udp", endpoint.timers
        )

    async def final(self) -> Message | None:
        return await asyncio.shield(self._final)

    def start(self) -> None:
        self.run(self.machine.start())

    def received(self, response: Message) -> None:
        ack = b""
        if self.method == "INVITE" and response.status >= 300 and not self._final.done():
            ack = self.leaving(self._ack_to(response))
        self.run(self.machine.received(response, ack))

    def cancel(self, reason: str = "") -> ClientRequest | None:
        """Sends CANCEL (§9.1); None when it is too early (no provisional answer yet) or too late."""
        if not self.provisional or self._final.done():
            return None
        draft = self._same_hop("CANCEL", self.sent.text("To"))
        if reason:
            draft.add("Reason", reason)
        return self.endpoint.begin(
            ClientRequest(self.endpoint, draft, self.transport, self.peer, self.branch)
        )

    def _ack_to(self, response: Message) -> Draft:
        draft = self._same_hop("ACK", response.text("To"))
        draft.insert("Via", self.endpoint.via(self.transport, self.branch))
        return draft

    def _same_hop(self, method: str, to: str) -> Draft:
        """A request that belongs to this one: R-URI, From, Call-ID, number and Route copied (§9.1, §17.1.1.3)."""
        draft = Draft.request(method, self.sent.request_uri)
        draft.add("From", self.sent.text("From"))
        draft.add("To", to)
        draft.add("Call-ID", self.sent.call_id)
        draft.add("CSeq", f"{self.sent.cseq_number} {method}")
        draft.add("Max-Forwards", "70")
        for route in self.sent.values("Route"):
            draft.add("Route", route)
        return draft

    def delivered(self, message: Message) -> None:
        if message.status < 200:
            self.provisional.append(message)
            if self.on_provisional:
                self.on_provisional(message)
            return
        self.answers.append(message)
        if not self._final.done():
            self._final.set_result(message)
        if self.on_answer:
            self.on_answer(message)

    def timed_out(self) -> None:
        if not self._final.done():
            self._final.set_result(None)

    def machine_fired(self, timer: str) -> Iterable[Action]:
        return self.machine.fired(timer)

    def forget(self) -> None:
        self.close()
        self.endpoint.clients.pop((self.branch, self.method), None)

    def close(self) -> None:
        super().close()
        self.timed_out()


class ServerRequest(_Timed):
    """A request we were sent, and the only way to answer it."""

    def __init__(self, endpoint: Endpoint, message: Message, packet: Packet, transport: Transport) -> None:
        super().__init__(endpoint, transport, packet.source)
        self.message, self.packet = message, packet
        self.to_tag = message.to_tag or endpoint.new_tag()
        self.cancelled: Message | None = None  # the CANCEL that ended it
        self.on_cancel: Callable[[], None] | None = None
        self.on_acknowledged: Callable[[Message | None], None] | None = None
        self.answered = 0  # the final status sent, 0 before
        self.machine = ServerTransaction(
            message.method == "INVITE", transport.protocol != "udp", endpoint.timers
        )

    @property
    def key(self) -> tuple[str, str, str]:
        """What a repeated request is recognised by (§17.2.3)."""
        return self.message.branch, self.message.text("Via").partition(";")[0], self.message.method

    @property
    def origin(self) -> tuple[str, str, int, str]:
        """What copies of one request share whichever way they took (§8.2.2.2)."""
        message = self.message
        return message.call_id, message.from_tag, message.cseq_number, message.method

    def respond(
        self, status: int, reason: str = "", headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> None:
        """Answers. Finals after the first are ignored, as are provisional answers after a final."""
        if self.answered:
            return
        draft = Draft.response(self.message, status, reason)
        if status > 100 and not self.message.to_tag:
            draft.set("To", f"{self.message.text('To')};tag={self.to_tag}")
        for name, value in headers:
            draft.add(name, value)
        draft.body = body
        if status >= 200:
            self.answered = status
            self._stop("100")
        self.run(self.machine.respond(status, self.leaving(draft)))

    def try_soon(self) -> None:
        """An INVITE without an answer within 200 ms is answered 100 (§17.2.1)."""
        loop = asyncio.get_running_loop()
        self._timers["100"] = loop.call_later(TRYING_AFTER, self._try_now)

    def _try_now(self) -> None:
        self._timers.pop("100", None)
        if not self.answered and not self.machine.answered_provisionally:
            self.respond(100)

    def acknowledged(self, ack: Message) -> None:
        self.run(self.machine.acknowledged())
        if self.on_acknowledged:
            self.on_acknowledged(ack)
            self.on_acknowledged = None

    def timed_out(self) -> None:
        if self.on_acknowledged:  # a final to INVITE that nobody acknowledged
            self.on_acknowledged(None)
            self.on_acknowledged = None

    def machine_fired(self, timer: str) -> Iterable[Action]:
        return self.machine.fired(timer)

    def forget(self) -> None:
        self.close()
        self.endpoint.servers.pop(self.key, None)
        if self.endpoint.origins.get(self.origin) is self:
            del self.endpoint.origins[self.origin]


@dataclass(eq=False, repr=False)
class Endpoint:
    """The stack of one agent. `on_request` gets every new request but ACK and CANCEL, which find their INVITE."""

    network: Network
    name: str
    random: random.Random
    timers: Timers = field(default_factory=Timers)
    on_request: Callable[[ServerRequest], None] | None = None
    on_keep_alive: Callable[[Packet], None] | None = None
    tampers: list[Tamper] = field(default_factory=list)
    transports: list[Transport] = field(default_factory=list)
    clients: dict[tuple[str, str], ClientRequest] = field(default_factory=dict)
    servers: dict[tuple[str, str, str], ServerRequest] = field(default_factory=dict)
    origins: dict[tuple[str, str, int, str], ServerRequest] = field(default_factory=dict)  # first of its kind

    async def listen(self, protocol: str, local: Address, **contexts: object) -> Transport:
        """Binds an address. Raises OSError when it is not to be had."""
        opened: list[Transport] = []
        transport = await self.network.open(
            protocol,
            local,
            lambda packet: self._arrived(packet, opened[0]),
            **contexts,  # type: ignore[arg-type]
        )
        opened.append(transport)
        self.transports.append(transport)
        return transport

    def close(self) -> None:
        """Falls silent at once: no timer fires, nobody is told. Waiters for answers get None."""
        for request in [*self.clients.values(), *self.servers.values()]:
            request.close()
        for transport in self.transports:
            transport.close()
        self.clients.clear()
        self.servers.clear()
        self.origins.clear()
        self.transports.clear()

    # -- names ----------------------------------------------------------------------------------------------

    def new_branch(self) -> str:
        return f"z9hG4bK{self.random.getrandbits(64):016x}"

    def new_tag(self) -> str:
        return f"{self.random.getrandbits(40):010x}"

    def new_call_id(self) -> str:
        return f"{self.random.getrandbits(96):024x}"

    def via(self, transport: Transport, branch: str) -> str:
        return f"SIP/2.0/{transport.protocol.upper()} {transport.local};branch={branch};rport"

    # -- sending --------------------------------------------------------------------------------------------

    def prepare(self, draft: Draft, to: Address, transport: Transport | None = None) -> ClientRequest:
        """A request in a client transaction of its own, not yet sent. Needs a running event loop."""
        return ClientRequest(self, draft, transport or self.transports[0], to)

    def begin(self, request: ClientRequest) -> ClientRequest:
        """Starts a prepared request."""
        self.clients[request.branch, request.method] = request
        request.start()
        return request

    def send(self, draft: Draft, to: Address, transport: Transport | None = None) -> None:
        """Sends a request outside any transaction: the ACK to a 2xx (§13.2.2.4)."""
        transport = transport or self.transports[0]
        draft.insert("Via", self.via(transport, self.new_branch()))
        for payload in self.tampered(draft):
            transport.send(payload, to)

    def tampered(self, draft: Draft) -> list[bytes]:
        leaving: list[Draft | bytes] = [draft]
        for tamper in self.tampers:
            leaving = [new for old in leaving for new in (tamper(old) if isinstance(old, Draft) else [old])]
        return [each.to_bytes() if isinstance(each, Draft) else each for each in leaving]

    # -- receiving ------------------------------------------------------------------------------------------

    def _arrived(self, packet: Packet, transport: Transport) -> None:
        message = Message(packet.payload)
        if message.is_response:
            client = self.clients.get((message.branch, message.method))
            if client is not None:  # a stray answer is discarded (§18.1.2)
                client.received(message)
        elif message.is_request:
            self._arrived_request(message, packet, transport)
        else:
            self._arrived_keep_alive(packet, transport)

    def _arrived_keep_alive(self, packet: Packet, transport: Transport) -> None:
        """STUN on the SIP port is answered (RFC 5626 §4.4.2); streams answer their pings themselves."""
        stun = parse_stun(packet.payload)
        if stun is not None and stun.kind == REQUEST:
            transport.send(binding_answer(stun, packet.source.host, packet.source.port).to_bytes(), packet.source)
        elif self.on_keep_alive:
            self.on_keep_alive(packet)

    def _arrived_request(self, message: Message, packet: Packet, transport: Transport) -> None:
        request = ServerRequest(self, message, packet, transport)
        if message.method == "ACK":
            self._arrived_ack(message)
        elif known := self.servers.get(request.key):
            known.run(known.machine.repeated())
        else:
            self.servers[request.key] = request
            if not message.to_tag:
                self.origins.setdefault(request.origin, request)
            if message.method == "CANCEL":
                self._arrived_cancel(request)
                return
            if message.method == "INVITE":
                request.try_soon()
            if self.on_request:
                self.on_request(request)

    def _arrived_ack(self, ack: Message) -> None:
        for server in list(self.servers.values()):
            invite = server.message
            same_call = invite.call_id == ack.call_id and invite.cseq_number == ack.cseq_number
            ours = server.to_tag == ack.to_tag  # else it is for another fork's answer
            if invite.method == "INVITE" and same_call and ours and invite.from_tag == ack.from_tag:
                server.acknowledged(ack)

    def _arrived_cancel(self, cancel: ServerRequest) -> None:
        branch, sent_by, _ = cancel.key
        invite = self.servers.get((branch, sent_by, "INVITE"))
        if invite is None:
            cancel.respond(481)
            return
        cancel.to_tag = invite.to_tag
        cancel.respond(200)
        if not invite.answered:
            invite.cancelled = cancel.message
            if invite.on_cancel:
                invite.on_cancel()
            invite.respond(487)
