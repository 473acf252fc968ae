"""Addresses as people write them, and the one of this machine that leads to another."""

from __future__ import annotations

import socket

from sipconform.lab.actor import CouldNotRunError
from sipconform.trace.packet import Address

LAST_PORT = 65_535


def split_address(text: str, default_port: int = 0) -> tuple[str, int]:
    """Host and port of "192.0.2.1:5060", "[::1]:5060" or a host alone, nobody asked for its address. Without a default
    a port is needed. Raises ValueError."""
    host, colon, digits = text, "", ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        colon, digits = rest[:1], rest[1:]
    elif text.count(":") == 1:
        host, colon, digits = text.partition(":")
    if not host:
        raise ValueError(f"{text!r} names no host")
    if colon not in ("", ":") or (colon and not (digits.isascii() and digits.isdigit())):
        raise ValueError(f"{text}: {digits!r} is no port")
    if not colon and not default_port:
        raise ValueError(f"{text} lacks a port")
    port = int(digits[:6]) if colon else default_port
    if port > LAST_PORT:
        raise ValueError(f"{text}: there is no port {port}, the last is {LAST_PORT}")
    return host, port


def parse_address(text: str, default_port: int = 0) -> Address:
    """The same, as an address; a name is looked up. Raises CouldNotRunError."""
    try:
        host, port = split_address(text, default_port)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except ValueError as error:
        raise CouldNotRunError(str(error)) from error
    except OSError as error:
        raise CouldNotRunError(f"no address is known for {host!r}: {error.strerror}") from error
    return Address(str(found[0][4][0]), port)


def bracketed(host: str) -> str:
    """As a host stands in a URI (RFC 3261 §25.1)."""
    return f"[{host}]" if ":" in host else host


def leaving_for(place: Address) -> str:
    """The address of this machine by which the route to another leaves. Raises OSError where there is no route."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:  # connecting UDP sends nothing
        probe.connect(place)
        return str(probe.getsockname()[0])
