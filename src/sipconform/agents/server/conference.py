"""The mixer of one call on a shared line: whoever is in hears all the others who are in.

Every leg has a port of its own for the whole call, so that a change of who takes part changes nobody's session.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from sipconform.agents.call import Leg
from sipconform.net.rtp import RtpPort
from sipconform.net.tone import FRAME, WARNING, frame
from sipconform.net.transport import Network
from sipconform.sip.offer_answer import compose_answer, compose_audio
from sipconform.sip.sdp import Sdp

TICK = 0.02  # seconds a frame lasts
LINGER = 10  # ticks without a sound from anybody after which the clock stops
JITTER = 5  # frames kept of a party that is ahead of the clock
WARNING_TICKS = 15  # how long the warning tone lasts
WARN_AGAIN = 10.0  # seconds between warning tones that repeat
SILENCE = [0] * FRAME
FIRST_SSRC = 1_000_000  # ours; phones of ours send with their tone's frequency


@dataclass(eq=False, repr=False)
class Party:
    """One leg's place in the conference. `present` is false while its phone holds the call."""

    conference: Conference
    session_id: int
    port: RtpPort = field(init=False)
    present: bool = True
    version: int = 0
    frames: deque[Sequence[int]] = field(default_factory=lambda: deque(maxlen=JITTER))

    def heard(self, samples: Sequence[int]) -> None:
        if len(samples) == FRAME:
            self.frames.append(samples)
            self.conference.wake()

    def offer(self) -> bytes:
        """Our description as an offer."""
        self.version += 1
        local = self.port.local
        return compose_audio(local.host, local.port, self.session_id, version=self.version)

    def answer(self, offer: bytes) -> bytes:
        """Our description as the answer to an offer; without one it is an offer itself (RFC 3261 §13.3.1)."""
        if not offer:
            return self.offer()
        self.version += 1
        local = self.port.local
        return compose_answer(Sdp(offer), local.host, local.port, self.session_id, version=self.version)

    def follow(self, leg: Leg) -> None:
        """Sends to where the leg's last description wants it, and nowhere while it will not listen."""
        self.port.speak_to(Sdp(leg.remote_sdp).audio if leg.remote_sdp else None)

    def leave(self) -> None:
        self.conference.remove(self)


@dataclass(eq=False, repr=False)
class Conference:
    """Its clock runs only while somebody can be heard."""

    network: Network
    host: str
    parties: list[Party] = field(default_factory=list)
    _ids: int = 0
    _quiet: int = 0
    _warning: int = 0
    _clock: asyncio.TimerHandle | None = None
    _warn_again: asyncio.TimerHandle | None = None

    async def join(self) -> Party:
        """A new place. Raises OSError when no port is to be had."""
        self._ids += 1
        party = Party(self, self._ids)
        party.port = await RtpPort.open(self.network, self.host, FIRST_SSRC + self._ids, party.heard)
        self.parties.append(party)
        return party

    def remove(self, party: Party) -> None:
        if party in self.parties:
            self.parties.remove(party)
        party.port.close()
        if not self.parties:
            self.close()

    def close(self) -> None:
        """Ends it for everybody."""
        for timer in (self._clock, self._warn_again):
            if timer:
                timer.cancel()
        self._clock = self._warn_again = None
        for party in self.parties:
            party.port.close()
        self.parties.clear()

    def warn(self, *, again: bool = False) -> None:
        """Lets everybody hear the warning tone, again and again if wanted (`bridgeWarningTone`)."""
        self._warning = WARNING_TICKS
        self.stop_warning()
        if again:
            self._warn_again = asyncio.get_running_loop().call_later(WARN_AGAIN, lambda: self.warn(again=True))

    def stop_warning(self) -> None:
        if self._warn_again:
            self._warn_again.cancel()
            self._warn_again = None

    def wake(self) -> None:
        """Somebody was heard."""
        self._quiet = 0
        if self._clock is None:
            self._clock = asyncio.get_running_loop().call_later(TICK, self._tick)

    def _tick(self) -> None:
        self._quiet += 1
        self._clock = None
        if self._quiet <= LINGER:
            self._clock = asyncio.get_running_loop().call_later(TICK, self._tick)
        self._mix()

    def _mix(self) -> None:
        said = {party: party.frames.popleft() for party in self.parties if party.frames}
        tone = frame(WARNING) if self._warning else SILENCE
        self._warning = max(0, self._warning - 1)
        present = [party for party in self.parties if party.present]
        for listener in present:
            others = [said[p] for p in present if p is not listener and p in said]
            listener.port.send([sum(samples) for samples in zip(tone, *others, strict=True)])
