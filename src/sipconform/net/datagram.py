"""UDP on real sockets: drained and stamped by the kernel on Linux, asyncio's own path elsewhere."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Any, cast

from sipconform.net.addresses import WRONG_ADDRESS, address_of, bind, is_numeric
from sipconform.net.transport import Receiver
from sipconform.net.witness import Witness
from sipconform.trace.packet import Address, Packet

DRAIN = 64  # datagrams taken per wake-up: enough to be quick, few enough to let timers run
_LARGEST = 65_536  # octets; more than a datagram can have
_RECEIVE_BUFFER = 4 * 1_048_576  # octets asked of the kernel, which may give less
_SO_TIMESTAMPNS = 35  # Linux: asm-generic/socket.h; the socket module does not name it
_TIMESPEC = struct.Struct("@ll")


async def open_datagram(local: Address, receive: Receiver, witness: Witness) -> DatagramTransport:
    """Binds a UDP address. Raises OSError."""
    kind = DrainedTransport if sys.platform == "linux" else StockTransport
    return await kind.open(local, receive, witness)


class DatagramTransport(ABC):
    """What both ways have in common; see `net.transport.Transport`."""

    protocol = "udp"

    def __init__(self, bound: socket.socket, receive: Receiver, witness: Witness) -> None:
        self.local = address_of(bound.getsockname())
        self._socket = bound
        self._receive = receive
        self._witness = witness
        self._closed = False
        witness.datagrams.add(self.local)

    @classmethod
    @abstractmethod
    async def open(cls, local: Address, receive: Receiver, witness: Witness) -> DatagramTransport:
        """Binds the address. Raises OSError."""

    def send(self, payload: bytes, to: Address) -> None:
        if self._closed:
            raise ValueError(f"udp {self.local} is closed")
        if not is_numeric(to):
            return self._witness.says("not sent", self.local, to, WRONG_ADDRESS)
        return self._transmit(Packet(time.time_ns(), self.local, to, "udp", payload))

    @abstractmethod
    def close(self) -> None: ...

    async def wait_closed(self) -> None:
        """Returns when the address is free: a loop may need another turn for that."""
        await asyncio.sleep(0)

    @abstractmethod
    def _transmit(self, packet: Packet) -> None: ...

    def _hear(self, time_ns: int, source: Any, payload: bytes) -> None:
        packet = Packet(time_ns, address_of(source), self.local, "udp", payload)
        self._witness.heard_datagram(packet)
        self._receive(packet)


class DrainedTransport(DatagramTransport):
    """Linux: takes whatever has arrived at each wake-up, with the kernel's time of arrival."""

    def __init__(self, bound: socket.socket, receive: Receiver, witness: Witness) -> None:
        super().__init__(bound, receive, witness)
        self._backlog: deque[Packet] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(bound, self._drain)

    @classmethod
    async def open(cls, local: Address, receive: Receiver, witness: Witness) -> DatagramTransport:
        bound = _bind(local)
        bound.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        return cls(bound, receive, witness)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def _drain(self) -> None:
        for _ in range(DRAIN):
            if self._closed:  # by whoever received the last one
                return
            try:
                payload, ancillary, _, source = self._socket.recvmsg(_LARGEST, 64)
            except BlockingIOError:
                return
            except OSError as error:  # an ICMP error of an earlier datagram
                self._witness.says("not received", self.local, self.local, str(error))
                return
            self._hear(_kernel_time(ancillary), source, payload)

    def _transmit(self, packet: Packet) -> None:
        if self._backlog or not self._try_to_transmit(packet):
            self._backlog.append(packet)
            self._loop.add_writer(self._socket, self._work_off)

    def _work_off(self) -> None:
        while self._backlog:
            if not self._try_to_transmit(self._backlog[0]._replace(time_ns=time.time_ns())):
                return
            self._backlog.popleft()
        self._loop.remove_writer(self._socket)

    def _try_to_transmit(self, packet: Packet) -> bool:
        """False when the kernel has no room just now."""
        try:
            self._socket.sendto(packet.payload, packet.destination)
        except BlockingIOError:
            return False
        except OSError as error:
            self._witness.says("not sent", self.local, packet.destination, str(error))
        else:
            self._witness.sent(packet)
        return True


class StockTransport(DatagramTransport, asyncio.DatagramProtocol):
    """Everywhere else: asyncio's own endpoint, one datagram per turn of the loop, stamped when handed up."""

    _endpoint: asyncio.DatagramTransport

    @classmethod
    async def open(cls, local: Address, receive: Receiver, witness: Witness) -> DatagramTransport:
        bound = _bind(local)
        loop = asyncio.get_running_loop()
        _, opened = await loop.create_datagram_endpoint(lambda: cls(bound, receive, witness), sock=bound)
        return opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._endpoint = cast(asyncio.DatagramTransport, transport)  # not every loop says so by inheritance

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self._closed:
            self._hear(time.time_ns(), addr, data)

    def error_received(self, exc: Exception) -> None:
        self._witness.says("not sent", self.local, self.local, str(exc))

    def close(self) -> None:
        self._closed = True
        self._endpoint.close()

    def _transmit(self, packet: Packet) -> None:
        self._witness.sent(packet)
        self._endpoint.sendto(packet.payload, packet.destination)


def _bind(local: Address) -> socket.socket:
    bound = bind(local, socket.SOCK_DGRAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    return bound


def _kernel_time(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return time.time_ns()
