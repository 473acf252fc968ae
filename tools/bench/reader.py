"""The capture reader beside a bare walk of the same file and beside scapy: python tools/bench/reader.py [PCAP]"""

from __future__ import annotations

import argparse
import mmap
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from socket import inet_ntoa

from sipconform.trace.build import tcp_packet, udp_packet
from sipconform.trace.capture import read_capture
from sipconform.trace.packet import Address

FRAMES = 100_000
SCAPY_FRAMES = 3_000
ROUNDS = 3
PHONE, SERVER = "192.0.2.1", Address("192.0.2.2", 5060)
ETHERNET = b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0"
MESSAGE = (
    b"NOTIFY sip:%d@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\n"
    b"From: <sip:%d@example.com>;tag=a%d\r\nTo: <sip:%d@example.com>;tag=b\r\nCall-ID: %d@example.com\r\n"
    b"CSeq: 1 NOTIFY\r\nEvent: dialog\r\nSubscription-State: active;expires=3600\r\nContact: <sip:192.0.2.2>\r\n"
    b"Content-Type: application/dialog-info+xml\r\nContent-Length: 320\r\n\r\n" + b"<dialog-info>".ljust(320)
)


def messages() -> Iterator[tuple[Address, bytes]]:
    for number in range(FRAMES):
        yield Address(PHONE, 5060 + number % 500), MESSAGE % ((number,) * 6)


def udp_frames() -> Iterator[bytes]:
    for phone, message in messages():
        yield ETHERNET + udp_packet(SERVER, phone, message)


def tcp_frames() -> Iterator[bytes]:
    """The same messages on 500 connections, cut every 500 octets."""
    sent: dict[Address, int] = {}
    for phone, message in messages():
        for start in range(0, len(message), 500):
            piece = message[start : start + 500]
            sequence = sent.setdefault(phone, 1)
            yield ETHERNET + tcp_packet(SERVER, phone, sequence, 1, flags=16, payload=piece)
            sent[phone] = sequence + len(piece)


def write_pcap(path: Path, frames: Iterator[bytes]) -> None:
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
        for number, frame in enumerate(frames):
            seconds, micro = divmod(number * 100, 1_000_000)
            file.write(struct.pack("<IIII", 1_700_000_000 + seconds, micro, len(frame), len(frame)) + frame)


def write_pcapng(path: Path, frames: Iterator[bytes]) -> None:
    with path.open("wb") as file:
        file.write(struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28))
        file.write(struct.pack("<IIHHII", 1, 20, 1, 0, 262_144, 20))
        for number, frame in enumerate(frames):
            high, low = divmod(1_700_000_000_000_000 + number * 100, 1 << 32)
            padded = frame + b"\0" * (-len(frame) & 3)
            size = len(padded) + 32
            head = struct.pack("<IIIIIII", 6, size, 0, high, low, len(frame), len(frame))
            file.write(head + padded + struct.pack("<I", size))


def ours(path: Path) -> int:
    return sum(1 for _ in read_capture(path))


def bare_walk(path: Path) -> int:
    """Time, addresses as text, ports and payload of Ethernet, IPv4 and UDP, and nothing checked."""
    count = 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at, end = 24, len(data)
        unpack = struct.Struct("<IIII").unpack_from
        ports = struct.Struct("!HHH").unpack_from
        while at + 16 <= end:
            seconds, micro, captured, _ = unpack(data, at)
            source_port, destination_port, length = ports(data, at + 50)
            source, destination = inet_ntoa(data[at + 42 : at + 46]), inet_ntoa(data[at + 46 : at + 50])
            payload = data[at + 58 : at + 50 + length]
            _ = (seconds + micro / 1e6, (source, source_port), (destination, destination_port), payload)
            at += 16 + captured
            count += 1
    return count


def scapy_reader(path: Path) -> int:
    from scapy.layers import inet, l2  # noqa: F401, PLC0415 - registers the layers; slow to import
    from scapy.utils import PcapReader  # noqa: PLC0415

    with PcapReader(str(path)) as reader:
        return sum(1 for packet in islice(reader, SCAPY_FRAMES) if inet.UDP in packet)


def rate(read: Callable[[Path], int], path: Path) -> float:
    """Messages a second, the best of some rounds."""
    best = 0.0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        count = read(path)
        best = max(best, count / (time.perf_counter() - start))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pcap", type=Path, nargs="?", help="Ethernet, IPv4, UDP; made when not given")
    given = parser.parse_args().pcap
    with tempfile.TemporaryDirectory() as folder:
        udp, udp_ng, tcp = (Path(folder) / name for name in ("udp.pcap", "udp.pcapng", "tcp.pcap"))
        write_pcap(udp, udp_frames())
        write_pcapng(udp_ng, udp_frames())
        write_pcap(tcp, tcp_frames())
        rates = {
            "bare mmap walk, pcap": rate(bare_walk, given or udp),
            "sipconform, pcap": rate(ours, given or udp),
            "sipconform, pcapng": rate(ours, udp_ng),
            "sipconform, TCP in pcap": rate(ours, tcp),
            f"scapy PcapReader, first {SCAPY_FRAMES:,}": rate(scapy_reader, given or udp),
        }
    mine = rates["sipconform, pcap"]
    print(f"{'messages of ~900 octets':<34}{'per second':>12}{'ratio':>8}")
    for name, value in rates.items():
        print(f"{name:<34}{value:>12,.0f}{value / mine:>8.2f}")


if __name__ == "__main__":
    main()
