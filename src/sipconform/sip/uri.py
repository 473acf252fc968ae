"""SIP, SIPS and tel URIs: reading, writing, comparing (RFC 3261 §19.1, RFC 3966)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import NO_PARAMS, Params

_UNRESERVED = r"A-Za-z0-9\-_.!~*'()"
_ESCAPED = "%[0-9A-Fa-f]{2}"
_USER = re.compile(rf"(?:[{_UNRESERVED}&=+$,;?/]|{_ESCAPED})+")
_PASSWORD = re.compile(rf"(?:[{_UNRESERVED}&=+$,]|{_ESCAPED})*")
_PARAM = re.compile(rf"(?:[{_UNRESERVED}\[\]/:&+$]|{_ESCAPED})+")
_HEADER = re.compile(rf"(?:[{_UNRESERVED}\[\]/?:+$]|{_ESCAPED})+=(?:[{_UNRESERVED}\[\]/?:+$]|{_ESCAPED})*")
_HOST_PORT = re.compile(r"(\[[^\[\]@]*\]|[^\[\]:;?@]+)(?::([0-9]*))?")
_LABEL_REST = "(?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOSTNAME = re.compile(rf"(?:[A-Za-z0-9]{_LABEL_REST}\.)*[A-Za-z]{_LABEL_REST}\.?")
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+\-.]*")
_UNFIT = re.compile(r'[\x00-\x20<>"\x7f]')
_ESCAPE = re.compile(f"({_ESCAPED})")
_TEL = re.compile(r"\+(?=[\-.()]*[0-9])[0-9\-.()]+|[0-9A-Fa-f*#\-.()]+")
_RESERVED = frozenset(";/?:@&=+$,%")
# RFC 3261 §19.1.4: a URI with one of these never equals a URI without it.
_DECISIVE = frozenset({"transport", "ttl", "user", "method", "maddr"})
_DEFAULT_PORTS = {"sip": 5060, "sips": 5061}


def escape(text: str, keep: str = "&=+$,;?/") -> str:
    """Percent-escapes what may not stand in a URI part; the default `keep` is what a user part allows."""
    free = re.compile(f"[{_UNRESERVED}{re.escape(keep)}]")
    octets = text.encode("utf-8", "surrogateescape")
    return "".join(chr(o) if o < 128 and free.match(chr(o)) else f"%{o:02X}" for o in octets)


def unescape(text: str) -> str:
    """Undoes percent-escapes; escapes that are none stay, octets that are not UTF-8 become surrogates."""
    raw = text.encode("utf-8", "surrogateescape")
    return unquote_to_bytes(raw).decode("utf-8", "surrogateescape") if b"%" in raw else text


def normal(text: str) -> str:
    """Two spellings that RFC 3261 §19.1.4 holds equal give one: only reserved characters stay escaped."""
    if "%" not in text:
        return text
    octets = b"".join(_normal_part(part) for part in _ESCAPE.split(text))
    return octets.decode("utf-8", "surrogateescape")


def _normal_part(part: str) -> bytes:
    if not _ESCAPE.fullmatch(part):
        return part.encode("utf-8", "surrogateescape")
    octet = bytes([int(part[1:], 16)])
    return part.upper().encode() if octet.decode("latin-1") in _RESERVED else octet


def is_host(text: str) -> bool:
    """Whether the text is a host name, an IPv4 address or an IPv6 address in brackets."""
    if _IPV4.fullmatch(text):
        return all(int(part) < 256 for part in text.split("."))
    if text.startswith("["):
        try:
            return text.endswith("]") and "%" not in text and ipaddress.IPv6Address(text[1:-1]).version == 6
        except ValueError:
            return False
    return len(text) < 256 and _HOSTNAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class SipUri:
    """A SIP or SIPS URI in parts as sent: escapes and case are kept, only the scheme is in lower case."""

    scheme: str
    user: str  # as escaped by its writer; "" when there is none
    host: str  # IPv6 with its brackets
    port: int | None = None
    params: Params = NO_PARAMS
    headers: Params = NO_PARAMS  # behind the question mark: fields of the request to be made
    password: str | None = None

    @property
    def username(self) -> str:
        """The user part with its escapes undone: `*57` and `#31#` as dialled."""
        return unescape(self.user)

    def aor(self) -> str:
        """The address-of-record in one spelling (RFC 3261 §10.3 step 5): no parameters, headers or password,
        the host in lower case, escapes undone; the port stays when it is not the scheme's default."""
        port = "" if self.port in (None, _DEFAULT_PORTS[self.scheme]) else f":{self.port}"
        user = f"{normal(self.user)}@" if self.user else ""
        return f"{self.scheme}:{user}{self.host.lower()}{port}"

    def equals(self, other: object) -> bool:
        """Equivalence after RFC 3261 §19.1.4. It is not transitive, so `==` compares the parts as sent."""
        return (
            isinstance(other, SipUri)
            and self.scheme == other.scheme
            and normal(self.user) == normal(other.user)
            and normal(self.password or "") == normal(other.password or "")
            and (self.host.lower(), self.port) == (other.host.lower(), other.port)
            and _params_agree(self.params, other.params)
            and _header_set(self.headers) == _header_set(other.headers)
        )

    @property
    def faults(self) -> list[Fault]:
        """What is readable and still breaks the grammar of RFC 3261 §25.1."""
        checks = (
            (not self.user or _USER.fullmatch(self.user), "the user part escapes what it must"),
            (_PASSWORD.fullmatch(self.password or ""), "the password escapes what it must"),
            (is_host(self.host), "the host is a name, an IPv4 address or an IPv6 address in brackets"),
            (self.port is None or 0 < self.port < 65536, "a port is between 1 and 65535"),
            (all(_param_fits(*item) for item in self.params), "a URI parameter is name or name=value"),
            (len({n.lower() for n, _ in self.params}) == len(self.params), "a URI parameter stands once"),
            (all(_HEADER.fullmatch(_pair(*item)) for item in self.headers), "a URI header is name=value"),
        )
        return [Fault(rule) for fits, rule in checks if not fits]

    def __str__(self) -> str:
        password = "" if self.password is None else f":{self.password}"
        user = f"{self.user}{password}@" if self.user or password else ""
        port = "" if self.port is None else f":{self.port}"
        headers = "?" + "&".join(_pair(*item) for item in self.headers) if self.headers else ""
        return f"{self.scheme}:{user}{self.host}{port}{self.params}{headers}"


