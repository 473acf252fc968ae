"""Every link layer we know, its frames built by scapy."""

import struct
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting
from scapy.layers.l2 import GRE, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether, Loopback
from scapy.layers.ppp import PPP, PPPoE
from scapy.packet import Packet as Layer
from scapy.packet import Padding

from sipconform.trace.exported import write_exported
from sipconform.trace.packet import Address
from tests.trace.capture_files import PHONE, PHONE6, SERVER, SERVER6, codes, datagram, pcap, read, sip

UDP_SIP = UDP(sport=5060, dport=5060) / sip()
V4 = IP(src=PHONE.host, dst=SERVER.host) / UDP_SIP
V6 = IPv6(src=PHONE6.host, dst=SERVER6.host) / UDP_SIP
MAC = "02:00:00:00:00:02"


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, Ether(dst=MAC) / V4),
        (1, Ether(dst=MAC) / V4 / Padding(b"\0" * 8)),
        (1, Ether(dst=MAC) / IP(src=PHONE.host, dst=SERVER.host, options=b"\x01" * 4) / UDP_SIP),
        (1, Ether(dst=MAC) / Dot1Q(vlan=7) / V4),
        (1, Ether(dst=MAC) / Dot1AD(vlan=7) / Dot1Q(vlan=8) / V4),
        (1, Ether(type=0x9100, dst=MAC) / Dot1Q(vlan=7, type=0x8100) / Dot1Q(vlan=8, type=0x8100) / Dot1Q(vlan=9) / V4),
        (1, Ether(dst=MAC) / PPPoE(sessionid=1) / PPP(proto=0x21) / V4),
        (113, CookedLinux() / V4),
        (276, CookedLinuxV2() / V4),
        (101, V4),
        (12, V4),
        (14, V4),
        (228, V4),
        (0, Loopback(type=2) / V4),
    ],
)
def test_ipv4_behind_every_link(tmp_path: Path, link: int, frame: Layer) -> None:
    packets, _, notes = read(pcap(tmp_path / "c", [bytes(frame)], link))
    assert [(p.source, p.destination, p.payload) for p in packets] == [(PHONE, SERVER, sip())]
    assert notes == []


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, Ether(dst=MAC) / V6),
        (1, Ether(dst=MAC) / Dot1Q(vlan=7) / V6),
        (113, CookedLinux() / V6),
        (276, CookedLinuxV2() / V6),
        (101, V6),
        (229, V6),
        (101, IPv6(src=PHONE6.host, dst=SERVER6.host) / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / UDP_SIP),
        (101, IPv6(src=PHONE6.host, dst=SERVER6.host) / IPv6ExtHdrRouting() / UDP_SIP),
    ],
)
def test_ipv6_behind_every_link(tmp_path: Path, link: int, frame: Layer) -> None:
    packets, _, notes = read(pcap(tmp_path / "c", [bytes(frame)], link))
    assert [(p.source, p.destination, p.payload) for p in packets] == [(PHONE6, SERVER6, sip())]
    assert notes == []


@pytest.mark.parametrize("family", [10, 24, 28, 30])
@pytest.mark.parametrize(("link", "order"), [(0, "<"), (0, ">"), (108, ">")])
def test_loopback_writes_families_as_its_system_numbers_them(
    tmp_path: Path, link: int, order: str, family: int
) -> None:
    packets, _, _ = read(pcap(tmp_path / "c", [struct.pack(order + "I", family) + bytes(V6)], link))
    assert [p.payload for p in packets] == [sip()]


def test_an_exported_pdu_says_who_spoke_to_whom(tmp_path: Path) -> None:
    frames = [write_exported("sip", PHONE, SERVER, sip("a")), write_exported("sip", PHONE6, SERVER6, sip("b"))]
    packets, _, notes = read(pcap(tmp_path / "c", frames, 252))
    assert [(p.source, p.destination, p.transport, p.payload) for p in packets] == [
        (PHONE, SERVER, "tcp", sip("a")),
        (PHONE6, SERVER6, "tcp", sip("b")),
    ]
    assert notes == []


def test_an_exported_pdu_of_something_else_is_named(tmp_path: Path) -> None:
    frames = [write_exported("http", PHONE, SERVER, b"GET / HTTP/1.1\r\n\r\n"), b"\0\x0c\0\xff"]
    packets, _, notes = read(pcap(tmp_path / "c", frames, 252))
    assert packets == []
    assert [(note.code, note.frames) for note in notes] == [("exported-pdu", (1,)), ("damaged", (2,))]


def test_an_unknown_link_type_is_named_once(tmp_path: Path) -> None:
    packets, _, notes = read(pcap(tmp_path / "c", [b"x" * 40] * 300, 195))
    assert packets == []
    assert codes(notes) == ["link-type"]
    assert "(300 times)" in notes[0].text
    assert notes[0].frames == tuple(range(1, 101))


