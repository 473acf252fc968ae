"""Digest authentication at the server (RFC 3261 §22, 7616, 8760): known and unknown users are challenged alike."""

from __future__ import annotations

from dataclasses import dataclass, field

from sipconform.agents.requests import ServerRequest
from sipconform.agents.server.directory import Directory, User
from sipconform.sip import digest
from sipconform.sip.digest import Challenge
from sipconform.sip.fault import Fault
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri


@dataclass(eq=False, repr=False)
class Authentication:
    """`algorithms` are offered in this order, one challenge each; none means that everybody is believed."""

    directory: Directory
    algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    _nonces: dict[str, int] = field(default_factory=dict)  # nonce -> highest nonce count seen

    def authenticated(self, request: ServerRequest) -> User | None:
        """The user a request proves to come from. Otherwise it has been answered: 401, or 403 for another's AOR."""
        message = request.message
        if not self.algorithms:
            user = self.directory.find(_user_of(message))
            if user is None:
                request.respond(404)
            return user
        user, stale = self._proven(message)
        if user is None:
            request.respond(401, headers=self._challenge(request, stale))
        return user

    def expire_nonces(self) -> None:
        """Every nonce given out so far is stale from now on."""
        self._nonces.clear()

    def _proven(self, message: Message) -> tuple[User | None, bool]:
        """The user, or None and whether only the nonce was to blame (RFC 7616 §3.3)."""
        stale = False
        for text in message.texts("Authorization"):
            given = digest.parse_credentials(text)
            if isinstance(given, Fault):
                continue
            user = self.directory.find(given.username)
            if user is None or not digest.verify(given, message.method, user.password, message.content):
                continue
            seen = self._nonces.get(given.nonce)
            if seen is not None and (given.nc > seen or not given.qop):
                self._nonces[given.nonce] = given.nc
                return user, False
            stale = True
        return None, stale

    def _challenge(self, request: ServerRequest, stale: bool) -> list[tuple[str, str]]:
        nonce = f"{request.endpoint.random.getrandbits(128):032x}"
        self._nonces[nonce] = 0
        return [
            ("WWW-Authenticate", str(Challenge.of(self.directory.domain, nonce, algorithm=name, stale=stale)))
            for name in self.algorithms
        ]


def _user_of(message: Message) -> str:
    uri = message.from_.uri if isinstance(message.from_, NameAddr) else None
    return uri.username if isinstance(uri, SipUri) else ""
