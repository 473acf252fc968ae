"""What we write, read back by us and by tshark."""

import io
import os
import struct
import subprocess
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_ntop

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipconform.trace.capture import read_capture, read_datagrams
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.packet import Address, Note, Observation, Packet
from tests.support import require_program
from tests.trace.capture_files import PHONE, PHONE6, SERVER, SERVER6, T0, read, sip

PORTS = st.integers(1, 65_535)
V4 = st.builds(Address, st.binary(min_size=4, max_size=4).map(lambda octets: inet_ntop(AF_INET, octets)), PORTS)
V6 = st.builds(Address, st.binary(min_size=16, max_size=16).map(lambda octets: inet_ntop(AF_INET6, octets)), PORTS)
PAIRS = st.tuples(V4, V4) | st.tuples(V6, V6)
TIMES = st.integers(0, 2**63)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
PAYLOADS = st.binary(min_size=1, max_size=600) | st.builds(sip, body=st.binary(max_size=3000))
PACKETS = st.builds(
    lambda time_ns, pair, transport, payload: Packet(time_ns, pair[0], pair[1], transport, payload),
    TIMES, PAIRS, st.sampled_from(["udp", "tcp", "tls"]), PAYLOADS,
)  # fmt: skip
OBSERVATIONS = st.builds(Observation, TIMES, TEXT, TEXT, st.dictionaries(TEXT, JSON, max_size=4), st.just(()))


@given(st.lists(PACKETS | OBSERVATIONS, max_size=15))
@settings(max_examples=150)
def test_every_packet_and_observation_comes_back(
    tmp_path_factory: pytest.TempPathFactory, items: list[Packet | Observation]
) -> None:
    path = tmp_path_factory.mktemp("round") / "trip.pcapng"
    with CaptureWriter(path) as writer:
        for item in items:
            writer.write(item)
    back = [item for item in read_capture(path) if not isinstance(item, Note)]  # what looks like a closed TLS is noted
    assert [item._replace(frames=()) for item in back] == items
    assert all(item.frames for item in back)


def test_messages_no_reader_could_frame_come_back_as_they_were_sent(tmp_path: Path) -> None:
    mangled = [
        sip("a", b"12345", length=3),
        sip("b", length=900),
        sip("c", b"x", length=None),
        b"garbage",
        b"\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
        sip("d", bytes(70_000)),
    ]
    sent = [Packet(T0 + n, PHONE, SERVER, t, p) for n, p in enumerate(mangled) for t in ("tcp", "tls")]
    sent += [Packet(T0, PHONE, SERVER, "udp", payload) for payload in [*mangled[:-1], b""]]
    with CaptureWriter(tmp_path / "c") as writer:
        for packet in sent:
            writer.write(packet)
    packets, _, notes = read(tmp_path / "c")
    assert [packet._replace(frames=()) for packet in packets] == sent
    assert notes == []


def test_media_is_kept_apart_from_messages(tmp_path: Path) -> None:
    rtp = Packet(T0, Address("192.0.2.1", 4000), Address("192.0.2.2", 5060), "udp", b"\x80\0" + bytes(170))
    with CaptureWriter(tmp_path / "c") as writer:
        writer.write(Packet(T0, PHONE, SERVER, "udp", sip()))
        writer.write_media(rtp)
    packets, _, notes = read(tmp_path / "c")
    assert [p.payload for p in packets] == [sip()]
    assert notes == []
    assert [p._replace(frames=()) for p in read_datagrams(tmp_path / "c")] == [rtp]


def test_what_was_written_is_on_disk_before_the_end(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path / "c")
    for count in range(1, 4):
        writer.write(Packet(T0, PHONE, SERVER, "udp", sip()))
        assert len(read(tmp_path / "c")[0]) == count
    writer.close()
    writer.close()


def test_a_file_given_open_stays_open() -> None:
    file = io.BytesIO()
    with CaptureWriter(file) as writer:
        writer.write(Packet(T0, PHONE, SERVER, "udp", sip()))
    assert not file.closed