@pytest.mark.parametrize(
    ("code", "frame"),
    [
        ("tunnel", IP(proto=47) / GRE(proto=0x0800) / V4),
        ("tunnel", IP(proto=4) / V4),
        ("tunnel", IP(proto=41) / V6),
        ("sctp", IP(proto=132) / (b"\x13\xc4" * 8 + sip())),
        ("esp", IP(proto=50) / (b"\xaa" * 64)),
        ("icmp-quote", IP(proto=1) / (b"\x03\x03" + b"\0" * 6 + bytes(V4))),
        ("icmp-quote", IPv6(nh=58) / (b"\x01\x04" + b"\0" * 6 + bytes(V6))),
        ("gtp", IP() / UDP(sport=2152, dport=2152) / (b"\x30\xff\0\0\0\0\0\1" + bytes(V4))),
        ("vxlan", IP() / UDP(sport=51_000, dport=4789) / (b"\x08" + b"\0" * 7 + bytes(Ether(dst=MAC) / V4))),
        ("hep", IP() / UDP(sport=51_000, dport=9060) / (b"HEP3\x01\0" + sip())),
        ("wrapped", IP() / UDP(sport=51_000, dport=51_001) / (b"\0\x07" + sip())),
        ("not-sip", IP() / UDP(sport=5060, dport=5060) / b"hello"),
        ("damaged", IP(proto=17) / b"\x13\xc4"),
        ("damaged", IP(proto=6) / b"\x13\xc4"),
    ],
)
def test_what_is_not_opened_is_named(tmp_path: Path, code: str, frame: Layer) -> None:
    packets, _, notes = read(pcap(tmp_path / "c", [datagram(sip()), bytes(frame)]))
    assert [p.frames for p in packets] == [(1,)]
    assert [(note.code, note.frames) for note in notes] == [(code, (2,))]


def test_sip_behind_an_unknown_ether_type_is_named(tmp_path: Path) -> None:
    frames = [
        bytes(Ether(type=0x8847, dst=MAC) / (b"\0\0\1\xff" + bytes(V4))),
        bytes(Ether(type=0x0806, dst=MAC) / b"arp"),
    ]
    packets, _, notes = read(pcap(tmp_path / "c", frames, 1))
    assert packets == []
    assert [(note.code, note.frames) for note in notes] == [("ether-type", (1,))]


@pytest.mark.parametrize("payload", [b"\r\n\r\n", b"\0\0\0\0", b"", b"\0\1\0\0\x21\x12\xa4\x42" + b"x" * 12])
def test_keep_alives_are_no_messages_and_no_trouble(tmp_path: Path, payload: bytes) -> None:
    packets, _, notes = read(pcap(tmp_path / "c", [datagram(payload)]))
    assert packets == []
    assert notes == []


def test_sip_is_known_by_its_content_on_any_port(tmp_path: Path) -> None:
    here, there = Address("192.0.2.9", 33_333), Address("192.0.2.10", 44_444)
    packets, _, _ = read(pcap(tmp_path / "c", [datagram(sip(), here, there), datagram(b"\x80\0" * 86, here, there)]))
    assert [(p.source, p.destination) for p in packets] == [(here, there)]


def exported_by_wireshark(dissector: str, frame: int, payload: bytes) -> bytes:
    """What Wireshark 4.0 writes for upper-layer PDUs: the number of the frame they came from among the tags."""
    tagged = write_exported(dissector, PHONE, SERVER, b"")
    return tagged.removesuffix(b"\0\0\0\0") + b"\0\x1e\0\4" + frame.to_bytes(4, "big") + b"\0\0\0\0" + payload


def test_what_wireshark_exports_twice_and_together_is_delivered_once_and_apart(tmp_path: Path) -> None:
    two = sip("a") + sip("b")
    frames = [
        exported_by_wireshark("sip", 8, two),
        exported_by_wireshark("sip", 8, two),
        exported_by_wireshark("sip", 9, two),
        exported_by_wireshark("sip", 10, sip("c", b"x", length=5)),
    ]
    packets, _, notes = read(pcap(tmp_path / "c", frames, 252))
    assert [(p.payload, p.frames) for p in packets] == [
        (sip("a"), (1,)),
        (sip("b"), (1,)),
        (sip("a"), (3,)),
        (sip("b"), (3,)),
        (sip("c", b"x", length=5), (4,)),
    ]
    assert notes == []


@pytest.mark.parametrize(
    "frame",
    [
        IP(src=PHONE.host, dst=SERVER.host, proto=51) / (b"\x11\x04" + bytes(22) + bytes(UDP_SIP)),
        IPv6(src=PHONE6.host, dst=SERVER6.host, nh=51) / (b"\x11\x04" + bytes(22) + bytes(UDP_SIP)),
    ],
)
def test_an_authentication_header_is_stepped_over(tmp_path: Path, frame: Layer) -> None:
    packets, _, notes = read(pcap(tmp_path / "c", [bytes(frame)]))
    assert [p.payload for p in packets] == [sip()]
    assert notes == []


@pytest.mark.parametrize("cut", [1, 19, 21, 30, 39, 47])
@pytest.mark.parametrize("packet", [bytes(V4), bytes(V6)], ids=["IPv4", "IPv6"])
def test_a_header_cut_anywhere_is_named(tmp_path: Path, packet: bytes, cut: int) -> None:
    packets, _, notes = read(pcap(tmp_path / "c", [packet], cut=cut))
    assert packets == []
    assert [(note.code, note.frames) for note in notes] == [("cut", (1,))]
