"""The phone's voice and ear: a tone of its own, sent while it talks, so that audio proves who hears whom."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from sipconform.net.rtp import RtpPort
from sipconform.net.tone import frame
from sipconform.net.transport import Network
from sipconform.sip.sdp import Sdp

TICK = 0.02  # seconds a frame lasts


@dataclass(eq=False, repr=False)
class Audio:
    """One RTP port for all calls of a phone; it speaks to the one that is talked on."""

    hertz: int
    port: RtpPort = field(init=False)
    _frame: list[int] = field(default_factory=list)
    _clock: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, network: Network, host: str, hertz: int) -> Audio:
        """Raises OSError when no port is to be had."""
        audio = cls(hertz)
        audio.port = await RtpPort.open(network, host, hertz, audio._heard)
        audio._frame = frame(hertz)
        return audio

    def follow(self, local_sdp: bytes, remote_sdp: bytes) -> None:
        """Speaks to where the call's descriptions say; not at all while either side holds. Empty ones: no call."""
        local, remote = Sdp(local_sdp).audio if local_sdp else None, Sdp(remote_sdp).audio if remote_sdp else None
        self.port.speak_to(remote if local is not None and not local.held else None)
        if self.port.remote is not None and self._clock is None:
            self._clock = asyncio.get_running_loop().call_later(TICK, self._speak)

    def close(self) -> None:
        if self._clock:
            self._clock.cancel()
        self.port.close()

    def _speak(self) -> None:
        self._clock = None
        if self.port.remote is not None:
            self.port.send(self._frame)
            self._clock = asyncio.get_running_loop().call_later(TICK, self._speak)

    def _heard(self, samples: Sequence[int]) -> None:
        """What is heard is measured in the capture, not here."""
