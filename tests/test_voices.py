"""What is said goes; who speaks when and who is heard where stays."""

import math
import random
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.cli import main
from sipconform.judging import judge_capture
from sipconform.lab.listening import Listening
from sipconform.lab.scenarios import known_scenarios
from sipconform.lab.settings import LabSettings
from sipconform.lab.shared_line import TONES as DESKS
from sipconform.lab.stage import Ending, Stage
from sipconform.net import g711
from sipconform.net.rtp import Rtp, parse
from sipconform.net.tone import AUDIBLE, FRAME, TONES, WARNING, frame, power
from sipconform.trace.capture import read_datagrams
from sipconform.trace.packet import Address, Packet
from sipconform.voices import STAND_INS, Streams, Voices, announced_in
from tests.compare.talk import call, trace

MOMENT = 400_000_000  # nanoseconds


def packet(samples: list[int], payload_type: int = 0, ssrc: int = 7, number: int = 0) -> bytes:
    return Rtp(payload_type, number, number * FRAME, ssrc, g711.encode(samples, payload_type)).to_bytes()


def voice(seed: int = 1, length: int = FRAME) -> list[int]:
    """A vowel of somebody's: harmonics, a little noise."""
    chance, pitch = random.Random(seed), 110 + 7 * seed
    return [
        round(sum(3_000 / n * math.sin(2 * math.pi * n * pitch * t / 8_000) for n in range(1, 9)) + chance.gauss(0, 80))
        for t in range(length)
    ]


def heard_in(datagram: bytes | None) -> set[int]:
    assert datagram is not None
    rtp = parse(datagram)
    assert rtp is not None
    samples = g711.decode(rtp.payload, rtp.payload_type)
    return {hertz for hertz in (*TONES, WARNING, *STAND_INS) if power(samples, hertz) >= AUDIBLE}


@pytest.mark.parametrize("payload_type", [0, 8])
def test_a_voice_becomes_the_tone_of_its_stream(payload_type: int) -> None:
    voices = Voices(b"key")
    said = [voices.stand_in(packet(voice(n), payload_type, ssrc=7, number=n)) for n in range(3)]
    tones = [heard_in(one) for one in said]
    assert tones[0] == tones[1] == tones[2]
    assert len(tones[0]) == 1
    assert tones[0] <= set(STAND_INS)
    assert said[0] == Voices(b"key").stand_in(packet(voice(5), payload_type)), "nothing of the voice is left"


def test_every_stream_has_a_tone_of_its_own() -> None:
    voices = Voices(b"key")
    tones = [heard_in(voices.stand_in(packet(voice(), ssrc=ssrc))) for ssrc in range(20)]
    assert len(set().union(*tones)) == 20


@pytest.mark.parametrize("samples", [[0] * FRAME, [random.Random(1).randint(-40, 40) for _ in range(FRAME)]])
def test_silence_stays_silence_and_what_was_whispered_in_it_goes(samples: list[int]) -> None:
    said = Voices(b"key").stand_in(packet(samples))
    assert said == packet([0] * FRAME)


@pytest.mark.parametrize("hertz", [(400,), (550, 1450), (WARNING,), (400, 550, 700, 850)])
@pytest.mark.parametrize("payload_type", [0, 8])
def test_tones_of_our_agents_stay_octet_for_octet(hertz: tuple[int, ...], payload_type: int) -> None:
    mixed = [sum(samples) for samples in zip(*map(frame, hertz), strict=True)]
    assert Voices(b"key").stand_in(packet(mixed, payload_type)) == packet(mixed, payload_type)


def test_a_voice_over_a_tone_of_ours_goes() -> None:
    mixed = [sum(both) for both in zip(voice(), frame(400), strict=True)]
    assert heard_in(Voices(b"key").stand_in(packet(mixed))) <= set(STAND_INS)


def test_keys_and_codecs_we_do_not_read_lose_their_content() -> None:
    pressed = Rtp(101, 1, 160, 7, b"\x09\x0a\x00\xa0").to_bytes()
    assert Voices(b"key").stand_in(pressed) == pressed[:12] + bytes(4)


