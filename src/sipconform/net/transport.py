"""What an agent needs of a network, whichever network it is.

Three carry our agents: real sockets (`net.sockets`), the simulated network with its virtual clock (`net.simulated`),
and either of them under a tap (`net.tap`). An agent never knows which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from sipconform.trace.packet import Address, Observation, Packet

if TYPE_CHECKING:
    import ssl

Receiver = Callable[[Packet], None]
"""Called once for every SIP message (or keep-alive) that arrives; `frames` is empty."""


class Transport(Protocol):
    """One bound local address under one transport protocol."""

    protocol: str  # "udp", "tcp" or "tls"
    local: Address

    def send(self, payload: bytes, to: Address) -> None:
        """Sends one message; a stream is opened or reused as needed. Never blocks, never raises for a dead peer:
        failure to deliver is reported through the receiver's silence, as on a real network."""

    def close(self) -> None:
        """Gives the address back. Sending afterwards is an error."""


class Network(Protocol):
    """Where transports come from."""

    async def open(
        self,
        protocol: str,
        local: Address,
        receive: Receiver,
        *,
        server_context: ssl.SSLContext | None = None,
        client_context: ssl.SSLContext | None = None,
    ) -> Transport:
        """Binds `local` (port 0: any free port). Raises OSError when the address is not to be had."""

    def now_ns(self) -> int:
        """The network's wall clock in nanoseconds since the epoch; virtual on the simulated network."""


class Tap(Protocol):
    """Whoever wants to see everything: called at the moment of sending for what we send, and at the moment of
    arrival for what strangers send, so that no message between two of our own agents is seen twice."""

    def packet(self, packet: Packet) -> None: ...

    def observe(self, observation: Observation) -> None: ...
