from sipconform.sip.dialog import Dialog, contact_uri, without_tag
from sipconform.sip.message import Message

REQUEST = Message(
    b"INVITE sip:2002@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    b'From: "Ann" <sip:2001@example.com>;tag=a;x=1\r\nTo: <sip:2002@example.com>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n'
    b"Contact: <sip:ann@192.0.2.1>\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\n\r\n"
)
ANSWER = Message(
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    b'From: "Ann" <sip:2001@example.com>;tag=a\r\nTo: <sip:2002@example.com>;tag=b\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n'
    b"Contact: <sip:bob@192.0.2.2>\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\n\r\n"
)


def in_dialog(number: int, method: str = "INFO") -> Message:
    return Message(
        f"{method} sip:x SIP/2.0\r\nCSeq: {number} {method}\r\nContact: <sip:new@192.0.2.9>\r\n\r\n".encode()
    )


def test_both_ends_see_the_same_dialog_from_their_side() -> None:
    callee, caller = Dialog.from_request(REQUEST, "b"), Dialog.from_response(ANSWER)
    assert callee.id == ("c", "b", "a")
    assert caller.id == ("c", "a", "b")
    assert (callee.target, caller.target) == ("sip:ann@192.0.2.1", "sip:bob@192.0.2.2")
    assert callee.routes == caller.routes[::-1] == ["<sip:p1;lr>", "<sip:p2;lr>"]


def test_a_request_has_the_tags_the_right_way_round_and_the_next_number() -> None:
    draft = Dialog.from_response(ANSWER).request("BYE")
    assert draft.start_line == "BYE sip:bob@192.0.2.2 SIP/2.0"
    assert draft.get("CSeq") == "8 BYE"
    assert draft.get("From") == '"Ann" <sip:2001@example.com>;tag=a'
    assert draft.get("To") == "<sip:2002@example.com>;tag=b"
    assert draft.all("Route") == ["<sip:p2;lr>", "<sip:p1;lr>"]


def test_ack_takes_no_new_number() -> None:
    dialog = Dialog.from_response(ANSWER)
    assert dialog.request("ACK").get("CSeq") == "7 ACK"


def test_an_older_request_is_out_of_order_and_a_gap_is_not() -> None:
    dialog = Dialog.from_request(REQUEST, "b")
    assert dialog.in_order(in_dialog(20))
    assert not dialog.in_order(in_dialog(20))
    assert not dialog.in_order(in_dialog(8))
    assert dialog.in_order(in_dialog(20, "ACK"))


def test_a_refresh_moves_the_target_only_with_a_contact() -> None:
    dialog = Dialog.from_response(ANSWER)
    dialog.refresh_target(Message(b"UPDATE sip:x SIP/2.0\r\n\r\n"))
    assert dialog.target == "sip:bob@192.0.2.2"
    dialog.refresh_target(in_dialog(8))
    assert dialog.target == "sip:new@192.0.2.9"


def test_the_contact_may_lack_brackets_or_be_missing() -> None:
    assert contact_uri(Message(b"OPTIONS sip:x SIP/2.0\r\nContact: sip:a@b;expires=3\r\n\r\n")) == "sip:a@b"
    assert contact_uri(Message(b"OPTIONS sip:x SIP/2.0\r\n\r\n")) == ""


def test_only_the_tag_is_taken_off() -> None:
    assert without_tag('"Ann" <sip:a@b;tag=kept>;tag=x;y=1') == '"Ann" <sip:a@b;tag=kept>;y=1'
    assert without_tag("sip:a@b;tag=x;y=1") == "<sip:a@b>;y=1"
