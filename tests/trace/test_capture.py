"""Whole captures: the real ones, the damaged ones, and what is no capture."""

import csv
import gzip
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sipconform.sip.message import Message
from sipconform.trace.capture import CaptureError, read_capture, read_datagrams
from sipconform.trace.packet import Note, Packet
from tests.support import SHARED_CAPTURES, require_captures
from tests.trace.capture_files import RAW, datagram, enhanced, interface, pcap, read, section, sip

REAL = sorted(path.relative_to(SHARED_CAPTURES).as_posix() for path in SHARED_CAPTURES.glob("*/*.pcap"))
GTP = "arkime+arkime__gtp-iphone.pcap"  # its 17 messages are inside a tunnel that is not opened


def real(name: str) -> Path:
    return require_captures() / name


def test_published_captures_have_as_many_messages_as_their_index_says(shared_captures: Path) -> None:
    with (shared_captures / "public" / "INDEX.tsv").open(newline="") as rows:
        index = {row["file"]: int(row["sip_messages"]) for row in csv.DictReader(rows, delimiter="\t")}
    found = {name: len(read(shared_captures / "public" / name)[0]) for name in index}
    assert found == index | {GTP: 0}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (GTP, [("gtp", 20)]),
        ("CESNET+ipfixprobe__sip.pcap", [("icmp-quote", 5)]),
        ("OISF+suricata-verify__sip-body-large.pcap", []),
        ("zeek+zeek__sip-junk-before-request.pcap", []),
    ],
)
def test_what_was_not_opened_is_named(name: str, expected: list[tuple[str, int]]) -> None:
    _, _, notes = read(real("public/" + name))
    assert [(note.code, len(note.frames)) for note in notes] == expected


def test_a_real_message_of_many_segments() -> None:
    packets, _, _ = read(real("public/OISF+suricata-verify__sip-body-large.pcap"))
    invite = Message(packets[0].payload)
    assert len(invite.body) == int(invite.text("Content-Length")) > 60_000
    assert len(packets[0].frames) > 3


@pytest.mark.parametrize("name", REAL)
def test_frames_and_times_only_grow(name: str) -> None:
    packets, _, _ = read(real(name))
    assert [p.time_ns for p in packets] == sorted(p.time_ns for p in packets)
    assert all(p.frames == tuple(sorted(set(p.frames))) and p.frames[0] > 0 for p in packets)


def test_audio_is_there_for_those_who_listen() -> None:
    path = real("phones/baresip-call.pcap")
    audio = list(read_datagrams(path))
    messages, _, _ = read(path)
    assert len(audio) > 100
    assert not {p.frames for p in audio} & {p.frames for p in messages}
    most = Counter(p.payload[0] >> 6 for p in audio).most_common(1)
    assert most[0][0] == 2  # RTP's version


# -- what is no capture -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (b"x", "not a pcap"),
        (b"Via: SIP/2.0/UDP hello\r\n", "not a pcap"),
        (gzip.compress(b"hello", mtime=0), "not a pcap"),
        (b"\x1f\x8b\x08\x00garbage that is no gzip", "not a pcap"),
    ],
)
def test_what_is_no_capture_is_refused_in_one_sentence(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "thing"
    path.write_bytes(content)
    for reader in (read_capture, read_datagrams):
        with pytest.raises(CaptureError, match=what) as caught:
            list(reader(path))
        assert caught.value.path == path
        assert caught.value.do


def test_a_small_file_that_unpacks_to_a_mountain_is_read_only_to_its_foot(tmp_path: Path) -> None:
    """Nothing would be found in it, and the reading would not end."""
    path = pcap(tmp_path / "c", [datagram(sip())])
    path.write_bytes(gzip.compress(path.read_bytes() + bytes(1 << 26)))
    packets, _, notes = read(path)
    assert [p.payload for p in packets] == [sip()]
    assert {note.code for note in notes} == {"truncated"}
    assert "unpacks to more than 500 times its size" in notes[-1].text


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(CaptureError, match="cannot be read"):
            list(read_capture(path))


def test_a_missing_key_log_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    path = pcap(tmp_path / "c", [datagram(sip())])
    with pytest.raises(CaptureError, match="key-log"):
        next(iter(read_capture(path, keylog=tmp_path / "nothing")))


@pytest.mark.parametrize("content", [section(), section() + interface(RAW)])
def test_a_capture_without_frames_has_nothing_to_say(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c").write_bytes(content)
    assert list(read_capture(tmp_path / "c")) == []
    assert list(read_capture(pcap(tmp_path / "d", []))) == []


def samples() -> list[bytes]:
    """Small captures of several kinds, to be spoilt."""
    blocks = [section(), interface(RAW), *(enhanced(n, datagram(sip(str(n)))) for n in range(3))]
    paths = sorted(SHARED_CAPTURES.glob("public/*.pcap")) if SHARED_CAPTURES.is_dir() else []
    return [b"".join(blocks), *(path.read_bytes()[:4000] for path in paths)]


@given(
    st.sampled_from(samples()),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=12),
    st.integers(0, 4000),
    st.booleans(),
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spoilt_captures_never_raise_anything_but_capture_error(
    tmp_path: Path, data: bytes, spots: list[tuple[int, int]], kept: int, packed: bool
) -> None:
    spoilt = bytearray(data)
    for at, value in spots:
        spoilt[at % len(spoilt)] = value
    content = bytes(spoilt[:kept])
    path = tmp_path / "spoilt"
    path.write_bytes(gzip.compress(content)[: kept or None] if packed else content)
    try:
        items = list(read_capture(path))
        list(read_datagrams(path))
    except CaptureError:
        return
    assert all(isinstance(item, Packet | Note) for item in items)
