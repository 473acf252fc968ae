from __future__ import annotations

import pytest

from sipconform.sip.offer_answer import HOLD_STYLES, compose_answer, compose_audio, compose_hold
from sipconform.sip.sdp import Origin, Sdp

OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 9 8 0 96\r\na=rtpmap:96 telephone-event/8000\r\n"
    b"m=video 4002 RTP/AVP 31\r\nm=audio 4004 RTP/AVP 0\r\n"
)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_offer(address: str) -> None:
    sdp = Sdp(compose_audio(address, 4000, 77, version=2))
    family = "IP6" if ":" in address else "IP4"
    assert sdp.faults == []
    assert sdp.origin == Origin("-", "77", "2", family, address)
    assert sdp.audio is not None
    assert (sdp.audio.port, sdp.audio.formats, sdp.audio.direction) == (4000, ("0", "8", "101"), "sendrecv")
    assert sdp.audio.rtpmap == {"0": "PCMU/8000", "8": "PCMA/8000", "101": "telephone-event/8000"}
    assert not sdp.is_hold


@pytest.mark.parametrize("style", HOLD_STYLES)
def test_every_hold_style_holds(style: str) -> None:
    sdp = Sdp(compose_hold("192.0.2.1", 4000, 77, 2, style))
    assert sdp.faults == []
    assert sdp.is_hold
    assert b"sendonly" in sdp.raw or style != "sendonly"


def test_answer_takes_the_first_audio_and_refuses_the_rest_in_order() -> None:
    sdp = Sdp(compose_answer(Sdp(OFFER), "192.0.2.2", 5000, 78))
    assert sdp.faults == []
    assert [(media.kind, media.port) for media in sdp.media] == [("audio", 5000), ("video", 0), ("audio", 0)]
    assert sdp.media[0].formats == ("8", "0", "96")
    assert sdp.media[0].rtpmap["96"] == "telephone-event/8000"
    assert sdp.media[1].formats == ("31",)


@pytest.mark.parametrize(
    ("offered", "wanted", "answered"),
    [
        ("sendrecv", "sendrecv", "sendrecv"),
        ("sendonly", "sendrecv", "recvonly"),
        ("recvonly", "sendrecv", "sendonly"),
        ("inactive", "sendrecv", "inactive"),
        ("sendrecv", "sendonly", "sendonly"),
        ("sendonly", "sendonly", "inactive"),
        ("sendonly", "inactive", "inactive"),
    ],
)
def test_answered_direction_suits_both(offered: str, wanted: str, answered: str) -> None:
    offer = Sdp(compose_audio("192.0.2.1", 4000, 1, direction=offered))
    answer = Sdp(compose_answer(offer, "192.0.2.2", 5000, 2, direction=wanted))
    assert answer.media[0].direction == answered


def test_an_offer_without_a_known_format_is_refused() -> None:
    offer = Sdp(compose_audio("192.0.2.1", 4000, 1, formats={"9": "G722/8000", "101": "telephone-event/8000"}))
    answer = Sdp(compose_answer(offer, "192.0.2.2", 5000, 2))
    assert [media.port for media in answer.media] == [0]
    assert answer.audio is None
