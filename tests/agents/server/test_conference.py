"""The mixer: whoever is in hears all the others who are in."""

import asyncio
from collections.abc import Sequence

from sipconform.agents.call import Leg
from sipconform.agents.server.conference import Conference, Party
from sipconform.net.rtp import RtpPort
from sipconform.net.simulated import SimulatedNetwork
from sipconform.net.tone import WARNING, frame, heard
from sipconform.net.virtual_clock import run
from sipconform.sip.offer_answer import compose_audio, compose_hold
from sipconform.sip.sdp import Sdp
from sipconform.trace.packet import Address


class Voice:
    """A phone that says one tone and keeps what it hears."""

    def __init__(self, hertz: int) -> None:
        self.hertz, self.ear = hertz, list[int]()

    async def join(self, network: SimulatedNetwork, conference: Conference, host: str) -> Party:
        self.port = await RtpPort.open(network, host, self.hertz, self._hear)
        party = await conference.join()
        local = self.port.local
        offer = compose_audio(local.host, local.port, 1)
        answer = Sdp(party.answer(offer)).audio
        assert answer is not None
        self.port.remote = Address(answer.connection, answer.port)
        party.port.remote = local
        return party

    def _hear(self, samples: Sequence[int]) -> None:
        self.ear.extend(samples)

    def hears(self) -> set[int]:
        """Since it was asked last."""
        said, self.ear = self.ear, []
        return heard(said)


async def talk(*voices: Voice, frames: int = 30) -> None:
    for _ in range(frames):
        for voice in voices:
            voice.port.send(frame(voice.hertz))
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)


def test_everybody_hears_everybody_else() -> None:
    async def story() -> None:
        network = SimulatedNetwork(1)
        conference = Conference(network, "10.0.0.1")
        one, two, three = Voice(400), Voice(700), Voice(1000)
        parties = [await v.join(network, conference, f"10.0.0.{n}") for n, v in enumerate((one, two, three), 2)]
        await talk(one, two, three)
        assert [v.hears() for v in (one, two, three)] == [{700, 1000}, {400, 1000}, {400, 700}]
        parties[1].present = False
        await talk(one, two, three)
        assert [v.hears() for v in (one, two, three)] == [{1000}, set(), {400}]
        parties[2].leave()
        await talk(one, two, three)
        assert [v.hears() for v in (one, two, three)] == [set(), set(), set()]
        conference.close()

    run(story())


def test_a_warning_is_heard_by_all_and_repeated_until_it_is_stopped() -> None:
    async def story() -> None:
        network = SimulatedNetwork(1)
        conference = Conference(network, "10.0.0.1")
        one, two = Voice(400), Voice(700)
        for n, voice in enumerate((one, two), 2):
            await voice.join(network, conference, f"10.0.0.{n}")
        conference.warn(again=True)
        await talk(one, two)
        assert one.hears() == {700, WARNING}
        await talk(one, two, frames=20)
        assert one.hears() == {700}
        await asyncio.sleep(9)
        await talk(one, two)
        assert WARNING in two.hears()
        conference.stop_warning()
        await asyncio.sleep(20)
        await talk(one, two)
        assert two.hears() == {400}
        conference.close()

    run(story())


def test_nothing_is_sent_to_whoever_will_not_listen() -> None:
    async def story() -> None:
        conference = Conference(SimulatedNetwork(1), "10.0.0.1")
        party = await conference.join()
        leg = Leg.__new__(Leg)
        leg.remote_sdp = compose_audio("10.0.0.2", 4000, 1)
        party.follow(leg)
        assert party.port.remote == Address("10.0.0.2", 4000)
        for sdp in (compose_hold("10.0.0.2", 4000, 1, 2, "inactive"), b"", b"garbage"):
            leg.remote_sdp = sdp
            party.follow(leg)
            assert party.port.remote is None
        conference.close()

    run(story())
