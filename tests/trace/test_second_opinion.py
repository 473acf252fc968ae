"""Our reader against pyshark, message for message, on every real capture."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from sipconform.sip.message import Message
from sipconform.trace.packet import Packet
from tests.support import SHARED_CAPTURES, missing, require_captures, require_program
from tests.trace.capture_files import read

READER = Path(__file__).with_name("pyshark_reader.py")
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


@pytest.fixture(scope="module")
def theirs() -> dict[str, list[Seen]]:
    """What pyshark sees in every capture."""
    require_program("tshark")
    if find_spec("pyshark") is None:
        missing("pyshark")
    folder = require_captures()
    paths = [str(folder / name) for name in REAL]
    said = subprocess.run([sys.executable, READER, *paths], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {name: [Seen(*row) for row in json.loads(line)] for name, line in zip(REAL, said.splitlines(), strict=True)}


@pytest.mark.parametrize("name", REAL)
def test_pyshark_sees_the_same_messages(name: str, theirs: dict[str, list[Seen]]) -> None:
    packets, _, _ = read(require_captures() / name)
    assert [ours(packet) for packet in packets] == theirs[name]


def test_there_are_real_captures_to_compare() -> None:
    require_captures()
    if len(REAL) < 40:
        missing("most of ../shared/captures")
