"""Builds IP packets with right lengths and checksums, for the captures we write."""

from __future__ import annotations

import struct
import zlib

from sipconform.trace.exported import packed_host
from sipconform.trace.ip import TCP, UDP
from sipconform.trace.packet import Address

LONGEST_UDP = {4: 65_507, 16: 65_527}  # octets of payload, by octets of address
SYN, RST, PSH, ACK = 2, 4, 8, 16


def udp_packet(source: Address, destination: Address, payload: bytes) -> bytes:
    """An IP packet with one UDP datagram. Raises ValueError for what no datagram can hold."""
    hosts = packed_pair(source, destination)
    longest = LONGEST_UDP[len(hosts[0])]
    if len(payload) > longest:
        raise ValueError(f"a UDP payload of {len(payload)} octets is more than the {longest} a datagram can hold")
    head = struct.pack("!HHH", source.port, destination.port, len(payload) + 8)
    # RFC 768: a checksum of 0 would mean "none", so it is sent as all ones.
    checksum = _checksum(_pseudo(hosts, UDP, len(payload) + 8) + head + b"\0\0" + payload) or 0xFFFF
    return _ip_packet(hosts, UDP, head + struct.pack("!H", checksum) + payload)


def tcp_packet(
    source: Address,
    destination: Address,
    sequence: int,
    acknowledged: int,
    *,
    flags: int,
    payload: bytes = b"",
) -> bytes:
    """An IP packet with one TCP segment; sequence numbers are taken modulo 2³²."""
    hosts = packed_pair(source, destination)
    head = struct.pack(
        "!HHIIBBH",
        source.port,
        destination.port,
        sequence & 0xFFFFFFFF,
        acknowledged & 0xFFFFFFFF,
        0x50,
        flags,
        65_535,
    )
    checksum = _checksum(_pseudo(hosts, TCP, len(payload) + 20) + head + b"\0\0\0\0" + payload)
    return _ip_packet(hosts, TCP, head + struct.pack("!HH", checksum, 0) + payload)


def packed_pair(source: Address, destination: Address) -> tuple[bytes, bytes]:
    """Both addresses as octets. Raises ValueError when one is IPv4 and the other IPv6."""
    hosts = packed_host(source.host), packed_host(destination.host)
    if len(hosts[0]) != len(hosts[1]):
        raise ValueError(f"{source.host} and {destination.host} are not of one IP version")
    return hosts


def _ip_packet(hosts: tuple[bytes, bytes], protocol: int, payload: bytes) -> bytes:
    if len(hosts[0]) == 16:
        return struct.pack("!IHBB", 0x60000000, len(payload), protocol, 64) + hosts[0] + hosts[1] + payload
    head = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol)
    checksum = struct.pack("!H", _checksum(head + b"\0\0" + hosts[0] + hosts[1]))
    return head + checksum + hosts[0] + hosts[1] + payload


def _pseudo(hosts: tuple[bytes, bytes], protocol: int, length: int) -> bytes:
    if len(hosts[0]) == 16:
        return hosts[0] + hosts[1] + struct.pack("!II", length, protocol)
    return hosts[0] + hosts[1] + struct.pack("!HH", protocol, length)


def _checksum(data: bytes) -> int:
    """RFC 1071; the one's complement sum of 16-bit words is the number modulo 65,535."""
    words = int.from_bytes(data + b"\0" * (len(data) & 1), "big")
    return 0xFFFF - (words % 0xFFFF or 0xFFFF)


def fragments_of(packet: bytes, mtu: int) -> list[bytes]:
    """An IPv4 packet cut as a router would for links of that many octets (RFC 791 §2.3); IPv6 is left whole, for
    only its sender may cut it."""
    if len(packet) <= mtu or packet[0] >> 4 != 4:
        return [packet]
    header, payload = packet[:20], packet[20:]
    piece = (mtu - 20) // 8 * 8
    name = struct.pack("!H", zlib.crc32(payload) & 0xFFFF)  # what the pieces are put together by
    cut = []
    for start in range(0, len(payload), piece):
        more = 0x2000 if start + piece < len(payload) else 0
        data = payload[start : start + piece]
        length = struct.pack("!H", 20 + len(data))
        flags = struct.pack("!H", more | start // 8)
        bare = header[:2] + length + name + flags + header[8:10] + b"\0\0" + header[12:20]
        cut.append(bare[:10] + struct.pack("!H", _checksum(bare)) + bare[12:] + data)
    return cut
