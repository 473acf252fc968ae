"""A prompt is heard where the offer wants it, for as long as it lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sipconform.agents.call import Leg
from sipconform.agents.server.prompt import Prompt
from sipconform.net.rtp import RtpPort
from sipconform.net.tone import FRAME, PROMPT, heard
from sipconform.sip.offer_answer import compose_audio, compose_hold
from sipconform.sip.sdp import Sdp
from tests.agents.pair import Pair, play

LISTENER = "10.0.9.9"


def test_it_speaks_fifty_times_a_second_until_it_is_over() -> None:
    async def story(pair: Pair) -> None:
        ear, sound = await _ear(pair)
        leg, prompt = Leg(pair.server.agent), await Prompt.open(pair.network, "10.0.0.1")
        leg.remote_sdp = compose_audio(LISTENER, ear.local.port, 1)
        began = asyncio.get_running_loop().time()
        await prompt.play(leg, 2.0)
        assert asyncio.get_running_loop().time() - began == pytest.approx(2.0)
        assert len(sound) == 100 * FRAME
        assert heard(sound, (PROMPT, 1000)) == {PROMPT}
        leg.state = "ended"
        await prompt.play(leg, 2.0)
        prompt.close()
        assert len(sound) == 100 * FRAME

    play(story)


@pytest.mark.parametrize("offer", ["held", "other codecs", "none"])
def test_who_cannot_listen_is_told_nothing(offer: str) -> None:
    async def story(pair: Pair) -> None:
        ear, sound = await _ear(pair)
        port = ear.local.port
        offers = {
            "held": compose_hold(LISTENER, port, 1, 1),
            "other codecs": compose_audio(LISTENER, port, 1, formats={"96": "opus/48000/2"}),
            "none": b"",
        }
        leg, prompt = Leg(pair.server.agent), await Prompt.open(pair.network, "10.0.0.1")
        leg.remote_sdp = offers[offer]
        await prompt.play(leg, 1.0)
        prompt.close()
        assert sound == []

    play(story)


def test_its_description_answers_and_only_speaks() -> None:
    async def story(pair: Pair) -> None:
        prompt = await Prompt.open(pair.network, "10.0.0.1")
        for offer in (b"", compose_audio(LISTENER, 4000, 1)):
            audio = Sdp(prompt.description(offer)).audio
            assert audio is not None
            assert (audio.connection, audio.port, audio.direction) == (*prompt.port.local, "sendonly")

    play(story)


async def _ear(pair: Pair) -> tuple[RtpPort, list[int]]:
    """A port that listens, and what it has heard so far."""
    sound: list[int] = []

    def hear(samples: Sequence[int]) -> None:
        sound.extend(samples)

    return await RtpPort.open(pair.network, LISTENER, 1, hear), sound
