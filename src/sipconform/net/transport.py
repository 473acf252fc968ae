"""What an agent needs of a network, whichever network it is.

Two carry our agents: real sockets (`net.sockets`) and the simulated network (`net.simulated`), usually on the
virtual clock (`net.virtual_clock`). Either may be under a tap (`net.tap`). An agent never knows which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from sipconform.trace.packet import Address, Observation, Packet

if TYPE_CHECKING:
    import ssl

Receiver = Callable[[Packet], None]
"""Called once for every SIP message (or keep-alive) that arrives; `frames` is empty. The source of what came
over somebody else's connection has its ephemeral port: sending there goes back over the same connection."""


class Transport(Protocol):
    """One bound local address under one transport protocol."""

    protocol: str  # "udp", "tcp" or "tls"
    local: Address

    def send(self, payload: bytes, to: Address) -> None:
        """Sends one message; a stream is opened or reused as needed. Never blocks, never raises for a dead
        peer: failure to deliver is the receiver's silence, as on a real network, and an observation of the
        network's for the tap. Raises ValueError after `close`."""

    def close(self) -> None:
        """Gives the address back and closes its connections; what is still under way is lost."""


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
        """Binds `local` (port 0: any free port). Raises OSError when the address is not to be had, ValueError
        for an unknown protocol. "tls" needs a context for whichever way it is to be used."""

    async def close(self) -> None:
        """Closes every transport and returns when their addresses are free."""

    def now_ns(self) -> int:
        """The network's wall clock in nanoseconds since the epoch; virtual on the simulated network."""


class Tap(Protocol):
    """Whoever wants to see everything: called at the moment of sending for what we send, and at the moment of
    arrival for what strangers send, so that no message between two of our own agents is seen twice. Calls
    come in the order of cause and effect, an answer never before its question. What a network has to say of
    itself (a datagram lost on purpose, a connection refused, a stream that is no SIP) is an observation whose
    party and kind are "network" and whose `event` names it."""

    def packet(self, packet: Packet) -> None: ...

    def observe(self, observation: Observation) -> None: ...
