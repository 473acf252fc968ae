"""What every network promises, tried on each of them."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sipconform.net.certificates import Authority
from sipconform.net.simulated import SimulatedNetwork
from sipconform.net.sockets import SocketNetwork
from sipconform.net.tap import MemoryTap
from sipconform.net.transport import Network, Tap, Transport
from sipconform.net.virtual_clock import VirtualLoop
from sipconform.trace.packet import Address
from tests.net.inbox import Inbox, events

MESSAGE = b"MESSAGE sip:a@127.0.0.1 SIP/2.0\r\nContent-Length: 2\r\n\r\nhi"
PROTOCOLS = ["udp", "tcp", "tls"]
HOSTS = ["127.0.0.1", "::1"]


def simulated(tap: Tap) -> Network:
    return SimulatedNetwork(1, tap=tap)


LOOPS: dict[Callable[[Tap], Network], Callable[[], asyncio.AbstractEventLoop]] = {
    SocketNetwork: asyncio.new_event_loop,
    simulated: VirtualLoop,
}
every_network = pytest.mark.parametrize("make", LOOPS)
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)
Make = Callable[[Tap], Network]


class Lab:
    def __init__(self, make: Make) -> None:
        self.tap = MemoryTap()
        self.network = make(self.tap)
        self._authority = Authority()

    async def open(self, protocol: str, inbox: Inbox, host: str = "127.0.0.1") -> Transport:
        return await self.network.open(
            protocol,
            Address(host, 0),
            inbox,
            server_context=self._authority.server_context(),
            client_context=self._authority.client_context(),
        )


def run(make: Make, main: Callable[[Lab], Awaitable[None]]) -> None:
    async def whole() -> None:
        lab = Lab(make)
        await main(lab)
        await lab.network.close()

    with asyncio.Runner(loop_factory=LOOPS[make]) as runner:
        runner.run(whole())


@every_network
@every_protocol
@pytest.mark.parametrize("host", HOSTS)
def test_a_message_arrives_and_its_source_can_be_answered(make: Make, protocol: str, host: str) -> None:
    async def main(lab: Lab) -> None:
        phone_hears, server_hears = Inbox(), Inbox()
        phone, server = await lab.open(protocol, phone_hears, host), await lab.open(protocol, server_hears, host)
        assert (phone.protocol, phone.local.host) == (protocol, host)
        before = lab.network.now_ns()
        phone.send(MESSAGE, server.local)
        asked = await server_hears.get()
        server.send(MESSAGE, asked.source)
        answered = await phone_hears.get()
        assert asked[2:] == (server.local, protocol, MESSAGE, ())
        assert answered[1:] == (server.local, asked.source, protocol, MESSAGE, ())
        assert before <= asked.time_ns <= answered.time_ns <= lab.network.now_ns()
        assert [packet[1:] for packet in lab.tap.packets] == [asked[1:], answered[1:]]

    run(make, main)


@every_network
@every_protocol
@pytest.mark.parametrize("to", [Address("pbx.example", 5060), Address("127.0.0.1", 99_999)])
def test_an_address_that_is_none_is_said_and_not_recorded(make: Make, protocol: str, to: Address) -> None:
    async def main(lab: Lab) -> None:
        phone = await lab.open(protocol, Inbox())
        phone.send(MESSAGE, to)
        assert (lab.tap.packets, events(lab.tap)) == ([], ["not sent"])

    run(make, main)


@every_network
@every_protocol
def test_a_closed_transport_sends_nothing_and_frees_its_address(make: Make, protocol: str) -> None:
    async def main(lab: Lab) -> None:
        phone = await lab.open(protocol, Inbox())
        await lab.network.close()
        with pytest.raises(ValueError, match="closed"):
            phone.send(MESSAGE, phone.local)
        assert (await lab.network.open(protocol, phone.local, Inbox())).local == phone.local

    run(make, main)


@every_network
@pytest.mark.parametrize("host", ["", "::", "0.0.0.0", "pbx.example"])
def test_only_the_address_of_one_interface_is_bound(make: Make, host: str) -> None:
    async def main(lab: Lab) -> None:
        with pytest.raises(OSError, match="one interface"):
            await lab.open("udp", Inbox(), host)

    run(make, main)


@every_network
def test_an_unknown_protocol_is_wrong_use(make: Make) -> None:
    async def main(lab: Lab) -> None:
        with pytest.raises(ValueError, match="sctp"):
            await lab.open("sctp", Inbox())

    run(make, main)
