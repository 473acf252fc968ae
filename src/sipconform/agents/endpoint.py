"""A SIP stack under an agent: it owns the transports and the timers and lets the transaction machines drive them.

Everything random (tags, branches, Call-IDs) comes from the generator it is given, and everything timed from the
running event loop, so on the simulated network a seed gives the same packets bit for bit.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sipconform.agents.requests import ClientRequest, ServerRequest
from sipconform.net.transport import Network, Transport
from sipconform.sip.compose import Draft
from sipconform.sip.message import Message
from sipconform.sip.stun import REQUEST, binding_answer, parse_stun
from sipconform.sip.timers import Timers
from sipconform.trace.packet import Address, Packet

Tamper = Callable[[Draft], Iterable[Draft | bytes]]
"""Given what is about to leave, yields what leaves instead: nothing, one, or several. Faults are made of these."""


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
