"""A real TLS conversation, its ciphertext in a capture, opened with its secrets."""

import gzip
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from sipconform.trace.build import ACK, PSH, tcp_packet, udp_packet
from sipconform.trace.decrypt import read_line
from sipconform.trace.packet import Address, Packet
from tests.support import require_program
from tests.trace.capture_files import RAW, SERVER, block, codes, enhanced, interface, pcap, read, section, sip

CLIENT = Address("127.0.0.1", 40_000)
ANSWER = b"SIP/2.0 200 OK\r\n" + sip("split").split(b"\n", 1)[1]


class Conversation:
    """Both ends of a TLS connection on the standard library's ssl, and every record between them as a segment."""

    def __init__(self, keylog: Path, port: int, version: ssl.TLSVersion) -> None:
        authority = trustme.CA()
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(server)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.configure_trust(client)
        client.keylog_filename = str(keylog)
        client.minimum_version = client.maximum_version = version
        self._bios = [ssl.MemoryBIO() for _ in range(4)]
        self.client = client.wrap_bio(self._bios[0], self._bios[1], server_hostname="127.0.0.1")
        self.server = server.wrap_bio(self._bios[2], self._bios[3], server_side=True)
        self._addresses = CLIENT, Address("127.0.0.1", port)
        self._sent = [1, 1]
        self.frames: list[bytes] = []
        for _ in range(4):
            for end in (self.client, self.server):
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
                self.carry()

    def carry(self) -> None:
        """Takes what either end has written to the other, through the capture."""
        to_client, from_client, to_server, from_server = self._bios
        for way, source, target in ((0, from_client, to_server), (1, from_server, to_client)):
            if data := source.read():
                target.write(data)
                here, there = self._addresses[way], self._addresses[1 - way]
                numbers = self._sent[way], self._sent[1 - way]
                self.frames.append(tcp_packet(here, there, *numbers, flags=ACK | PSH, payload=data))
                self._sent[way] += len(data)

    def say(self, end: ssl.SSLObject, data: bytes) -> None:
        """One record from one end."""
        end.write(data)
        self.carry()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    return tmp_path / "keys.log"


def conversation(keylog: Path, port: int = 5061, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> list[bytes]:
    """Two messages in one record, one in two records, an answer; and SIP in the clear beside it."""
    talk = Conversation(keylog, port, version)
    talk.say(talk.client, sip("a") + sip("b"))
    talk.say(talk.client, sip("split")[:40])
    talk.frames.append(udp_packet(CLIENT, SERVER, sip("clear")))
    talk.say(talk.client, sip("split")[40:] + b"\r\n\r\n")
    talk.say(talk.server, ANSWER)
    return talk.frames


def summary(packets: list[Packet]) -> list[tuple[str, bytes]]:
    return [(packet.transport, packet.payload) for packet in packets]


EVERYTHING = [("tls", sip("a")), ("tls", sip("b")), ("udp", sip("clear")), ("tls", sip("split")), ("tls", ANSWER)]


@pytest.mark.parametrize("port", [5061, 15_061])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_key_log_opens_tls_on_any_port(tmp_path: Path, secrets: Path, port: int, version: ssl.TLSVersion) -> None:
    require_program("tshark")
    frames = conversation(secrets, port, version)
    packets, _, notes = read(pcap(tmp_path / "c", frames), secrets)
    assert summary(packets) == EVERYTHING
    assert notes == []
    assert [p.frames for p in packets[2:]] == [(len(frames) - 2,), (len(frames) - 3, len(frames) - 1), (len(frames),)]
    assert (packets[0].source, packets[0].destination) == (CLIENT, Address("127.0.0.1", port))
    assert (packets[4].source, packets[4].destination) == (Address("127.0.0.1", port), CLIENT)
    assert [p.time_ns for p in packets] == sorted(p.time_ns for p in packets)


@pytest.mark.parametrize("packed", [False, True])
def test_a_capture_may_carry_its_secrets(tmp_path: Path, secrets: Path, packed: bool) -> None:
    require_program("tshark")
    frames = conversation(secrets)
    keys = secrets.read_bytes()
    blocks = [section(), block(10, b"KSLT" + len(keys).to_bytes(4, "little") + keys), interface(RAW)]
    blocks += [enhanced(n * 1000, frame) for n, frame in enumerate(frames)]
    data = b"".join(blocks)
    (tmp_path / "c").write_bytes(gzip.compress(data) if packed else data)
    packets, _, notes = read(tmp_path / "c")
    assert summary(packets) == EVERYTHING
    assert notes == []


def test_without_secrets_tls_is_named(tmp_path: Path, secrets: Path) -> None:
    packets, _, notes = read(pcap(tmp_path / "c", conversation(secrets)))
    assert summary(packets) == [("udp", sip("clear"))]
    assert [(note.code, note.frames) for note in notes] == [("tls", (1,))]


def test_secrets_of_another_connection_open_nothing(tmp_path: Path, secrets: Path) -> None:
    require_program("tshark")
    path = pcap(tmp_path / "c", conversation(tmp_path / "lost.log"))
    conversation(secrets)
    packets, _, notes = read(path, secrets)
    assert summary(packets) == [("udp", sip("clear"))]
    assert codes(notes) == ["tls"]


def test_without_tshark_the_note_says_what_to_install(
    tmp_path: Path, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pcap(tmp_path / "c", conversation(secrets))
    monkeypatch.setenv("PATH", str(tmp_path))
    packets, _, notes = read(path, secrets)
    assert summary(packets) == [("udp", sip("clear"))]
    assert codes(notes) == ["tshark", "tls"]
    assert "apt install tshark" in notes[0].text


def test_a_tshark_that_fails_is_named(tmp_path: Path, secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pcap(tmp_path / "c", conversation(secrets))
    broken = tmp_path / "tshark"
    broken.write_text("#!/bin/sh\nexit 7\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    _, _, notes = read(path, secrets)
    assert codes(notes) == ["tshark", "tls"]
    assert "exit code 7" in notes[0].text


@pytest.mark.parametrize(
    "line", ["", "1\t2", "x\t1.5\t0\t1.1.1.1\t\t1\t2.2.2.2\t\t2\t00", "1\t1.5\t0\t1.1.1.1\t\t1\t2.2.2.2\t\t2\tzz"]
)
def test_a_line_that_was_not_asked_for_is_nothing(line: str) -> None:
    assert read_line(line) is None


def test_of_stacked_headers_the_innermost_counts() -> None:
    plain = read_line("7\t1.5\t0\t9.9.9.9,1.1.1.1\t\t1\t8.8.8.8,2.2.2.2\t\t2\t41:42,43\n")
    assert plain is not None
    assert plain.source == Address("1.1.1.1", 1)
    assert (plain.data, plain.frame, plain.time_ns) == (b"ABC", 7, 1_500_000_000)


def test_a_tshark_that_never_ends_is_stopped(tmp_path: Path, secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pcap(tmp_path / "c", conversation(secrets))
    endless = tmp_path / "tshark"
    endless.write_text("#!/bin/sh\nwhile :; do :; done\n")
    endless.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sipconform.trace.decrypt.TIME_LIMIT", 0.1)
    packets, _, notes = read(path, secrets)
    assert summary(packets) == [("udp", sip("clear"))]
    assert codes(notes) == ["tshark", "tls"]
