"""Datagrams to everybody near, on the simulated network and on this machine's loopback."""

import asyncio
import socket

import pytest

from sipconform.net.group import Group, broadcast_address, open_group
from sipconform.net.simulated import SimulatedNetwork
from sipconform.net.sockets import SocketNetwork
from sipconform.net.tap import CaptureTap, MemoryTap
from sipconform.net.transport import Network
from sipconform.net.virtual_clock import VirtualLoop
from sipconform.trace.packet import Address, Packet
from tests.net.inbox import Inbox

MULTICAST = "224.0.2.0"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind(("127.0.0.1", 0))
        return int(asking.getsockname()[1])


async def say_hello(network: Network, hosts: list[str], group: Address) -> list[list[Packet]]:
    """The first of them says hello; what everybody heard."""
    inboxes = [Inbox() for _ in hosts]
    ttls: list[int | None] = []

    def hears(inbox: Inbox, packet: Packet, ttl: int | None) -> None:
        ttls.append(ttl)
        inbox(packet)

    members: list[Group] = []
    for host, inbox in zip(hosts, inboxes, strict=True):
        members.append(await open_group(network, host, group, lambda p, t, inbox=inbox: hears(inbox, p, t)))  # type: ignore[misc]
    members[0].send(b"hello")
    for inbox in inboxes[1:]:
        await inbox.get()
    for member in members:
        member.close()
        member.close()  # harmless the second time
    await network.close()
    assert all(ttl in (None, 1, 64) for ttl in ttls)
    return [inbox.packets for inbox in inboxes]


def test_simulated_members_hear_each_other_and_not_themselves() -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        tap = MemoryTap()
        group = Address(MULTICAST, 16360)
        own, one, two = runner.run(say_hello(SimulatedNetwork(1, tap=tap), ["10.0.1.1", "10.0.1.2", "10.0.1.3"], group))
    assert own == []
    assert [p.payload for p in (*one, *two)] == [b"hello", b"hello"]
    assert one[0].source.host == "10.0.1.1"
    assert len(tap.packets) == 1, "one datagram was sent"


@pytest.fixture(params=[MULTICAST, "127.255.255.255"])
def address(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_members_on_sockets_hear_each_other_and_not_themselves(address: str) -> None:
    own, one, two = asyncio.run(say_hello(SocketNetwork(), ["127.0.0.1"] * 3, Address(address, free_port())))
    assert own == []
    assert [p.payload for p in (*one, *two)] == [b"hello", b"hello"]
    assert one[0].source == two[0].source


def test_an_address_of_another_machine_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(OSError, match="assign requested address"):
            await open_group(SocketNetwork(), "192.0.2.1", Address(MULTICAST, free_port()), lambda *_: None)

    asyncio.run(main())


def test_the_broadcast_address_is_the_interfaces_own() -> None:
    assert broadcast_address("127.0.0.1") == "127.255.255.255"
    assert broadcast_address("192.0.2.1") == "255.255.255.255", "no interface of ours"


def test_what_goes_to_other_ports_is_kept_as_media() -> None:
    class Kept:
        def __init__(self) -> None:
            self.sip: list[object] = []
            self.media: list[Packet] = []

        def write(self, item: object) -> None:
            self.sip.append(item)

        def write_media(self, packet: Packet) -> None:
            self.media.append(packet)

    kept = Kept()
    tap = CaptureTap(kept, {16360})
    here = Address("10.0.1.1", 5060)
    discovery = Packet(1, here, Address(MULTICAST, 16360), "udp", b"{}")
    message = Packet(2, here, Address("10.0.0.1", 5060), "udp", b"mangled")
    tap.packet(discovery)
    tap.packet(message)
    assert (kept.media, kept.sip) == ([discovery], [message])
