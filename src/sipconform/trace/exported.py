"""Wireshark's "exported PDU": a message without its packet, the addresses in tags before it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import NamedTuple

from sipconform.trace.framing import Framer
from sipconform.trace.packet import Address

END, PROTOCOL, HEURISTIC = 0, 12, 13
V4_SOURCE, V4_DESTINATION, V6_SOURCE, V6_DESTINATION = 20, 21, 22, 23
PORT_TYPE, SOURCE_PORT, DESTINATION_PORT, ORIGINAL_FRAME = 24, 25, 26, 30
PORT_TYPES = {2: "tcp", 3: "udp"}
TCP_PORTS = 2


class ExportedPdu(NamedTuple):
    """One exported message. `dissector` is Wireshark's name of its protocol, `frame` its number there."""

    dissector: str
    source: Address
    destination: Address
    port_type: str
    frame: int
    payload: bytes


def read_exported(data: bytes) -> ExportedPdu | None:
    """Reads the tags and what follows them; None when they run over the end."""
    tags: dict[int, bytes] = {}
    position = 0
    while position + 4 <= len(data):
        tag, size = struct.unpack_from("!HH", data, position)
        position += 4 + size
        if tag == END:
            return _from_tags(tags, data[position:])
        tags.setdefault(tag, data[position - size : position])
    return None


class ForeignExport:
    """Exported PDUs of Wireshark's making: it may export a message twice, and two messages as one."""

    def __init__(self) -> None:
        self._last = (0, b"")

    def messages(self, pdu: ExportedPdu) -> list[bytes]:
        """The SIP messages of the next PDU, those left out that the one before it gave already."""
        exported = pdu.frame, pdu.payload
        if pdu.frame and exported == self._last:
            return []
        self._last = exported
        if pdu.port_type != "tcp":
            return [pdu.payload]
        framer = Framer()
        messages = [framed.payload for framed in framer.feed(pdu.payload)]
        rest = framer.take()
        return [*messages, rest.payload] if rest else messages


def _from_tags(tags: dict[int, bytes], payload: bytes) -> ExportedPdu:
    dissector = tags.get(PROTOCOL, tags.get(HEURISTIC, b"")).rstrip(b"\0").decode("utf-8", "replace")
    source = Address(_host(tags, V4_SOURCE, V6_SOURCE), _number(tags, SOURCE_PORT) & 0xFFFF)
    destination = Address(_host(tags, V4_DESTINATION, V6_DESTINATION), _number(tags, DESTINATION_PORT) & 0xFFFF)
    port_type = PORT_TYPES.get(_number(tags, PORT_TYPE), "")
    return ExportedPdu(dissector, source, destination, port_type, _number(tags, ORIGINAL_FRAME), payload)


def _number(tags: dict[int, bytes], tag: int) -> int:
    return int.from_bytes(tags.get(tag, b"")[:4], "big")


def _host(tags: dict[int, bytes], v4: int, v6: int) -> str:
    if len(address := tags.get(v4, b"")) == 4:
        return inet_ntop(AF_INET, address)
    if len(address := tags.get(v6, b"")) == 16:
        return inet_ntop(AF_INET6, address)
    return ""


def write_exported(dissector: str, source: Address, destination: Address, payload: bytes) -> bytes:
    """The exported PDU of a message that a TCP connection carried."""
    return b"".join((*_tags(dissector, source, destination), b"\0\0\0\0", payload))


def _tags(dissector: str, source: Address, destination: Address) -> Iterator[bytes]:
    name = dissector.encode()
    yield _tag(PROTOCOL, name + b"\0" * (-len(name) & 3))
    yield _tag(*_address(source, V4_SOURCE, V6_SOURCE))
    yield _tag(*_address(destination, V4_DESTINATION, V6_DESTINATION))
    yield _tag(PORT_TYPE, struct.pack("!I", TCP_PORTS))
    yield _tag(SOURCE_PORT, struct.pack("!I", source.port))
    yield _tag(DESTINATION_PORT, struct.pack("!I", destination.port))


def _tag(tag: int, value: bytes) -> bytes:
    return struct.pack("!HH", tag, len(value)) + value


def _address(address: Address, v4: int, v6: int) -> tuple[int, bytes]:
    tag, packed = v4, packed_host(address.host)
    return (v6 if len(packed) == 16 else tag), packed


def packed_host(host: str) -> bytes:
    """An IP address as its 4 or 16 octets; an IPv6 zone is left out. Raises ValueError for a name."""
    try:
        if ":" in host:
            return inet_pton(AF_INET6, host.partition("%")[0])
        return bytes(map(int, host.split("."))) if host.count(".") == 3 else _no_address(host)
    except (OSError, ValueError) as error:
        raise ValueError(f"{host!r} is not an IP address") from error


def _no_address(host: str) -> bytes:
    raise ValueError(host)
