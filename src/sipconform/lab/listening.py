"""Who hears whom, measured in the audio of the capture while the scenario runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sipconform.lab.actor import BeliefError, NotSupportedError, Record
from sipconform.net import g711
from sipconform.net.rtp import Rtp, parse
from sipconform.net.tone import WARNING, heard
from sipconform.trace.capture import read_datagrams

LISTEN = 0.6  # seconds of audio a judgement is made from
PIECE = 800  # samples, 0.1 s: less than a warning tone lasts
SETTLE = 0.3  # seconds that media may need to follow the signalling
PATIENCE = 3.0  # seconds after which it is wrong: a busy machine may fall silent for a moment


@dataclass(eq=False, repr=False)
class Listening:
    """`tones` by the names of those who say them: each also the SSRC its phone sends with. `now_ns` is the time of the
    network that writes the capture. `record` keeps what was heard where the judge finds it: who, kind, what."""

    capture: Path
    tones: Mapping[str, int]
    now_ns: Callable[[], int]
    record: Record | None = None

    @property
    def now(self) -> int:
        """This moment, in nanoseconds: what is heard from here on can be asked for."""
        return self.now_ns()

    async def warns(self, wanted: bool, since: int, *listeners: str) -> None:
        """Whether these have heard the tone that tells of a barge-in, at any time since a moment.

        Raises BeliefError saying who has heard it, or not.
        """
        await asyncio.sleep(SETTLE + LISTEN)
        heard_it = {listener: self._warned(listener, since) for listener in listeners}
        if self.record:
            self.record("audio", "heard", {"since_ns": since, "warned": heard_it})
        if wrong := [listener for listener, found in heard_it.items() if found is not wanted]:
            raise BeliefError(f"{' and '.join(wrong)} {'heard no' if wanted else 'heard a'} warning tone")

    def _warned(self, listener: str, since: int) -> bool:
        samples = self._samples_to(listener, since)
        pieces = (samples[at : at + PIECE] for at in range(0, len(samples), PIECE))
        return any(WARNING in heard(piece, (WARNING,)) for piece in pieces)

    async def who_hears_whom(self, **wanted: str) -> None:
        """`manager="customer"`: the manager hears the customer and nobody else; "" for silence, commas between two.

        Raises BeliefError saying who is heard instead, and still is after listening again for a while.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        await asyncio.sleep(SETTLE + LISTEN)
        while wrong := self._misheard(wanted):
            if loop.time() > deadline:
                raise BeliefError(wrong)
            await asyncio.sleep(SETTLE)

    def _misheard(self, wanted: Mapping[str, str]) -> str:
        """The first who does not hear what he should, as a sentence; "" if all do."""
        for listener, names in wanted.items():
            expected = {name.strip() for name in names.split(",") if name.strip()}
            if (found := self.heard_by(listener)) != expected:
                return f"{listener} hears {_told(found)}, and should hear {_told(expected)}"
        return ""

    def heard_by(self, listener: str) -> set[str]:
        """The names whose tones came to a phone in the last moments; "warning" is the tone of a barge-in."""
        samples = self._samples_to(listener, self.now_ns() - round(LISTEN * 1e9))
        names = {hertz: name for name, hertz in self.tones.items()} | {WARNING: "warning"}
        return {names[hertz] for hertz in heard(samples, tuple(names))}

    def _samples_to(self, listener: str, since: int) -> list[int]:
        """What came to a phone since a moment."""
        audio = [(packet, rtp) for packet in read_datagrams(self.capture) if (rtp := parse(packet.payload))]
        places = {packet.source for packet, rtp in audio if rtp.ssrc == self.tones[listener]}
        if not places:
            raise NotSupportedError(f"{listener} says no tone, so that its audio cannot be told apart")
        told = [rtp for packet, rtp in audio if packet.destination in places and packet.time_ns >= since]
        return [sample for rtp in told for sample in _samples(rtp)]


def _samples(rtp: Rtp) -> list[int]:
    return list(g711.decode(rtp.payload, rtp.payload_type)) if rtp.payload_type in (0, 8) else []


def _told(names: set[str]) -> str:
    return " and ".join(sorted(names)) or "nobody"
