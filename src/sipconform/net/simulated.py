"""A network that exists only in this process: any host, any weather, the same every time.

On a `VirtualLoop` the same seed gives the same packets, bit for bit, as long as the agents draw their own
random choices from a seed too. Datagrams are lost, doubled, delayed and overtaken; streams only delayed, for
TCP mends the rest (RFC 9293 §1). "tls" is a stream by another name: what would be encrypted has no reader
here.
"""

from __future__ import annotations

import asyncio
import errno
import heapq
import itertools
import random
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from sipconform.net.addresses import WRONG_ADDRESS, is_numeric, is_of_one_interface
from sipconform.net.framing import PING, PONG, Framer
from sipconform.net.tap import NullTap, network_says
from sipconform.net.transport import Receiver, Tap
from sipconform.trace.packet import Address, Packet

if TYPE_CHECKING:
    import ssl

EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
EPHEMERAL_PORTS = range(49152, 65536)  # RFC 6335 §6
LARGEST_DATAGRAM = 65_507  # octets of payload over IPv4
_STREAMS = ("tcp", "tls")
_HOLD_BACK = 4  # a datagram that is overtaken takes up to this many times the longest delay


class _Flight(NamedTuple):
    """A packet under way. `order` keeps what arrives at the same instant in the order it was sent."""

    arrival: float  # loop time, seconds
    order: int
    packet: Packet
    receiver: SimulatedTransport
    connection: _Connection | None


class _Connection:
    """A stream between two transports; the ends' addresses are what either side calls the other."""

    def __init__(self, caller: SimulatedTransport, near: Address, called: SimulatedTransport) -> None:
        self.ends = {near: caller, called.local: called}
        self.framers = {near: Framer(PONG), called.local: Framer(PING)}  # of what arrives there
        self.alive = True

    def join(self) -> None:
        near, far = self.ends
        self.ends[near].connections[far] = self
        self.ends[far].connections[near] = self

    def close(self) -> None:
        self.alive = False
        near, far = self.ends
        self.ends[near].connections.pop(far, None)
        self.ends[far].connections.pop(near, None)

    def other(self, end: Address) -> Address:
        return next(address for address in self.ends if address != end)


class SimulatedTransport:
    """One bound address on a `SimulatedNetwork`; see `net.transport.Transport`."""

    def __init__(self, network: SimulatedNetwork, protocol: str, local: Address, receive: Receiver) -> None:
        self.protocol = protocol
        self.local = local
        self.receive = receive
        self.closed = False
        self.connections: dict[Address, _Connection] = {}
        self._network = network

    def send(self, payload: bytes, to: Address) -> None:
        if self.closed:
            raise ValueError(f"{self.protocol} {self.local} is closed")
        self._network.carry(self, payload, to)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._network.forget(self)


