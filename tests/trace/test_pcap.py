"""The classic format in all its spellings, and what is left of a damaged file."""

import gzip
from pathlib import Path

import pytest

from tests.trace.capture_files import PHONE, SERVER, T0, codes, datagram, pcap, read, sip


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [True, False])
def test_both_byte_orders_and_both_resolutions(tmp_path: Path, order: str, nano: bool) -> None:
    path = pcap(tmp_path / "c.pcap", [datagram(sip("a")), datagram(sip("b"))], order=order, nano=nano)
    packets, _, notes = read(path)
    assert notes == []
    assert [(p.time_ns, p.source, p.destination, p.transport, p.payload, p.frames) for p in packets] == [
        (T0, PHONE, SERVER, "udp", sip("a"), (1,)),
        (T0 + 1_000_000, PHONE, SERVER, "udp", sip("b"), (2,)),
    ]


def test_fcs_bits_beside_the_link_type_are_not_the_link_type(tmp_path: Path) -> None:
    packets, _, _ = read(pcap(tmp_path / "c.pcap", [datagram(sip())], link=101 | 0x50000000 | 0x04000000))
    assert len(packets) == 1


def test_a_gzip_file_of_several_members(tmp_path: Path) -> None:
    whole = pcap(tmp_path / "c.pcap", [datagram(sip("a")), datagram(sip("b"))]).read_bytes()
    packed = tmp_path / "c.gz"
    packed.write_bytes(gzip.compress(whole[:100]) + gzip.compress(whole[100:]) + b"\0" * 16)
    packets, _, notes = read(packed)
    assert [p.payload for p in packets] == [sip("a"), sip("b")]
    assert notes == []


@pytest.mark.parametrize("packed", [False, True])
def test_a_cut_record_is_named_and_what_stood_before_it_kept(tmp_path: Path, packed: bool) -> None:
    path = pcap(tmp_path / "c.pcap", [datagram(sip("a")), datagram(sip("b"))])
    data = path.read_bytes()
    path.write_bytes(gzip.compress(data)[:-60] if packed else data[:-5])
    packets, _, notes = read(path)
    assert [p.payload for p in packets] == [sip("a")][: len(packets)]
    assert "truncated" in codes(notes)


def test_a_cut_record_is_named_with_its_frame_number(tmp_path: Path) -> None:
    path = pcap(tmp_path / "c.pcap", [datagram(sip("a")), datagram(sip("b"))])
    path.write_bytes(path.read_bytes()[:-5])
    packets, _, notes = read(path)
    assert len(packets) == 1
    assert [(note.code, note.frames) for note in notes] == [("truncated", (2,))]


def test_an_impossible_record_length_ends_the_reading_with_a_note(tmp_path: Path) -> None:
    path = pcap(tmp_path / "c.pcap", [datagram(sip("a"))])
    path.write_bytes(path.read_bytes() + b"\xff" * 64)
    packets, _, notes = read(path)
    assert len(packets) == 1
    assert [(note.code, note.frames) for note in notes] == [("truncated", (2,))]


def test_a_snap_length_is_named_and_the_message_not_delivered(tmp_path: Path) -> None:
    path = pcap(tmp_path / "c.pcap", [datagram(sip("a")), datagram(sip("b"))], cut=90)
    packets, _, notes = read(path)
    assert packets == []
    assert [(note.code, note.frames) for note in notes] == [("cut", (1, 2))]
    assert "(2 times)" in notes[0].text


def test_records_longer_than_one_piece_of_the_file(tmp_path: Path) -> None:
    frames = [datagram(sip(str(n), b"x" * 60_000)) for n in range(40)]
    packets, _, notes = read(pcap(tmp_path / "c.pcap", frames))
    assert len(packets) == 40
    assert [p.frames for p in packets] == [(n,) for n in range(1, 41)]
    assert notes == []
