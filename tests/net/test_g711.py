"""Companding: known values of ITU-T G.711, and what comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.net import g711

HALF_A_STEP = {0: lambda s: abs(s) / 32 + 132, 8: lambda s: abs(s) / 32 + 16}


@pytest.mark.parametrize(
    ("payload_type", "octet", "sample"),
    [
        (0, 0xFF, 0),
        (0, 0x80, 32_124),
        (0, 0x00, -32_124),
        (8, 0xD5, 8),
        (8, 0x55, -8),
        (8, 0xAA, 32_256),
        (8, 0x2A, -32_256),
    ],
)
def test_known_octets(payload_type: int, octet: int, sample: int) -> None:
    assert g711.decode(bytes([octet]), payload_type)[0] == sample


@pytest.mark.parametrize("payload_type", [0, 8])
def test_every_octet_comes_back(payload_type: int) -> None:
    octets = bytes(o for o in range(256) if (payload_type, o) != (0, 0x7F))  # μ-law has two zeros
    assert g711.encode(g711.decode(octets, payload_type), payload_type) == octets


@pytest.mark.parametrize("payload_type", [0, 8])
@given(st.lists(st.integers(-32_768, 32_767), min_size=1))
def test_samples_come_back_nearly(payload_type: int, samples: list[int]) -> None:
    for before, after in zip(samples, g711.decode(g711.encode(samples, payload_type), payload_type), strict=True):
        assert abs(max(-32_635, min(32_635, before)) - after) <= HALF_A_STEP[payload_type](before)


def test_too_loud_is_clipped() -> None:
    assert g711.decode(g711.encode([99_999, -99_999], 0), 0).tolist() == [32_124, -32_124]


def test_another_payload_type_is_unknown() -> None:
    with pytest.raises(KeyError):
        g711.decode(b"x", 18)
