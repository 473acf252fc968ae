"""RTP packets, written, read, broken; and ports that speak with each other."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.net.rtp import Rtp, RtpPort, parse
from sipconform.net.simulated import SimulatedNetwork
from sipconform.net.tone import frame, heard
from sipconform.net.virtual_clock import run
from sipconform.trace.packet import Address


@given(
    st.integers(0, 63),
    st.integers(0, 65_535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=300),
)
def test_what_was_written_is_read(kind: int, sequence: int, timestamp: int, ssrc: int, payload: bytes) -> None:
    packet = Rtp(kind, sequence, timestamp, ssrc, payload)
    assert parse(packet.to_bytes()) == packet


@given(st.binary(max_size=64))
def test_nothing_breaks_the_reader(datagram: bytes) -> None:
    packet = parse(datagram)
    assert packet is None or len(packet.payload) <= len(datagram) - 12


@pytest.mark.parametrize(
    ("first", "rest", "payload"),
    [
        (0x82, b"\0" * 8 + b"ab", b"ab"),  # two contributing sources
        (0x90, b"\0\0\0\1" + b"\0" * 4 + b"ab", b"ab"),  # an extension of one word
        (0xA0, b"ab\0\2", b"ab"),  # two octets of padding
    ],
)
def test_what_is_not_payload_is_taken_off(first: int, rest: bytes, payload: bytes) -> None:
    found = parse(bytes([first, 0]) + b"\0" * 10 + rest)
    assert found is not None
    assert found.payload == payload


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"INVITE sip:2001 SIP/2.0\r\n",
        bytes([0x80, 200]) + b"\0" * 20,
        bytes([0x90, 0]) + b"\0" * 10,
        b"\xa0\0" + b"\xff" * 12,
    ],
)
def test_what_is_no_rtp_is_not_read(datagram: bytes) -> None:
    assert parse(datagram) is None


def test_ports_speak_with_each_other() -> None:
    async def story() -> None:
        network = SimulatedNetwork(1)
        ear: list[int] = []

        def hear(samples: Sequence[int]) -> None:
            ear.extend(samples)

        one = await RtpPort.open(network, "10.0.0.1", 1, lambda _: None)
        two = await RtpPort.open(network, "10.0.0.2", 2, hear)
        one.send(frame(400))  # to nobody
        one.remote = two.local
        for _ in range(10):
            one.send(frame(700))
        await asyncio.sleep(1)
        assert heard(ear) == {700}
        one.remote = Address("0.0.0.0", 9)
        one.close()
        one.send(frame(700))
        await asyncio.sleep(1)
        assert len(ear) == 1600

    run(story())
