"""Tones, alone and together, through G.711 and in silence."""

from itertools import combinations

import pytest

from sipconform.net import g711
from sipconform.net.tone import FRAME, TONES, WARNING, frame, heard, power

FRAMES = 10


@pytest.mark.parametrize("payload_type", [0, 8])
@pytest.mark.parametrize("hertz", [*TONES, WARNING])
def test_a_tone_is_heard_alone(hertz: int, payload_type: int) -> None:
    samples = g711.decode(g711.encode(frame(hertz) * FRAMES, payload_type), payload_type)
    assert heard(samples) == {hertz}


@pytest.mark.parametrize("tones", list(combinations(TONES, 3))[::7])
def test_tones_are_heard_together(tones: tuple[int, ...]) -> None:
    mixed = [sum(samples) for samples in zip(*(frame(hertz) * FRAMES for hertz in tones), strict=True)]
    assert heard(g711.decode(g711.encode(mixed, 0), 0)) == set(tones)


def test_silence_is_not_heard() -> None:
    assert heard([0] * FRAME) == set()
    assert heard([]) == set()


def test_a_full_tone_has_power_one() -> None:
    assert power(frame(1000) * FRAMES, 1000) == pytest.approx(1, abs=0.01)


def test_a_tone_that_was_half_lost_is_heard_still() -> None:
    assert heard(frame(700) * FRAMES + [0] * FRAME * FRAMES) == {700}
