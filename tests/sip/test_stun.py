"""STUN Binding as keep-alive: read, answered, and nothing else taken for it."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.sip.stun import COOKIE, REQUEST, SUCCESS, StunMessage, binding_answer, parse_stun

ASKED = StunMessage(REQUEST, b"0123456789ab")


def test_a_message_is_read_as_written() -> None:
    assert parse_stun(ASKED.to_bytes()) == ASKED


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 5060), ("2001:db8::7", 40000)])
def test_the_answer_tells_where_the_asker_was_seen(host: str, port: int) -> None:
    answer = parse_stun(binding_answer(ASKED, host, port).to_bytes())
    assert answer is not None
    assert (answer.kind, answer.transaction) == (SUCCESS, ASKED.transaction)
    value = answer.attributes[4:]
    assert int.from_bytes(value[2:4], "big") ^ (COOKIE >> 16) == port
    pad = COOKIE.to_bytes(4, "big") + ASKED.transaction
    assert bytes(a ^ b for a, b in zip(value[4:], pad, strict=False)) == ipaddress.ip_address(host).packed


@given(st.binary(max_size=200))
def test_strange_octets_are_no_message(data: bytes) -> None:
    found = parse_stun(data)
    assert found is None or found.to_bytes() == data


@given(st.integers(0, 19))
def test_a_cut_message_is_none(length: int) -> None:
    assert parse_stun(ASKED.to_bytes()[:length]) is None


def test_sip_is_none() -> None:
    assert parse_stun(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n") is None
