"""How a replay is played: whom it meets, over what, how fast and with whose passwords."""

from __future__ import annotations

import random
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from sipconform.replay.script import Cue
from sipconform.trace.packet import Address

LOOPBACK = Address("127.0.0.1", 0)
PATIENCE_S = 8.0
"""Seconds to wait for what the peer must send, beyond the recorded gap."""
Drive = Callable[[Cue], Awaitable[None]]
"""Makes the live peer do what it was told to do in the recording; must not raise."""


class Diverged(Exception):
    """The live peer took another course: where, and why it cannot go on."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`pace` is "recorded", "fast", or the seconds before everything we send. `accounts`: recorded user -> the
    user and password to use. `domain`: the live peer's, by default its host. `contexts`: for TLS, those of
    `net.transport.Network.open` by name. `seed`: the same one, the same Call-IDs, tags and branches; None, others each
    time, for a peer takes what it has seen before for a loop."""

    peer: Address
    transport: str = "udp"
    local: Address = LOOPBACK  # of the first party we play; the others get ports of their own
    pace: str | float = "recorded"
    accounts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    domain: str = ""
    patience: float = PATIENCE_S
    seed: int | None = None
    contexts: Mapping[str, ssl.SSLContext] = field(default_factory=dict)

    def dice(self, name: str) -> random.Random:
        """The source of everything random that bears this name."""
        return random.Random(f"{self.seed} {name}" if self.seed is not None else None)

    @property
    def own_domain(self) -> str:
        """The live peer's domain."""
        host = self.peer.host
        return self.domain or (f"[{host}]" if ":" in host else host)
