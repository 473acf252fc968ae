import asyncio
import select
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest

from sipconform.net.datagram import DRAIN, DatagramTransport, DrainedTransport, StockTransport, open_datagram
from sipconform.net.tap import MemoryTap
from sipconform.net.witness import Witness
from sipconform.trace.packet import Address, Packet
from tests.net.inbox import PATIENCE, Inbox, events, until

KINDS = [DrainedTransport, StockTransport]
HOSTS = ["127.0.0.1", "::1"]
ANY = Address("127.0.0.1", 0)

both_kinds = pytest.mark.parametrize("kind", KINDS)


def stranger(host: str = "127.0.0.1") -> socket.socket:
    """A plain socket of somebody we do not know."""
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    found.bind((host, 0))
    found.settimeout(10)
    return found


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await main()

    asyncio.run(whole())


@both_kinds
@pytest.mark.parametrize("host", HOSTS)
def test_question_and_answer_between_two_of_ours_are_recorded_once_each(
    kind: type[DatagramTransport], host: str
) -> None:
    async def main() -> None:
        tap, phone_hears, server_hears = MemoryTap(), Inbox(), Inbox()
        witness = Witness(tap)
        phone = await kind.open(Address(host, 0), phone_hears, witness)
        server = await kind.open(Address(host, 0), server_hears, witness)
        phone.send(b"question", server.local)
        asked = await server_hears.get()
        server.send(b"answer", asked.source)
        answered = await phone_hears.get()
        assert asked[1:5] == (phone.local, server.local, "udp", b"question")
        assert answered[1:5] == (server.local, phone.local, "udp", b"answer")
        assert [packet[1:] for packet in tap.packets] == [asked[1:], answered[1:]]
        assert tap.packets[0].time_ns <= asked.time_ns <= tap.packets[1].time_ns <= answered.time_ns
        phone.close()
        server.close()
        await server.wait_closed()

    run(main)


@both_kinds
@pytest.mark.parametrize("host", HOSTS)
def test_what_a_stranger_sends_is_recorded_on_arrival(kind: type[DatagramTransport], host: str) -> None:
    async def main() -> None:
        tap, inbox = MemoryTap(), Inbox()
        server = await kind.open(Address(host, 0), inbox, Witness(tap))
        with stranger(host) as peer:
            peer.sendto(b"hello", server.local)
            heard = await inbox.get()
            assert heard.source == Address(*peer.getsockname()[:2])
            assert tap.packets == [heard]
            server.send(b"hello yourself", heard.source)
            assert peer.recv(100) == b"hello yourself"
        server.close()
        await server.wait_closed()

    run(main)


def test_the_kernel_says_when_a_datagram_came() -> None:
    async def main() -> None:
        inbox = Inbox()
        server = await open_datagram(ANY, inbox, Witness(None))
        assert isinstance(server, DrainedTransport)
        # Linux begins to stamp some time after the first socket has asked for it, when a worker comes to it; what
        # arrives before has the time of reading.
        with stranger() as peer, closing(server):
            async with asyncio.timeout(PATIENCE):
                stamped, there = 1, 0
                while stamped > there:
                    before = time.time_ns()
                    peer.sendto(b"hello", server.local)
                    select.select([server._socket], [], [], PATIENCE)  # it is there, and the loop has not read it yet
                    there = time.time_ns()
                    stamped = (await inbox.get()).time_ns
                    assert before <= stamped

    run(main)


@both_kinds
def test_a_burst_arrives_whole_and_in_order(kind: type[DatagramTransport]) -> None:
    async def main() -> None:
        inbox = Inbox()
        server = await kind.open(ANY, inbox, Witness(None))
        with stranger() as peer:
            for number in range(2 * DRAIN + 1):
                peer.sendto(b"%d" % number, server.local)
            await until(lambda: len(inbox.packets) == 2 * DRAIN + 1)
        assert [int(packet.payload) for packet in inbox.packets] == list(range(2 * DRAIN + 1))
        server.close()
        await server.wait_closed()

    run(main)


