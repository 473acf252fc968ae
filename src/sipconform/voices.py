"""Stand-ins for audio: who speaks when, and who is heard where, stays; what is said does not.

A packet that holds nothing but tones of our own agents stays as it is, silence becomes the codec's silence, and
anything else becomes a tone, one for each stream (SSRC), so that a stream that was put through is known where it
arrives. Key presses (RFC 4733) and audio in codecs we do not read lose their content and keep their length. What is
not RTP is left out: RTCP, for one, tells names.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from functools import cache, lru_cache

from sipconform.net import g711
from sipconform.net.rtp import Rtp, parse
from sipconform.net.tone import AMPLITUDE, FRAME, PROMPT, TONES, WARNING, frame, power

OWN = (*TONES, WARNING, PROMPT)
STAND_INS = tuple(hertz for hertz in range(450, 3_400, 50) if hertz not in OWN)
"""Hertz, each a whole number of periods in 20 ms, as our own tones are, and none of them."""
SILENT = 100
"""Of 32,767: the effective value below which nobody speaks, some -50 dBov."""
PURE = 0.95
"""The part of the power that is in tones of ours from which nobody else speaks."""


class Voices:
    """Makes stand-ins. With the same `key` a stream has the same tone in every capture."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._tones: dict[int, int] = {}

    def stand_in(self, datagram: bytes) -> bytes | None:
        """An RTP packet as long as before, its header kept; None for what is none, and is to be left out."""
        rtp = parse(datagram)
        if rtp is None:
            return None
        padding = datagram[-1] if datagram[0] & 0x20 else 0  # octets at the end (RFC 3550 §5.1)
        end = len(datagram) - padding
        filler = bytes(padding - 1) + datagram[-1:] if padding else b""
        return datagram[: end - len(rtp.payload)] + self._said(rtp) + filler

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
