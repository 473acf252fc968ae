"""Between our addresses and those of the socket module."""

from __future__ import annotations

import ipaddress
import os
import socket
from functools import lru_cache
from typing import Any

from sipconform.trace.packet import Address

WRONG_ADDRESS = "not a numeric address with a port"


def address_of(name: Any) -> Address:
    """The address in what the socket module gives: two parts for IPv4, four for IPv6."""
    if len(name) == 4 and name[3]:
        return Address(f"{name[0]}%{name[3]}", name[1])
    return Address(name[0], name[1])


@lru_cache(maxsize=4096)
def is_numeric(address: Address) -> bool:
    """Whether a socket can send there as it stands.

    Destinations come from Contact and Via: hostile input, and a name would make the socket ask the DNS.
    """
    try:
        ipaddress.ip_address(address.host)
    except ValueError:
        return False
    return 0 < address.port < 65_536


def is_of_one_interface(address: Address) -> bool:
    """Whether the address can be bound and then be said in Via and Contact; port 0 asks for any."""
    if not is_numeric(address._replace(port=address.port or 1)):
        return False
    return not ipaddress.ip_address(address.host).is_unspecified


def bind(local: Address, kind: socket.SocketKind) -> socket.socket:
    """A non-blocking socket of either family at the address. Raises OSError."""
    bound = socket.socket(socket.AF_INET6 if ":" in local.host else socket.AF_INET, kind)
    try:
        bound.setblocking(False)
        if kind == socket.SOCK_STREAM and os.name == "posix":  # elsewhere it would share a port in use
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(local)
    except BaseException:
        bound.close()
        raise
    return bound
