"""Digest authentication: challenges, credentials and their arithmetic (RFC 3261 §22, RFC 7616, RFC 8760)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import Params, is_token, quote, quotes_closed, split_list

Hash = Callable[[bytes], str]


def _hash(name: str) -> Hash:
    return lambda data: hashlib.new(name, data).hexdigest()


# By algorithm in upper case, without "-SESS". SHA-512-256 depends on the TLS library Python was built with.
HASHES: dict[str, Hash] = {
    name: _hash(library)
    for name, library in (("MD5", "md5"), ("SHA-256", "sha256"), ("SHA-512-256", "sha512_256"))
    if library in hashlib.algorithms_available
}
_NC = re.compile("[0-9a-f]{8}")
_QUOTED_ALWAYS = {"realm", "nonce", "opaque", "domain", "username", "uri", "response", "cnonce"}


@dataclass(frozen=True, slots=True)
class _AuthParams:
    """`Digest name=value, …`; parameters spelled as sent, quotes included."""

    params: Params
    scheme: str = "Digest"

    @property
    def realm(self) -> str:
        return self.params.get("realm") or ""

    @property
    def nonce(self) -> str:
        return self.params.get("nonce") or ""

    @property
    def opaque(self) -> str | None:
        return self.params.get("opaque")

    @property
    def algorithm(self) -> str:
        """In upper case, MD5 when not said; "-SESS" is part of it."""
        return (self.params.get("algorithm") or "MD5").upper()

    @property
    def faults(self) -> list[Fault]:
        """What is readable and still breaks the grammar or lacks a mandatory parameter."""
        return self._faults()

    def _faults(self) -> list[Fault]:
        found = self.params.faults
        for name, value in self.params:
            if name.lower() in _QUOTED_ALWAYS and not (value or "").startswith('"'):
                found.append(Fault(f"{name} is a quoted string"))
        if self.scheme.lower() != "digest":
            found.append(Fault("the scheme is Digest"))
        return found + [Fault(f"{name} is there") for name in self._wanted() if name not in self.params]

    def _wanted(self) -> tuple[str, ...]:
        return ("realm", "nonce")

    def __str__(self) -> str:
        return f"{self.scheme} " + ", ".join(f"{n}={v}" if v is not None else n for n, v in self.params)


@dataclass(frozen=True, slots=True)
class Challenge(_AuthParams):
    """WWW-Authenticate or Proxy-Authenticate (RFC 3261 §20.44, §20.27)."""

    @classmethod
    def of(
        cls,
        realm: str,
        nonce: str,
        *,
        algorithm: str = "MD5",
        qop: str = "auth",
        opaque: str | None = None,
        stale: bool = False,
    ) -> Challenge:
        """A challenge written down; an empty `qop` makes one as before RFC 2617."""
        items: list[tuple[str, str | None]] = [("realm", quote(realm)), ("nonce", quote(nonce))]
        items += [("opaque", quote(opaque))] if opaque is not None else []
        items += [("stale", "true")] if stale else []
        items += [("algorithm", algorithm)] if algorithm else []
        items += [("qop", quote(qop))] if qop else []
        return cls(Params(tuple(items)))

    @property
    def qop(self) -> tuple[str, ...]:
        """The qualities of protection offered, in lower case; empty when none is named."""
        words = (word.strip().lower() for word in (self.params.get("qop") or "").split(","))
        return tuple(word for word in words if word)

    @property
    def stale(self) -> bool:
        """The credentials were right and only the nonce too old."""
        return (self.params.get("stale") or "").lower() == "true"


@dataclass(frozen=True, slots=True)
class Credentials(_AuthParams):
    """Authorization or Proxy-Authorization (RFC 3261 §20.7, §20.28)."""

    @property
    def username(self) -> str:
        return self.params.get("username") or ""

    @property
    def uri(self) -> str:
        return self.params.get("uri") or ""

    @property
    def response(self) -> str:
        return self.params.get("response") or ""

    @property
    def cnonce(self) -> str:
        return self.params.get("cnonce") or ""

    @property
    def qop(self) -> str:
        """The quality of protection used, in lower case; "" for none."""
        return (self.params.get("qop") or "").lower()

    @property
    def nc(self) -> int:
        """How often the nonce has been used; 0 when not said, -1 when it is not eight hexadecimal digits."""
        text = self.params.get("nc")
        return 0 if text is None else int(text, 16) if _NC.fullmatch(text.lower()) else -1

    def _faults(self) -> list[Fault]:
        found = _AuthParams._faults(self)
        if self.nc < 0:
            found.append(Fault("nc is eight hexadecimal digits"))
        if self.qop and not (self.cnonce and self.nc > 0):
            found.append(Fault("cnonce and nc go with qop"))
        if not self.qop and "nc" in self.params:
            found.append(Fault("nc goes with qop only"))
        return found

    def _wanted(self) -> tuple[str, ...]:
        return ("username", "realm", "nonce", "uri", "response")


def parse_challenge(text: str) -> Challenge | Fault:
    """One WWW-Authenticate or Proxy-Authenticate row. A Fault when it has no scheme or an open quote."""
    read = _parse(text)
    return read if isinstance(read, Fault) else Challenge(read[1], read[0])


def parse_credentials(text: str) -> Credentials | Fault:
    """One Authorization or Proxy-Authorization row."""
    read = _parse(text)
    return read if isinstance(read, Fault) else Credentials(read[1], read[0])


def _parse(text: str) -> tuple[str, Params] | Fault:
    scheme, _, rest = text.strip().partition(" ")
    if not is_token(scheme) or "=" in scheme:
        return Fault("a scheme comes first, then parameters")
    if not quotes_closed(rest):
        return Fault("a quoted string ends with a quote")
    items: list[tuple[str, str | None]] = []
    for part in split_list(rest):
        name, equals, value = part.partition("=")
        items.append((name.rstrip(), value.lstrip() if equals else None))
    return scheme, Params(tuple(items))


def hash_a1(algorithm: str, username: str, realm: str, password: str) -> str | Fault:
    """H(username:realm:password): what a server may store instead of the password (RFC 7616 §3.4.2)."""
    digest = HASHES.get(algorithm.upper().removesuffix("-SESS"))
    if digest is None:
        return Fault(f"an algorithm known here, not {algorithm}")
    return digest(_join(username, realm, password))


def expected_response(given: Credentials, method: str, a1: str, body: bytes = b"") -> str | Fault:
    """What `response` ought to be, from H(A1) as `hash_a1` gives it. A Fault for an algorithm or quality of
    protection unknown here."""
    digest = HASHES.get(given.algorithm.removesuffix("-SESS"))
    if digest is None:
        return Fault(f"an algorithm known here, not {given.algorithm}")
    if given.qop not in ("", "auth", "auth-int"):
        return Fault(f"a quality of protection known here, not {given.qop}")
    if given.algorithm.endswith("-SESS"):
        a1 = digest(_join(a1, given.nonce, given.cnonce))
    what = (method, given.uri, digest(body)) if given.qop == "auth-int" else (method, given.uri)
    a2 = digest(_join(*what))
    if not given.qop:
        return digest(_join(a1, given.nonce, a2))
    return digest(_join(a1, given.nonce, given.params.get("nc") or "", given.cnonce, given.qop, a2))


def answer(
    challenge: Challenge,
    method: str,
    uri: str,
    username: str,
    password: str,
    *,
    cnonce: str,
    count: int = 1,
    body: bytes = b"",
) -> Credentials | Fault:
    """Credentials for a challenge; `count` says how often this nonce has been used with them, from 1.

    qop "auth" is taken when offered, "auth-int" when only that is, none when none is. A Fault for an
    algorithm unknown here, or when only unknown qualities of protection are offered.
    """
    offered = challenge.qop
    qop = next((known for known in ("auth", "auth-int") if known in offered), "")
    if offered and not qop:
        return Fault(f"a quality of protection known here, not {', '.join(offered)}")
    a1 = hash_a1(challenge.algorithm, username, challenge.realm, password)
    if isinstance(a1, Fault):
        return a1
    named = {"username": username, "realm": challenge.realm, "nonce": challenge.nonce, "uri": uri}
    items: list[tuple[str, str | None]] = [(name, quote(value)) for name, value in named.items()]
    if "algorithm" in challenge.params:
        items.append(("algorithm", challenge.params.get("algorithm")))
    if qop or challenge.algorithm.endswith("-SESS"):
        items.append(("cnonce", quote(cnonce)))
    if qop:
        items += [("qop", qop), ("nc", f"{count:08x}")]
    if challenge.opaque is not None:
        items.append(("opaque", quote(challenge.opaque)))
    response = expected_response(Credentials(Params(tuple(items))), method, a1, body)
    if isinstance(response, Fault):
        return response
    return Credentials(Params((*items, ("response", quote(response)))))


def verify(given: Credentials, method: str, password: str, body: bytes = b"") -> bool:
    """Whether the credentials prove the password for this request. Nonce, realm, URI and count are the
    caller's to judge."""
    a1 = hash_a1(given.algorithm, given.username, given.realm, password)
    wanted = a1 if isinstance(a1, Fault) else expected_response(given, method, a1, body)
    return isinstance(wanted, str) and hmac.compare_digest(wanted.encode(), _octets(given.response.lower()))


def _join(*parts: str) -> bytes:
    return b":".join(_octets(part) for part in parts)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
