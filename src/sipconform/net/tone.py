"""Tones: how an agent makes itself recognisable in audio, and how it is recognised (Goertzel's algorithm)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sipconform.net.g711 import SAMPLE_RATE

FRAME = 160  # samples in 20 ms
AMPLITUDE = 6000  # of 32,767: four of them still add up without clipping
AUDIBLE = 0.05  # share of a tone's full power from which it counts as heard
TONES = (400, 550, 700, 850, 1000, 1150, 1300, 1450)
"""Hertz, each a whole number of periods in 20 ms, so that none leaks into another's bin."""
WARNING = 1800  # hertz of the tone that tells of a barge-in
PROMPT = 1600  # hertz of the voice that tells what came of a feature code


def frame(hertz: int, amplitude: int = AMPLITUDE) -> list[int]:
    """20 ms of a tone. Frames follow each other without a click, for all tones fill them evenly."""
    step = 2 * math.pi * hertz / SAMPLE_RATE
    return [round(amplitude * math.sin(step * n)) for n in range(FRAME)]


def power(samples: Sequence[int], hertz: int) -> float:
    """The power of one frequency, as a share of that of a full tone of ours; 0 for no samples."""
    if not samples:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * hertz / SAMPLE_RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    energy = before * before + last * last - coefficient * before * last
    return energy / (len(samples) * AMPLITUDE / 2) ** 2


def heard(samples: Sequence[int], among: Sequence[int] = (*TONES, WARNING)) -> set[int]:
    """Which tones are in the samples."""
    return {hertz for hertz in among if power(samples, hertz) >= AUDIBLE}
