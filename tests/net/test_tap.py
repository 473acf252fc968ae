from pathlib import Path

from sipconform.net.tap import CaptureTap, MemoryTap, NullTap, TeeTap, network_says
from sipconform.trace.capture import read_capture
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.packet import Address, Observation, Packet

PHONE, SERVER = Address("fe80::1%2", 5060), Address("2001:db8::2", 5061)
PACKET = Packet(1, PHONE, SERVER, "udp", b"OPTIONS sip:a SIP/2.0\r\n\r\n")
OBSERVATION = Observation(2, "phone", "belief", {"dnd": True})


def test_a_memory_tap_keeps_everything_and_a_tee_shows_it_to_all() -> None:
    one, other = MemoryTap(), MemoryTap()
    tee = TeeTap(one, NullTap(), other)
    tee.packet(PACKET)
    tee.observe(OBSERVATION)
    for tap in (one, other):
        assert (tap.packets, tap.observations) == ([PACKET], [OBSERVATION])


def test_what_a_capture_tap_wrote_can_be_read_again(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "run.pcapng") as writer:
        tap = CaptureTap(writer)
        tap.packet(PACKET)
        tap.observe(OBSERVATION)
    packet, observation = read_capture(tmp_path / "run.pcapng")
    assert packet == PACKET._replace(source=Address("fe80::1", 5060), frames=(1,))
    assert observation == OBSERVATION._replace(frames=(2,))


def test_the_network_is_a_witness_of_its_own() -> None:
    tap = MemoryTap()
    network_says(tap, 5, "not sent", PHONE, SERVER, reason="no route")
    (said,) = tap.observations
    assert (said.time_ns, said.who, said.kind) == (5, "network", "network")
    assert (said.what["event"], said.what["reason"]) == ("not sent", "no route")
    assert (said.what["local"], said.what["remote"]) == ("[fe80::1%2]:5060", "[2001:db8::2]:5061")
