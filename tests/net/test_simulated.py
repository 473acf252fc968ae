import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipconform.net import virtual_clock
from sipconform.net.framing import PING, PONG
from sipconform.net.simulated import EPOCH_NS, SimulatedNetwork
from sipconform.net.tap import MemoryTap
from sipconform.net.transport import Transport
from sipconform.trace.packet import Address, Packet
from tests.net.inbox import events

PHONE = Address("10.0.0.1", 5060)
SERVER = Address("10.0.0.2", 5060)
SERVER6 = Address("2001:db8::2", 5060)


def sip(word: bytes) -> bytes:
    """A message that carries a word; SIP enough for a stream."""
    return b"OPTIONS " + word + b" SIP/2.0\r\n\r\n"


def heard(packet: Packet) -> bytes:
    """The word a message carries; the number sign marks an answer."""
    if packet.payload.startswith(b"SIP/2.0 200 "):
        return b"#" + packet.payload.split()[2]
    return packet.payload.split()[1]


class Ends(NamedTuple):
    """A phone and a server on a network, and what each of them heard."""

    phone: Transport
    server: Transport
    phone_heard: list[Packet]
    server_heard: list[Packet]


async def open_ends(network: SimulatedNetwork, protocol: str = "udp", echo: bool = False) -> Ends:
    def hear(packet: Packet) -> None:
        server_heard.append(packet)
        if echo:
            server.send(b"SIP/2.0 200 " + heard(packet) + b"\r\n\r\n", packet.source)

    phone_heard, server_heard = list[Packet](), list[Packet]()
    phone = await network.open(protocol, PHONE, phone_heard.append)
    server = await network.open(protocol, SERVER, hear)
    return Ends(phone, server, phone_heard, server_heard)


