"""The prompt of a feature code, measured in the audio of the capture: to whom, when, how long, and which tone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sipconform.lab.actors import Phone, Server
from sipconform.lab.settings import LabSettings
from sipconform.lab.stage import Ending, Scenario, Stage
from sipconform.net import g711
from sipconform.net.rtp import parse
from sipconform.net.tone import PROMPT, TONES, WARNING, heard
from sipconform.sip.sdp import Sdp
from sipconform.trace.capture import read_capture, read_datagrams
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Packet
from sipconform.trace.trace import Transaction

ALL = (*TONES, WARNING, PROMPT)


def played(scenario: Scenario, folder: Path, **settings: Any) -> tuple[Transaction, list[Packet]]:
    """The INVITE to the code that was let in, and the audio of the capture."""
    capture = folder / "c.pcapng"
    lab = LabSettings(profile="broadworks-fac", **settings)
    assert Stage(lab, capture).play(scenario).ending is Ending.PLAYED
    trace = correlate(read_capture(capture))
    (invite,) = [t for t in trace.transactions if t.method == "INVITE" and t.final and t.final.status != 401]
    return invite, [packet for packet in read_datagrams(capture) if parse(packet.payload)]


def samples(audio: list[Packet]) -> list[int]:
    packets = [rtp for packet in audio if (rtp := parse(packet.payload))]
    return [sample for rtp in packets for sample in g711.decode(rtp.payload, rtp.payload_type)]


async def accepted(phone: Phone, server: Server) -> None:
    await _heard(phone, server, "prompt")


async def refused(phone: Phone, server: Server) -> None:
    await _heard(phone, server, "early-prompt")


async def _heard(phone: Phone, server: Server, shape: str) -> None:
    await server.answer_codes(shape, prompt=0.5)
    await phone.start()
    await phone.dial_code("*78")
    await phone.shows(prompt=True)


async def given_up(phone: Phone, server: Server) -> None:
    await server.answer_codes("early-prompt", prompt=20.0)
    await phone.start()
    dialling = asyncio.ensure_future(phone.dial_code("*78"))
    await phone.shows(prompt=True)
    await phone.hang_up()
    assert await dialling == 487


@pytest.mark.parametrize("settings", [{"network": "simulated"}, {"ip": 4}, {"ip": 6}], ids=str)
@pytest.mark.parametrize("scenario", [accepted, refused])
def test_it_comes_to_where_the_offer_says(scenario: Scenario, settings: dict[str, Any], tmp_path: Path) -> None:
    invite, audio = played(scenario, tmp_path, **settings)
    assert invite.request is not None
    offer = Sdp(invite.request.content).audio
    assert offer is not None
    assert {tuple(packet.destination) for packet in audio} == {(offer.connection, offer.port)}
    assert len(audio) == 25  # half a second
    assert heard(samples(audio), ALL) == {PROMPT}


def test_in_an_early_dialog_it_comes_before_the_final_answer(tmp_path: Path) -> None:
    invite, audio = played(refused, tmp_path, network="simulated")
    assert invite.final is not None
    assert invite.final.status == 480
    begun = next(answer for answer in invite.provisional if answer.status == 183)
    assert begun.packet.time_ns <= audio[0].time_ns < audio[-1].time_ns < invite.final.packet.time_ns


def test_it_ends_when_the_caller_gives_up(tmp_path: Path) -> None:
    invite, audio = played(given_up, tmp_path, network="simulated")
    assert invite.final is not None
    assert invite.final.status == 487
    assert 10 <= len(audio) < 50
    assert audio[-1].time_ns <= invite.final.packet.time_ns
