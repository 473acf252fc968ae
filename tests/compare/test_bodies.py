from sipconform.compare.bodies import meaning
from sipconform.trace.packet import Packet
from sipconform.trace.trace import WireMessage
from tests.compare.talk import PHONE, SDP, SERVER, message


def said(kind: str, body: str) -> dict[str, str]:
    raw = message(f"NOTIFY sip:a@b SIP/2.0\nContent-Type: {kind}\n\n{body}")
    return meaning(WireMessage(Packet(0, PHONE, SERVER, "udp", raw)), str)[1]


def test_documents_are_compared_by_what_they_say() -> None:
    one = '<?xml version="1.0"?><a:x xmlns:a="urn:n" p="1" q="2"><a:y>off</a:y></a:x>'
    other = '<?xml version="1.0" encoding="UTF-8"?>\n<x q="2"\n p="1" xmlns="urn:n">\n  <y>off</y>\n</x>'
    assert said("application/xml", one) == said("application/xml", other)
    assert said("application/xml", one) != said("application/xml", other.replace("off", "on"))
    assert said("application/xml", one) != said("application/xml", other.replace("urn:n", "urn:m"))


def test_a_document_that_is_none_is_compared_as_text() -> None:
    assert said("application/xml", "<a>") == {"line 1": "<a>"}


def test_streams_are_compared_by_codec_direction_and_use() -> None:
    told = said("application/sdp", SDP.format(session=1, port=4000))
    assert told["audio 1 codecs"] == "PCMU/8000 payload type 8"
    assert told["audio 1 direction"] == "sendrecv"
    assert told == said("application/sdp", SDP.format(session=2, port=6000))
    assert said("application/sdp", SDP.format(session=1, port=0))["audio 1 is"] == "refused"


def test_the_parts_of_a_body_have_no_order() -> None:
    part = "--b\r\nContent-Type: text/plain\r\n\r\n{}\r\n"
    kind = 'multipart/mixed;boundary="b"'
    one = part.format("dnd") + part.format("cfu") + "--b--"
    other = part.format("cfu") + part.format("dnd") + "--b--"
    assert said(kind, one) == said(kind, other)
    assert said(kind, one) != said(kind, other.replace("dnd", "cfb"))


def test_a_deep_document_ends_somewhere() -> None:
    assert said("application/xml", "<a>" * 200 + "</a>" * 200)


def test_a_delimiter_after_a_line_feed_alone_is_told() -> None:
    raw = message('NOTIFY sip:a@b SIP/2.0\nContent-Type: multipart/mixed;boundary="b"\n\n--b\n\nx\n--b--\n')
    bent = raw.replace(b"\r\n--b--", b"\n--b--")
    places = [meaning(WireMessage(Packet(0, PHONE, SERVER, "udp", one)), str)[1] for one in (raw, bent)]
    assert ["malformed: CRLF before a delimiter" in told for told in places] == [False, True]
