"""Signs of life between messages: told from SIP, kept beside it, and never judged as a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.checks.judge import judge
from sipconform.sip.stun import REQUEST, StunMessage
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address, Packet, is_keep_alive
from sipconform.trace.parts import traces

STUN = StunMessage(REQUEST, b"0123456789ab").to_bytes()
PHONE, SERVER = Address("192.0.2.1", 5060), Address("192.0.2.2", 5060)
SIGNS = [b"", b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0", b" \r\n", STUN]


@pytest.mark.parametrize("payload", SIGNS)
def test_a_sign_of_life(payload: bytes) -> None:
    assert is_keep_alive(payload)


@pytest.mark.parametrize("payload", [b"SIP/2.0 200 OK", b"\r\nINVITE sip:a@b SIP/2.0", b"\x01\x02", b"\x80" + STUN[1:]])
def test_no_sign_of_life(payload: bytes) -> None:
    assert not is_keep_alive(payload)


@given(st.binary(max_size=40))
def test_any_octets_are_one_or_the_other(payload: bytes) -> None:
    assert is_keep_alive(payload) in (True, False)


def test_they_are_kept_beside_the_messages() -> None:
    packets = [Packet(n * 10**9, PHONE, SERVER, "udp", sign, (n + 1,)) for n, sign in enumerate(SIGNS)]
    for trace in (correlate(packets), *traces(packets)):
        assert [packet.payload for packet in trace.keep_alives] == SIGNS
        assert trace.messages == []
        assert trace.end_ns >= packets[-1].time_ns
        assert judge(trace).findings == []