@dataclass(frozen=True, slots=True)
class TelUri:
    """A telephone number (RFC 3966): `tel:+1-201-555-0123;phone-context=…`."""

    number: str  # as sent, visual separators included
    params: Params = NO_PARAMS

    @property
    def digits(self) -> str:
        """The number without visual separators, a leading + kept."""
        return re.sub(r"[-.()]", "", self.number)

    def equals(self, other: object) -> bool:
        """RFC 3966 §4: visual separators and the case of letters do not count."""
        return (
            isinstance(other, TelUri)
            and self.digits.lower() == other.digits.lower()
            and {(n.lower(), (v or "").lower()) for n, v in self.params}
            == {(n.lower(), (v or "").lower()) for n, v in other.params}
        )

    def aor(self) -> str:
        return f"tel:{self.digits}"

    @property
    def faults(self) -> list[Fault]:
        fits = _TEL.fullmatch(self.number)
        return [] if fits else [Fault("a telephone number has digits and visual separators")]

    def __str__(self) -> str:
        return f"tel:{self.number}{self.params}"


@dataclass(frozen=True, slots=True)
class OtherUri:
    """A URI of some other scheme: http, urn, im."""

    scheme: str  # lower case
    rest: str

    def equals(self, other: object) -> bool:
        return self == other

    def aor(self) -> str:
        return str(self)

    @property
    def faults(self) -> list[Fault]:
        return [] if self.rest else [Fault("something follows the scheme")]

    def __str__(self) -> str:
        return f"{self.scheme}:{self.rest}"


Uri = SipUri | TelUri | OtherUri


@lru_cache(maxsize=4096)
def parse_uri(text: str) -> Uri | Fault:
    """Reads a URI. A Fault when its parts cannot be told apart: no scheme, no host, a port that is no number,
    two `@`, white space or angle brackets inside."""
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        return Fault("a URI begins with its scheme")
    if _UNFIT.search(rest):
        return Fault("a URI has no white space, quotes or angle brackets")
    low = scheme.lower()
    if low in _DEFAULT_PORTS:
        return _parse_sip(low, rest)
    if low == "tel":
        number, *params = rest.split(";")
        return TelUri(number, _read_params(params))
    return OtherUri(low, rest)


def _parse_sip(scheme: str, rest: str) -> SipUri | Fault:
    userinfo, at, place = rest.rpartition("@")
    if "@" in userinfo:
        return Fault("a URI has one @")
    user, colon, password = userinfo.partition(":")
    if at and not user:
        return Fault("a user part is not empty")
    place, question, headers = place.partition("?")
    place, *params = place.split(";")
    found = _HOST_PORT.fullmatch(place)
    if not found:
        return Fault("a SIP URI names a host, and a port if any in digits")
    if found[2] is not None and not 0 < len(found[2]) < 6:
        return Fault("a port is a number of up to five digits")
    fields = _read_params(headers.split("&")) if question else NO_PARAMS
    port = int(found[2]) if found[2] else None
    return SipUri(scheme, user, found[1], port, _read_params(params), fields, password if colon else None)


def _read_params(parts: list[str]) -> Params:
    return Params(tuple((n, v if e else None) for n, e, v in (part.partition("=") for part in parts)))


def _pair(name: str, value: str | None) -> str:
    return name if value is None else f"{name}={value}"


def _param_fits(name: str, value: str | None) -> bool:
    return bool(_PARAM.fullmatch(name)) and (value is None or bool(_PARAM.fullmatch(value)))


def _header_set(headers: Params) -> set[tuple[str, str]]:
    return {(name.lower(), normal(value or "")) for name, value in headers}


def _params_agree(ours: Params, theirs: Params) -> bool:
    """A parameter in both has one value, whatever its case; in one only, it must not be a decisive one."""
    mine = {normal(n).lower(): normal(v or "").lower() for n, v in ours}
    yours = {normal(n).lower(): normal(v or "").lower() for n, v in theirs}
    return all(mine[n] == yours[n] for n in mine.keys() & yours.keys()) and not (
        (mine.keys() ^ yours.keys()) & _DECISIVE
    )
