"""Datagrams to everybody near: IPv4 broadcast and multicast, on real sockets or on the simulated network."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from sipconform.net.addresses import address_of, bind
from sipconform.net.simulated import SimulatedNetwork
from sipconform.net.transport import Network
from sipconform.trace.packet import Address, Packet

Hears = Callable[[Packet, int | None], None]
"""Called with what arrives and its IP TTL, None where that is not known."""

LARGEST = 65_536
_IP_RECVTTL = 12  # Linux: the socket module names it from Python 3.14 on
_REACH = 1  # hops: what is sent here stays on the link


class Group(ABC):
    """One member of a group. `local` is where its own datagrams come from, which it does not hear itself."""

    local: Address

    @abstractmethod
    def send(self, payload: bytes) -> None: ...

    @abstractmethod
    def close(self) -> None: ...


async def open_group(network: Network, host: str, group: Address, hears: Hears) -> Group:
    """Joins a multicast or broadcast address from one of our own IPv4 addresses. Raises OSError."""
    if isinstance(network, SimulatedNetwork):
        transport = await network.open("udp", Address(host, 0), lambda packet: hears(packet, None))
        network.join(group, transport)
        return _Simulated(transport.local, lambda payload: transport.send(payload, group), transport.close)
    return _Sockets(host, group, hears)


class _Simulated(Group):
    def __init__(self, local: Address, send: Callable[[bytes], None], close: Callable[[], None]) -> None:
        self.local, self._send, self._close = local, send, close

    def send(self, payload: bytes) -> None:
        self._send(payload)

    def close(self) -> None:
        self._close()


class _Sockets(Group):
    """Hears on the group's own address and sends from a port of its own, so that peers can be told apart."""

    def __init__(self, host: str, group: Address, hears: Hears) -> None:
        self._group, self._hears = group, hears
        self._sender = bind(Address(host, 0), socket.SOCK_DGRAM)
        self._receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._prepare(host)
        except OSError:
            self._sender.close()
            self._receiver.close()
            raise
        self.local = address_of(self._sender.getsockname())
        asyncio.get_running_loop().add_reader(self._receiver, self._drain)

    def _prepare(self, host: str) -> None:
        own, there = socket.inet_aton(host), socket.inet_aton(self._group.host)
        self._receiver.setblocking(False)
        self._receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._receiver.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        self._receiver.bind(self._group)
        if ipaddress.ip_address(self._group.host).is_multicast:
            self._receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, there + own)
            self._sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
            self._sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _REACH)
        else:
            self._sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

    def send(self, payload: bytes) -> None:
        """Like any datagram it may be lost; an interface that is down loses it."""
        try:
            self._sender.sendto(payload, self._group)
        except OSError as error:
            if error.errno not in (errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH, errno.EAGAIN):
                raise

    def close(self) -> None:
        if self._receiver.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._receiver)
        self._receiver.close()
        self._sender.close()

    def _drain(self) -> None:
        try:
            payload, ancillary, _, source = self._receiver.recvmsg(LARGEST, 64)
        except OSError:
            return
        origin = address_of(source)
        if origin != self.local:
            self._hears(Packet(time.time_ns(), origin, self._group, "udp", payload), _ttl(ancillary))


def _ttl(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == socket.IP_TTL and len(data) >= 4:
            return int(struct.unpack("=i", data[:4])[0])
    return None


def broadcast_address(host: str) -> str:
    """The broadcast address of the network an own IPv4 address is in; of all networks where that is not known."""
    if ipaddress.ip_address(host).is_loopback:
        return "127.255.255.255"
    try:
        import fcntl  # noqa: PLC0415 - not there on every system
    except ImportError:
        return "255.255.255.255"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                own = fcntl.ioctl(asking, 0x8915, request)[20:24]  # SIOCGIFADDR
                if socket.inet_ntoa(own) == host:
                    return socket.inet_ntoa(fcntl.ioctl(asking, 0x8919, request)[20:24])  # SIOCGIFBRDADDR
            except OSError:  # an interface without an IPv4 address
                continue
    return "255.255.255.255"