def test_secrets_are_kept_for_whoever_has_the_ciphertext(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "c") as writer:
        writer.secrets(b"CLIENT_RANDOM 00 11\n")
    assert b"KSLT" + struct.pack("<I", 20) + b"CLIENT_RANDOM 00 11\n" in (tmp_path / "c").read_bytes()
    assert list(read_capture(tmp_path / "c")) == []


@pytest.mark.parametrize(("source", "target", "most"), [(PHONE, SERVER, 65_507), (PHONE6, SERVER6, 65_527)])
def test_the_longest_datagram_and_one_octet_more(tmp_path: Path, source: Address, target: Address, most: int) -> None:
    longest = Packet(T0, source, target, "udp", sip().ljust(most))
    with CaptureWriter(tmp_path / "c") as writer:
        writer.write(longest)
        with pytest.raises(ValueError, match=f"more than the {most} a datagram can hold"):
            writer.write(longest._replace(payload=longest.payload + b" "))
        writer.write(longest._replace(payload=sip()))
    assert [len(p.payload) for p in read(tmp_path / "c")[0]] == [most, len(sip())]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("host", ["localhost", "1.2.3", "1.2.3.999", "::1", "1:2"])
def test_what_is_no_address_is_refused_and_leaves_no_trace(tmp_path: Path, transport: str, host: str) -> None:
    with CaptureWriter(tmp_path / "c") as writer, pytest.raises(ValueError, match="IP"):
        writer.write(Packet(T0, Address(host, 5060), SERVER, transport, sip()))
    assert list(read_capture(tmp_path / "c")) == []


def tshark(path: Path, *arguments: str) -> list[list[str]]:
    program = require_program("tshark")
    command = [program, "-n", "-r", str(path), "-T", "fields"]
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(path.parent)}
    for name in arguments:
        command += ["-e", name] if not name.startswith("-") else name.split(" ", 1)
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environment)
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("source", "target"), [(PHONE, SERVER), (PHONE6, SERVER6)])
def test_tshark_reads_every_transport(tmp_path: Path, source: Address, target: Address) -> None:
    with CaptureWriter(tmp_path / "c", comment="a run") as writer:
        for transport in ("udp", "tcp", "tls"):
            writer.write(
                Packet(T0 + 5, source, target, transport, sip(transport, b"x" * 2000 if transport != "udp" else b""))
            )
            writer.write(
                Packet(T0 + 6, target, source, transport, b"SIP/2.0 200 OK\r\n" + sip(transport).split(b"\n", 1)[1])
            )
        writer.write(Observation(T0, "phone", "belief", {"dnd": True}))
    wanted = ["sip.Method", "sip.Status-Code", "sip.Call-ID", "frame.time_epoch"]
    rows = tshark(tmp_path / "c", *wanted, "-Y sip")
    assert [row[:3] for row in rows] == [
        ["MESSAGE", "", "udp"], ["", "200", "udp"],
        ["MESSAGE", "", "tcp"], ["", "200", "tcp"],
        ["MESSAGE", "", "tls"], ["", "200", "tls"],
    ]  # fmt: skip
    assert rows[0][3] == "1700000000.000000005"


@pytest.mark.parametrize("length", [0, 1, 2, 65_000])
def test_tshark_finds_every_checksum_right(tmp_path: Path, length: int) -> None:
    with CaptureWriter(tmp_path / "c") as writer:
        for source, target in ((PHONE, SERVER), (PHONE6, SERVER6)):
            for transport in ("udp", "tcp"):
                writer.write(Packet(T0, source, target, transport, bytes([length & 0xFF]) * length))
    checks = ["-o ip.check_checksum:TRUE", "-o udp.check_checksum:TRUE", "-o tcp.check_checksum:TRUE"]
    fields = ["ip.checksum.status", "udp.checksum.status", "tcp.checksum.status"]
    found = {value for row in tshark(tmp_path / "c", *checks, *fields) for value in row}
    assert found <= {"1", ""}
    assert "1" in found


def test_the_writer_names_itself_and_the_comment(tmp_path: Path) -> None:
    CaptureWriter(tmp_path / "c", comment="who ran what").close()
    head = (tmp_path / "c").read_bytes()
    assert b"sipconform" in head
    assert b"who ran what" in head
