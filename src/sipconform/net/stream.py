"""TCP and TLS on real sockets: connections are opened on demand and used again (RFC 3261 §18)."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from typing import cast

from sipconform.net.addresses import WRONG_ADDRESS, address_of, bind, is_numeric
from sipconform.net.framing import PING, PONG, Framer
from sipconform.net.transport import Receiver
from sipconform.net.witness import Witness
from sipconform.trace.packet import Address, Packet

CONNECT_SECONDS = 32.0  # as long as a transaction would wait: 64*T1 (RFC 3261 §17.1.1.2)
_UNREAD = 4 * 1_048_576  # octets a peer may leave unread before it is given up
FAREWELL_SECONDS = 1.0


class StreamTransport:
    """One listening address and the connections into and out of it; see `net.transport.Transport`."""

    local: Address
    _server: asyncio.Server

    def __init__(
        self, protocol: str, receive: Receiver, witness: Witness, client_context: ssl.SSLContext | None
    ) -> None:
        self.protocol = protocol
        self.receive = receive
        self.witness = witness
        self.closed = False
        self.connections: dict[Address, Connection] = {}
        self.open_connections: set[Connection] = set()
        self._client_context = client_context
        self._calls: set[asyncio.Task[None]] = set()

    async def listen(self, local: Address, context: ssl.SSLContext | None) -> None:
        """Binds the address; "tls" without a context answers nobody there. Raises OSError."""
        serving = self.protocol == "tcp" or context is not None
        bound = bind(local, socket.SOCK_STREAM)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self), sock=bound, ssl=context, start_serving=serving
        )
        self.local = address_of(self._server.sockets[0].getsockname())
        self.witness.listeners.add((self.protocol, self.local))

    def send(self, payload: bytes, to: Address) -> None:
        if self.closed:
            raise ValueError(f"{self.protocol} {self.local} is closed")
        connection = self.connections.get(to)
        if connection is None or connection.is_closing():
            connection = self._call(to)
        if connection is not None:
            connection.send(payload)

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._server.close()
        self.witness.listeners.discard((self.protocol, self.local))
        for call in self._calls:
            call.cancel()
        for connection in list(self.open_connections):
            connection.close()

    async def wait_closed(self) -> None:
        """Returns when every connection is closed, those by force whose peer does not say farewell."""
        if self._calls:
            await asyncio.wait(self._calls)
        lost = [connection.lost for connection in self.open_connections]
        if lost:
            await asyncio.wait(lost, timeout=FAREWELL_SECONDS)
        for connection in list(self.open_connections):
            connection.abort()
            await connection.lost

    def _call(self, to: Address) -> Connection | None:
        if not is_numeric(to):
            self.witness.says("not sent", self.local, to, WRONG_ADDRESS)
            return None
        if self.protocol == "tls" and self._client_context is None:
            self.witness.says("not connected", self.local, to, "no TLS client context")
            return None
        connection = self.connections[to] = Connection(self, called=to)
        call = asyncio.get_running_loop().create_task(self._connect(connection, to))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return connection

    async def _connect(self, connection: Connection, to: Address) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().create_connection(
                    lambda: connection,
                    to.host,
                    to.port,
                    ssl=self._client_context,
                    local_addr=(self.local.host, 0),
                )
        except OSError as error:  # of TLS and of time too
            if self.connections.get(to) is connection:
                del self.connections[to]
            self.witness.says("not connected", self.local, to, _reason(error))


class Connection(asyncio.Protocol):
    """One connection. `called` is the address it is opened to, None when somebody else opens it."""

    def __init__(self, owner: StreamTransport, called: Address | None = None) -> None:
        self._owner = owner
        self._called = called
        self._framer = Framer(PONG if called else PING)
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._peer_is_ours = False
        self._ended_here = False
        self._near = self._far = Address("", 0)
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, payload: bytes) -> None:
        transport = self._transport
        if transport is None:
            self._waiting.append(payload)
            return
        packet = Packet(time.time_ns(), self._near, self._far, self._owner.protocol, payload)
        transport.write(payload)
        self._owner.witness.sent(packet)
        if transport.get_write_buffer_size() > _UNREAD:
            self._says("connection given up", f"the peer left over {_UNREAD} octets unread")
            self.abort()

    def is_closing(self) -> bool:
        return self._transport is not None and self._transport.is_closing()

    def close(self) -> None:
        self._ended_here = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        self._ended_here = True
        if self._transport is not None:
            self._transport.abort()

    # -- what asyncio calls ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # not every loop says so by inheritance
        self._owner.open_connections.add(self)
        peer = transport.get_extra_info("peername")
        if peer is None or self._owner.closed:  # it was over before it began
            self.abort()
            return
        self._near = address_of(transport.get_extra_info("sockname"))
        self._far = self._called or address_of(peer)
        if self._near == self._far:  # TCP may call itself when nobody else has the port
            self._says("not connected", "nobody listens")
            self.abort()
            return
        self._owner.connections[self._far] = self
        if self._called and (self._owner.protocol, self._far) in self._owner.witness.listeners:
            self._peer_is_ours = True
            self._owner.witness.streams.add((self._near, self._far))
        waiting, self._waiting = self._waiting, []
        for payload in waiting:
            self.send(payload)

    def data_received(self, data: bytes) -> None:
        for payload in self._framer.feed(data):
            self._owner.receive(self._record(payload))
            if self._owner.closed:  # by whoever received it
                return
            if payload == PING:
                self.send(PONG)
        if self._framer.fault:
            self._forget()
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        self._report_rest()
        if self._called and not self._peer_is_ours and not self._ended_here:
            self._says("connection ended", str(exc) if exc else "the peer closed it")
        if not self._called:
            self._owner.witness.streams.discard((self._far, self._near))
        self._owner.open_connections.discard(self)
        self.lost.set_result(None)

    # -- and what it is made of -----------------------------------------------------------------------------

    def _record(self, payload: bytes) -> Packet:
        packet = Packet(time.time_ns(), self._far, self._near, self._owner.protocol, payload)
        if not self._peer_is_ours:
            self._owner.witness.heard_stream(packet)
        return packet

    def _report_rest(self) -> None:
        """What could not be cut into messages is evidence all the same."""
        rest, fault = self._framer.rest, self._framer.fault
        if rest.strip(b"\r\n"):
            self._record(rest)
            self._says("stream broken", fault or "the connection ended inside a message")

    def _forget(self) -> None:
        """The next message to this peer opens a new connection."""
        if self._owner.connections.get(self._far) is self:
            del self._owner.connections[self._far]

    def _says(self, event: str, reason: str) -> None:
        self._owner.witness.says(event, self._near, self._far, reason)


def _reason(error: OSError) -> str:
    """What the system says of it, without the address, which asyncio says once more."""
    if isinstance(error, ssl.SSLError) or not error.errno:
        return str(error) or "no answer"
    return os.strerror(error.errno)
