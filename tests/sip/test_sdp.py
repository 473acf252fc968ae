from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipconform.sip.fault import Fault
from sipconform.sip.message import Message
from sipconform.sip.sdp import Origin, Sdp

SESSION = b"v=0\r\no=- 7 3 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
NOWHERE = SESSION.replace(b"c=IN IP4 192.0.2.1\r\n", b"")
AUDIO = b"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"


def rules(raw: bytes) -> list[str]:
    return [fault.rule for fault in Sdp(raw).faults]


def test_views() -> None:
    sdp = Sdp(SESSION + AUDIO + b"a=ptime:20\r\na=sendonly\r\nm=video 0 RTP/AVP 31\r\nc=IN IP4 192.0.2.2\r\n")
    assert sdp.faults == []
    assert sdp.origin == Origin("-", "7", "3", "IP4", "192.0.2.1")
    audio, video = sdp.media
    assert (audio.kind, audio.port, audio.protocol, audio.formats) == ("audio", 4000, "RTP/AVP", ("0", "101"))
    assert audio.rtpmap == {"101": "telephone-event/8000"}
    assert (audio.attribute("ptime"), audio.attribute("sendonly"), audio.attribute("x")) == ("20", "", None)
    assert (audio.connection, video.connection) == ("192.0.2.1", "192.0.2.2")
    assert (audio.direction, video.direction) == ("sendonly", "sendrecv")
    assert sdp.audio == audio


@pytest.mark.parametrize(
    ("session", "media", "direction"),
    [("", "", "sendrecv"), ("a=inactive\r\n", "", "inactive"), ("a=inactive\r\n", "a=sendrecv\r\n", "sendrecv")],
)
def test_direction_falls_back_to_the_sessions(session: str, media: str, direction: str) -> None:
    sdp = Sdp(SESSION + session.encode() + AUDIO + media.encode())
    assert sdp.media[0].direction == direction
    assert sdp.faults == []


@pytest.mark.parametrize(
    ("raw", "held"),
    [
        (SESSION + AUDIO, False),
        (SESSION + AUDIO + b"a=recvonly\r\n", False),
        (SESSION + AUDIO + b"a=sendonly\r\n", True),
        (SESSION + AUDIO + b"a=inactive\r\n", True),
        (SESSION.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 0.0.0.0") + AUDIO, True),
        (SESSION.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP6 ::") + AUDIO, True),
        (SESSION + AUDIO + b"a=sendonly\r\n" + AUDIO, False),
        (SESSION + AUDIO.replace(b"4000", b"0") + b"a=sendonly\r\n", False),
        (SESSION, False),
        (b"", False),
    ],
)
def test_hold(raw: bytes, held: bool) -> None:
    assert Sdp(raw).is_hold is held


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (SESSION[5:], "the session has a v= line"),
        (SESSION.replace(b"v=0", b"v=1"), "the version is 0"),
        (SESSION.replace(b"s=-", b"s="), "the session name is not empty"),
        (SESSION.replace(b"7 3 IN", b"7 x IN"), "o= is user, session id, version, network and address"),
        (SESSION.replace(b"c=IN IP4", b"c=IN IP5"), "c= is IN, IP4 or IP6, and an address"),
        (NOWHERE + AUDIO, "a connection is given, for the session or for each media"),
        (SESSION + b"s=-\r\n", "s= stands before t="),
        (SESSION + AUDIO + b"t=0 0\r\n", "no t= line here"),
        (SESSION + b"x=1\r\n", "no x= line here"),
        (SESSION + b"rubbish\r\n", "a line is a letter, = and a value"),
        (SESSION.replace(b"s=-\r\n", b"s=-\r\ns=-\r\n"), "s= stands once"),
        (SESSION + b"m=audio none RTP/AVP 0\r\n", "m= is media, port, protocol and formats"),
        (SESSION + b"m=audio 65536 RTP/AVP 0\r\n", "m= is media, port, protocol and formats"),
        (SESSION + AUDIO + b"a=sendonly\r\na=recvonly\r\n", "a direction is given once"),
        (SESSION.replace(b"\r\n", b"\n"), "every line ends with CRLF"),
        (SESSION[:-2], "every line ends with CRLF"),
    ],
)
def test_faults(raw: bytes, rule: str) -> None:
    assert rule in rules(raw)


def test_lines_of_a_legal_session_stand_in_order() -> None:
    raw = (
        b"v=0\r\no=j 1 1 IN IP6 ::1\r\ns=x\r\ni=i\r\nu=u\r\ne=e\r\ne=e\r\np=p\r\nc=IN IP6 ff15::1/3\r\nb=AS:1\r\n"
        b"t=1 2\r\nr=7d 1h 0\r\nt=3 4\r\nr=7d 1h 0\r\nz=1 2\r\nk=prompt\r\na=tool:x\r\n"
        b"m=audio 4000/2 RTP/AVP 0\r\ni=x\r\nc=IN IP4 224.2.1.1/127/3\r\nc=IN IP4 224.2.1.2\r\nb=AS:1\r\na=x\r\n"
    )
    assert rules(raw) == []


def test_spans_are_offsets_into_the_message() -> None:
    body = SESSION + b"m=audio none\r\n"
    message = Message(b"INVITE sip:a@b SIP/2.0\r\nContent-Type: Application/SDP\r\n\r\n" + body)
    assert message.sdp is not None
    (fault,) = message.sdp.faults
    assert message.raw[slice(*fault.span)] == b"m=audio none"
    assert Message(b"INVITE sip:a@b SIP/2.0\r\n\r\n" + body).sdp is None


def test_unreadable_origin() -> None:
    assert isinstance(Sdp(b"v=0\r\n").origin, Fault)
    assert isinstance(Sdp(b"o=rubbish\r\n").origin, Fault)


PIECES = st.sampled_from([*SESSION.splitlines(True), *AUDIO.splitlines(True), b"m=", b"a=", b"c=", b"\n", b"="])


@given(st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=20).map(b"".join)))
def test_any_bytes_are_read(raw: bytes) -> None:
    sdp = Sdp(raw)
    assert sdp.raw is raw
    assert sdp.is_hold in (True, False)
    assert isinstance(sdp.origin, Origin | Fault)
    for line in sdp.lines:
        text = raw[slice(*line.span)].decode("utf-8", "surrogateescape")
        assert text == f"{line.kind}={line.value}"
    assert all(media.rtpmap.keys() is not None and media.kind for media in sdp.media)
