"""Extension numbers, ring modes and the stand-in discovery datagram of a hotspot."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.features.hotspot import (
    CONFIG_DEFAULTS,
    CONFIG_KEYS,
    DISCOVERY,
    Discovery,
    Numbering,
    RingMode,
    parse_discovery,
    rings,
)
from sipconform.sip.fault import Fault


@pytest.mark.parametrize(
    ("prefix", "client", "number"), [("", 0, "0"), ("", 12, "12"), ("8", 0, "8000"), ("8", 50, "8050")]
)  # fmt: skip
def test_numbers_follow_the_prefix(prefix: str, client: int, number: str) -> None:
    assert Numbering(prefix).extension(client) == number
    assert Numbering(prefix).client(number) == client


@pytest.mark.parametrize(
    ("prefix", "dialled"), [("", "01"), ("", ""), ("", "+1"), ("8", "801"), ("8", "7001"), ("8", "8"), ("", "²")]
)
def test_any_other_string_is_an_outside_number(prefix: str, dialled: str) -> None:
    assert Numbering(prefix).client(dialled) is None


@given(st.sampled_from(["", "8", "88"]), st.integers(0, 999))
def test_every_extension_is_dialled_back(prefix: str, client: int) -> None:
    numbering = Numbering(prefix)
    assert numbering.client(numbering.extension(client)) == client
    assert numbering.client(numbering.host) == 0


def test_ring_modes_choose_who_rings() -> None:
    assert [rings(mode) for mode in RingMode] == [(True, True), (False, True), (True, False)]


def test_every_default_is_of_a_known_key() -> None:
    assert set(CONFIG_DEFAULTS) <= set(CONFIG_KEYS.values())


texts = st.text(max_size=20)


@given(st.builds(Discovery, st.sampled_from(["offer", "join", "welcome", "leave"]), texts, texts, texts, texts, texts))
def test_a_datagram_reads_as_written_and_says_it_is_a_stand_in(told: Discovery) -> None:
    datagram = told.to_bytes()
    assert parse_discovery(datagram) == told
    assert json.loads(datagram)["protocol"] == DISCOVERY
    assert "stand-in" in DISCOVERY


def test_a_datagram_that_would_be_fragmented_is_not_written() -> None:
    with pytest.raises(ValueError, match="1400"):
        Discovery("offer", name="x" * 1400).to_bytes()


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b"{}",
        b"[" * 1400,
        b"x" * 1401,
        json.dumps({"protocol": DISCOVERY}).encode(),
        json.dumps({"protocol": DISCOVERY, "kind": "shout"}).encode(),
        json.dumps({"protocol": DISCOVERY, "kind": ["offer"]}).encode(),
        json.dumps({"protocol": DISCOVERY, "kind": "offer", "name": 1}).encode(),
    ],
)
def test_anything_else_on_the_port_is_a_fault(datagram: bytes) -> None:
    assert isinstance(parse_discovery(datagram), Fault)


@given(st.binary(max_size=200))
def test_reading_never_raises(datagram: bytes) -> None:
    parse_discovery(datagram)
