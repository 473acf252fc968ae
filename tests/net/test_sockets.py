import asyncio
import time

import pytest

from sipconform.net.certificates import Authority
from sipconform.net.sockets import SocketNetwork
from sipconform.trace.packet import Address
from tests.net.inbox import Inbox

PROTOCOLS = ["udp", "tcp", "tls"]


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "localhost", "pbx.example"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_only_the_address_of_one_interface_is_bound(protocol: str, host: str) -> None:
    with pytest.raises(OSError, match="one interface"):
        asyncio.run(SocketNetwork().open(protocol, Address(host, 0), Inbox()))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_address_of_another_machine_is_not_to_be_had(protocol: str) -> None:
    with pytest.raises(OSError, match="assign requested address"):
        asyncio.run(SocketNetwork().open(protocol, Address("192.0.2.1", 0), Inbox()))


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none_is_not_to_be_had(port: int) -> None:
    with pytest.raises(OSError, match="one interface"):
        asyncio.run(SocketNetwork().open("udp", Address("127.0.0.1", port), Inbox()))


def test_an_unknown_protocol_is_wrong_use() -> None:
    with pytest.raises(ValueError, match="sctp"):
        asyncio.run(SocketNetwork().open("sctp", Address("127.0.0.1", 0), Inbox()))


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
