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


def test_a_contradiction_is_named_and_not_judged(tmp_path: Path) -> None:
    """Two datagrams that follow each other under one number make a message that nobody has sent."""
    pieces = fragments4()
    forged = bytearray(pieces[1])
    forged[-1] ^= 0xFF
    packets, _, notes = read(pcap(tmp_path / "c", [pieces[1], bytes(forged), pieces[0], *pieces[2:]]))
    assert packets == []
    assert codes(notes) == ["fragment-conflict"]
    assert notes[0].frames == tuple(range(1, len(pieces) + 2))


def test_an_overlap_that_says_the_same_is_named_and_read() -> None:
    notes = Notes()
    fragments = Fragments(notes)
    assert fragments.join("a", Piece(0, b"12345678", False), 1, 0) is None
    assert fragments.join("a", Piece(0, b"123456789", True), 2, 0) is None
    assert fragments.join("a", Piece(8, b"9", True), 3, 0) == (b"123456789", (1, 2, 3))
    assert codes(list(notes.drain())) == ["fragment-overlap"]


def test_the_end_of_another_datagram_is_not_the_end_of_this_one(tmp_path: Path) -> None:
    """Each has lost a fragment, and nothing but the length tells that they are two."""
    mine, other = fragments4(), fragments4(sip("other", b"y" * 900))
    packets, _, notes = read(pcap(tmp_path / "c", [mine[0], other[-1]]))
    assert packets == []
    assert codes(notes) == ["fragment-conflict"]


def test_a_number_that_comes_again_later_is_that_of_another_datagram() -> None:
    notes = Notes()
    fragments = Fragments(notes)
    assert fragments.join("a", Piece(0, b"12345678", False), 1, 0) is None
    assert fragments.join("a", Piece(0, b"abcdefgh", False), 2, 3_000_000_000) is None
    assert fragments.join("a", Piece(8, b"i", True), 3, 3_000_000_000) == (b"abcdefghi", (2, 3))
    assert [(note.code, note.frames) for note in notes.drain()] == [("fragment", (1,))]


def test_what_is_caught_twice_is_neither_two_datagrams_nor_half_a_one(tmp_path: Path) -> None:
    """The last fragment's copy comes when the datagram is whole already."""
    twice = [piece for piece in fragments4() for _ in range(2)]
    packets, _, notes = read(pcap(tmp_path / "c", twice))
    assert ([p.payload for p in packets], notes) == ([LONG], [])


def test_what_is_sent_again_under_its_number_is_a_datagram_of_its_own() -> None:
    fragments = Fragments(Notes())
    pieces = [Piece(0, b"12345678", False), Piece(8, b"9", True)]
    for seconds in (0, 0.5, 1.5):
        first, second = (fragments.join("a", piece, 1, round(seconds * 1e9)) for piece in pieces)
        assert (first, second) == (None, (b"123456789", (1, 1)))


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
