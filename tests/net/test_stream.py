import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

import pytest

from sipconform.net import stream
from sipconform.net.certificates import Authority
from sipconform.net.framing import MAX_BODY, PING, PONG
from sipconform.net.sockets import SocketNetwork
from sipconform.net.stream import StreamTransport
from sipconform.net.tap import MemoryTap
from sipconform.net.transport import Receiver
from sipconform.trace.packet import Address
from tests.net.inbox import Inbox, events, until

OPTIONS = b"OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nContent-Length: 5\r\n\r\nhello"
OK = b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"
HOSTS = ["127.0.0.1", "::1"]
ANY = Address("127.0.0.1", 0)

both_protocols = pytest.mark.parametrize("protocol", ["tcp", "tls"])


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


class Lab:
    """A network under a tap, with certificates that suit."""

    def __init__(self, authority: Authority) -> None:
        self.tap = MemoryTap()
        self.network = SocketNetwork(self.tap)
        self.server_context = authority.server_context()
        self.client_context = authority.client_context()

    async def open(self, protocol: str, receive: Receiver, host: str = "127.0.0.1", port: int = 0) -> StreamTransport:
        contexts = {"server_context": self.server_context, "client_context": self.client_context}
        opened = await self.network.open(protocol, Address(host, port), receive, **contexts)
        assert isinstance(opened, StreamTransport)
        return opened

    async def stranger(self, protocol: str, to: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = self.client_context if protocol == "tls" else None
        return await asyncio.open_connection(*to, ssl=context)


def run(authority: Authority, main: Callable[[Lab], Awaitable[None]]) -> None:
    async def whole() -> None:
        lab = Lab(authority)
        await main(lab)
        await lab.network.close()

    asyncio.run(whole())


@both_protocols
@pytest.mark.parametrize("host", HOSTS)
def test_question_and_answer_use_one_connection_and_are_recorded_once_each(
    authority: Authority, protocol: str, host: str
) -> None:
    async def main(lab: Lab) -> None:
        phone_hears, server_hears = Inbox(), Inbox()
        phone = await lab.open(protocol, phone_hears, host)
        server = await lab.open(protocol, server_hears, host)
        for _ in range(2):
            phone.send(OPTIONS, server.local)
            asked = await server_hears.get()
            server.send(OK, asked.source)
            answered = await phone_hears.get()
            assert asked[2:5] == (server.local, protocol, OPTIONS)
            assert answered[1:5] == (server.local, asked.source, protocol, OK)
        assert asked.source.host == host
        assert asked.source != phone.local
        assert {packet.source for packet in server_hears.packets} == {asked.source}
        assert [packet[1:] for packet in lab.tap.packets] == [asked[1:], answered[1:]] * 2

    run(authority, main)


@both_protocols
def test_what_a_stranger_sends_in_pieces_is_recorded_when_whole(authority: Authority, protocol: str) -> None:
    async def main(lab: Lab) -> None:
        inbox = Inbox()
        server = await lab.open(protocol, inbox)
        reader, writer = await lab.stranger(protocol, server.local)
        for octet in OPTIONS[:-1]:
            writer.write(bytes([octet]))
            await writer.drain()
        writer.write(OPTIONS[-1:] + OPTIONS + OPTIONS)
        heard = [await inbox.get() for _ in range(3)]
        assert [packet.payload for packet in heard] == [OPTIONS] * 3
        assert heard[0].source == Address(*writer.get_extra_info("sockname")[:2])
        assert lab.tap.packets == heard
        server.send(OK, heard[0].source)
        assert await reader.readexactly(len(OK)) == OK
        assert lab.tap.packets[-1][1:5] == (server.local, heard[0].source, protocol, OK)
        writer.close()
        await writer.wait_closed()

    run(authority, main)


def test_a_ping_is_answered(authority: Authority) -> None:
    async def main(lab: Lab) -> None:
        inbox = Inbox()
        server = await lab.open("tcp", inbox)
        reader, writer = await lab.stranger("tcp", server.local)
        writer.write(PING)
        assert await reader.readexactly(2) == PONG
        assert (await inbox.get()).payload == PING
        assert [packet.payload for packet in lab.tap.packets] == [PING, PONG]
        writer.close()
        await writer.wait_closed()

    run(authority, main)


def test_a_ping_of_ours_is_answered_by_ours(authority: Authority) -> None:
    async def main(lab: Lab) -> None:
        inbox = Inbox()
        phone, server = await lab.open("tcp", inbox), await lab.open("tcp", Inbox())
        phone.send(PING, server.local)
        assert (await inbox.get()).payload == PONG
        assert [packet.payload for packet in lab.tap.packets] == [PING, PONG]

    run(authority, main)


@both_protocols
@pytest.mark.parametrize(
    ("junk", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "start line"),
        (b"\x80" * 100, "start line"),
        (b"OPTIONS sip:a SIP/2.0\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), "at most 1048576 octets"),
    ],
)
def test_a_stream_that_is_no_sip_is_closed_said_and_recorded(
    authority: Authority, protocol: str, junk: bytes, reason: str
) -> None:
    async def main(lab: Lab) -> None:
        inbox = Inbox()
        server = await lab.open(protocol, inbox)
        reader, writer = await lab.stranger(protocol, server.local)
        writer.write(OPTIONS + junk)
        await until(lambda: reader.at_eof() or reader.exception())
        await until(lambda: events(lab.tap) == ["stream broken"])
        assert reason in str(lab.tap.observations[0].what["reason"])
        assert [packet.payload for packet in inbox.packets] == [OPTIONS]
        assert [packet.payload for packet in lab.tap.packets] == [OPTIONS, junk]
        writer.transport.abort()

    run(authority, main)


def test_half_a_message_at_the_end_is_said_and_recorded(authority: Authority) -> None:
    async def main(lab: Lab) -> None:
        server = await lab.open("tcp", Inbox())
        _, writer = await lab.stranger("tcp", server.local)
        writer.write(OPTIONS[:-1])
        writer.close()
        await writer.wait_closed()
        await until(lambda: lab.tap.observations)
        assert lab.tap.observations[0].what["reason"] == "the connection ended inside a message"
        assert [packet.payload for packet in lab.tap.packets] == [OPTIONS[:-1]]

    run(authority, main)


@both_protocols
def test_a_connection_that_died_is_opened_again(authority: Authority, protocol: str) -> None:
    async def main(lab: Lab) -> None:
        phone, first = await lab.open(protocol, Inbox()), Inbox()
        server = await lab.open(protocol, first)
        phone.send(OPTIONS, server.local)
        caller = (await first.get()).source
        server.close()
        again = Inbox()
        await until(lambda: not phone.open_connections)
        rebooted = await lab.open(protocol, again, port=server.local.port)
        phone.send(OPTIONS, rebooted.local)
        assert (await again.get()).source != caller
        assert len(lab.tap.packets) == 2

    run(authority, main)


@both_protocols
def test_nobody_listening_is_silence_and_an_observation(authority: Authority, protocol: str) -> None:
    async def main(lab: Lab) -> None:
        phone, server = await lab.open(protocol, Inbox()), await lab.open(protocol, Inbox())
        server.close()
        for count in (1, 2):
            phone.send(OPTIONS, server.local)
            await until(lambda count=count: events(lab.tap) == ["not connected"] * count)  # type: ignore[misc]
        assert lab.tap.packets == []

    run(authority, main)


def test_a_peer_that_closes_what_we_have_opened_is_an_observation() -> None:
    async def main() -> None:
        tap = MemoryTap()
        network, inbox = SocketNetwork(tap), Inbox()

        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.transport.abort()

        stranger = await asyncio.start_server(hang_up, ANY.host, 0)
        phone = await network.open("tcp", ANY, inbox)
        phone.send(OPTIONS, Address(*stranger.sockets[0].getsockname()))
        await until(lambda: events(tap) == ["connection ended"])
        await network.close()
        stranger.close()

    asyncio.run(main())


def test_calling_ourselves_by_accident_is_no_connection(authority: Authority) -> None:
    async def main(lab: Lab) -> None:
        phone = await lab.open("tcp", Inbox())
        accident = socket.socket()
        accident.bind(ANY)
        accident.connect(accident.getsockname())
        called = Address(*accident.getsockname())
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: stream.Connection(phone, called), sock=accident)
        await until(lambda: not phone.open_connections)
        assert events(lab.tap) == ["not connected"]
        assert phone.connections == {}

    run(authority, main)