def test_what_is_no_rtp_is_left_out() -> None:
    report = b"\x81\xc8\x00\x06" + b"x" * 24  # RTCP, with its sender's name
    assert Voices(b"key").stand_in(report) is None


def test_header_and_padding_stay() -> None:
    plain = packet(voice())
    padded = bytes([plain[0] | 0x20]) + plain[1:] + b"abc\x04"
    said = Voices(b"key").stand_in(padded)
    assert said == bytes([plain[0] | 0x20]) + (Voices(b"key").stand_in(plain) or b"")[1:] + b"\0\0\0\x04"


@given(st.binary(max_size=80))
def test_whatever_comes_is_no_longer_than_before_or_left_out(datagram: bytes) -> None:
    said = Voices(b"key").stand_in(datagram)
    rtp = parse(datagram)
    assert (said is None) == (rtp is None)
    assert said is None or rtp is None or len(said) <= len(datagram)


def test_neither_contributors_nor_an_extension_are_told() -> None:
    plain = packet(voice())
    extended = bytes([plain[0] | 0x11]) + plain[1:12] + b"SSRC" + b"\xbe\xde\x00\x01name" + plain[12:]
    assert Voices(b"key").stand_in(extended) == Voices(b"key").stand_in(plain)


HERE, THERE = Address("10.0.0.1", 4000), Address("10.0.0.2", 5000)


def sent(payload: bytes) -> Packet:
    return Packet(1, HERE, THERE, "udp", payload)


def test_audio_is_what_was_announced_or_counts_on() -> None:
    stream = [sent(packet(voice(), number=number)) for number in range(20)]
    few, question = stream[:3], sent(b"\x80\x01\x01\x00\x00\x01" + bytes(6) + b"\x05mayer\x03org\x00\x00\x01\x00\x01")
    assert all(map(Streams((), stream).hold, stream))
    assert not any(map(Streams((), few).hold, few))
    assert all(map(Streams((THERE,), few).hold, few))
    assert not Streams((), [question] * 20).hold(question)


def test_what_a_description_wants_is_announced() -> None:
    wanted = {Address("192.0.2.10", 4000)}
    assert announced_in(trace(*call()).messages) == wanted


@pytest.mark.parametrize(
    "story", ["test_the_assistant_joins_the_call_to_take_notes", "test_the_assistant_holds_and_the_manager_takes_over"]
)
def test_a_redacted_run_judges_the_same_and_the_same_are_heard(tmp_path: Path, story: str) -> None:
    capture, redacted = tmp_path / "run.pcapng", tmp_path / "redacted.pcapng"
    known = next(known for known in known_scenarios() if known.name == story)
    settings = LabSettings(network="simulated", profile=known.profile)
    assert Stage(settings, capture).play(known.play).ending is Ending.PLAYED
    assert main(["redact", str(capture), "--out", str(redacted), "--key", "word"]) == 0
    assert _verdicts(redacted) == _verdicts(capture)
    assert _heard(redacted) == (before := _heard(capture))
    assert len(set(before)) > 4, "who is heard where changes in the run"


def _verdicts(capture: Path) -> list[tuple[object, ...]]:
    judged = [judgement for _, judgement in judge_capture(capture)]
    findings = [(f.check.id if f.check else "", f.verdict, f.level, f.side) for j in judged for f in j.findings]
    return [*findings, *(dict(judgement.passed) for judgement in judged)]  # type: ignore[list-item]


def _heard(capture: Path) -> list[tuple[str, frozenset[str]]]:
    """Who was heard at which desk, from moment to moment."""
    told = [(each.time_ns, rtp.ssrc) for each in read_datagrams(capture) if (rtp := parse(each.payload))]
    times, speaking = [time_ns for time_ns, _ in told], {ssrc for _, ssrc in told}
    return [
        (desk, frozenset(Listening(capture, DESKS, partial(int, now)).heard_by(desk)))
        for desk, ssrc in DESKS.items()
        for now in range(min(times), max(times), MOMENT)
        if ssrc in speaking
    ]
