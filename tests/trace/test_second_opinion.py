"""Our reader against Wireshark's, through pyshark, octet for octet on every real capture."""

import importlib.util
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

from sipconform.trace.capture import read_capture
from sipconform.trace.errors import CaptureError
from sipconform.trace.packet import Note, Packet
from sipconform.trace.second_opinion import TAIL, _readable, read_with_tshark
from tests.support import SHARED_CAPTURES, missing, require_captures, require_program

REAL = sorted(path.relative_to(SHARED_CAPTURES).as_posix() for path in SHARED_CAPTURES.glob("*/*.pcap"))
TUNNELLED = {"public/arkime+arkime__gtp-iphone.pcap": 17}  # messages that only Wireshark opens: GTP


def require_pyshark() -> None:
    require_program("tshark")
    if importlib.util.find_spec("pyshark") is None:
        missing("pyshark")


def packets(evidence: object) -> list[Packet]:
    """With the last frame only: Wireshark tells a reassembled message where it became whole."""
    assert hasattr(evidence, "__iter__")
    return [item._replace(frames=item.frames[-1:]) for item in evidence if isinstance(item, Packet)]


@pytest.mark.parametrize("name", REAL)
def test_both_readers_see_the_same_messages(name: str) -> None:
    require_pyshark()
    path = require_captures() / name
    ours, theirs = list(read_capture(path)), packets(read_with_tshark(path))
    if name in TUNNELLED:
        assert packets(ours) == []
        assert [item.code for item in ours if isinstance(item, Note)] == ["gtp"]
        assert len(theirs) == TUNNELLED[name]
    else:
        assert packets(ours) == theirs


def test_there_are_real_captures_to_compare() -> None:
    require_captures()
    if len(REAL) < 40:
        missing("most of ../shared/captures")


MESSAGES = [
    b"OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nCall-ID: c%d\r\nCSeq: %d OPTIONS\r\nContent-Length: 40\r\n\r\n%s"
    % (number, number, b"x" * 40)
    for number in range(1, 7)
]


def segments(size: int, together: int) -> list[tuple[int, bytes]]:
    """A TCP stream in pieces of at most `size` octets, so many messages sent at a time: (where it begins, octets)."""
    pieces, at = [], 0
    for first in range(0, len(MESSAGES), together):
        octets = b"".join(MESSAGES[first : first + together])
        pieces += [(at + k, octets[k : k + size]) for k in range(0, len(octets), size)]
        at += len(octets)
    return pieces


def stream(path: Path, pieces: list[tuple[int, bytes]]) -> Path:
    ends = Ether() / IP(src="192.0.2.10", dst="192.0.2.1") / TCP(sport=40000, dport=5060, flags="PA", seq=99)
    frames = [ends.copy()]
    frames[0][TCP].flags = "S"
    for at, octets in pieces:
        frame = ends.copy() / Raw(octets)
        frame[TCP].seq = 100 + at
        frames.append(frame)
    for number, frame in enumerate(frames):
        frame.time = 1_700_000_000 + number / 1000
    wrpcap(str(path), frames)
    return path


def swapped(pieces: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Every second piece before the one it follows, as on a way of two paths."""
    return [piece for at in range(0, len(pieces), 2) for piece in reversed(pieces[at : at + 2])]


@pytest.mark.parametrize(
    "pieces",
    [segments(5000, 1), segments(50, 1), segments(5000, 2), segments(50, 3), swapped(segments(50, 1))],
    ids=["whole", "in pieces", "two in a segment", "three, in pieces", "out of order"],
)
def test_both_readers_see_the_same_of_a_tcp_stream(pieces: list[tuple[int, bytes]], tmp_path: Path) -> None:
    require_pyshark()
    path = stream(tmp_path / "stream.pcap", pieces)
    ours, theirs = packets(read_capture(path)), packets(read_with_tshark(path))
    assert [item.payload for item in ours] == MESSAGES
    assert ours == theirs


def test_a_message_of_which_a_piece_is_missing_is_left_out_and_said(tmp_path: Path) -> None:
    require_pyshark()
    pieces = segments(50, 1)
    path = stream(tmp_path / "stream.pcap", [*pieces[:4], *pieces[5:]])
    ours, theirs = list(read_capture(path)), list(read_with_tshark(path))
    assert packets(ours) == packets(theirs)
    assert [item.payload for item in packets(ours)] == [MESSAGES[0], *MESSAGES[2:]]
    assert any(isinstance(item, Note) for item in ours)
    assert [item.text for item in theirs if isinstance(item, Note)] == [TAIL]


def test_what_tshark_tells_in_another_shape_is_a_note() -> None:
    class Odd:
        number = 7

        def __getattr__(self, name: str) -> object:
            raise AttributeError(name)

    (told,) = _readable(Odd())
    assert told["frame"] == 7
    assert "is not understood" in told["unread"]


def test_what_is_no_capture_is_refused(tmp_path: Path) -> None:
    require_pyshark()
    path = tmp_path / "nothing.pcap"
    path.write_bytes(b"no capture at all, but some octets")
    with pytest.raises(CaptureError, match="tshark could not read it"):
        list(read_with_tshark(path))


def test_a_capture_that_breaks_off_is_read_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    require_pyshark()
    whole = (require_captures() / "kamailio" / "sca-04-hold.pcap").read_bytes()
    path = tmp_path / "cut.pcap"
    path.write_bytes(whole[:-30])
    seen = list(read_with_tshark(path))
    assert len(packets(seen)) == 18
    assert [item.code for item in seen if isinstance(item, Note)] == ["tshark"]