def test_an_answer_to_a_caller_who_has_gone_reaches_nobody(authority: Authority) -> None:
    async def main(lab: Lab) -> None:
        inbox = Inbox()
        server = await lab.open("tcp", inbox)
        _, writer = await lab.stranger("tcp", server.local)
        writer.write(OPTIONS)
        caller = (await inbox.get()).source
        writer.close()
        await writer.wait_closed()
        await until(lambda: not server.open_connections)
        server.send(OK, caller)
        await until(lambda: events(lab.tap) == ["not connected"])
        assert [packet.payload for packet in lab.tap.packets] == [OPTIONS]

    run(authority, main)


def test_a_certificate_of_somebody_else_is_not_believed(authority: Authority) -> None:
    async def main(lab: Lab) -> None:
        network, somebody = lab.network, Authority()
        server = await network.open("tls", ANY, Inbox(), server_context=somebody.server_context())
        phone = await lab.open("tls", Inbox())
        phone.send(OPTIONS, server.local)
        await until(lambda: lab.tap.observations)
        assert "certificate verify failed" in str(lab.tap.observations[0].what["reason"])
        assert lab.tap.packets == []

    run(authority, main)


def test_tls_without_contexts_neither_answers_nor_calls(authority: Authority) -> None:
    async def main(lab: Lab) -> None:
        bare = await lab.network.open("tls", ANY, Inbox())
        bare.send(OPTIONS, ANY._replace(port=9))
        assert "client context" in str(lab.tap.observations[0].what["reason"])
        phone = await lab.open("tls", Inbox())
        phone.send(OPTIONS, bare.local)
        await until(lambda: events(lab.tap) == ["not connected"] * 2)

    run(authority, main)


