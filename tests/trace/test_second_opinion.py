"""Our reader against pyshark, message for message, on every real capture."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sipconform.sip.message import Message
from sipconform.trace.packet import Packet
from tests.support import SHARED_CAPTURES, missing, require_captures, require_program
from tests.trace.capture_files import read

REAL = sorted(path.relative_to(SHARED_CAPTURES).as_posix() for path in SHARED_CAPTURES.glob("*/*.pcap"))


class Seen(NamedTuple):
    """What both readers are asked of a message. `datagram` is None for what came over TCP."""

    frame: int
    source: str
    destination: str
    start_line: str
    call_id: str
    datagram: str | None


def ours(packet: Packet) -> Seen:
    message = Message(packet.payload)
    return Seen(
        packet.frames[-1],
        str(packet.source),
        str(packet.destination),
        message.start_line.decode(),
        message.text("Call-ID"),
        packet.payload.hex() if packet.transport == "udp" else None,
    )


def theirs(path: Path) -> Iterator[Seen]:
    try:
        import pyshark  # noqa: PLC0415 - not installed everywhere
    except ImportError:
        missing("pyshark")
    # An ICMP error quotes SIP and a tunnel hides it: neither is a message to us.
    with pyshark.FileCapture(str(path), display_filter="sip && !icmp && !gtp", keep_packets=False) as capture:
        for frame in capture:
            yield from _layers(frame)


def _layers(frame: Any) -> Iterator[Seen]:
    transport = frame.udp if "UDP" in frame else frame.tcp
    network = frame.ip if "IP" in frame else frame.ipv6
    for sip in frame.get_multiple_layers("sip"):
        yield Seen(
            int(frame.number),
            f"{network.src}:{transport.srcport}",
            f"{network.dst}:{transport.dstport}",
            str(sip.get("request_line") or sip.get("status_line")),
            str(sip.get("call_id") or ""),
            str(transport.payload).replace(":", "") if "UDP" in frame else None,
        )


@pytest.mark.parametrize("name", REAL)
def test_pyshark_sees_the_same_messages(name: str) -> None:
    require_program("tshark")
    path = require_captures() / name
    packets, _, _ = read(path)
    assert [ours(packet) for packet in packets] == list(theirs(path))


def test_there_are_real_captures_to_compare() -> None:
    require_captures()
    if len(REAL) < 40:
        missing("most of ../shared/captures")
