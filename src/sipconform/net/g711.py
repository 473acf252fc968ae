"""G.711 (ITU-T G.711, 1988): companding between 16-bit linear samples and octets, by tables made once."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

SAMPLE_RATE = 8000  # per second
_BIAS, _CLIP = 0x84, 32_635


def _mu_to_linear(octet: int) -> int:
    octet = ~octet & 0xFF
    magnitude = (((octet & 0x0F) << 3) + _BIAS) << ((octet & 0x70) >> 4)
    return _BIAS - magnitude if octet & 0x80 else magnitude - _BIAS


def _linear_to_mu(sample: int) -> int:
    magnitude = min(abs(sample), _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~((0x80 if sample < 0 else 0) | (exponent << 4) | mantissa) & 0xFF


def _a_to_linear(octet: int) -> int:
    octet ^= 0x55
    exponent, mantissa = (octet & 0x70) >> 4, (octet & 0x0F) << 4
    magnitude = mantissa + 8 if exponent == 0 else (mantissa + 0x108) << (exponent - 1)
    return magnitude if octet & 0x80 else -magnitude


def _linear_to_a(sample: int) -> int:
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(sample if sample >= 0 else -sample - 1, 32_767) >> 4
    exponent = max(magnitude.bit_length() - 4, 0)
    mantissa = (magnitude >> max(exponent - 1, 0)) & 0x0F
    return (sign | (exponent << 4) | mantissa) ^ 0x55


_DECODED = {0: [_mu_to_linear(o) for o in range(256)], 8: [_a_to_linear(o) for o in range(256)]}
_ENCODED = {
    0: bytes(_linear_to_mu((u << 2) - 32_768) for u in range(16_384)),
    8: bytes(_linear_to_a((u << 2) - 32_768) for u in range(16_384)),
}


def decode(payload: bytes, payload_type: int) -> array[int]:
    """Linear samples of PCMU (payload type 0) or PCMA (8). Raises KeyError for any other (RFC 3551 §6)."""
    table = _DECODED[payload_type]
    return array("h", [table[octet] for octet in payload])


def encode(samples: Iterable[int], payload_type: int) -> bytes:
    """Octets of PCMU (0) or PCMA (8); samples beyond 16 bits are clipped."""
    table = _ENCODED[payload_type]
    return bytes(table[(max(-32_768, min(32_767, sample)) + 32_768) >> 2] for sample in samples)