@pytest.mark.parametrize("host", ["pbx.example", "127.0.0.1"])
def test_an_address_no_socket_takes_is_said(authority: Authority, host: str) -> None:
    async def main(lab: Lab) -> None:
        phone = await lab.open("tcp", Inbox())
        phone.send(OPTIONS, Address(host, 0))
        assert events(lab.tap) == ["not sent"]

    run(authority, main)


def test_a_peer_that_never_answers_the_call_is_given_up(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CONNECT_SECONDS", 0.05)

    async def main(lab: Lab) -> None:
        silent = await asyncio.start_server(lambda _reader, writer: writers.append(writer), *ANY)
        writers: list[asyncio.StreamWriter] = []
        phone = await lab.open("tls", Inbox())
        phone.send(OPTIONS, Address(*silent.sockets[0].getsockname()))
        await until(lambda: lab.tap.observations)
        assert lab.tap.observations[0].what["reason"] == "no answer"
        silent.close()
        await until(lambda: writers)
        for writer in writers:
            writer.transport.abort()

    run(authority, main)


def test_a_peer_that_does_not_read_is_given_up(authority: Authority) -> None:
    async def main(lab: Lab) -> None:
        inbox = Inbox()
        server = await lab.open("tcp", inbox)
        _, writer = await lab.stranger("tcp", server.local)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(OPTIONS)
        caller = (await inbox.get()).source
        sent = 0
        while not lab.tap.observations and sent < 64:
            server.send(b"x" * MAX_BODY, caller)
            sent += 1
        assert events(lab.tap) == ["connection given up"]
        writer.transport.abort()

    run(authority, main)


def test_what_was_sent_before_closing_is_recorded_once(authority: Authority) -> None:
    async def main(lab: Lab) -> None:
        inbox = Inbox()
        phone, server = await lab.open("tcp", Inbox()), await lab.open("tcp", inbox)
        phone.send(OPTIONS, server.local)
        await until(lambda: lab.tap.packets)
        phone.close()
        assert (await inbox.get()).payload == OPTIONS
        await until(lambda: not server.open_connections)
        assert len(lab.tap.packets) == 1
        assert server.witness.streams == set()

    run(authority, main)


@both_protocols
def test_closing_while_calling_is_quiet(authority: Authority, protocol: str) -> None:
    async def main(lab: Lab) -> None:
        phone, server = await lab.open(protocol, Inbox()), await lab.open(protocol, Inbox())
        phone.send(OPTIONS, server.local)
        phone.close()
        phone.close()
        with pytest.raises(ValueError, match="closed"):
            phone.send(OPTIONS, server.local)

    run(authority, main)


def test_the_network_closes_though_a_peer_says_no_farewell(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "FAREWELL_SECONDS", 0.05)

    async def main(lab: Lab) -> None:
        inbox = Inbox()
        server = await lab.open("tls", inbox)
        _, writer = await lab.stranger("tls", server.local)
        writer.write(OPTIONS)
        await inbox.get()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await lab.network.close()
        writer.transport.abort()

    run(authority, main)


def test_the_contexts_of_tls_are_not_for_tcp(authority: Authority) -> None:
    async def main(lab: Lab) -> None:
        server = await lab.open("tcp", Inbox())
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await lab.stranger("tls", server.local)

    run(authority, main)
