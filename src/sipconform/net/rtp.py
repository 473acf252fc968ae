"""RTP (RFC 3550) with G.711: one packet's format, and a port that sends and hears audio on any network."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sipconform.net import g711
from sipconform.net.tone import FRAME
from sipconform.net.transport import Network, Transport
from sipconform.sip.sdp import Media
from sipconform.trace.packet import Address, Packet

_HEADER = struct.Struct("!BBHII")
VERSION = 2


class Rtp(NamedTuple):
    """One packet; CSRC list, extension and padding are taken off the payload."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    def to_bytes(self) -> bytes:
        sequence, timestamp = self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF
        return _HEADER.pack(VERSION << 6, self.payload_type, sequence, timestamp, self.ssrc) + self.payload


def parse(datagram: bytes) -> Rtp | None:
    """The packet in a datagram; None for what cannot be RTP (§5.1), RTCP included (RFC 5761 §4)."""
    if len(datagram) < _HEADER.size or datagram[0] >> 6 != VERSION or 64 <= datagram[1] & 0x7F < 96:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(datagram)
    start = _HEADER.size + 4 * (first & 0x0F)
    if first & 0x10:
        if len(datagram) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
    end = len(datagram) - (datagram[-1] if first & 0x20 else 0)
    if start > end:
        return None
    return Rtp(second & 0x7F, sequence, timestamp, ssrc, datagram[start:end])


class RtpPort:
    """Sends frames of 20 ms to `remote` (None: nobody listens) and hands on what it hears, decoded."""

    def __init__(self, ssrc: int, heard: Callable[[Sequence[int]], None]) -> None:
        self.remote: Address | None = None
        self.payload_type = 0
        self._ssrc, self._heard = ssrc, heard
        self._sequence = 0
        self._transport: Transport | None = None

    @classmethod
    async def open(cls, network: Network, host: str, ssrc: int, heard: Callable[[Sequence[int]], None]) -> RtpPort:
        """Binds any free port of the host. Raises OSError."""
        port = cls(ssrc, heard)
        port._transport = await network.open("udp", Address(host, 0), port._arrived)
        return port

    @property
    def local(self) -> Address:
        assert self._transport is not None
        return self._transport.local

    def speak_to(self, media: Media | None) -> None:
        """From now on frames go where a description wants them: nowhere while its side holds or knows no G.711."""
        known = [int(text) for text in media.formats if text in ("0", "8")] if media and not media.held else []
        self.remote = Address(media.connection, media.port) if media and known else None
        self.payload_type = known[0] if known else 0

    def send(self, samples: Sequence[int]) -> None:
        """Sends one frame, if there is anybody to send it to."""
        if self.remote is None or self._transport is None:
            return
        payload = g711.encode(samples, self.payload_type)
        packet = Rtp(self.payload_type, self._sequence, self._sequence * FRAME, self._ssrc, payload)
        self._sequence += 1
        self._transport.send(packet.to_bytes(), self.remote)

    def close(self) -> None:
        """Falls silent."""
        self.remote = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def _arrived(self, packet: Packet) -> None:
        rtp = parse(packet.payload)
        if rtp is not None and rtp.payload_type in (0, 8):
            self._heard(g711.decode(rtp.payload, rtp.payload_type))
