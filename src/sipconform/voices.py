"""Stand-ins for audio: who speaks when, and who is heard where, stays; what is said does not.

A packet that holds nothing but tones of our own agents stays as it is, silence becomes the codec's silence, and
anything else becomes a tone, one for each stream (SSRC), so that a stream that was put through is known where it
arrives. Key presses (RFC 4733) and audio in codecs we do not read lose their content and keep their length; who
contributed and what a header extension holds is not told. What is no audio is left out: RTCP, for one, tells names, and
a third of all DNS questions begin like RTP.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from sipconform.net import g711
from sipconform.net.rtp import Rtp, parse
from sipconform.net.tone import AMPLITUDE, FRAME, PROMPT, TONES, WARNING, frame, power
from sipconform.sip.message import Message
from sipconform.trace.packet import Address, Packet

OWN = (*TONES, WARNING, PROMPT)
STAND_INS = tuple(hertz for hertz in range(450, 3_400, 50) if hertz not in OWN)
"""Hertz, each a whole number of periods in 20 ms, as our own tones are, and none of them."""
FIXED = 12
"""Octets of the header that every packet has (RFC 3550 §5.1)."""
SILENT = 100
"""Of 32,767: the effective value below which nobody speaks, some -50 dBov."""
PURE = 0.95
"""The part of the power that is in tones of ours from which nobody else speaks."""


RUNNING = 8
"""Packets that count on from each other from which a stream nobody announced is one all the same."""


class Streams:
    """Which datagrams are audio: those of a place that a session description has announced, and those of a stream that
    counts on from packet to packet."""

    def __init__(self, announced: Iterable[Address], datagrams: Iterable[Packet]) -> None:
        self._announced = set(announced)
        self._running: set[_Flow] = set()
        counts: dict[_Flow, tuple[int, int]] = {}
        for packet in datagrams:
            rtp = parse(packet.payload)
            if rtp is not None:
                flow = _Flow(packet.source, packet.destination, rtp.ssrc)
                last, count = counts.get(flow, (rtp.sequence, 0))
                counts[flow] = rtp.sequence, count + (rtp.sequence == (last + 1) & 0xFFFF)
                if counts[flow][1] >= RUNNING:
                    self._running.add(flow)

    def hold(self, packet: Packet) -> bool:
        """Whether a datagram is a packet of one of them."""
        rtp = parse(packet.payload)
        if rtp is None:
            return False
        known = not self._announced.isdisjoint((packet.source, packet.destination))
        return known or _Flow(packet.source, packet.destination, rtp.ssrc) in self._running


class _Flow(NamedTuple):
    source: Address
    destination: Address
    ssrc: int


def announced_in(messages: Iterable[Message]) -> set[Address]:
    """Where the session descriptions of these messages want audio and video."""
    described = (message.sdp for message in messages)
    return {Address(m.connection, m.port) for sdp in described if sdp is not None for m in sdp.media if m.port}


class Voices:
    """Makes stand-ins. With the same `key` a stream has the same tone in every capture."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._tones: dict[int, int] = {}

    def stand_in(self, datagram: bytes) -> bytes | None:
        """An RTP packet whose fixed header is kept and whose payload is as long as before; None for what is none."""
        rtp = parse(datagram)
        if rtp is None:
            return None
        padding = datagram[-1] if datagram[0] & 0x20 else 0  # octets at the end (RFC 3550 §5.1)
        filler = bytes(padding - 1) + datagram[-1:] if padding else b""
        head = bytes([datagram[0] & 0xE0]) + datagram[1:FIXED]  # neither contributors nor an extension
        return head + self._said(rtp) + filler

    def _said(self, rtp: Rtp) -> bytes:
        if rtp.payload_type not in (0, 8):
            return bytes(len(rtp.payload))
        kind = _kind(rtp.payload, rtp.payload_type)
        if kind == "tones":
            return rtp.payload
        length = len(rtp.payload)
        samples = [0] * length if kind == "silence" else _tone(self._tone_of(rtp.ssrc), rtp.timestamp, length)
        return g711.encode(samples, rtp.payload_type)

    def _tone_of(self, ssrc: int) -> int:
        """The tone of a stream: one that no other has, as long as there are any."""
        known = self._tones.get(ssrc)
        if known is None:
            at = hmac.digest(self._key, b"voice %d" % ssrc, hashlib.sha256)[0]
            free = [hertz for hertz in STAND_INS if hertz not in self._tones.values()] or STAND_INS
            known = self._tones[ssrc] = free[at % len(free)]
        return known


@lru_cache(4096)
def _kind(payload: bytes, payload_type: int) -> str:
    samples = g711.decode(payload, payload_type)
    strength = sum(sample * sample for sample in samples) / max(len(samples), 1)
    if strength < SILENT**2:
        return "silence"
    ours = sum(power(samples, hertz) for hertz in OWN) * AMPLITUDE**2 / 2
    return "tones" if ours >= PURE * strength else "voice"


@cache
def _second(hertz: int) -> list[int]:
    return frame(hertz) * (g711.SAMPLE_RATE // FRAME)


def _tone(hertz: int, timestamp: int, length: int) -> Sequence[int]:
    """A piece of a tone that goes on where the piece before it ended."""
    at = timestamp % FRAME
    whole = _second(hertz) * (1 + (at + length) // g711.SAMPLE_RATE)
    return whole[at : at + length]
