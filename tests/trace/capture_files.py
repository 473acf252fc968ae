"""Small capture files made by hand, for the readers' tests."""

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

from sipconform.trace.build import udp_packet
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import Address, Note, Observation, Packet

PHONE = Address("192.0.2.1", 5060)
SERVER = Address("192.0.2.2", 5060)
PHONE6 = Address("2001:db8::1", 5060)
SERVER6 = Address("2001:db8::2", 5060)
T0 = 1_700_000_000_000_000_000
RAW, ETHERNET = 101, 1


def sip(call_id: str = "1", body: bytes = b"", length: int | None = -1) -> bytes:
    """A MESSAGE request; `length` is the Content-Length to claim, -1 the true one, None none at all."""
    claimed = len(body) if length == -1 else length
    rows = [
        b"MESSAGE sip:bob@example.com SIP/2.0",
        b"Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK" + call_id.encode(),
        b"Call-ID: " + call_id.encode(),
        b"CSeq: 1 MESSAGE",
    ]
    if claimed is not None:
        rows.append(b"Content-Length: %d" % claimed)
    return b"\r\n".join(rows) + b"\r\n\r\n" + body


def pcap(
    path: Path, frames: Iterable[bytes], link: int = RAW, *, order: str = "<", nano: bool = True, cut: int = 0
) -> Path:
    """Frames a millisecond apart in a classic pcap file; `cut` is the snap length, 0 none."""
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65_535, link)]
    for index, frame in enumerate(frames):
        time_ns = T0 + index * 1_000_000
        fraction = time_ns % 1_000_000_000 // (1 if nano else 1000)
        kept = frame[:cut] if cut else frame
        out.append(struct.pack(order + "IIII", time_ns // 1_000_000_000, fraction, len(kept), len(frame)) + kept)
    path.write_bytes(b"".join(out))
    return path


def datagram(payload: bytes, source: Address = PHONE, destination: Address = SERVER) -> bytes:
    """A raw IP packet with one datagram."""
    return udp_packet(source, destination, payload)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += b"\0" * (-len(body) & 3)
    size = len(body) + 12
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """A pcapng option."""
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) & 3)


def section(order: str = "<") -> bytes:
    """A section header block of unknown length."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int, options: bytes = b"", order: str = "<", snap: int = 0) -> bytes:
    """An interface description block."""
    return block(1, struct.pack(order + "HHI", link, 0, snap) + options, order)


def enhanced(stamp: int, frame: bytes, index: int = 0, order: str = "<") -> bytes:
    """An enhanced packet block."""
    head = struct.pack(order + "IIIII", index, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame))
    return block(6, head + frame, order)


def read(path: Path, keylog: Path | None = None) -> tuple[list[Packet], list[Observation], list[Note]]:
    """All of a capture, by kind."""
    items = list(read_capture(path, keylog=keylog))
    return (
        [item for item in items if isinstance(item, Packet)],
        [item for item in items if isinstance(item, Observation)],
        [item for item in items if isinstance(item, Note)],
    )


def payloads(path: Path) -> list[bytes]:
    """The SIP payloads of a capture about which there is nothing to note."""
    packets, _, notes = read(path)
    assert notes == []
    return [packet.payload for packet in packets]


def codes(notes: Sequence[Note]) -> list[str]:
    """The codes of notes, in their order."""
    return [note.code for note in notes]
