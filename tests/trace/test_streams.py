"""TCP as it is caught: cut, shuffled, repeated, overlapping, beginning anywhere, with holes, closed and reused."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.trace.build import ACK, RST, SYN, tcp_packet
from sipconform.trace.ip import IpPacket
from sipconform.trace.notes import Notes
from sipconform.trace.packet import Address, Note, Packet
from sipconform.trace.streams import Streams
from sipconform.trace.tcp import FIN
from tests.trace.capture_files import PHONE, SERVER, codes, pcap, read, sip

SECOND = 1_000_000_000
LONG = sip("long", b"x" * 5000)


class Sent(NamedTuple):
    """A segment of a test: who sends, where in its stream (the SYN being octet 0), what, and when."""

    at: int
    data: bytes = b""
    flags: int = ACK
    source: Address = PHONE
    destination: Address = SERVER
    acked: int = 0
    second: float = 0


def follow(segments: Sequence[Sent], start: int = 4_294_967_000) -> tuple[list[Packet], list[Note]]:
    """What comes out of segments; sequence numbers begin shortly before they wrap."""
    notes = Notes()
    packets = list(_follow(segments, start, Streams(notes)))
    return packets, list(notes.drain())


def _follow(segments: Sequence[Sent], start: int, streams: Streams) -> Iterator[Packet]:
    for frame, sent in enumerate(segments, 1):
        packet = tcp_packet(
            sent.source, sent.destination, start + sent.at, start + sent.acked, flags=sent.flags, payload=sent.data
        )
        caught = IpPacket(sent.source.host, sent.destination.host, 6, packet[20:], (frame,))
        yield from streams.segment(caught, int(sent.second * SECOND) + frame)
    yield from streams.close()


def cut(data: bytes, sizes: Sequence[int], at: int = 1) -> list[Sent]:
    """The stream in segments of these sizes."""
    segments, position = [], 0
    for size in (*sizes, len(data)):
        if piece := data[position : position + size]:
            segments.append(Sent(at + position, piece))
        position += size
    return segments


def back(data: bytes = b"", at: int = 1, flags: int = ACK, acked: int = 0, second: float = 0) -> Sent:
    """A segment of the server's."""
    return Sent(at, data, flags, SERVER, PHONE, acked, second)


STREAM = [sip("a"), LONG, sip("b", b"12345"), sip("c")]