def on_virtual_time(main: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await main()

    virtual_clock.run(run())


async def stormy_night(seed: int | str, protocol: str = "udp") -> MemoryTap:
    tap = MemoryTap()
    network = SimulatedNetwork(seed, loss=0.2, duplicate=0.1, reorder=0.2, delay=(0.001, 0.05), tap=tap)
    ends = await open_ends(network, protocol, echo=True)
    for number in range(200):
        ends.phone.send(sip(b"%d" % number), SERVER)
        await asyncio.sleep(0.002)
    await asyncio.sleep(1)
    return tap


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_a_seed_reproduces_a_run_bit_for_bit(protocol: str) -> None:
    first, again = (virtual_clock.run(stormy_night(7, protocol)) for _ in range(2))
    assert len(first.packets) > 200
    assert (first.packets, first.observations) == (again.packets, again.observations)


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_a_seed_reproduces_a_run_in_another_process(protocol: str) -> None:
    program = (
        "from tests.net.test_simulated import stormy_night; from sipconform.net import virtual_clock\n"
        f"print(virtual_clock.run(stormy_night(7, {protocol!r})).packets)"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "5", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert elsewhere.stdout == f"{virtual_clock.run(stormy_night(7, protocol)).packets}\n"


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_another_seed_gives_another_run(protocol: str) -> None:
    seven, eight = (virtual_clock.run(stormy_night(seed, protocol)) for seed in (7, 8))
    assert seven.packets != eight.packets


def test_a_datagram_arrives_after_the_delay_and_is_recorded_once_when_sent() -> None:
    async def main() -> None:
        tap = MemoryTap()
        ends = await open_ends(SimulatedNetwork(1, delay=(0.25, 0.25), tap=tap), echo=True)
        ends.phone.send(sip(b"who"), SERVER)
        await asyncio.sleep(10)
        assert ends.server_heard == [Packet(EPOCH_NS + 250_000_000, PHONE, SERVER, "udp", sip(b"who"))]
        assert tap.packets == [
            Packet(EPOCH_NS, PHONE, SERVER, "udp", sip(b"who")),
            Packet(EPOCH_NS + 250_000_000, SERVER, PHONE, "udp", b"SIP/2.0 200 who\r\n\r\n"),
        ]

    on_virtual_time(main)


def test_everything_is_lost_at_loss_one() -> None:
    async def main() -> None:
        tap = MemoryTap()
        ends = await open_ends(SimulatedNetwork(1, loss=1.0, tap=tap))
        ends.phone.send(sip(b"who"), SERVER)
        await asyncio.sleep(10)
        assert ends.server_heard == []
        assert len(tap.packets) == 1
        assert events(tap) == ["lost"]

    on_virtual_time(main)


def test_a_doubled_datagram_is_heard_twice_and_recorded_once() -> None:
    async def main() -> None:
        tap = MemoryTap()
        ends = await open_ends(SimulatedNetwork(1, duplicate=1.0, tap=tap))
        ends.phone.send(sip(b"who"), SERVER)
        await asyncio.sleep(10)
        assert [heard(p) for p in ends.server_heard] == [b"who", b"who"]
        assert len(tap.packets) == 1

    on_virtual_time(main)


async def numbers_heard(network: SimulatedNetwork, protocol: str) -> list[int]:
    ends = await open_ends(network, protocol)
    for number in range(100):
        ends.phone.send(sip(b"%d" % number), SERVER)
    await asyncio.sleep(10)
    return [int(heard(p)) for p in ends.server_heard]


def test_datagrams_overtake_each_other_only_when_asked() -> None:
    ordered = virtual_clock.run(numbers_heard(SimulatedNetwork(1, delay=(0.0, 0.1)), "udp"))
    overtaken = virtual_clock.run(numbers_heard(SimulatedNetwork(1, delay=(0.0, 0.1), reorder=0.3), "udp"))
    assert ordered == list(range(100))
    assert overtaken != ordered
    assert sorted(overtaken) == ordered


@settings(max_examples=20)
@given(seed=st.integers(), protocol=st.sampled_from(["tcp", "tls"]))
def test_a_stream_loses_and_reorders_nothing(seed: int, protocol: str) -> None:
    network = SimulatedNetwork(seed, loss=0.5, duplicate=0.5, reorder=0.5, delay=(0.0, 0.1))
    assert virtual_clock.run(numbers_heard(network, protocol)) == list(range(100))


@pytest.mark.parametrize("protocol", ["tcp", "tls"])
def test_an_answer_goes_back_over_the_callers_connection(protocol: str) -> None:
    async def main() -> None:
        ends = await open_ends(SimulatedNetwork(1), protocol, echo=True)
        ends.phone.send(sip(b"one"), SERVER)
        ends.phone.send(sip(b"two"), SERVER)
        await asyncio.sleep(1)
        sources = {p.source for p in ends.server_heard}
        assert len(sources) == 1
        caller = sources.pop()
        assert caller.host == PHONE.host
        assert caller.port != PHONE.port
        answers = [(p.source, p.destination, p.transport) for p in ends.phone_heard]
        assert answers == [(SERVER, caller, protocol)] * 2

    on_virtual_time(main)


def test_a_connection_dies_with_its_listener_and_is_opened_again() -> None:
    async def main() -> None:
        tap = MemoryTap()
        network = SimulatedNetwork(1, tap=tap)
        ends = await open_ends(network, "tcp")
        ends.phone.send(sip(b"one"), SERVER)
        await asyncio.sleep(1)
        ends.server.close()
        ends.phone.send(sip(b"two"), SERVER)
        await asyncio.sleep(1)
        assert events(tap) == ["not connected"]
        rebooted: list[Packet] = []
        await network.open("tcp", SERVER, rebooted.append)
        ends.phone.send(sip(b"three"), SERVER)
        await asyncio.sleep(1)
        assert [heard(p) for p in rebooted] == [b"three"]
        assert rebooted[0].source != ends.server_heard[0].source

    on_virtual_time(main)


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_who_is_cut_off_neither_hears_nor_is_heard_until_healed(protocol: str) -> None:
    async def main() -> None:
        network = SimulatedNetwork(1)
        ends = await open_ends(network, protocol, echo=True)
        ends.phone.send(sip(b"before"), SERVER)
        await asyncio.sleep(1)
        network.cut(PHONE)
        ends.phone.send(sip(b"out"), SERVER)
        ends.server.send(sip(b"in"), ends.server_heard[0].source)
        await asyncio.sleep(1)
        network.heal(PHONE)
        ends.phone.send(sip(b"after"), SERVER)
        await asyncio.sleep(1)
        assert [heard(p) for p in ends.server_heard] == [b"before", b"after"]
        assert [heard(p) for p in ends.phone_heard] == [b"#before", b"#after"]

    on_virtual_time(main)


def test_a_stream_cut_while_a_message_is_under_way_has_no_hole_afterwards() -> None:
    async def main() -> None:
        network = SimulatedNetwork(1, delay=(1.0, 1.0))
        ends = await open_ends(network, "tcp")
        for number in range(3):
            ends.phone.send(sip(b"%d" % number), SERVER)
            await asyncio.sleep(0.4)
        network.cut(SERVER)
        await asyncio.sleep(0.5)
        network.heal(SERVER)
        ends.phone.send(sip(b"3"), SERVER)
        await asyncio.sleep(5)
        assert [heard(p) for p in ends.server_heard] == [b"0", b"3"]
        assert len({p.source for p in ends.server_heard}) == 2

    on_virtual_time(main)


def test_a_ping_over_a_stream_is_answered_by_the_transport() -> None:
    async def main() -> None:
        ends = await open_ends(SimulatedNetwork(1), "tcp")
        ends.phone.send(PING, SERVER)
        await asyncio.sleep(1)
        assert [p.payload for p in ends.server_heard] == [PING]
        assert [p.payload for p in ends.phone_heard] == [PONG]

    on_virtual_time(main)


def test_a_stream_is_cut_by_content_length_and_closed_when_it_is_no_sip() -> None:
    async def main() -> None:
        tap = MemoryTap()
        ends = await open_ends(SimulatedNetwork(1, tap=tap), "tcp")
        whole = sip(b"one") + sip(b"two") + b"OPTIONS three SIP/2.0\r\nContent-Length: 40\r\n\r\n"
        ends.phone.send(whole, SERVER)
        ends.phone.send(b"swallowed" * 5 + b"\r\n", SERVER)
        ends.phone.send(sip(b"four"), SERVER)
        await asyncio.sleep(1)
        ends.phone.send(sip(b"five"), SERVER)
        await asyncio.sleep(1)
        assert [heard(p) for p in ends.server_heard] == [b"one", b"two", b"three", b"five"]
        assert tap.packets[0].payload == whole
        assert events(tap) == ["stream broken"]

    on_virtual_time(main)


def test_nobody_there_is_silence_and_an_observation() -> None:
    async def main() -> None:
        tap = MemoryTap()
        ends = await open_ends(SimulatedNetwork(1, tap=tap))
        ends.phone.send(sip(b"who"), SERVER6)
        await asyncio.sleep(1)
        assert ends.phone_heard == []
        what = {"event": "unreachable", "local": "10.0.0.1:5060", "remote": "[2001:db8::2]:5060"}
        assert [(o.who, o.kind, o.what) for o in tap.observations] == [("network", "network", what)]

    on_virtual_time(main)


def test_a_datagram_larger_than_any_is_not_sent() -> None:
    async def main() -> None:
        tap = MemoryTap()
        ends = await open_ends(SimulatedNetwork(1, tap=tap))
        ends.phone.send(b"x" * 65_508, SERVER)
        assert (tap.packets, events(tap)) == ([], ["not sent"])

    on_virtual_time(main)


def test_a_group_hears_everybody_but_the_sender() -> None:
    async def main() -> None:
        group = Address("224.0.1.75", 5060)
        network = SimulatedNetwork(1)
        heard: list[list[Packet]] = [[], [], []]
        members = [await network.open("udp", Address(f"10.0.0.{i}", 0), heard[i].append) for i in range(3)]
        for member in members:
            network.join(group, member)
        members[2].close()
        members[0].send(sip(b"who"), group)
        await asyncio.sleep(1)
        assert [len(packets) for packets in heard] == [0, 1, 0]
        assert heard[1][0].destination == group

    on_virtual_time(main)


def test_port_zero_gives_different_ports_in_both_families() -> None:
    async def main() -> None:
        network = SimulatedNetwork(1)
        for host in ("10.0.0.1", "2001:db8::1"):
            ports = [(await network.open("udp", Address(host, 0), print)).local.port for _ in range(3)]
            assert all(one < other for one, other in pairwise(ports))

    on_virtual_time(main)


def test_a_bound_address_is_in_use_until_closed() -> None:
    async def main() -> None:
        network = SimulatedNetwork(1)
        first = await network.open("udp", PHONE, print)
        with pytest.raises(OSError, match="in use"):
            await network.open("udp", PHONE, print)
        await network.open("tcp", PHONE, print)
        first.close()
        first.close()
        await network.open("udp", PHONE, print)
        await network.close()
        await network.open("udp", PHONE, print)

    on_virtual_time(main)


def test_wrong_use_is_an_error() -> None:
    async def main() -> None:
        network = SimulatedNetwork(1)
        with pytest.raises(ValueError, match="sctp"):
            await network.open("sctp", PHONE, print)
        transport = await network.open("udp", PHONE, print)
        transport.close()
        with pytest.raises(ValueError, match="closed"):
            transport.send(sip(b"who"), SERVER)

    on_virtual_time(main)
