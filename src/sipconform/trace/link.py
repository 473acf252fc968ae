"""Takes the link layer off a frame, whatever network card or tool caught it."""

from __future__ import annotations

from collections.abc import Callable

ETHERNET = 1
EXPORTED_PDU = 252
USER0 = 147
RAW_IP = 101
IPV4 = 0x0800
IPV6 = 0x86DD
_TAGS = frozenset((0x8100, 0x88A8, 0x9100))  # IEEE 802.1Q, 802.1ad and the older provider tag
_PPPOE = 0x8864  # RFC 2516 §6, the session stage
_PPP = {b"\x00\x21": IPV4, b"\x00\x57": IPV6}
_INET6_FAMILIES = frozenset((10, 24, 28, 30))  # AF_INET6 has a different number on every system

Peeled = tuple[int, int]
"""EtherType and offset of what the link carries; EtherType 0 when it is not to be known."""


def _tagged(data: bytes, kind_at: int) -> Peeled:
    while True:
        kind = int.from_bytes(data[kind_at : kind_at + 2], "big")
        if kind == _PPPOE:
            protocol = data[kind_at + 8 : kind_at + 10]
            return _PPP.get(protocol, kind), kind_at + 10
        if kind not in _TAGS:
            return kind, kind_at + 2
        kind_at += 4


def _ethernet(data: bytes) -> Peeled:
    return _tagged(data, 12)


def _cooked_v1(data: bytes) -> Peeled:
    return _tagged(data, 14)


def _cooked_v2(data: bytes) -> Peeled:
    kind = int.from_bytes(data[:2], "big")
    if kind in _TAGS:
        return _tagged(data, 22)
    return kind, 20


def _raw(data: bytes) -> Peeled:
    return {4: IPV4, 6: IPV6}.get(data[0] >> 4, 0) if data else 0, 0


def _loopback(data: bytes) -> Peeled:
    """The family is in the byte order of the machine that captured; both are tried."""
    families = {int.from_bytes(data[:4], "little"), int.from_bytes(data[:4], "big")}
    if 2 in families:
        return IPV4, 4
    return (IPV6 if families & _INET6_FAMILIES else 0), 4


LINKS: dict[int, Callable[[bytes], Peeled]] = {  # LINKTYPE_ and, where they differ, DLT_ values
    0: _loopback,
    108: _loopback,
    ETHERNET: _ethernet,
    12: _raw,
    14: _raw,
    RAW_IP: _raw,
    113: _cooked_v1,
    228: lambda _: (IPV4, 0),
    229: lambda _: (IPV6, 0),
    276: _cooked_v2,
}
