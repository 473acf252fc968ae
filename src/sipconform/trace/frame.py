"""One frame of a capture file, whichever format the file has."""

from __future__ import annotations

from typing import NamedTuple

OURS = "sipconform"


class Interface(NamedTuple):
    """Where frames were caught: link type (LINKTYPE_ registry), name, whether our writer made it."""

    link: int
    name: str = ""
    ours: bool = False


class Secrets(NamedTuple):
    """TLS key material a capture carries (pcapng Decryption Secrets Block), in NSS key-log form."""

    keylog: bytes


Frame = tuple[int, int, Interface, bytes, int]
"""Number counted from 1, nanoseconds since the epoch, interface, captured bytes, length on the wire. Number 0 is no
frame: whoever listens says that nothing came until then.

A plain tuple, for there are hundreds of thousands of them a second.
"""
