"""Who hears whom is asked of the last moments, not of the last audio there was."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sipconform.lab.actor import BeliefError, NotSupportedError
from sipconform.lab.listening import Listening
from sipconform.net import g711
from sipconform.net.rtp import Rtp
from sipconform.net.tone import WARNING, frame
from sipconform.net.virtual_clock import VirtualLoop
from sipconform.trace.capture_writer import CaptureWriter
from sipconform.trace.packet import Address, Packet

TONES = {"one": 400, "other": 1000}
PLACES = {"one": Address("192.0.2.1", 4000), "other": Address("192.0.2.2", 4000)}
TICK = 20_000_000  # nanoseconds of audio in a frame


def recorded(path: Path, frames: int) -> int:
    """Each says its tone to the other for so many frames; gives the time of the last."""
    at = 1_800_000_000_000_000_000
    with CaptureWriter(path) as writer:
        for number in range(frames):
            at += TICK
            for who, to in (("one", "other"), ("other", "one")):
                samples = g711.encode(frame(TONES[who]), 0)
                rtp = Rtp(0, number, number * 160, TONES[who], samples)
                writer.write_media(Packet(at, PLACES[who], PLACES[to], "udp", rtp.to_bytes()))
    return at


@pytest.mark.parametrize(("later", "heard"), [(0, {"other"}), (5_000_000_000, set())])
def test_audio_that_has_ceased_is_not_heard(tmp_path: Path, later: int, heard: set[str]) -> None:
    path = tmp_path / "c.pcapng"
    last = recorded(path, 50)
    assert Listening(path, TONES, lambda: last + later).heard_by("one") == heard


def test_who_is_not_heard_at_once_is_listened_to_again(tmp_path: Path) -> None:
    path = tmp_path / "c.pcapng"
    first = recorded(path, 50)

    async def listens(now_ns: list[int]) -> None:
        listening = Listening(path, TONES, lambda: now_ns.pop(0) if len(now_ns) > 1 else now_ns[0])
        await listening.who_hears_whom(one="other")

    stalled = first + 5_000_000_000
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(listens([stalled, stalled, first]))
        with pytest.raises(BeliefError, match="one hears nobody, and should hear other"):
            runner.run(listens([stalled]))


def test_who_never_spoke_cannot_be_told_apart(tmp_path: Path) -> None:
    last = recorded(tmp_path / "c.pcapng", 0)
    with pytest.raises(NotSupportedError, match="one says no tone"):
        Listening(tmp_path / "c.pcapng", TONES, lambda: last).heard_by("one")


@pytest.mark.parametrize(("warned", "since"), [(True, 0), (False, 900_000_000)])
def test_a_warning_tone_is_heard_from_a_moment_on(tmp_path: Path, warned: bool, since: int) -> None:
    path, first = tmp_path / "c.pcapng", 1_800_000_000_000_000_000
    with CaptureWriter(path) as writer:
        for number in range(100):
            hertz = WARNING if 10 <= number < 25 else TONES["other"]
            said = Rtp(0, number, number * 160, TONES["other"], g711.encode(frame(hertz), 0))
            back = Rtp(0, number, number * 160, TONES["one"], g711.encode(frame(TONES["one"]), 0))
            writer.write_media(Packet(first + number * TICK, PLACES["one"], PLACES["other"], "udp", back.to_bytes()))
            writer.write_media(Packet(first + number * TICK, PLACES["other"], PLACES["one"], "udp", said.to_bytes()))
    kept: list[tuple[str, str, dict[str, Any]]] = []
    listening = Listening(path, TONES, lambda: first + 2_000_000_000, lambda *told: kept.append(told))
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(listening.warns(warned, first + since, "one"))
        with pytest.raises(BeliefError, match="one heard"):
            runner.run(listening.warns(not warned, first + since, "one"))
    assert kept == [("audio", "heard", {"since_ns": first + since, "warned": {"one": warned}})] * 2
