"""The words all header fields are made of: tokens, quoted strings, lists and parameters (RFC 3261 §25.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sipconform.sip.fault import Fault

TOKEN_CHARS = r"A-Za-z0-9\-.!%*_+`'~"
_TOKEN = re.compile(rf"[{TOKEN_CHARS}]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_QUOTED_OR_OPEN = re.compile(r'"(?:[^"\\]|\\.)*("|\\?\Z)', re.DOTALL)
_GEN_VALUE = re.compile(rf'[{TOKEN_CHARS}]+|"(?:[^"\\]|\\.)*"|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:.]+', re.DOTALL)
_BACKSLASH = re.compile(r"\\(.)", re.DOTALL)
_CUTS: dict[str, re.Pattern[str]] = {
    # A quoted string or an address in brackets is skipped whole; one that is never closed reaches to the end.
    separator: re.compile(rf'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|<[^>]*>?|({separator})', re.DOTALL)
    for separator in ",;"
}


def is_token(text: str) -> bool:
    """Whether the text is a token of the grammar: a method, a header field name, a parameter name."""
    return _TOKEN.fullmatch(text) is not None


def is_quoted(text: str) -> bool:
    """Whether the text is one whole quoted string, closing quote included."""
    return _QUOTED.fullmatch(text) is not None


def unquote(text: str) -> str:
    """The content of a quoted string with its backslashes undone; any other text as it is."""
    quoted = _QUOTED.fullmatch(text)
    if not quoted:
        return text
    inside: str = quoted[1]
    return _BACKSLASH.sub(r"\1", inside) if "\\" in inside else inside


def quote(text: str) -> str:
    """The text as a quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def split_list(text: str, separator: str = ",") -> list[str]:
    """Splits at separators (`,` or `;`) that stand outside quoted strings and angle brackets."""
    if '"' not in text and "<" not in text:
        return [part.strip() for part in text.split(separator)]
    parts, start = [], 0
    for cut in _CUTS[separator].finditer(text):
        if cut[1]:
            parts.append(text[start : cut.start()].strip())
            start = cut.end()
    parts.append(text[start:].strip())
    return parts


def quotes_closed(text: str) -> bool:
    """Whether every quoted string that begins also ends."""
    return all(found[1] == '"' for found in _QUOTED_OR_OPEN.finditer(text))


@dataclass(frozen=True, slots=True)
class Params:
    """Parameters in the order sent, names and values spelled as sent; a flag's value is None.

    Reading is lenient so that a malformed parameter does not hide its neighbours; `faults` is strict.
    """

    items: tuple[tuple[str, str | None], ...] = ()

    @classmethod
    def of(cls, *flags: str, **values: str | int) -> Params:
        """Parameters written down: `Params.of("lr", transport="tcp")`; underscores stand for hyphens."""
        named = ((name.replace("_", "-"), str(value)) for name, value in values.items())
        return cls((*((flag, None) for flag in flags), *named))

    def get(self, name: str) -> str | None:
        """The first value of that name in any case, unquoted; "" for a flag; None when it is not there."""
        low = name.lower()
        for key, value in self.items:
            if key.lower() == low:
                return unquote(value) if value else ""
        return None

    def all(self, name: str) -> list[str]:
        """Every value of that name: more than one breaks the grammar of most header fields."""
        low = name.lower()
        return [unquote(value) if value else "" for key, value in self.items if key.lower() == low]

    def with_(self, name: str, value: str | int | None) -> Params:
        """A copy in which the parameter has this value, in its old place or at the end; None makes a flag."""
        text = None if value is None else str(value)
        low = name.lower()
        if name not in self:
            return Params((*self.items, (name, text)))
        return Params(tuple((key, text) if key.lower() == low else (key, old) for key, old in self.items))

    def without(self, name: str) -> Params:
        """A copy that lacks the parameter."""
        return Params(tuple(item for item in self.items if item[0].lower() != name.lower()))

    @property
    def faults(self) -> list[Fault]:
        """What breaks the grammar of generic-param: empty or odd names, odd values, a name given twice."""
        return list(self._faults())

    def _faults(self) -> Iterator[Fault]:
        seen: set[str] = set()
        for name, value in self.items:
            if not is_token(name):
                yield Fault(f"a parameter is named by a token, not {name!r}")
                continue
            if value is not None and not _GEN_VALUE.fullmatch(value):
                yield Fault(f"the value of parameter {name} is a token, a host or a quoted string")
            if name.lower() in seen:
                yield Fault(f"parameter {name} stands once")
            seen.add(name.lower())

    def __contains__(self, name: str) -> bool:
        low = name.lower()
        return any(key.lower() == low for key, _ in self.items)

    def __iter__(self) -> Iterator[tuple[str, str | None]]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __str__(self) -> str:
        return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in self.items)


NO_PARAMS = Params()


def parse_params(text: str) -> Params | Fault:
    """Reads `;name=value;flag`. A Fault when something precedes the first semicolon or a quote stays open."""
    if not text or text.isspace():
        return NO_PARAMS
    first, *parts = split_list(text, ";")
    if first:
        return Fault("a semicolon begins a parameter")
    if '"' in text and not quotes_closed(text):
        return Fault("a quoted string ends with a quote")
    items: list[tuple[str, str | None]] = []
    for part in parts:
        name, equals, value = part.partition("=")
        items.append((name.rstrip(), value.lstrip() if equals else None))
    return Params(tuple(items))
