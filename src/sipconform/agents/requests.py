"""A request we sent and a request we were sent, each with the transaction that carries it (RFC 3261 §17)."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sipconform.net.transport import Transport
from sipconform.sip.compose import Draft
from sipconform.sip.message import Message
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

if TYPE_CHECKING:
    from sipconform.agents.endpoint import Endpoint

TRYING_AFTER = 0.2  # seconds without an answer to an INVITE before 100 is due (RFC 3261 §17.2.1)


class _Exchange(ABC):
    """Runs the actions of one transaction: sends, and keeps its timers."""

    machine: ClientTransaction | ServerTransaction

    def __init__(self, endpoint: Endpoint, transport: Transport, peer: Address) -> None:
        self.endpoint, self.transport, self.peer = endpoint, transport, peer
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._more: list[bytes] = []

    def run(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self.act(action)

    def act(self, action: Action) -> None:
        match action:
            case Send(payload):
                self._send(payload)
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
        self.run(self.machine.fired(timer))

    def close(self) -> None:
        for timer in list(self._timers):
            self._stop(timer)

    @abstractmethod
    def timed_out(self) -> None:
        """Nobody answered, or acknowledged, in time."""

    @abstractmethod
    def forget(self) -> None:
        """The transaction is over."""


class ClientRequest(_Exchange):
    """A request we sent. `await final()` gives the first final answer, or None when nobody answered in 64*T1."""

    machine: ClientTransaction

    def __init__(self, endpoint: Endpoint, draft: Draft, transport: Transport, peer: Address, branch: str = "") -> None:
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
        self.machine = ClientTransaction(payload, self.method == "INVITE", transport.protocol != "udp", endpoint.timers)

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
        return self.endpoint.begin(ClientRequest(self.endpoint, draft, self.transport, self.peer, self.branch))

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

    def act(self, action: Action) -> None:
        if isinstance(action, Deliver):
            self._delivered(action.message)
        else:
            super().act(action)

    def _delivered(self, message: Message) -> None:
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

    def forget(self) -> None:
        self.close()
        self.endpoint.clients.pop((self.branch, self.method), None)

    def close(self) -> None:
        super().close()
        self.timed_out()


class ServerRequest(_Exchange):
    """A request we were sent, and the only way to answer it."""

    machine: ServerTransaction

    def __init__(self, endpoint: Endpoint, message: Message, packet: Packet, transport: Transport) -> None:
        super().__init__(endpoint, transport, packet.source)
        self.message, self.packet = message, packet
        self.to_tag = message.to_tag or endpoint.new_tag()
        self.cancelled: Message | None = None  # the CANCEL that ended it
        self.on_cancel: Callable[[], None] | None = None
        self.on_acknowledged: Callable[[Message | None], None] | None = None
        self.answered = 0  # the final status sent, 0 before
        self.machine = ServerTransaction(message.method == "INVITE", transport.protocol != "udp", endpoint.timers)

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

    def forget(self) -> None:
        self.close()
        self.endpoint.servers.pop(self.key, None)
        if self.endpoint.origins.get(self.origin) is self:
            del self.endpoint.origins[self.origin]