class SimulatedNetwork:
    """Carries packets on the running loop's clock; see `net.transport.Network`.

    `loss`, `duplicate` and `reorder` are the probabilities, per datagram, of being lost, of arriving twice,
    and of being held back so that later ones overtake it. `delay` is the least and the greatest time under
    way in seconds. Without `reorder`, datagrams between two addresses keep their order. The clock shows
    `epoch_ns` at loop time 0.
    """

    def __init__(
        self,
        seed: int | str,
        *,
        loss: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        delay: tuple[float, float] = (0.001, 0.001),
        epoch_ns: int = EPOCH_NS,
        tap: Tap | None = None,
    ) -> None:
        self._random = random.Random(seed)
        self._loss, self._duplicate, self._reorder, self._delay = loss, duplicate, reorder, delay
        self._epoch_ns = epoch_ns
        self.tap = tap or NullTap()
        self._bound: dict[tuple[str, Address], SimulatedTransport] = {}
        self._groups: dict[Address, list[SimulatedTransport]] = {}
        self._cut: set[Address] = set()
        self._used_ports: set[Address] = set()
        self._ports: defaultdict[str, Iterator[int]] = defaultdict(lambda: iter(EPHEMERAL_PORTS))
        self._in_flight: list[_Flight] = []
        self._order = itertools.count()
        self._last_arrival: dict[tuple[Address, Address], float] = {}

    async def open(
        self,
        protocol: str,
        local: Address,
        receive: Receiver,
        *,
        server_context: ssl.SSLContext | None = None,
        client_context: ssl.SSLContext | None = None,
    ) -> SimulatedTransport:
        """Binds the address of any machine. The TLS contexts have no use here."""
        if not is_of_one_interface(local):
            raise OSError(errno.EADDRNOTAVAIL, f"no numeric address of one interface: {local}")
        if protocol not in ("udp", *_STREAMS):
            raise ValueError(f"no transport {protocol!r}: udp, tcp and tls are known")
        address = local if local.port else self._free_address(local.host)
        if (protocol, address) in self._bound:
            raise OSError(errno.EADDRINUSE, f"{protocol} {address} is in use on the simulated network")
        transport = SimulatedTransport(self, protocol, address, receive)
        self._bound[protocol, address] = transport
        self._used_ports.add(address)
        return transport

    async def close(self) -> None:
        for transport in list(self._bound.values()):
            transport.close()

    def now_ns(self) -> int:
        return self._epoch_ns + round(asyncio.get_running_loop().time() * 1e9)

    # -- the weather ----------------------------------------------------------------------------------------

    def cut(self, address: Address) -> None:
        """Pulls the plug of whoever is bound to `address`: nothing gets in or out."""
        self._cut.add(address)

    def heal(self, address: Address) -> None:
        """Puts the plug back. A stream used meanwhile is dead: the next message opens a new one."""
        self._cut.discard(address)

    def join(self, group: Address, member: SimulatedTransport) -> None:
        """From now on the UDP transport also hears what is sent to the multicast or broadcast address."""
        self._groups.setdefault(group, []).append(member)

    # -- carrying -------------------------------------------------------------------------------------------

    def carry(self, sender: SimulatedTransport, payload: bytes, to: Address) -> None:
        """Takes a payload from one of the transports; for those only."""
        if not is_numeric(to):
            network_says(self.tap, self.now_ns(), "not sent", sender.local, to, reason=WRONG_ADDRESS)
        elif sender.protocol in _STREAMS:
            self._carry_stream(sender, payload, to)
        else:
            self._carry_datagram(sender, payload, to)

    def forget(self, transport: SimulatedTransport) -> None:
        """A transport gives its address back; for those only."""
        del self._bound[transport.protocol, transport.local]
        for connection in list(transport.connections.values()):
            connection.close()
        for members in self._groups.values():
            if transport in members:
                members.remove(transport)

    def _carry_datagram(self, sender: SimulatedTransport, payload: bytes, to: Address) -> None:
        packet = Packet(self.now_ns(), sender.local, to, "udp", payload)
        if len(payload) > LARGEST_DATAGRAM:
            return self._says("not sent", packet, reason="larger than a datagram can be")
        self.tap.packet(packet)
        alone = self._bound.get(("udp", to))
        receivers = [alone] if alone else [m for m in self._groups.get(to, ()) if m is not sender]
        if not receivers:
            self._says("unreachable", packet)
        for receiver in receivers:
            self._weather(sender, receiver, packet)
        return None

    def _weather(self, sender: SimulatedTransport, receiver: SimulatedTransport, packet: Packet) -> None:
        if self._is_cut(sender, receiver):
            self._says("cut", packet)
        elif self._random.random() < self._loss:
            self._says("lost", packet)
        else:
            self._let_fly(packet, receiver, self._datagram_arrival(packet))
            if self._random.random() < self._duplicate:
                self._says("doubled", packet)
                self._let_fly(packet, receiver, self._datagram_arrival(packet))

    def _datagram_arrival(self, packet: Packet) -> float:
        if self._random.random() < self._reorder:
            self._says("held back", packet)
            longest = self._delay[1]
            return asyncio.get_running_loop().time() + longest + self._random.uniform(0, _HOLD_BACK * longest)
        return self._arrival_in_order(packet)

    def _carry_stream(self, sender: SimulatedTransport, payload: bytes, to: Address) -> None:
        connection = sender.connections.get(to) or self._connect(sender, to)
        if connection is None:
            reason = "nobody listens"
            return network_says(self.tap, self.now_ns(), "not connected", sender.local, to, reason=reason)
        near = connection.other(to)
        packet = Packet(self.now_ns(), near, to, sender.protocol, payload)
        self.tap.packet(packet)
        receiver = connection.ends[to]
        if self._is_cut(sender, receiver):
            self._says("cut", packet)
            return connection.close()
        return self._let_fly(packet, receiver, self._arrival_in_order(packet), connection)

    def _connect(self, sender: SimulatedTransport, to: Address) -> _Connection | None:
        called = self._bound.get((sender.protocol, to))
        if called is None or self._is_cut(sender, called):
            return None
        connection = _Connection(sender, self._free_address(sender.local.host), called)
        connection.join()
        return connection

    def _arrival_in_order(self, packet: Packet) -> float:
        link = (packet.source, packet.destination)
        soonest = asyncio.get_running_loop().time() + self._random.uniform(*self._delay)
        self._last_arrival[link] = max(soonest, self._last_arrival.get(link, 0.0))
        return self._last_arrival[link]

    def _let_fly(
        self, packet: Packet, receiver: SimulatedTransport, arrival: float, over: _Connection | None = None
    ) -> None:
        heapq.heappush(self._in_flight, _Flight(arrival, next(self._order), packet, receiver, over))
        # One timer per flight, but the heap says which lands: a loop does not keep the order of equal timers.
        asyncio.get_running_loop().call_at(arrival, self._land)

    def _land(self) -> None:
        flight = heapq.heappop(self._in_flight)
        packet, receiver = flight.packet._replace(time_ns=self.now_ns()), flight.receiver
        if flight.connection is not None:
            self._land_on_stream(packet, receiver, flight.connection)
        elif not (receiver.closed or receiver.local in self._cut):
            receiver.receive(packet)

    def _land_on_stream(self, packet: Packet, receiver: SimulatedTransport, stream: _Connection) -> None:
        if receiver.local in self._cut:
            stream.close()
        framer = stream.framers[packet.destination]
        for payload in framer.feed(packet.payload):
            if stream.alive:
                receiver.receive(packet._replace(payload=payload))
            if stream.alive and payload == PING:
                receiver.send(PONG, packet.source)
        if stream.alive and framer.fault:
            self._says("stream broken", packet, reason=framer.fault)
            stream.close()

    # -- small change ---------------------------------------------------------------------------------------

    def _is_cut(self, sender: SimulatedTransport, receiver: SimulatedTransport) -> bool:
        return sender.local in self._cut or receiver.local in self._cut

    def _says(self, event: str, packet: Packet, **more: object) -> None:
        network_says(self.tap, packet.time_ns, event, packet.source, packet.destination, **more)

    def _free_address(self, host: str) -> Address:
        for port in self._ports[host]:
            address = Address(host, port)
            if address not in self._used_ports:
                self._used_ports.add(address)
                return address
        raise OSError(errno.EADDRINUSE, f"no free port left on {host}")
