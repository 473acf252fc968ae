"""A prompt: a voice that tells a caller what came of his code, for so long and no longer (feature sync sheet §4.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from sipconform.agents.call import Leg
from sipconform.net.rtp import RtpPort
from sipconform.net.tone import PROMPT, frame
from sipconform.net.transport import Network
from sipconform.sip.offer_answer import compose_answer, compose_audio
from sipconform.sip.sdp import Sdp

SSRC = PROMPT  # every voice of ours says with its tone's frequency who it is
SESSION = 1
FRAMES = 50  # a second


@dataclass(eq=False, repr=False)
class Prompt:
    """The prompt of one call: a tone in G.711 from a port of its own, to where the caller's offer wants it."""

    port: RtpPort = field(init=False)
    speaks: bool = True  # False: the stream is refused (port 0, RFC 3264 §6) and nothing is said

    @classmethod
    async def open(cls, network: Network, host: str, *, speaks: bool = True) -> Prompt:
        """Raises OSError when no port is to be had."""
        prompt = cls(speaks=speaks)
        prompt.port = await RtpPort.open(network, host, SSRC, prompt._heard)
        return prompt

    def description(self, offer: bytes) -> bytes:
        """What it is said in: the answer to an offer, an offer itself where there was none."""
        local = self.port.local
        port = local.port if self.speaks else 0
        if not offer:
            return compose_audio(local.host, port, SESSION, direction="sendonly")
        return compose_answer(Sdp(offer), local.host, port, SESSION, direction="sendonly")

    async def play(self, leg: Leg, seconds: float) -> None:
        """Speaks for so long, or until the call is over. A caller who cannot listen is told nothing, for as long."""
        clock, tone = asyncio.get_running_loop(), frame(PROMPT)
        began = clock.time()
        self.port.speak_to(Sdp(leg.remote_sdp).audio if leg.remote_sdp and self.speaks else None)
        for number in range(1, round(seconds * FRAMES) + 1):
            if leg.state == "ended":
                break
            self.port.send(tone)
            await asyncio.sleep(began + number / FRAMES - clock.time())  # counted from the beginning: no drift

    def close(self) -> None:
        self.port.close()

    def _heard(self, samples: Sequence[int]) -> None:
        """Nobody listens to what is said to a prompt."""
