"""What a replay adds per message: the same requests sent by a bare socket and by the replay, to the same fast peer.

The peer is a process of its own that answers each request with 200. Both wait for each answer before they send the
next request, so the difference of the two is what the replay costs: reading the script, rewriting, transactions,
and the capture. Rounds alternate and the best of each counts. Fails above 5 ms per message.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from sipconform.net.sockets import SocketNetwork
from sipconform.net.tap import CaptureTap
from sipconform.replay.player import Player
from sipconform.replay.script import read_script
from sipconform.replay.settings import Settings
from sipconform.sip.message import Message
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address, Packet
from sipconform.trace.trace import Trace

ALLOWED_MS = 5.0
HOST = "127.0.0.1"
PHONE, SERVER = Address("192.0.2.10", 5060), Address("192.0.2.1", 5060)
REQUEST = (
    b"MESSAGE sip:200@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK%(n)d;rport\r\n"
    b"Max-Forwards: 70\r\nFrom: <sip:201@192.0.2.1>;tag=from%(n)d\r\nTo: <sip:200@192.0.2.1>\r\n"
    b"Call-ID: call-%(n)d@192.0.2.10\r\n"
    b"CSeq: 1 MESSAGE\r\nContact: <sip:201@192.0.2.10>\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
)
COPIED = ("Via", "From", "To", "Call-ID", "CSeq")


def answer(request: bytes) -> bytes:
    message = Message(request)
    copied = "".join(f"{name}: {message.text(name)}\r\n" for name in COPIED)
    return f"SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n".encode()


def serve() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind((HOST, 0))
        print(own.getsockname()[1], flush=True)
        while True:
            request, origin = own.recvfrom(65_536)
            own.sendto(answer(request), origin)


def recording(count: int) -> Trace:
    packets = []
    for n in range(count):
        request, at = REQUEST % {b"n": n}, n * 20_000_000
        packets.append(Packet(at, PHONE, SERVER, "udp", request, (2 * n + 1,)))
        packets.append(Packet(at + 1_000_000, SERVER, PHONE, "udp", answer(request), (2 * n + 2,)))
    return correlate(packets)


def bare(count: int, port: int) -> float:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.connect((HOST, port))
        own.settimeout(5)
        begun = time.perf_counter()
        for n in range(count):
            own.send(REQUEST % {b"n": n})
            own.recv(65_536)
        return time.perf_counter() - begun


async def replayed(trace: Trace, port: int) -> float:
    with TemporaryDirectory() as folder, CaptureWriter(Path(folder) / "replay.pcapng") as writer:
        network = SocketNetwork(CaptureTap(writer))
        begun = time.perf_counter()
        steps = read_script(trace, "phone", SERVER)
        player = Player(steps, network, Settings(Address(HOST, port), pace="fast"))
        await player.open()
        await player.play()
        taken = time.perf_counter() - begun
        player.close()
        await network.close()
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.serve:
        serve()
    trace = recording(given.requests)
    with subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True) as peer:
        try:
            assert peer.stdout is not None
            port = int(peer.stdout.readline())
            pairs = [(bare(given.requests, port), asyncio.run(replayed(trace, port))) for _ in range(given.rounds)]
        finally:
            peer.kill()
    own, with_replay = (min(times) for times in zip(*pairs, strict=True))
    messages = 2 * given.requests
    added = (with_replay - own) / messages * 1000
    print(f"{messages} messages: the peer alone {own / messages * 1000:.3f} ms each, the replay adds {added:.3f} ms")
    return int(added > ALLOWED_MS)


if __name__ == "__main__":
    sys.exit(main())
