from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sipconform.sip.fault import Fault
from sipconform.sip.message import Message
from tests.sip.test_message import INVITE


def test_content_is_what_content_length_bounds() -> None:
    long = Message(INVITE + b"surplus")
    short = Message(INVITE[:-1])
    unknown = Message(INVITE.replace(b"Content-Length: 4", b"Content-Length: four"))
    assert (long.content, long.surplus) == (b"body", 7)
    assert (short.content, short.surplus) == (b"bod", -1)
    assert (unknown.content, unknown.surplus) == (b"body", 0)
    assert isinstance(unknown.content_length, Fault)


def test_fault_points_at_its_row() -> None:
    message = Message(b"A b SIP/2.0\r\nContact: <sip:a@b>\r\nContact: <sip:c@d>, rubbish here\r\n\r\n")
    fault = message.contacts[2]
    assert isinstance(fault, Fault)
    assert message.raw[slice(*fault.span)] == b"<sip:c@d>, rubbish here"


def test_contact_star() -> None:
    message = Message(b"REGISTER sip:b SIP/2.0\r\nContact: *\r\n\r\n")
    assert message.contact_star
    assert message.contacts == []


def test_views_of_lists() -> None:
    message = Message(
        b"INVITE sip:b SIP/2.0\r\nSupported: Replaces, 100rel,,\r\nk: timer\r\nAllow: INVITE,ACK\r\n"
        b"Require:\r\nu: Call-Info\r\n\r\n"
    )
    assert message.supported == ["replaces", "100rel", "timer"]
    assert message.allow == ["INVITE", "ACK"]
    assert message.require == []
    assert message.allow_events == ["call-info"]


@pytest.mark.parametrize(
    "view",
    ["from_", "to", "cseq", "top_via", "event", "subscription_state", "content_type", "refer_to"],
)
def test_a_missing_header_field_is_a_fault_where_it_is_expected(view: str) -> None:
    message = Message(b"A sip:b SIP/2.0\r\n\r\n")
    fault = getattr(message, view)
    assert isinstance(fault, Fault)
    assert fault.span == message.start_span


@pytest.mark.parametrize(
    "view",
    ["expires", "min_expires", "max_forwards", "retry_after", "content_length", "replaces", "join", "date", "sdp"],
)
def test_a_missing_header_field_is_none_where_it_may_be_missing(view: str) -> None:
    assert getattr(Message(b"A sip:b SIP/2.0\r\n\r\n"), view) is None


@pytest.mark.parametrize(
    "view",
    ["via", "contacts", "routes", "record_routes", "asserted", "accept", "reason_values", "call_info", "alert_info"],
)
def test_a_missing_list_is_empty(view: str) -> None:
    assert getattr(Message(b"A sip:b SIP/2.0\r\n\r\n"), view) == []


def test_numbers_and_dates() -> None:
    message = Message(
        b"A sip:b SIP/2.0\r\nExpires: 0\r\nMin-Expires: 60\r\nMax-Forwards: 255\r\nRetry-After: 5 (x)\r\n"
        b"Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n\r\n"
    )
    assert (message.expires, message.min_expires, message.max_forwards) == (0, 60, 255)
    assert message.retry_after
    assert message.retry_after.seconds == 5
    assert message.date == datetime(2010, 11, 13, 23, 29, tzinfo=UTC)
