"""What the display says of a call that came in."""

from __future__ import annotations

import pytest

from sipconform.agents.phone.journal import shown_forwarder, tone
from sipconform.sip.compose import Draft
from sipconform.sip.message import Message


def invite(**headers: str) -> Message:
    draft = Draft.request("INVITE", "sip:2001@example.com")
    for name, value in headers.items():
        draft.add(name.replace("_", "-"), value)
    return draft.message()


BY_GROUP = "<sip:600@example.com>;index=1, <sip:2001@example.com;cause=302>;index=1.1;mp=1"


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ({}, ""),
        ({"History_Info": BY_GROUP}, "600"),
        ({"Diversion": "<sip:600@example.com>;reason=unconditional"}, "600"),
        ({"History_Info": BY_GROUP, "Diversion": "<sip:699@example.com>;reason=unconditional"}, "600"),
        ({"Diversion": "<sip:600@example.com>;reason=unconditional;privacy=full"}, ""),
        ({"Diversion": "not an address"}, ""),
    ],
)
def test_forwarder(headers: dict[str, str], shown: str) -> None:
    assert shown_forwarder(invite(**headers)) == shown


@pytest.mark.parametrize(
    ("alert_info", "name"),
    [("<urn:alert:source:internal>", "internal"), ("<http://a>;info=group", "group"), ("<http://a/b.wav>", "usual")],
)
def test_tone(alert_info: str, name: str) -> None:
    assert tone(invite(Alert_Info=alert_info)) == name
    assert tone(invite()) == "usual"
