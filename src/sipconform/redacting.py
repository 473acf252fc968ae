"""A capture made fit to be shared: secrets, names, numbers and public addresses become stand-ins.

A stand-in has the length and the kinds of characters of what it stands for, and the same text has the same stand-in
throughout, so lengths, offsets and identities stay, and the redacted capture is judged as the original was. Feature
codes, private addresses, products, Call-IDs and tags stay as they are. Audio has its stand-ins in `voices`.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import string
from collections.abc import Callable, Iterable, Iterator

from sipconform.report.secrets import Mask
from sipconform.sip.message import Message
from sipconform.trace.packet import Address, Note, Observation, Packet

_HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_URI = re.compile(rf"\b(sips?:)([^\s@<>\":]+)(:[^\s@<>\"]*)?@({_HOST})", re.IGNORECASE)
_BARE_URI = re.compile(rf"\b(sips?:)({_HOST})(?![^\s<>\";,]*@)", re.IGNORECASE)
_TEL = re.compile(r"\b(tel:)([+0-9*#().-]+)", re.IGNORECASE)
_AT = re.compile(rf"(?<![\w@:.%+*-])([\w.+*#%!~'-]+)@({_HOST})")
_IPV4 = re.compile(r"(?<![\w.-])((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?![\w-]|\.[0-9])")
_IPV6 = re.compile(r"(?<![\w:])([0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:])")
_SENT_BY = re.compile(rf"(SIP\s*/\s*2\.0\s*/\s*[A-Za-z]+[ \t]+)({_HOST})")
_QUOTED_NAME = re.compile(r"(\")((?:[^\"\\<>\r\n]|\\.)*)(?=\"\s*<)")
_BARE_NAME = re.compile(
    r"(?mi)^((?:From|To|Contact|Refer-To|Referred-By|P-Asserted-Identity|P-Preferred-Identity|Remote-Party-ID|Diversion"
    r"|History-Info|[ftmrb])[ \t]*:[ \t]*)([^\"<:;\r\n]+?)(?=[ \t]*<)"
)
_SUBJECT = re.compile(r"(?mi)^((?:Subject|s|Organization)[ \t]*:[ \t]*)([^\r\n]+)")
_USERNAME = re.compile(r"(\busername\s*=\s*\")([^\"@]*)")
_REALM = re.compile(r"(\brealm\s*=\s*\")([^\"]*)")
_FREE_TEXT = re.compile(r"(\btext\s*=\s*\")([^\"]*)")
_NUMBER = re.compile(r"\+?\b[0-9]{3,}\b")
_SDP_LINE = re.compile(r"(?m)^([siepu]=)([^\r\n]+)")
_SDP_ORIGIN = re.compile(r"(?m)^(o=)([^ \r\n]+)")
_ELEMENT = re.compile(
    r"(<(?:[\w.-]+:)?(?:"
    r"[\w-]*(?:forward|number|dest|user|identity|extension|calling|called|owner)[\w-]*(?:\s[^<>]*)?>\s*(?=[+0-9*#])"
    r"|[\w-]*(?:name|display)(?:\s[^<>]*)?>\s*))([^<>\s][^<>]*)",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"(\b(?:display|displayname|name|number)\s*=\s*[\"'])([^\"'<>]*)", re.IGNORECASE)
_CODE = re.compile(r"((?:%23|[*#])+(?:[0-9]{2,3}(?:%23|[*#]|$)|[0-9]{2}))?(.*)", re.DOTALL)
_KEPT = frozenset({"anonymous", "unknown", "unavailable", "true", "false", "invalid", "localhost", "-", "session"})
_KEPT_DOMAINS = ("invalid", "localhost", "local", "example", "test", "arpa")


class Redactor:
    """Makes stand-ins. With the same `key` the same text has the same stand-in in every capture."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[tuple[str, str], str] = {}
        self._taken: set[tuple[str, str]] = set()
        self._call_ids: set[str] = set()

    def redact(self, evidence: Iterable[Packet | Observation | Note]) -> list[Packet | Observation]:
        """Everything that may be written again, in order. Notes tell of what was not read, and so is not there."""
        items = [self._packet(item) if isinstance(item, Packet) else item for item in evidence]
        # What is said of the run comes second: by now every user is known.
        return [self._observation(i) if isinstance(i, Observation) else i for i in items if not isinstance(i, Note)]

    def _packet(self, packet: Packet) -> Packet:
        ends = self.address(packet.source), self.address(packet.destination)
        return packet._replace(source=ends[0], destination=ends[1], payload=self.message(packet.payload))

    def _observation(self, said: Observation) -> Observation:
        return said._replace(what={str(self._fact(key)): self._fact(value) for key, value in said.what.items()})

    def address(self, address: Address) -> Address:
        """The address itself, or a reserved one in place of a public one."""
        return address._replace(host=self.host(address.host))

    def message(self, payload: bytes) -> bytes:
        """The message, as long as before."""
        read = Message(payload)
        self._call_ids.add(read.call_id)
        secrets = {secret for secret in Mask.secrets_in(payload) if secret}
        text = payload.decode("latin-1")
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, self._stand_in("secret", secret))
        cut = read.body_start
        return (self._head(text[:cut]) + self._body(text[cut:])).encode("latin-1")

    def _head(self, text: str) -> str:
        line, end, rest = text.partition("\n")
        for pattern in (_QUOTED_NAME, _BARE_NAME, _SUBJECT):
            rest = pattern.sub(self._named, rest)
        rest = _FREE_TEXT.sub(self._mentioned, rest)
        rest = _USERNAME.sub(lambda found: found[1] + self.user(found[2]), rest)
        rest = _REALM.sub(lambda found: found[1] + self.host(found[2]), rest)
        rest = _SENT_BY.sub(lambda found: found[1] + self.host(found[2]), rest)
        return self._addressed(line + end + rest)

    def _body(self, text: str) -> str:
        if text.startswith("v=0"):
            text = _SDP_LINE.sub(self._named, text)
            return self._addressed(_SDP_ORIGIN.sub(lambda found: found[1] + self.user(found[2]), text))
        return self._addressed(_ATTRIBUTE.sub(self._told, _ELEMENT.sub(self._told, text)))

    def _addressed(self, text: str) -> str:
        """URIs, user@host and addresses, wherever they stand."""
        done: list[str] = []

        def put(replaced: str) -> str:  # set aside, so that no later pattern sees a stand-in
            done.append(replaced)
            return f"\x00{chr(0xE000 + len(done) - 1)}\x00"

        for pattern, replace in self._places():
            text = pattern.sub(_setting_aside(put, replace), text)
        return re.sub("\x00([\ue000-\uf8ff])\x00", lambda found: done[ord(found[1]) - 0xE000], text)

    def _places(self) -> Iterator[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
        yield _URI, lambda f: f[1] + self.user(f[2]) + self._password(f[3]) + "@" + self.host(f[4])
        yield _BARE_URI, lambda f: f[1] + self.host(f[2])
        yield _TEL, lambda f: f[1] + self.user(f[2])
        yield _AT, self._at
        yield _IPV4, lambda f: self.host(f[1])
        yield _IPV6, lambda f: self.host(f[1])

    def _at(self, found: re.Match[str]) -> str:
        local = found[1] if found[0] in self._call_ids else self.user(found[1])
        return f"{local}@{self.host(found[2])}"

    def _password(self, found: str | None) -> str:
        return ":" + self._stand_in("secret", found[1:]) if found else ""

    def _named(self, found: re.Match[str]) -> str:
        return found[1] + (found[2] if found[2].lower() in _KEPT else self._stand_in("name", found[2]))

    def _mentioned(self, found: re.Match[str]) -> str:
        """A sentence for people: the numbers in it, and the names known by now."""
        said = _NUMBER.sub(lambda number: self.user(number[0]), found[2])
        for (kind, name), stand_in in self._known.items():
            said = said.replace(name, stand_in) if kind == "name" and name else said
        return found[1] + said

    def _told(self, found: re.Match[str]) -> str:
        """What an element holds: an address is told as such, a number as a user, the rest as a name."""
        told = found[2]
        if "@" in told or told.lower().startswith(("sip", "tel:", "http", "urn:")):
            return found[0]
        return found[1] + self.user(told)

    def _fact(self, fact: object) -> object:
        if isinstance(fact, str):
            whole = self._known.get(("user", fact))
            user, dot, rest = fact.partition(".")
            if whole is None and dot and ("user", user) in self._known:
                whole = self._known["user", user] + dot + rest
            return whole if whole is not None else self._addressed(fact)
        if isinstance(fact, dict):
            return {str(self._fact(str(key))): self._fact(value) for key, value in fact.items()}
        return [self._fact(item) for item in fact] if isinstance(fact, list | tuple) else fact

    # -- stand-ins ------------------------------------------------------------------------------------------

    def user(self, user: str) -> str:
        """A user or a number; of a feature code only what follows it."""
        if user.lower() in _KEPT:
            return user
        found = _CODE.fullmatch(user)
        code, rest = (found[1] or "", found[2]) if found else ("", user)
        return code + (self._stand_in("user", rest) if rest else "")

    def host(self, host: str) -> str:
        """A public address or a domain name; private and reserved addresses stay."""
        bare = host.strip("[]")
        try:
            address = ipaddress.ip_address(bare)
        except ValueError:
            return self._domain(host)
        if not address.is_global or address.is_multicast:
            return host
        return host.replace(bare, self._stand_in(f"ip{address.version}", bare))

    def _domain(self, host: str) -> str:
        *labels, last = host.split(".")
        if not labels or last.lower() in _KEPT_DOMAINS:
            return host
        return ".".join([*(self._stand_in("label", label) for label in labels), last])

    def _stand_in(self, kind: str, text: str) -> str:
        """The stand-in of a text: another one for another text, as long as lengths leave a choice."""
        known = self._known.get((kind, text))
        if known is None:
            for attempt in range(100):
                known = _SHAPES.get(kind, _alike)(text, self._octets(kind, text, attempt))
                if known != text and (kind, known) not in self._taken:
                    break
            assert known is not None
            self._taken.add((kind, known))
            self._known[kind, text] = known
        return known

    def _octets(self, kind: str, text: str, attempt: int) -> Iterator[int]:
        """As many even numbers from 0 to 255 as are wanted, from the key and the text."""
        block = 0
        while True:
            what = f"{kind} {attempt} {block} {text}".encode("latin-1", "replace")
            yield from hmac.digest(self._key, what, hashlib.sha256)
            block += 1


def _setting_aside(
    put: Callable[[str], str], replace: Callable[[re.Match[str]], str]
) -> Callable[[re.Match[str]], str]:
    return lambda found: put(replace(found))


def _alike(text: str, octets: Iterator[int]) -> str:
    """Digits for digits, letters for letters of the same case; escapes, blanks and punctuation stay."""
    hexadecimal = len(text) >= 16 and all(c in string.hexdigits for c in text)
    made, skip = [], 0
    for at, char in enumerate(text):
        escaped = char == "%" and len(text) >= at + 3 and all(c in string.hexdigits for c in text[at + 1 : at + 3])
        skip = 3 if escaped else skip
        skip = 2 if char == "\\" and not skip else skip
        if skip:
            made.append(char)
            skip -= 1
        elif char.isascii() and char.isdigit():
            made.append("0" if char == "0" and not at else str(1 + next(octets) % 9))
        elif hexadecimal:
            made.append("abcdef"[next(octets) % 6] if char.islower() else "ABCDEF"[next(octets) % 6])
        elif char.isascii() and char.isalpha():
            made.append((string.ascii_lowercase if char.islower() else string.ascii_uppercase)[next(octets) % 26])
        else:
            made.append(char if char.isascii() else "x")
    return "".join(made)


def _ipv4(text: str, octets: Iterator[int]) -> str:
    """A reserved address whose numbers have as many digits (0/8, 10/8 or 240/4)."""
    first, *rest = text.split(".")
    made = [{1: "0", 2: "10"}.get(len(first)) or str(240 + next(octets) % 14)]
    for part in rest:
        low, high = {1: (1, 9), 2: (10, 99)}.get(len(part), (100, 255))
        made.append(str(low + next(octets) % (high - low + 1)))
    return ".".join(made)


def _ipv6(text: str, octets: Iterator[int]) -> str:
    """An address of the documentation prefix 3fff::/20 (RFC 9637) with groups of as many digits."""
    first, *rest = text.split(":")
    groups = ["3fff"[: len(first)] or first]
    for at, group in enumerate(rest):
        digits = ("0123456789abcdef"[(0 if at == 0 else 1) + next(octets) % 15] for _ in group)
        groups.append("0" + "".join(digits)[1:] if at == 0 and len(group) == 4 else "".join(digits))
    return ":".join(groups)


_SHAPES: dict[str, Callable[[str, Iterator[int]], str]] = {"ip4": _ipv4, "ip6": _ipv6}
