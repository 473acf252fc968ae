"""What the phone's display and journal say of a call that was offered to it."""

from __future__ import annotations

import re

from sipconform.agents.requests import ServerRequest
from sipconform.features.diversion import forwarded_by
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.headers.reason import Reason
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri

TONES = {"urn:alert:source:internal": "internal", "urn:alert:source:external": "external", "info=group": "group"}
"""Alert-Info values that change the ringing here; all others are ignored, and none is ever fetched (§20.4)."""
_WINNER = re.compile(r"[Aa]nswered by (\S+)")


def answered_elsewhere(request: ServerRequest) -> bool:
    """Whether the CANCEL of this INVITE gave as its reason that somebody else has taken the call (RFC 3326)."""
    said = {(r.protocol.upper(), r.cause) for r in _reasons(request)}
    return ("SIP", 200) in said or ("Q.850", 26) in said


def answered_by(request: ServerRequest) -> str:
    """Who took the call, if the CANCEL's Reason tells it in words; "" otherwise."""
    found = (_WINNER.search(reason.text) for reason in _reasons(request))
    return next((match[1] for match in found if match), "")


def shown_forwarder(invite: Message) -> str:
    """The number shown as "forwarded by"; "" for none, and for one that asks not to be shown."""
    forwarder = forwarded_by(invite)
    return "" if forwarder is None or forwarder.private else _user(forwarder.party)


def tone(invite: Message) -> str:
    """How the phone rings: "usual" unless Alert-Info has a value it knows."""
    text = invite.text("Alert-Info")
    return next((name for value, name in TONES.items() if value in text), "usual")


def _reasons(request: ServerRequest) -> list[Reason]:
    reasons = request.cancelled.reason_values if request.cancelled is not None else []
    return [reason for reason in reasons if isinstance(reason, Reason)]


def _user(address: NameAddr) -> str:
    return address.uri.username if isinstance(address.uri, SipUri) else ""