@given(st.lists(st.integers(1, 1500), max_size=12), st.integers(0, 2**32), st.booleans())
def test_cut_anywhere_shuffled_and_repeated(sizes: list[int], seed: int, syn: bool) -> None:
    random = Random(seed)
    segments = cut(b"\r\n\r\n".join(STREAM), sizes)
    segments += random.sample(segments, len(segments) // 2)
    random.shuffle(segments)
    packets, notes = follow([Sent(0, flags=SYN), *segments])
    assert [p.payload for p in packets] == STREAM
    assert notes == []


def test_frames_and_time_are_those_of_the_segments_that_brought_the_message() -> None:
    whole = sip("a") + LONG
    packets, _ = follow([Sent(0, flags=SYN), *cut(whole, [100, len(sip("a")) - 50, 1000, 1000])])
    assert [(p.frames, p.time_ns) for p in packets] == [((2, 3), 3), ((3, 4, 5, 6), 6)]
    assert {(p.source, p.destination, p.transport) for p in packets} == {(PHONE, SERVER, "tcp")}


def test_a_filled_hole_completes_the_message_in_the_frame_that_filled_it() -> None:
    first, second, third = cut(LONG, [1000, 1000])
    packets, notes = follow([Sent(0, flags=SYN), first, third, second])
    assert [(p.payload, p.frames, p.time_ns) for p in packets] == [(LONG, (2, 3, 4), 4)]
    assert notes == []


def test_overlapping_segments() -> None:
    segments = [Sent(1, LONG[:1000]), Sent(501, LONG[500:2000]), Sent(901, LONG[900:1500]), Sent(1501, LONG[1500:])]
    packets, notes = follow(segments)
    assert [p.payload for p in packets] == [LONG]
    assert notes == []


def test_a_capture_that_begins_in_the_middle_of_a_message() -> None:
    for sizes in ([700, 700], [len(LONG) - 3000], [100]):
        packets, notes = follow(cut(LONG[3000:] + sip("next") + sip("last"), sizes))
        assert [p.payload for p in packets] == [sip("next"), sip("last")]
        assert notes == []


def test_a_hole_the_peer_has_acknowledged_is_given_up_and_named() -> None:
    first, _, third = cut(LONG, [1000, 1000])
    after = 1 + len(LONG)
    packets, notes = follow([
        Sent(0, flags=SYN), first, third, back(acked=after, second=0.1), Sent(after, sip("b"), second=5),
        back(acked=after + len(sip("b")), second=5), Sent(after + len(sip("b")), sip("c"), second=9),
    ])  # fmt: skip
    assert [p.payload for p in packets] == [sip("b"), sip("c")]
    assert codes(notes) == ["tcp-gap"]
    assert 2 in notes[0].frames


def test_a_hole_nobody_acknowledged_is_waited_for() -> None:
    first, second, third = cut(LONG, [1000, 1000])
    packets, notes = follow([Sent(0, flags=SYN), first, third, back(second=20), second._replace(second=30)])
    assert [p.payload for p in packets] == [LONG]
    assert notes == []


def test_a_message_the_capture_cuts_is_named_and_not_delivered() -> None:
    packets, notes = follow([Sent(0, flags=SYN), Sent(1, sip("a") + LONG[:500])])
    assert [p.payload for p in packets] == [sip("a")]
    assert [(note.code, note.frames) for note in notes] == [("truncated", (2,))]


@pytest.mark.parametrize("closing", [FIN | ACK, RST])
def test_a_message_its_sender_cuts_is_delivered_with_a_note(closing: int) -> None:
    packets, notes = follow([Sent(0, flags=SYN), Sent(1, LONG[:500]), Sent(501, flags=closing)])
    assert [p.payload for p in packets] == [LONG[:500]]
    assert codes(notes) == ["framing"]


def test_a_message_cut_by_its_receivers_reset_is_not_laid_at_the_senders_door() -> None:
    packets, notes = follow([Sent(0, flags=SYN), Sent(1, LONG[:500]), back(flags=RST)])
    assert packets == []
    assert codes(notes) == ["truncated"]


@pytest.mark.parametrize("ending", [Sent(1 + len(sip("a", b"x", None)), flags=FIN | ACK), back(sip("r")), None])
def test_a_message_without_content_length_ends_with_the_stream_or_with_the_answer(ending: Sent | None) -> None:
    headless = sip("a", b"x", length=None)
    packets, notes = follow([Sent(0, flags=SYN), Sent(1, headless), *([ending] if ending else [])])
    assert packets[0].payload == headless
    assert codes(notes) == ["framing"]


def test_both_directions_are_streams_of_their_own() -> None:
    packets, _ = follow([Sent(1, LONG[:100]), back(sip("r")), Sent(101, LONG[100:])])
    assert [(p.source, p.payload) for p in packets] == [(SERVER, sip("r")), (PHONE, LONG)]


def test_ports_used_again_are_another_connection() -> None:
    again = 90_000_000
    packets, notes = follow([
        Sent(0, flags=SYN), back(at=0, flags=SYN | ACK), Sent(1, sip("a")), back(sip("r")),
        Sent(again, flags=SYN), back(at=again, flags=SYN | ACK), Sent(again + 1, sip("b")), back(sip("s"), again + 1),
    ])  # fmt: skip
    assert [p.payload for p in packets] == [sip("a"), sip("r"), sip("b"), sip("s")]
    assert notes == []


def test_ports_used_again_unseen_are_another_connection_too() -> None:
    packets, _ = follow([Sent(1, sip("a")), Sent(900_000_000, sip("b"))])
    assert [p.payload for p in packets] == [sip("a"), sip("b")]


def test_what_is_repeated_after_the_close_is_not_delivered_again() -> None:
    close = 1 + len(sip("a"))
    ended = [
        Sent(0, flags=SYN),
        Sent(1, sip("a")),
        Sent(close, flags=FIN | ACK),
        back(flags=FIN | ACK),
        back(flags=RST),
    ]
    packets, notes = follow([*ended, Sent(1, sip("a")), Sent(0, flags=SYN)])
    assert [p.payload for p in packets] == [sip("a")]
    assert notes == []


def test_a_keep_alive_probe_is_nothing() -> None:
    packets, notes = follow([Sent(1, sip("a")), Sent(len(sip("a")), b"\0"), Sent(1 + len(sip("a")), sip("b"))])
    assert [p.payload for p in packets] == [sip("a"), sip("b")]
    assert notes == []


def test_a_message_with_a_body_left_over_is_named() -> None:
    short = sip("a", b"0123456789", length=2)
    packets, notes = follow([Sent(1, short), Sent(1 + len(short), sip("b"))])
    assert [p.payload for p in packets] == [short[:-8], sip("b")]
    assert codes(notes) == ["not-sip"]


@pytest.mark.parametrize("hello", [b"\x16\x03\x01\x02\x00\x01", b"\x17\x03\x03\x00\x20", b"\x15\x03\x03\x00\x02"])
def test_tls_is_told_by_its_records_on_any_port(hello: bytes) -> None:
    notes = Notes()
    streams = Streams(notes)
    assert list(_follow([Sent(0, flags=SYN), Sent(1, hello), back(b"\x16\x03\x03"), Sent(7, sip())], 0, streams)) == []
    assert streams.tls == {frozenset((PHONE, SERVER)): (2,)}


def test_tls_caught_in_the_middle_of_a_record_is_told_by_its_port() -> None:
    notes = Notes()
    streams = Streams(notes)
    sips = Address("192.0.2.2", 5061)
    assert list(_follow([Sent(1, b"\xf3\x99" * 50, destination=sips)], 0, streams)) == []
    assert streams.tls == {frozenset((PHONE, sips)): (1,)}


def test_websocket_is_named() -> None:
    opening = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
    packets, notes = follow([Sent(1, opening), back(b"\x81\x7e\x01\x02" + sip())])
    assert packets == []
    assert codes(notes) == ["websocket"]


def test_other_protocols_are_passed_over_in_silence_and_small_memory() -> None:
    notes = Notes()
    streams = Streams(notes)
    segments = [Sent(1 + n * 1000, b"HTTP/1.1 200 OK\r\n" * 58 + b"\r\n" * 7) for n in range(500)]
    assert list(_follow(segments[:-1], 0, streams)) == []
    assert list(notes.drain()) == []


def test_memory_is_bounded_by_what_waits_behind_a_hole() -> None:
    notes = Notes()
    streams = Streams(notes)
    segments = [Sent(0, flags=SYN), Sent(1, LONG[:100]), *(Sent(3000 + n * 1400, b"z" * 1400) for n in range(2000))]
    for frame, sent in enumerate(segments, 1):
        packet = tcp_packet(PHONE, SERVER, sent.at, 0, flags=sent.flags, payload=sent.data)
        list(streams.segment(IpPacket(PHONE.host, SERVER.host, 6, packet[20:], (frame,)), frame))
        assert streams._held < 3 << 20
    assert codes(list(notes.drain())) == ["tcp-gap"]


def test_the_longest_silent_connection_is_given_up_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipconform.trace.streams.CONNECTIONS_KEPT", 10)
    many = [Sent(1, LONG[:100], source=Address("192.0.2.1", port)) for port in range(1000, 1030)]
    packets, notes = follow(many)
    assert packets == []
    assert codes(notes) == ["truncated"]
    assert notes[0].frames == tuple(range(1, 31))


def test_a_capture_file_with_tcp_in_it(tmp_path: Path) -> None:
    first = tcp_packet(PHONE, SERVER, 1, 0, flags=ACK, payload=LONG[:700])
    second = tcp_packet(PHONE, SERVER, 701, 0, flags=ACK, payload=LONG[700:])
    packets, _, notes = read(pcap(tmp_path / "c", [second, first, second]))
    assert [(p.payload, p.frames) for p in packets] == [(LONG, (2, 3))] or packets == []
    assert notes == [] or packets


def test_tls_connections_beyond_those_remembered_are_still_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipconform.trace.streams.TLS_CONNECTIONS_KEPT", 3)
    notes = Notes()
    streams = Streams(notes)
    many = [Sent(1, b"\x16\x03\x01", source=Address("192.0.2.1", port)) for port in range(1000, 1010)]
    assert list(_follow(many, 0, streams)) == []
    assert len(streams.tls) == 3
    assert [(note.code, len(note.frames)) for note in notes.drain()] == [("tls", 7)]


def test_all_connections_together_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipconform.trace.streams.OCTETS_KEPT", 100_000)
    notes = Notes()
    streams = Streams(notes)
    halves = [Sent(1, LONG[:4000], source=Address("192.0.2.1", port)) for port in range(1000, 1100)]
    for frame, sent in enumerate(halves, 1):
        packet = tcp_packet(sent.source, SERVER, 1, 0, flags=ACK, payload=sent.data)
        assert list(streams.segment(IpPacket(PHONE.host, SERVER.host, 6, packet[20:], (frame,)), frame)) == []
        assert streams._held == sum(connection.held for connection in streams._connections.values()) <= 100_000
    assert codes(list(notes.drain())) == ["truncated"]
