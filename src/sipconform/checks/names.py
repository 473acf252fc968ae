"""Whom the URIs of a message name: users, addresses-of-record, hosts."""

from __future__ import annotations

from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri, parse_uri
from sipconform.trace.trace import WireMessage


def user_of(uri_text: str) -> str:
    """The user part of a SIP URI, unescaped; "" otherwise."""
    uri = parse_uri(uri_text)
    return uri.username if isinstance(uri, SipUri) else ""


def host_of(uri_text: str) -> str:
    """The host of a SIP URI in lower case, IPv6 without its brackets; "" otherwise."""
    uri = parse_uri(uri_text)
    return uri.host.strip("[]").lower() if isinstance(uri, SipUri) else ""


def aor_of(uri_text: str) -> str:
    """A URI as address-of-record, in one spelling when it can be read (RFC 3261 §10.3 step 5)."""
    uri = parse_uri(uri_text)
    return uri.aor() if uri else uri_text


def name_of(address: object) -> str:
    """The user part of an address, "" when it cannot be read."""
    return address.uri.username if isinstance(address, NameAddr) and isinstance(address.uri, SipUri) else ""


def caller(invite: WireMessage) -> str:
    """The user who calls, by From."""
    return name_of(invite.from_)


def target(invite: WireMessage) -> str:
    """Who is called, as far as the request itself says: by To, which many servers set for their branch, else by the
    Request-URI."""
    return name_of(invite.to) or user_of(invite.request_uri)