@both_kinds
def test_the_largest_datagram_and_the_empty_one_arrive(kind: type[DatagramTransport]) -> None:
    async def main() -> None:
        inbox = Inbox()
        server = await kind.open(ANY, inbox, Witness(None))
        with stranger() as peer:
            for payload in (b"x" * 65_507, b""):
                peer.sendto(payload, server.local)
                assert (await inbox.get()).payload == payload
        server.close()
        await server.wait_closed()

    run(main)


@both_kinds
def test_a_receiver_may_close_the_transport(kind: type[DatagramTransport]) -> None:
    async def main() -> None:
        inbox = Inbox()

        def hear_and_close(packet: Packet) -> None:
            inbox(packet)
            server.close()

        server = await kind.open(ANY, hear_and_close, Witness(None))
        with stranger() as peer:
            for _ in range(3):
                peer.sendto(b"hello", server.local)
            await inbox.get()
            await server.wait_closed()
        assert len(inbox.packets) == 1
        with pytest.raises(ValueError, match="closed"):
            server.send(b"hello", server.local)
        server.close()

    run(main)


@both_kinds
def test_a_dead_peer_does_not_harm(kind: type[DatagramTransport]) -> None:
    async def main() -> None:
        inbox = Inbox()
        server = await kind.open(ANY, inbox, Witness(None))
        with stranger() as gone:
            dead = Address(*gone.getsockname()[:2])
        for _ in range(3):
            server.send(b"anybody there?", dead)  # answered by ICMP, port unreachable
        with stranger() as peer:
            peer.sendto(b"still alive", server.local)
            assert (await inbox.get()).payload == b"still alive"
        server.close()
        await server.wait_closed()

    run(main)


@both_kinds
@pytest.mark.parametrize(("host", "port"), [("pbx.example", 5060), ("", 5060), ("::1", 0), ("::1", 99_999)])
def test_an_address_no_socket_takes_is_said_and_not_recorded(
    kind: type[DatagramTransport], host: str, port: int
) -> None:
    async def main() -> None:
        tap = MemoryTap()
        server = await kind.open(ANY, Inbox(), Witness(tap))
        server.send(b"hello", Address(host, port))
        assert (tap.packets, events(tap)) == ([], ["not sent"])
        server.close()
        await server.wait_closed()

    run(main)


def test_what_the_kernel_refuses_to_send_is_said_and_not_recorded() -> None:
    async def main() -> None:
        tap = MemoryTap()
        server = await DrainedTransport.open(ANY, Inbox(), Witness(tap))
        server.send(b"x" * 65_508, server.local)
        assert (tap.packets, events(tap)) == ([], ["not sent"])
        server.close()

    run(main)


class FullSocket(socket.socket):
    """Has no room for the first few datagrams."""

    refusals = 3

    def sendto(self, *args: object) -> int:
        if self.refusals:
            self.refusals -= 1
            raise BlockingIOError
        return super().sendto(*args)  # type: ignore[call-overload,no-any-return]


def test_a_full_kernel_buffer_delays_and_keeps_the_order() -> None:
    async def main() -> None:
        tap, inbox = MemoryTap(), Inbox()
        witness = Witness(tap)
        full = FullSocket(socket.AF_INET, socket.SOCK_DGRAM)
        full.setblocking(False)
        full.bind(ANY)
        phone = DrainedTransport(full, Inbox(), witness)
        server = await DrainedTransport.open(ANY, inbox, witness)
        for number in range(3):
            phone.send(b"%d" % number, server.local)
        assert tap.packets == []
        assert [(await inbox.get()).payload for _ in range(3)] == [b"0", b"1", b"2"]
        assert [packet.payload for packet in tap.packets] == [b"0", b"1", b"2"]
        phone.close()
        server.close()

    run(main)


@both_kinds
def test_an_address_in_use_is_an_error(kind: type[DatagramTransport]) -> None:
    async def main() -> None:
        with stranger() as peer, pytest.raises(OSError, match="in use"):
            await kind.open(Address(*peer.getsockname()[:2]), Inbox(), Witness(None))

    run(main)
