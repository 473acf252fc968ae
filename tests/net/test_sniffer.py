import os
import socket
import threading
from pathlib import Path

import pytest

from sipconform.net import sniffer as room
from sipconform.net.sniffer import MayNotListen, Sniffer
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import Packet
from tests.support import missing

ASK = (
    b"OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK%d\r\n"
    b"Call-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n"
)


def opened(keep: str) -> Sniffer:
    try:
        return Sniffer("lo", keep)
    except MayNotListen as error:
        missing(str(error))


def test_what_passes_is_heard_once_and_written(tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        sniffer = opened(f"udp port {other.getsockname()[1]}")
        heard = []
        path = tmp_path / "watched.pcap"
        reading = sniffer.read(path)
        for number in range(3):  # the socket listens already, so nothing is missed
            one.sendto(ASK % number, other.getsockname())
        for packet in reading:
            heard.append(packet)
            if len(heard) == 3:
                sniffer.stop()
    assert [packet.payload for packet in heard if isinstance(packet, Packet)] == [ASK % n for n in range(3)]
    assert sniffer.frames == 3
    assert list(read_capture(path)) == heard


def test_stop_ends_it_from_another_thread(tmp_path: Path) -> None:
    sniffer = opened("udp port 1")
    threading.Timer(0, sniffer.stop).start()
    assert list(sniffer.read(tmp_path / "watched.pcap")) == []


def test_an_interface_that_is_not_there_is_named() -> None:
    with pytest.raises(MayNotListen, match=r"there is no interface 'nothing0'; there are .*lo"):
        Sniffer("nothing0")


def test_without_the_right_it_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    from scapy.arch import linux  # noqa: PLC0415

    def refuse(**_: object) -> None:
        raise PermissionError(1, os.strerror(1))

    monkeypatch.setattr(linux, "L2ListenSocket", refuse)
    with pytest.raises(MayNotListen, match="needs root"):
        room.Sniffer("lo")
