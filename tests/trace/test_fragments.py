"""Fragments of both IP versions, in any order, repeated, overlapping, and never completed."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6

from sipconform.trace.fragments import Fragments, Piece
from sipconform.trace.notes import Notes
from tests.trace.capture_files import PHONE, PHONE6, SERVER, SERVER6, codes, datagram, pcap, read, sip

LONG = sip("long", bytes(range(256)) * 12)


def fragments4(payload: bytes = LONG) -> list[bytes]:
    packet = IP(src=PHONE.host, dst=SERVER.host, id=77) / UDP(sport=5060, dport=5060) / payload
    return [bytes(piece) for piece in packet.fragment(800)]  # type: ignore[no-untyped-call]


def fragments6(payload: bytes = LONG) -> list[bytes]:
    head = IPv6(src=PHONE6.host, dst=SERVER6.host) / IPv6ExtHdrFragment(id=77)
    packet = head / UDP(sport=5060, dport=5060) / payload
    return [bytes(piece) for piece in fragment6(packet, 1280)]  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("pieces", [fragments4(), fragments6()], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("order", ["as sent", "backwards", "last first", "all twice"])
def test_any_order_gives_the_datagram_at_the_time_of_the_last(tmp_path: Path, pieces: list[bytes], order: str) -> None:
    frames = {
        "as sent": pieces,
        "backwards": pieces[::-1],
        "last first": [pieces[-1], *pieces[:-1]],
        "all twice": [piece for piece in pieces[:-1] for _ in range(2)] + pieces[-1:],
    }[order]
    packets, _, notes = read(pcap(tmp_path / "c", [datagram(sip("before")), *frames, datagram(sip("after"))]))
    assert [p.payload for p in packets] == [sip("before"), LONG, sip("after")]
    assert len(packets[1].frames) == len(pieces)
    assert packets[1].frames[-1] == len(frames) + (0 if order == "all twice" else 1) + (order == "all twice")
    assert packets[1].time_ns == packets[2].time_ns - 1_000_000
    assert notes == []


def test_an_atomic_fragment_is_whole_by_itself(tmp_path: Path) -> None:
    frame = IPv6(src=PHONE6.host, dst=SERVER6.host) / IPv6ExtHdrFragment() / UDP(sport=5060, dport=5060) / sip()
    packets, _, notes = read(pcap(tmp_path / "c", [bytes(frame)]))
    assert [(p.source, p.payload) for p in packets] == [(PHONE6, sip())]
    assert notes == []


def test_two_datagrams_interleaved_are_kept_apart_by_their_ids(tmp_path: Path) -> None:
    other = sip("other", b"y" * 1000)
    packet = IP(src=PHONE.host, dst=SERVER.host, id=78) / UDP(sport=5060, dport=5060) / other
    first, *rest = map(bytes, packet.fragment(800))  # type: ignore[no-untyped-call]
    mine = fragments4()
    packets, _, notes = read(pcap(tmp_path / "c", [first, *mine[:2], *rest, *mine[2:]]))
    assert [p.payload for p in packets] == [other, LONG]
    assert notes == []


def test_an_overlap_is_named(tmp_path: Path) -> None:
    pieces = fragments4()
    forged = bytearray(pieces[1])
    forged[-1] ^= 0xFF
    packets, _, notes = read(pcap(tmp_path / "c", [pieces[1], bytes(forged), pieces[0], *pieces[2:]]))
    assert [p.payload for p in packets] == [LONG]
    assert codes(notes) == ["fragment-overlap"]
    assert set(packets[0].frames) <= set(notes[0].frames)


def test_what_never_becomes_whole_is_named(tmp_path: Path) -> None:
    packets, _, notes = read(pcap(tmp_path / "c", fragments4()[:-1]))
    assert packets == []
    assert [(note.code, note.frames) for note in notes] == [("fragment", tuple(range(1, len(fragments4()))))]


def test_a_late_fragment_belongs_to_another_datagram() -> None:
    notes = Notes()
    fragments = Fragments(notes)
    assert fragments.join("a", Piece(0, b"12345678", False), 1, 0) is None
    assert fragments.join("a", Piece(8, b"9", True), 2, 61_000_000_000) is None
    fragments.close()
    assert [(note.code, note.frames) for note in notes.drain()] == [("fragment", (1, 2))]


def test_memory_is_bounded_by_datagrams_and_by_pieces() -> None:
    notes = Notes()
    fragments = Fragments(notes)
    for key in range(5000):
        fragments.join(key, Piece(8, b"x", True), key, 0)
    for offset in range(1000):
        fragments.join("one", Piece(offset * 8 + 8, b"x" * 8, False), offset, 0)
    assert len(fragments._unfinished) <= 1025
    fragments.close()
    assert "(500" in next(iter(notes.drain())).text


@given(st.binary(min_size=1, max_size=400), st.lists(st.integers(1, 20), max_size=30), st.randoms())
@settings(max_examples=100)
def test_any_cut_in_any_order_gives_the_bytes_back(data: bytes, cuts: list[int], random: object) -> None:
    pieces, at = [], 0
    for size in cuts:
        if at + size * 8 >= len(data):
            break
        pieces.append(Piece(at, data[at : at + size * 8], False))
        at += size * 8
    pieces.append(Piece(at, data[at:], True))
    random.shuffle(pieces)  # type: ignore[attr-defined]
    fragments = Fragments(Notes())
    results = [fragments.join("key", piece, n, 0) for n, piece in enumerate(pieces)]
    assert results[:-1] == [None] * (len(pieces) - 1)
    assert results[-1] == (data, tuple(range(len(pieces))))
