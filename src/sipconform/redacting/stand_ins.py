"""Stand-ins: as long as what they stand for, of the same kinds of characters, and the same one throughout."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import string
from collections.abc import Callable, Iterator

KEPT_DOMAINS = frozenset({"invalid", "localhost", "example", "test", "arpa"})
ATTEMPTS = 100
SHORTEST_DIGITS = 3
"""Of a number that is somebody's; shorter ones are counts, seconds and the like."""


class StandIns:
    """With the same `key` the same text has the same stand-in in every capture."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[tuple[str, str], str] = {}
        self._taken: set[tuple[str, str]] = set()
        self.kept: set[str] = set()  # numbers that a machine has handed out

    def word(self, word: str) -> str:
        """A name, a number or a part of either, whatever its letter case; a short number stays."""
        if (word.isdigit() and len(word) < SHORTEST_DIGITS) or word in self.kept:
            return word
        return _cased(word, self._stand_in("word", word.lower()))

    def knows(self, word: str) -> bool:
        """Whether a word has a stand-in by now."""
        return ("word", word.lower()) in self._known

    def secret(self, text: str) -> str:
        """Anything of which not even the parts may be told."""
        return self._stand_in("secret", text)

    def host(self, host: str) -> str:
        """A public address or a name; private and reserved addresses stay, and so does a name's last label."""
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
        if last.lower() in KEPT_DOMAINS:
            return host
        if not labels or last.lower() == "local":
            labels, last = [*labels, last], ""
        told = [label if label.lower() == "local" and not last else self._label(label) for label in labels]
        return ".".join([*told, last] if last else told)

    def _label(self, label: str) -> str:
        return "-".join(self.word(part) for part in label.split("-"))

    def _stand_in(self, kind: str, text: str) -> str:
        """Another one for another text, as long as lengths leave a choice."""
        known = self._known.get((kind, text))
        if known is None:
            for attempt in range(ATTEMPTS):
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
            what = f"{kind} {attempt} {block} {text}".encode("utf-8", "surrogatepass")
            yield from hmac.digest(self._key, what, hashlib.sha256)
            block += 1


def _cased(text: str, made: str) -> str:
    """The stand-in with the letter case of what it stands for."""
    return "".join(new.upper() if old.isascii() and old.isupper() else new for old, new in zip(text, made, strict=True))


def _alike(text: str, octets: Iterator[int]) -> str:
    """Digits for digits, letters for letters of the same case; what is hexadecimal stays so, punctuation stays."""
    hexadecimal = len(text) >= len("805ec0a1b2c3") and all(c in string.hexdigits for c in text)
    made = []
    for at, char in enumerate(text):
        if char.isascii() and char.isdigit():
            made.append("0" if char == "0" and not at else str(1 + next(octets) % 9))
        elif char.isascii() and char.isalpha():
            letters = "abcdef" if hexadecimal else string.ascii_lowercase
            letter = letters[next(octets) % len(letters)]
            made.append(letter if char.islower() else letter.upper())
        else:
            made.append(char if char.isascii() else _foreign(char))
    return "".join(made)


def _foreign(char: str) -> str:
    """A letter beyond ASCII that takes as many octets; an octet that is none of any letter's becomes one of ASCII's."""
    if "\ud800" <= char <= "\udfff":
        return "x"
    return next(letter for last, letter in (("\u07ff", "é"), ("\uffff", "語"), ("\U0010ffff", "𐍈")) if char <= last)


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
