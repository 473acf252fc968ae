import pytest

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
    assert told["audio 1 codecs"] == "PCMU/8000 PCMA/8000"
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


DIALOGS = '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{}" state="full">{}</dialog-info>'
RINGING = '<dialog id="{}" call-id="{}" direction="recipient"><state>early</state></dialog>'
TALKING = '<dialog id="2"><state>confirmed</state></dialog>'
XML = "application/dialog-info+xml"


def test_the_order_of_dialogs_and_their_identifiers_say_nothing_but_how_many_there_are_does() -> None:
    one = DIALOGS.format(0, RINGING.format(1, "c1") + TALKING)
    assert said(XML, one) == said(XML, DIALOGS.format(0, TALKING + RINGING.format("x", "c2")))
    assert said(XML, one) != said(XML, DIALOGS.format(0, TALKING))


def test_where_a_schema_may_be_found_says_nothing() -> None:
    at = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x y.xsd" version'
    one = DIALOGS.format(0, TALKING)
    assert said(XML, one) == said(XML, one.replace("version", at))


def test_yes_and_no_are_written_in_two_ways() -> None:
    one = '<ForwardingEvent xmlns="urn:c"><forwardStatus>{}</forwardStatus></ForwardingEvent>'
    assert said("application/csta+xml", one.format("true")) == said("application/csta+xml", one.format("1"))
    assert said("application/csta+xml", one.format("true")) != said("application/csta+xml", one.format("0"))


def test_the_order_of_elements_is_that_of_a_schema() -> None:
    assert said("application/xml", "<a><b/><c/></a>") != said("application/xml", "<a><c/><b/></a>")


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("a=rtpmap:0 PCMU/8000", "a=rtpmap:0 pcmu/8000/1", True),
        ("a=rtpmap:0 PCMU/8000", "", True),
        ("b=AS:64", "", True),
        ("b=AS:0", "", False),
        ("a=setup:active", "a=setup:passive", False),
        ("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:y", True),
        ("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", "", False),
        ("a=rtcp-fb:0 nack\r\na=rtcp-fb:0 ccm fir", "a=rtcp-fb:0 ccm fir\r\na=rtcp-fb:0 nack", True),
        ("a=rtcp-fb:0 nack\r\na=rtcp-fb:0 ccm fir", "a=rtcp-fb:0 ccm fir", False),
        ("a=ptime:20", "a=ptime:30", False),
    ],
)
def test_lines_of_a_stream_count_by_what_they_mean(one: str, other: str, alike: bool) -> None:
    sdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n{}"
    told = [said("application/sdp", sdp.format(f"{line}\r\n" if line else "")) for line in (one, other)]
    assert (told[0] == told[1]) == alike


def test_what_stands_for_all_streams_stands_for_each() -> None:
    sdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n{}m=audio 4000 RTP/AVP 0\r\n{}"
    setup = "a=setup:active\r\n"
    assert said("application/sdp", sdp.format(setup, "")) == said("application/sdp", sdp.format("", setup))


def test_a_message_summary_is_read_like_header_fields() -> None:
    kind = "application/simple-message-summary"
    one = said(kind, "Messages-Waiting: yes\r\nVoice-Message: 2/0 (0/0)\r\n")
    assert one == said(kind, "messages-waiting:yes\r\nVoice-Message: 2/0\r\n")
    assert one != said(kind, "Messages-Waiting: yes\r\nVoice-Message: 3/0\r\n")
