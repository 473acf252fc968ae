"""A SIP hotspot: one phone's account lent to the phones around it (Fanvil's feature, its guide v1.1).

Numbers, ring modes and configuration keys are the vendor's. How host and clients find each other is not
published: the discovery datagram here is a stand-in of our own, marked as such in every datagram, and proves
nothing about a real device.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Literal

from sipconform.sip.fault import Fault

DEFAULT_PORT = 16360
DEFAULT_GROUP = "224.0.2.0"
DISCOVERY = "sipconform-stand-in-discovery/1"  # never claimed to be the vendor's
LARGEST_DATAGRAM = 1400  # octets, so that a discovery datagram is never fragmented


class RingMode(StrEnum):
    """Who rings when an outside call comes in."""

    ALL = "all"
    EXTENSIONS = "extensions"
    HOST = "host"


def rings(mode: RingMode) -> tuple[bool, bool]:
    """Whether the host rings, and whether the clients ring."""
    return mode is not RingMode.EXTENSIONS, mode is not RingMode.HOST


@dataclass(frozen=True, slots=True)
class Numbering:
    """Extension numbers within a hotspot. Without a prefix the host is 0 and the clients are 1, 2, …

    With one, here with the prefix 8, the host is 8000 and the clients are 8001, 8002, …
    """

    prefix: str = ""
    digits: int = 3  # behind a prefix

    def extension(self, client: int) -> str:
        """The number of the n-th client; 0 is the host."""
        return f"{self.prefix}{client:0{self.digits}d}" if self.prefix else str(client)

    @property
    def host(self) -> str:
        """The host's own number."""
        return self.extension(0)

    def client(self, dialled: str) -> int | None:
        """Whose number was dialled: 0 the host, n a client; None for any other string, an outside number."""
        own = dialled.removeprefix(self.prefix)
        if not dialled.startswith(self.prefix) or not re.fullmatch("[0-9]{1,9}", own):
            return None
        number = int(own)
        return number if self.extension(number) == dialled else None


# What the vendor's configuration files call it. The meaning of the numbers is inferred, not written down.
CONFIG_KEYS: Mapping[str, str] = {
    "enabled": "EnableHotspot",
    "mode": "Mode",
    "listen": "ListenType",
    "address": "ListenIP",
    "port": "ListenPort",
    "name": "OwnName",
    "ring_mode": "RingMode",
    "group_call": "GroupCallMode",
    "managed": "EnableManageMode",
    "configured": "EnableConfigMode",
}
CONFIG_DEFAULTS: Mapping[str, str] = {
    "EnableHotspot": "0",
    "Mode": "1",
    "ListenType": "0",
    "ListenIP": DEFAULT_GROUP,
    "ListenPort": str(DEFAULT_PORT),
    "OwnName": "SIP Hotspot",
    "RingMode": "0",
}

Kind = Literal["offer", "join", "welcome", "refuse", "leave", "reboot", "upgrade"]
_KINDS: tuple[Kind, ...] = ("offer", "join", "welcome", "refuse", "leave", "reboot", "upgrade")


@dataclass(frozen=True, slots=True)
class Discovery:
    """One stand-in datagram.

    The host sends `offer` (I am here), `welcome` (your extension), `refuse`, and to managed clients `reboot` and
    `upgrade` (from `url`); a client sends `join` and `leave`. `sip` is the sender's SIP address, host and port.
    """

    kind: Kind
    name: str = ""  # of the hotspot
    mac: str = ""  # of the client meant, or of the client that speaks
    model: str = ""
    firmware: str = ""
    sip: str = ""
    extension: str = ""
    alias: str = ""
    url: str = ""

    def to_bytes(self) -> bytes:
        """The datagram: a JSON object. Raises `ValueError` above 1400 octets."""
        told = {name: value for name, value in asdict(self).items() if value}
        datagram = json.dumps({"protocol": DISCOVERY, **told}, separators=(",", ":")).encode()
        if len(datagram) > LARGEST_DATAGRAM:
            raise ValueError(f"a discovery datagram of {len(datagram)} octets, more than {LARGEST_DATAGRAM}")
        return datagram


def parse_discovery(datagram: bytes) -> Discovery | Fault:
    """Reads a stand-in datagram. Never raises; anything else on the port, a vendor's own too, is a `Fault`."""
    if len(datagram) > LARGEST_DATAGRAM:
        return Fault(f"a discovery datagram of at most {LARGEST_DATAGRAM} octets")
    try:
        told = json.loads(datagram)
    except (ValueError, RecursionError):
        return Fault("a discovery datagram is JSON")
    if not isinstance(told, dict) or told.get("protocol") != DISCOVERY:
        return Fault(f"a discovery datagram names its protocol, {DISCOVERY}")
    kind = next((kind for kind in _KINDS if kind == told.get("kind")), None)
    texts = {name.name: told.get(name.name, "") for name in fields(Discovery) if name.name != "kind"}
    if kind is None or not all(isinstance(text, str) for text in texts.values()):
        return Fault("a discovery datagram has a known kind, and texts")
    return Discovery(kind, **texts)
