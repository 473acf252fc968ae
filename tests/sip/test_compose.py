from __future__ import annotations

from sipconform.sip.compose import Draft
from sipconform.sip.message import Message

REQUEST = Message(
    b"INVITE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP one;branch=1,\r\n SIP/2.0/UDP two;branch=2\r\n"
    b"Via: SIP/2.0/UDP three;branch=3\r\nf: <sip:c@d>;tag=1\r\nt: <sip:a@b>\r\ni: x\r\nCSeq: 1 INVITE\r\n"
    b"Contact: <sip:c@d>\r\nContent-Length: 2\r\n\r\nhi"
)


def test_request() -> None:
    draft = Draft.request("OPTIONS", "sip:a@b").add("Max-Forwards", 70).insert("Via", "SIP/2.0/UDP x;branch=1")
    assert draft.to_bytes() == (
        b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=1\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    assert draft.message().faults == []


def test_response_copies_what_it_must_and_no_more() -> None:
    response = Draft.response(REQUEST, 486).message()
    assert (response.status, response.reason) == (486, "Busy Here")
    names = [field.name for field in response.fields]
    assert names == ["Via", "Via", "From", "To", "Call-ID", "CSeq", "Content-Length"]
    assert response.values("Via") == REQUEST.values("Via")
    assert response.text("From") == "<sip:c@d>;tag=1"
    assert Draft.response(REQUEST, 486, "Elsewhere").start_line == "SIP/2.0 486 Elsewhere"
    assert Draft.response(REQUEST, 499).start_line == "SIP/2.0 499 Unknown"


def test_rows_are_changed_in_place() -> None:
    draft = Draft("A b SIP/2.0", [("f", "1"), ("X", "2"), ("From", "3")])
    assert draft.get("from") == "1"
    assert draft.all("From") == ["1", "3"]
    assert draft.get("To", "none") == "none"
    draft.set("From", "4").set("To", 5)
    assert draft.headers == [("f", "4"), ("X", "2"), ("To", "5")]
    draft.add("f", "6").remove("F")
    assert draft.headers == [("X", "2"), ("To", "5")]
    assert not draft.has("From")


def test_length_is_computed_unless_given_or_forbidden() -> None:
    draft = Draft("A b SIP/2.0").with_body("text/plain", b"\x00\xff")
    assert draft.message().content_length == 2
    assert draft.message().body == b"\x00\xff"
    draft.measured = False
    assert draft.message().content_length is None
    draft.measured = True
    draft.add("l", "9")
    assert draft.message().texts("Content-Length") == ["9"]


def test_malformations_go_out_as_given() -> None:
    draft = Draft("A  b SIP/2.0", [("", "no colon"), ("X", "a\r\n b"), (" Y", "\udcff")], line_end="\n", measured=False)
    assert draft.to_bytes() == b"A  b SIP/2.0\nno colon\nX: a\r\n b\n Y: \xff\n\n"


def test_a_message_taken_up_again_is_the_same() -> None:
    draft = Draft.of(REQUEST)
    assert draft.to_bytes() == REQUEST.raw.replace(b",\r\n SIP", b", SIP")
