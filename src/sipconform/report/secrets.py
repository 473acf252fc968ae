"""Passwords and digest responses leave no trace in a report: they are masked in place, offsets kept."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sipconform.report.legible import legible

_QUOTED = r'"[^"\r\n]*(?:\r?\n[ \t][^"\r\n]*)*'
_SECRET = re.compile(
    "|".join(
        (
            # RFC 7616 §3.4 and §3.5; without quotes only what is long enough to be a hash
            rf"\b(?:response|rspauth)\s*=\s*(?P<digest>{_QUOTED}|[^\s\",;]{{16,}})",
            r"\bauthorization\s*:\s*(?:basic|bearer)\s+(?P<basic>\S+)",
            r"\bsips?:[^\s:@<>;]+:(?P<uri>[\w.!~*'()%&=+$,-]+)@",  # RFC 3261 §19.1.1
            r"\ba=crypto:[^\r\n]*?inline:(?P<srtp>[A-Za-z0-9+/=]+)",  # RFC 4568 §9.2
            rf"(?:password|passwd|passphrase|secret)[\w-]*[\"']?\s*[=:>]\s*(?P<named>{_QUOTED}|'[^'\r\n]*|[^\s,;<&\"']+)",
            r"--[\w-]*(?:password|passwd|secret)[\w-]*\s+(?P<option>\S+)",
        )
    ),
    re.IGNORECASE,
)
# What every secret above has in or before it, for nearly all texts hold none: quick to look for in lower case.
_HINTS = ("response", "rspauth", "authorization", "crypto", "passw", "passphrase", "secret")
_URI_WITH_PASSWORD = re.compile(r"sips?:[^\s:@<>;]+:[\w.!~*'()%&=+$,-]+@")
_SECRET_NAME = re.compile("passw|passphrase|secret|token", re.IGNORECASE)


def _stars(match: re.Match[str]) -> str:
    group = match.lastgroup or ""
    start, end = (at - match.start() for at in match.span(group))
    found, value = match[0], match[group]
    quote = value[:1] if value[:1] in "\"'" else ""
    return found[:start] + quote + "*" * (end - start - len(quote)) + found[end:]


def _may_hold_secrets(text: str) -> bool:
    """False only where `_SECRET` finds nothing. Beyond ASCII there are more cases of our letters."""
    if not text.isascii():
        return True
    low = text.lower()
    return any(hint in low for hint in _HINTS) or _URI_WITH_PASSWORD.search(low) is not None


def _telling(value: str) -> bool:
    """Whether a known secret may be sought anywhere: "1234" would mask extensions and ports as well."""
    return len(value) >= 8 or (len(value) >= 5 and not value.isdigit())


class Mask:
    """Masks what looks like a secret and what is known to be one.

    `known` are the lab's own passwords. Short ones and short numbers are masked only where the syntax says
    that they are a secret, because an extension may read the same.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        values = sorted({value for value in known if _telling(value)}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, values))) if values else None

    def text(self, text: str) -> str:
        """The text, every character of a secret replaced by an asterisk."""
        if self._known is not None:
            text = self._known.sub(lambda match: "*" * len(match[0]), text)
        return _SECRET.sub(_stars, text) if _may_hold_secrets(text) else text

    def raw(self, raw: bytes) -> bytes:
        """The same for bytes of the wire; every other byte stays where and what it was."""
        return self.text(raw.decode("latin-1")).encode("latin-1")

    def facts(self, value: object) -> object:
        """JSON-able facts with every text masked and legible; what stands under a secret's name is gone whole."""
        if isinstance(value, str):
            return legible(self.text(value))
        if isinstance(value, dict):
            return {
                str(key): "*" * 8 if _SECRET_NAME.search(str(key)) else self.facts(item) for key, item in value.items()
            }
        return [self.facts(item) for item in value] if isinstance(value, (list, tuple)) else value

    @staticmethod
    def secrets_in(raw: bytes) -> set[str]:
        """The secret values that stand in a message, for masking what quotes it."""
        text = raw.decode("latin-1")
        if not _may_hold_secrets(text):
            return set()
        found = (match[match.lastgroup or ""] for match in _SECRET.finditer(text))
        return {value.strip("\"'") for value in found}
