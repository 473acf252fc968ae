"""What a request proves itself with, and what it is asked for (RFC 3261 §22, RFC 7616)."""

from __future__ import annotations

from functools import lru_cache

from sipconform.sip import digest
from sipconform.sip.digest import Challenge, Credentials
from sipconform.sip.fault import Fault
from sipconform.trace.trace import WireMessage

CHALLENGES = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}
CREDENTIALS = ("Authorization", "Proxy-Authorization")


def credentials(request: WireMessage) -> tuple[Credentials, ...]:
    """All that a request carries, for its server and for proxies; what cannot be read is left out."""
    return _credentials(tuple(text for name in CREDENTIALS for text in request.texts(name)))


@lru_cache(maxsize=1024)
def _credentials(texts: tuple[str, ...]) -> tuple[Credentials, ...]:
    return tuple(read for read in map(digest.parse_credentials, texts) if not isinstance(read, Fault))


def challenges(response: WireMessage) -> tuple[Challenge, ...]:
    """What a 401 or 407 asks for; what cannot be read is left out, and any other answer asks for nothing."""
    texts = response.texts(CHALLENGES[response.status]) if response.status in CHALLENGES else []
    return tuple(read for read in map(digest.parse_challenge, texts) if not isinstance(read, Fault))


def username(request: WireMessage) -> str:
    """The user name a request proves, or says it proves; "" without credentials."""
    return next((given.username for given in credentials(request) if given.username), "")


def takes_up(request: WireMessage, response: WireMessage) -> bool:
    """Whether a request uses a nonce of a challenge: then its sender has heard that."""
    nonces = {asked.nonce for asked in challenges(response)} - {""}
    return bool(nonces) and any(given.nonce in nonces for given in credentials(request))
