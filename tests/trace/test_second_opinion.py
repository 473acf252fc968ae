"""Our reader against Wireshark's, through pyshark, octet for octet on every real capture."""

import importlib.util
from pathlib import Path

import pytest

from sipconform.trace.capture import read_capture
from sipconform.trace.errors import CaptureError
from sipconform.trace.packet import Note, Packet
from sipconform.trace.second_opinion import read_with_tshark
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
