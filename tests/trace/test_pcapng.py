"""Sections, interfaces, clocks and blocks of pcapng."""

import struct
import subprocess
from pathlib import Path

import pytest

from sipconform.trace.packet import Packet
from tests.support import require_program
from tests.trace.capture_files import (
    ETHERNET,
    RAW,
    T0,
    block,
    codes,
    datagram,
    enhanced,
    interface,
    option,
    read,
    section,
    sip,
)

ETHERNET_HEADER = b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0"


def packets_of(path: Path, *blocks: bytes) -> list[Packet]:
    path.write_bytes(b"".join(blocks))
    packets, _, notes = read(path)
    assert notes == []
    return packets


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders(tmp_path: Path, order: str) -> None:
    packets = packets_of(
        tmp_path / "c",
        section(order),
        interface(RAW, order=order),
        enhanced(T0 // 1000, datagram(sip()), order=order),
    )
    assert [(p.time_ns, p.payload, p.frames) for p in packets] == [(T0, sip(), (1,))]


@pytest.mark.parametrize(
    ("resolution", "stamp", "expected"),
    [
        (3, 1_700_000_000_123, 1_700_000_000_123_000_000),
        (6, 1_700_000_000_123_456, 1_700_000_000_123_456_000),
        (9, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
        (12, 1_700_000_000_123_456, 1_700_000_000_123),
        (0x80 | 10, 1_700_000_000 << 10 | 512, 1_700_000_000_500_000_000),
        (0x80 | 32, 1_700_000_000 << 32 | 1 << 31, 1_700_000_000_500_000_000),
    ],
)
def test_any_time_resolution(tmp_path: Path, resolution: int, stamp: int, expected: int) -> None:
    described = interface(RAW, option(9, bytes([resolution])))
    (packet,) = packets_of(tmp_path / "c", section(), described, enhanced(stamp, datagram(sip())))
    assert packet.time_ns == expected


def test_a_time_offset_in_seconds(tmp_path: Path) -> None:
    described = interface(RAW, option(9, b"\x09") + option(14, struct.pack("<q", 1_000_000_000)))
    (packet,) = packets_of(tmp_path / "c", section(), described, enhanced(5, datagram(sip())))
    assert packet.time_ns == 1_000_000_000_000_000_005


def test_interfaces_of_different_links_and_a_second_section_of_the_other_order(tmp_path: Path) -> None:
    packets = packets_of(
        tmp_path / "c",
        section("<"),
        interface(RAW),
        interface(ETHERNET),
        enhanced(1, ETHERNET_HEADER + datagram(sip("a")), index=1),
        enhanced(2, datagram(sip("b"))),
        section(">"),
        interface(ETHERNET, order=">"),
        enhanced(3, ETHERNET_HEADER + datagram(sip("c")), order=">"),
    )
    assert [(p.payload, p.frames) for p in packets] == [(sip("a"), (1,)), (sip("b"), (2,)), (sip("c"), (3,))]


def test_unknown_blocks_are_passed_over(tmp_path: Path) -> None:
    packets = packets_of(
        tmp_path / "c",
        section(),
        block(4, b"\1\2\3\4" * 5),
        interface(RAW),
        block(0x0BAC, b"x" * 33),
        enhanced(1, datagram(sip())),
        block(5, b"\0" * 12),
    )
    assert [p.frames for p in packets] == [(1,)]


def test_the_obsolete_packet_block(tmp_path: Path) -> None:
    frame = datagram(sip())
    body = struct.pack("<HHIIII", 0, 0, 0, 7, len(frame), len(frame)) + frame
    (packet,) = packets_of(tmp_path / "c", section(), interface(RAW), block(2, body))
    assert (packet.time_ns, packet.payload) == (7000, sip())


def test_a_simple_packet_block_takes_the_time_of_the_frame_before(tmp_path: Path) -> None:
    frame = datagram(sip("b"))
    path = tmp_path / "c"
    simple = block(3, struct.pack("<I", len(frame)) + frame)
    path.write_bytes(section() + interface(RAW) + enhanced(7, datagram(sip("a"))) + simple)
    packets, _, notes = read(path)
    assert [(p.time_ns, p.payload, p.frames) for p in packets] == [
        (7000, sip("a"), (1,)),
        (7000, sip("b"), (2,)),
    ]
    assert [(note.code, note.frames) for note in notes] == [("no-time", (2,))]


@pytest.mark.parametrize(
    "damage",
    [
        enhanced(1, datagram(sip()))[:-3],
        b"\x06\0\0\0\x05\0\0\0" + b"\0" * 40,
        b"\x06\0\0\0\xff\xff\xff\xff" + b"\0" * 40,
        block(6, b"\0" * 8),
        b"\x0a\x0d\x0d\x0a" + b"\x1c\0\0\0" + b"\xff" * 20,
        b"\x06\0",
    ],
)
def test_damage_is_named_and_what_stood_before_it_kept(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "c"
    path.write_bytes(section() + interface(RAW) + enhanced(1, datagram(sip())) + damage)
    packets, _, notes = read(path)
    assert len(packets) == 1
    assert codes(notes) == ["truncated"]
    assert notes[0].frames == (2,)


def test_a_frame_of_an_undescribed_interface_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_bytes(section() + interface(RAW) + enhanced(1, datagram(sip()), index=3) + enhanced(2, datagram(sip())))
    packets, _, notes = read(path)
    assert [p.frames for p in packets] == [(2,)]
    assert [(note.code, note.frames) for note in notes] == [("damaged", (1,))]


@pytest.mark.parametrize(
    "other",
    [
        block(4, bytes(4)),
        block(9, b"__REALTIME_TIMESTAMP=1463540054021000\nMESSAGE=hello\n"),
        block(0x204, struct.pack("<HQQIH", 0, 1, 1, 26, 1) + bytes(8)),
        block(0x0BAD, struct.pack("<I", 32473) + bytes(8)),
        block(0x40000BAD, struct.pack("<I", 32473) + bytes(8)),
    ],
)
def test_frames_are_numbered_as_wireshark_numbers_them(tmp_path: Path, other: bytes) -> None:
    path = tmp_path / "c"
    path.write_bytes(section() + interface(RAW) + other + enhanced(1, datagram(sip())))
    command = [require_program("tshark"), "-r", str(path), "-Y", "sip", "-T", "fields", "-e", "frame.number"]
    seen = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert [p.frames for p in read(path)[0]] == [(int(seen),)]
