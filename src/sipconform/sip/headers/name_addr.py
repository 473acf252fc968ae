"""Addresses with a display name and parameters: From, To, Contact, Route (RFC 3261 §20.10, §25.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import NO_PARAMS, Params, is_token, parse_params, quote, split_list, unquote
from sipconform.sip.headers import number
from sipconform.sip.uri import Uri, parse_uri

_BRACKETED = re.compile(r'(?:("(?:[^"\\]|\\.)*")[ \t]*|([^"<]*))<([^>]*)>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """`"Display" <uri>;params`, or the bare `uri;params` in which every parameter is the header field's."""

    display: str  # without its quotes
    uri_text: str  # as sent, what stands between the brackets
    params: Params = NO_PARAMS
    bare: bool = False  # sent without angle brackets
    quoted: bool = True  # the display name, if any, was sent in quotes

    @property
    def uri(self) -> Uri | Fault:
        return parse_uri(self.uri_text)

    @property
    def tag(self) -> str:
        """The tag parameter, or "" when it is not there."""
        return self.params.get("tag") or ""

    @property
    def expires(self) -> int | Fault | None:
        """Seconds a Contact's binding is to live (RFC 3261 §10.2.1.1); None when not said."""
        text = self.params.get("expires")
        return None if text is None else number.parse(text)

    @property
    def faults(self) -> list[Fault]:
        """What is readable and still breaks the grammar."""
        found = self.params.faults
        if isinstance(self.expires, Fault):
            found.append(self.expires)
        if not self.quoted and not all(is_token(word) for word in self.display.split()):
            found.append(Fault("a display name that is more than tokens is quoted"))
        uri = self.uri
        if isinstance(uri, Fault):
            found.append(uri)
        elif self.bare and "," in self.uri_text:
            found.append(Fault("a URI with a comma stands in angle brackets"))
        return found if isinstance(uri, Fault) else found + uri.faults

    def __str__(self) -> str:
        if self.bare:
            return f"{self.uri_text}{self.params}"
        name = quote(self.display) if self.quoted else self.display
        return f"{name} <{self.uri_text}>{self.params}" if self.display else f"<{self.uri_text}>{self.params}"


@lru_cache(maxsize=256)
def parse(text: str) -> NameAddr | Fault:
    """One address. A Fault when no URI can be told from the rest."""
    text = text.strip()
    bracketed = _BRACKETED.match(text)
    if not bracketed:
        return _parse_bare(text)
    params = parse_params(text[bracketed.end() :])
    if isinstance(params, Fault):
        return params
    name, words, uri = bracketed.groups()
    if name is not None:
        return NameAddr(unquote(name), uri, params)
    return NameAddr(words.strip(), uri, params, quoted=not words.strip())


def _parse_bare(text: str) -> NameAddr | Fault:
    """Without brackets a URI ends at the first semicolon and holds no question mark (RFC 3261 §20)."""
    uri, semicolon, rest = text.partition(";")
    uri = uri.rstrip()
    if not uri or "<" in uri or '"' in uri:
        return Fault("an address is a URI, or a display name and a URI in angle brackets")
    if " " in uri or "\t" in uri:
        return Fault("a URI after a display name stands in angle brackets")
    if "?" in uri:
        return Fault("a URI with a question mark stands in angle brackets")
    params = parse_params(semicolon + rest)
    return params if isinstance(params, Fault) else NameAddr("", uri, params, bare=True)


def parse_list(texts: list[str]) -> list[NameAddr | Fault]:
    """Every address of every row, in order; `*` is left out."""
    return [parse(text) for row in texts for text in split_list(row) if text != "*"]
