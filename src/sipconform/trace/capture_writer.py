"""Writes captures that Wireshark opens and that our reader gives back as they were."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from sipconform.trace.build import ACK, PSH, SYN, fragments_of, packed_pair, tcp_packet, udp_packet
from sipconform.trace.exported import write_exported
from sipconform.trace.frame import OURS
from sipconform.trace.link import EXPORTED_PDU, RAW_IP, USER0
from sipconform.trace.packet import Address, Observation, Packet
from sipconform.trace.pcapng import ENHANCED_PACKET, INTERFACE, SECRETS, SECTION, TLS_KEY_LOG

LONGEST_SEGMENT = 65_495  # octets of TCP payload that one IPv4 packet can hold
_COMMENT, _NAME, _DESCRIPTION, _APPLICATION, _RESOLUTION = 1, 2, 3, 4, 9
_NANOSECONDS = b"\x09"
INTERFACES = {  # name: number, link type, what is on it
    "udp": (0, RAW_IP, "one SIP message a datagram"),
    "tcp": (1, RAW_IP, "one SIP message up to each PSH; handshakes are made up"),
    "tls": (2, EXPORTED_PDU, "SIP messages as they were inside TLS"),
    "observations": (3, USER0, "what was said about the run, as JSON"),
    "media": (4, RAW_IP, "datagrams that are not SIP"),
}


class CaptureWriter:
    """A pcapng file under way. Every item is on disk when the call that wrote it returns.

    `target` is a path, which is overwritten, or a binary file, which stays the caller's to close.
    `comment` is kept in the section header. Time stamps have nanoseconds.
    """

    def __init__(self, target: Path | BinaryIO, *, comment: str = "", mtu: int = 0) -> None:
        self._mtu = mtu or 65_535  # what one frame may carry: UDP over IPv4 beyond it is written in fragments
        self._owned = isinstance(target, Path)
        self._file: BinaryIO = target.open("wb") if isinstance(target, Path) else target
        self._sequences: dict[tuple[Address, Address], int] = {}
        options = [(_APPLICATION, OURS.encode())]
        if comment:
            options.insert(0, (_COMMENT, comment.encode("utf-8", "replace")[:65_535]))
        head = [_block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _options(options))]
        for name, (_, link, text) in INTERFACES.items():
            options = [
                (_NAME, name.encode()),
                (_DESCRIPTION, f"{OURS}: {text}".encode()),
                (_RESOLUTION, _NANOSECONDS),
            ]
            head.append(_block(INTERFACE, struct.pack("<HHI", link, 0, 0) + _options(options)))
        self._put(b"".join(head))

    def write(self, item: Packet | Observation) -> None:
        """Writes one message or observation.

        Raises ValueError for what no packet can hold: an address that is none, a datagram over 65,507 octets.
        """
        if isinstance(item, Observation):
            told = {"who": item.who, "kind": item.kind, "what": item.what}
            self._frame("observations", item.time_ns, json.dumps(told, separators=(",", ":")).encode())
        elif item.transport == "udp":
            for piece in fragments_of(udp_packet(item.source, item.destination, item.payload), self._mtu):
                self._frame("udp", item.time_ns, piece)
        elif item.transport == "tls":
            packed_pair(item.source, item.destination)
            pdu = write_exported("sip", item.source, item.destination, item.payload)
            self._frame("tls", item.time_ns, pdu)
        else:
            self._stream(item)

    def write_media(self, packet: Packet) -> None:
        """Writes a UDP datagram that is not SIP: `read_datagrams` gives it back, `read_capture` does not."""
        self._frame("media", packet.time_ns, udp_packet(packet.source, packet.destination, packet.payload))

    def secrets(self, keylog: bytes) -> None:
        """Writes TLS key material (NSS key-log lines) for whoever has the encrypted packets."""
        self._put(_block(SECRETS, struct.pack("<II", TLS_KEY_LOG, len(keylog)) + _padded(keylog)))

    def close(self) -> None:
        """Ends the file. Harmless the second time."""
        if self._owned:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- streams --------------------------------------------------------------------------------------------

    def _stream(self, packet: Packet) -> None:
        """The message as the next segments of its connection; whoever spoke first opened it."""
        way, back = (packet.source, packet.destination), (packet.destination, packet.source)
        if way not in self._sequences:
            self._handshake(packet.time_ns, packet.source, packet.destination)
        sequence, acknowledged = self._sequences[way], self._sequences[back]
        for start in range(0, len(packet.payload), LONGEST_SEGMENT):
            piece = packet.payload[start : start + LONGEST_SEGMENT]
            last = start + LONGEST_SEGMENT >= len(packet.payload)
            flags = ACK | PSH if last else ACK
            segment = tcp_packet(packet.source, packet.destination, sequence, acknowledged, flags=flags, payload=piece)
            self._frame("tcp", packet.time_ns, segment)
            sequence += len(piece)
        self._sequences[way] = sequence & 0xFFFFFFFF

    def _handshake(self, time_ns: int, source: Address, destination: Address) -> None:
        self._frame("tcp", time_ns, tcp_packet(source, destination, 0, 0, flags=SYN))
        self._frame("tcp", time_ns, tcp_packet(destination, source, 0, 1, flags=SYN | ACK))
        self._frame("tcp", time_ns, tcp_packet(source, destination, 1, 1, flags=ACK))
        self._sequences[source, destination] = self._sequences[destination, source] = 1

    # -- blocks ---------------------------------------------------------------------------------------------

    def _frame(self, interface: str, time_ns: int, data: bytes) -> None:
        head = struct.pack(
            "<IIIII", INTERFACES[interface][0], time_ns >> 32, time_ns & 0xFFFFFFFF, len(data), len(data)
        )
        self._put(_block(ENHANCED_PACKET, head + _padded(data)))

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _options(options: Iterable[tuple[int, bytes]]) -> bytes:
    rows = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options]
    return b"".join(rows) + b"\0\0\0\0"


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) & 3)
