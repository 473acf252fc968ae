"""The real network: UDP, TCP and TLS on this machine's addresses, under a tap."""

from __future__ import annotations

import errno
import ssl
import time

from sipconform.net.addresses import is_of_one_interface
from sipconform.net.datagram import DatagramTransport, open_datagram
from sipconform.net.stream import StreamTransport
from sipconform.net.transport import Receiver, Tap
from sipconform.net.witness import Witness
from sipconform.trace.packet import Address


class SocketNetwork:
    """Opens transports on real sockets; see `net.transport.Network`.

    One network for all agents of a run: only so does the tap see once what they send each other.
    """

    def __init__(self, tap: Tap | None = None) -> None:
        self._witness = Witness(tap)
        self._open: list[DatagramTransport | StreamTransport] = []

    async def open(
        self,
        protocol: str,
        local: Address,
        receive: Receiver,
        *,
        server_context: ssl.SSLContext | None = None,
        client_context: ssl.SSLContext | None = None,
    ) -> DatagramTransport | StreamTransport:
        """Binds the numeric address of one interface: an agent says in Via and Contact where it is."""
        if not is_of_one_interface(local):
            raise OSError(errno.EADDRNOTAVAIL, f"no numeric address of one interface: {local}")
        transport: DatagramTransport | StreamTransport
        if protocol == "udp":
            transport = await open_datagram(local, receive, self._witness)
        elif protocol in ("tcp", "tls"):
            contexts = (server_context, client_context) if protocol == "tls" else (None, None)
            transport = StreamTransport(protocol, receive, self._witness, contexts[1])
            await transport.listen(local, contexts[0])
        else:
            raise ValueError(f"no transport {protocol!r}: udp, tcp and tls are known")
        self._open.append(transport)
        return transport

    async def close(self) -> None:
        for transport in self._open:
            transport.close()
        for transport in self._open:
            await transport.wait_closed()
        self._open.clear()

    def now_ns(self) -> int:
        return time.time_ns()
