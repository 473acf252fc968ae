import asyncio
import time
from pathlib import Path

import pytest

from sipconform.net.certificates import Authority
from sipconform.net.sockets import SocketNetwork
from sipconform.net.tap import CaptureTap, MemoryTap, TeeTap
from sipconform.trace.capture import read_capture
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.packet import Address, Packet
from tests.net.inbox import Inbox

MESSAGE = b"MESSAGE sip:a@127.0.0.1 SIP/2.0\r\nContent-Length: 2\r\n\r\nhi"
PROTOCOLS = ["udp", "tcp", "tls"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_address_of_another_machine_is_not_to_be_had(protocol: str) -> None:
    with pytest.raises(OSError, match="assign requested address"):
        asyncio.run(SocketNetwork().open(protocol, Address("192.0.2.1", 0), Inbox()))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_closing_frees_every_address(protocol: str, host: str) -> None:
    async def main() -> None:
        network, context = SocketNetwork(), Authority().server_context()

        async def bind(port: int) -> Address:
            return (await network.open(protocol, Address(host, port), Inbox(), server_context=context)).local

        bound = [await bind(0) for _ in range(3)]
        assert len(set(bound)) == 3
        with pytest.raises(OSError, match="in use"):
            await bind(bound[0].port)
        await network.close()
        assert [await bind(address.port) for address in bound] == bound
        await network.close()

    asyncio.run(main())


def test_the_clock_is_the_wall_clock() -> None:
    before = time.time_ns()
    assert before <= SocketNetwork().now_ns() <= time.time_ns()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_capture_of_a_run_holds_what_crossed_the_wire(protocol: str, host: str, tmp_path: Path) -> None:
    path, memory = tmp_path / "run.pcapng", MemoryTap()

    async def main() -> None:
        authority = Authority()
        with CaptureWriter(path) as writer:
            network = SocketNetwork(TeeTap(memory, CaptureTap(writer)))
            phone_hears, server_hears = Inbox(), Inbox()
            phone, server = [
                await network.open(
                    protocol,
                    Address(host, 0),
                    inbox,
                    server_context=authority.server_context(),
                    client_context=authority.client_context(),
                )
                for inbox in (phone_hears, server_hears)
            ]
            for _ in range(3):
                phone.send(MESSAGE, server.local)
                server.send(MESSAGE, (await server_hears.get()).source)
                await phone_hears.get()
            await network.close()

    asyncio.run(main())
    read = [item._replace(frames=()) for item in read_capture(path) if isinstance(item, Packet)]
    assert len(read) == 6
    assert read == memory.packets
