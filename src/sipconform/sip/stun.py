"""The little of STUN that keeps a UDP flow alive on the SIP port: Binding (RFC 8489 §5, RFC 5626 §4.4.2)."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

COOKIE = 0x2112A442
REQUEST, SUCCESS, ERROR = 0x0001, 0x0101, 0x0111
_XOR_MAPPED_ADDRESS = 0x0020
_HEAD = struct.Struct("!HHI12s")


@dataclass(frozen=True, slots=True)
class StunMessage:
    """`kind` is REQUEST, SUCCESS or ERROR; `transaction` twelve octets, the same in question and answer."""

    kind: int
    transaction: bytes
    attributes: bytes = b""

    def to_bytes(self) -> bytes:
        return _HEAD.pack(self.kind, len(self.attributes), COOKIE, self.transaction) + self.attributes


def parse_stun(payload: bytes) -> StunMessage | None:
    """Reads a datagram; None for anything that is no whole STUN message."""
    if len(payload) < _HEAD.size or payload[0] > 3:
        return None
    kind, length, cookie, transaction = _HEAD.unpack_from(payload)
    if cookie != COOKIE or length != len(payload) - _HEAD.size or length % 4:
        return None
    return StunMessage(kind, transaction, payload[_HEAD.size :])


def binding_answer(request: StunMessage, host: str, port: int) -> StunMessage:
    """Tells the asker where he was seen: XOR-MAPPED-ADDRESS (RFC 8489 §14.2)."""
    address = ipaddress.ip_address(host)
    pad = COOKIE.to_bytes(4, "big") + request.transaction
    hidden = bytes(a ^ b for a, b in zip(address.packed, pad, strict=False))
    value = struct.pack("!BBH", 0, 1 if address.version == 4 else 2, port ^ (COOKIE >> 16)) + hidden
    return StunMessage(SUCCESS, request.transaction, struct.pack("!HH", _XOR_MAPPED_ADDRESS, len(value)) + value)


def mapped_address(answer: StunMessage) -> tuple[str, int] | None:
    """Where an answer that says nothing else says that the asker was seen."""
    attributes = answer.attributes
    if len(attributes) not in (12, 24) or attributes[:2] != _XOR_MAPPED_ADDRESS.to_bytes(2, "big"):
        return None
    pad = COOKIE.to_bytes(4, "big") + answer.transaction
    port = int.from_bytes(attributes[6:8], "big") ^ (COOKIE >> 16)
    packed = bytes(a ^ b for a, b in zip(attributes[8:], pad, strict=False))
    return str(ipaddress.ip_address(packed)), port
