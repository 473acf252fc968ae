"""Addresses as people write them, and the one of this machine that leads to another."""

from __future__ import annotations

import socket

from sipconform.lab.actor import CouldNotRunError
from sipconform.trace.packet import Address

LAST_PORT = 65_535


def parse_address(text: str, default_port: int) -> Address:
    """Reads "192.0.2.1:5060", "[::1]:5060" or a host alone; a name is looked up. Raises CouldNotRunError."""
    host, port = text, default_port
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = int(rest[1:]) if rest[1:].isdigit() else default_port
    elif text.count(":") == 1:
        host, _, digits = text.partition(":")
        port = int(digits) if digits.isdigit() else default_port
    if port > LAST_PORT:
        raise CouldNotRunError(f"{text}: there is no port {port}, the last is {LAST_PORT}")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
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
