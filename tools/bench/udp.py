"""Transactions per second over UDP: our drained transport beside asyncio's stock protocol, in one run.

A client keeps 32 OPTIONS requests under way for a second; a server in a fresh process of its own reads each
and answers 200. Both ways alternate, and the best round of each counts: the rest is the machine's other
business. Trust the ratio, not the figures.

Fresh, because most of what stock asyncio loses goes to the 256 KiB it asks of the allocator per datagram:
whether that is a system call each time depends on what the process did before.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import struct
import subprocess
import sys
import time
from typing import Any

from sipconform.net.sockets import SocketNetwork
from sipconform.sip.message import Message
from sipconform.trace.packet import Address, Packet

OUTSTANDING = 32
ROUND_SECONDS = 1.0
PATIENCE = struct.pack("@ll", 2, 0)  # seconds until a lost datagram ends the run
HOST = "127.0.0.1"
REQUEST = (
    b"OPTIONS sip:%(to)d@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK%(to)d;rport\r\n"
    b"Max-Forwards: 70\r\nFrom: <sip:bench@127.0.0.1>;tag=1\r\nTo: <sip:%(to)d@127.0.0.1>\r\n"
    b"Call-ID: %(to)d@127.0.0.1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
COPIED = ("Via", "From", "To", "Call-ID", "CSeq")


def answer(request: bytes) -> bytes:
    message = Message(request)
    copied = "".join(f"{name}: {message.text(name)}\r\n" for name in COPIED)
    return f"SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n".encode()


async def serve_drained() -> int:
    def receive(packet: Packet) -> None:
        transport.send(answer(packet.payload), packet.source)

    transport = await SocketNetwork().open("udp", Address(HOST, 0), receive)
    return transport.local.port


class StockServer(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(answer(data), addr)


async def serve_stock() -> int:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(StockServer, local_addr=(HOST, 0))
    return int(transport.get_extra_info("sockname")[1])


SERVERS = {"stock": serve_stock, "drained": serve_drained}


async def serve(kind: str) -> None:
    """Tells the port, serves until somebody ends the process."""
    print(await SERVERS[kind](), flush=True)
    await asyncio.Event().wait()


def measure(kind: str) -> float:
    """Transactions per second against a fresh server process."""
    command = [sys.executable, __file__, "--serve", kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            return load(int(server.stdout.readline()))
        finally:
            server.terminate()


def load(port: int) -> float:
    """Each answer is replaced by a new request, as often as there is time for."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((HOST, port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
        requests = [REQUEST % {b"to": number} for number in range(OUTSTANDING)]
        for request in requests:
            client.send(request)
        count, buffer, start = 0, bytearray(4096), time.perf_counter()
        while (spent := time.perf_counter() - start) < ROUND_SECONDS:
            for request in requests:
                client.recv_into(buffer)
                client.send(request)
            count += OUTSTANDING
    return count / spent


def compare(rounds: int) -> None:
    best = dict.fromkeys(SERVERS, 0.0)
    for _ in range(rounds):
        for kind in SERVERS:
            best[kind] = max(best[kind], measure(kind))
    for kind, rate in best.items():
        print(f"{kind:8} {rate:9,.0f} transactions/s")
    print(f"ratio    {best['drained'] / best['stock']:9.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds of a second each, for either way")
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve))
    else:
        compare(options.rounds)


if __name__ == "__main__":
    main()
