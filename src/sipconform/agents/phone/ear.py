"""The phone's ear in a call to a code: it says nothing, and knows whether somebody spoke."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sipconform.net.rtp import RtpPort
from sipconform.net.transport import Network

LOUD = 300  # of 32,767: more than the noise of a line
WORD = 10  # loud frames of 20 ms; what is shorter is a click


@dataclass(eq=False, repr=False)
class Ear:
    """One port for one call, to be closed with it. `noticed` is called once a voice was heard."""

    noticed: Callable[[], None]
    port: RtpPort = field(init=False)
    _loud: int = 0

    @classmethod
    async def open(cls, network: Network, host: str, noticed: Callable[[], None]) -> Ear:
        """Raises OSError when no port is to be had."""
        ear = cls(noticed)
        ear.port = await RtpPort.open(network, host, 0, ear._heard)
        return ear

    @property
    def heard_a_voice(self) -> bool:
        """Whether there was sound for at least the length of a word."""
        return self._loud >= WORD

    def close(self) -> None:
        self.port.close()

    def _heard(self, samples: Sequence[int]) -> None:
        if max(map(abs, samples), default=0) >= LOUD:
            self._loud += 1
            if self._loud == WORD:
                self.noticed()
