"""What every door into the house delivers: one transport payload, who sent it to whom, and when."""

from __future__ import annotations

from typing import NamedTuple


class Address(NamedTuple):
    """A transport address. `host` is the textual IP address, never a name; IPv6 without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(text: str) -> Address | None:
    """Reads what `str(Address)` writes, "10.0.0.1:5060" or "[::1]:5060"; None for anything else."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or len(port) > len("65535"):
        return None
    return Address(host.strip("[]"), int(port)) if int(port) <= 65_535 else None


class Packet(NamedTuple):
    """One UDP datagram, or one message cut out of a byte stream.

    `frames` are the numbers of the capture's frames that carried it, counted from 1 as Wireshark counts
    them; a fragmented datagram has several. `time_ns` is nanoseconds since the epoch at which the *last*
    of them was seen, for only then was the payload whole.
    """

    time_ns: int
    source: Address
    destination: Address
    transport: str  # "udp", "tcp" or "tls"
    payload: bytes
    frames: tuple[int, ...] = ()


class Observation(NamedTuple):
    """What somebody said about the run, kept beside the packets so that judging again sees it.

    `kind` is a short word ("belief", "lab", "stimulus", …), `who` the party that speaks, `what` plain
    JSON-able facts. An observation is never bytes of the wire and never judged as such.
    """

    time_ns: int
    who: str
    kind: str
    what: dict[str, object]
    frames: tuple[int, ...] = ()


SILENCE = "silence"
"""The kind of an observation that only says that nothing came until then, where somebody listens as it goes."""


WITHHELD = "withheld"
"""The branch of a stimulus that is no request: a server keeps to itself, on purpose, what it was to tell in that
call."""


class Note(NamedTuple):
    """Something in a capture that could not be opened, named so that nobody takes silence for absence.

    `code` is stable ("gtp", "link-type", "truncated", "icmp-quote", "not-sip", …), `text` one sentence.
    """

    code: str
    text: str
    frames: tuple[int, ...] = ()


def is_keep_alive(payload: bytes) -> bool:
    """CRLFs, NULs or nothing (RFC 5626 §3.5.1 and custom), or STUN with its cookie (RFC 8489 §5)."""
    if payload and payload[0] > 0x20:  # what begins a SIP message: asked of every packet
        return False
    return not payload.strip(b"\r\n\0 ") or (payload[4:8] == b"\x21\x12\xa4\x42" and payload[0] < 4)
