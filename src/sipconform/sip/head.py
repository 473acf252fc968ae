"""The header of a message: where it ends, its rows, what is wrong with its lines (RFC 3261 §7.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sipconform.sip.fault import Fault, Span
from sipconform.sip.grammar import TOKEN_CHARS, split_list

COMPACT_NAMES = {  # RFC 3261 §7.3.3 and the extensions' own compact forms
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
_SPELLED = {
    "call-id": "Call-ID",
    "cseq": "CSeq",
    "www-authenticate": "WWW-Authenticate",
    "mime-version": "MIME-Version",
    "min-se": "Min-SE",
    "rack": "RAck",
    "rseq": "RSeq",
}
_canonical: dict[str, str] = {}
_NONE: dict[str, list[str]] = {}  # shared by the many messages that repeat no header field
_BLANK = " \t\n\r\v\f"  # of ASCII: what Unicode holds to be blank besides is content here
_FOLD = re.compile(rb"(?<![ \t])[ \t]*(?:\r?\n[ \t]+)+")
_NAME = re.compile(rf"[{TOKEN_CHARS}]+[ \t]*".encode())
_STRAY = re.compile(rb"(?<!\\)[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")  # quoted-pairs may hold some


def canonical_name(name: bytes) -> str:
    """The long, customarily spelled form of a header field name: `b"f"` and `b"FROM "` give "From"."""
    return _canonical_name(_text(name))


def _text(raw: bytes) -> str:
    """Octets that are not UTF-8 survive as surrogates."""
    return raw.decode("utf-8", "surrogateescape")


def _canonical_name(name: str) -> str:
    known = _canonical.get(name)
    if known is not None:
        return known
    low = name.strip(_BLANK).lower()
    spelled = COMPACT_NAMES.get(low) or _SPELLED.get(low)
    canonical = spelled or "-".join(part.capitalize() for part in low.split("-"))
    # Hostile input must not fill the cache, and a continuation line must not look like a known name.
    if len(_canonical) < 4096 and len(name) < 64 and name[:1] not in _BLANK:
        _canonical[name] = canonical
    return canonical


_Index = tuple[dict[str, str], dict[str, list[str]]]
"""The first value of each header field by its canonical name, and all values of those that have several rows."""


def _index_rows(rows: list[str], unfolded: bool = False) -> _Index | None:
    """None when a row is folded after all."""
    index: dict[str, str] = {}
    several: dict[str, list[str]] = _NONE
    canonical = _canonical
    for row in rows:
        name, colon, value = row.partition(":")
        key = canonical.get(name)
        if key is None or not colon:
            if row[:1] in (" ", "\t") and not unfolded:
                return None
            if not colon:
                continue
            key = _canonical_name(name)
        if key not in index:
            index[key] = value
        else:
            several = several or {}
            several.setdefault(key, [index[key]]).append(value)
    return index, several


class Field(NamedTuple):
    """One header field row. `raw_name` and `raw` as sent; `value` unfolded and stripped."""

    name: str
    raw_name: bytes
    raw: bytes
    span: Span  # of the value, without the white space around it

    @property
    def value(self) -> str:
        """The value as text, folding undone; octets that are not UTF-8 survive as surrogates."""
        return _text(_FOLD.sub(b" ", self.raw).strip())


def logical_lines(raw: bytes, start: int, end: int, own: int = 0) -> list[tuple[int, bytes]]:
    """Every line with its offset, continuations joined to the row they continue, as sent; the first `own`
    lines are not continued, as a start line is not."""
    lines: list[tuple[int, bytes]] = []
    for line in raw[start:end].split(b"\n"):
        if len(lines) > own and line[:1] in (b" ", b"\t"):
            at, row = lines[-1]
            lines[-1] = (at, row + b"\n" + line)
        else:
            lines.append((start, line))
        start += len(line) + 1
    return [(at, line.removesuffix(b"\r")) for at, line in lines]


def read_field(start: int, line: bytes) -> Field:
    """The header field row that stands in a line at that offset; what precedes the colon is its name."""
    name, _, value = line.partition(b":")
    left = start + len(name) + 1 + len(value) - len(value.lstrip())
    return Field(canonical_name(name), name, value, Span(left, max(left, start + len(line.rstrip()))))


class Head:
    """The lines of a message before the empty one, and the body behind it. Never raises, never repairs."""

    __slots__ = ("__dict__", "_fields", "_index", "_several", "body_start", "head_start", "raw", "start_line")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        # RFC 3261 §7.5: empty lines before the start line are ignored.
        self._read_head(len(raw) - len(raw.lstrip(b"\r\n")) if raw[:1] in b"\r\n" else 0)

    def _read_head(self, start: int) -> None:
        raw = self.raw
        self.head_start = start
        self._fields: list[Field] | None = None
        end = raw.find(b"\r\n\r\n", start)
        if end >= 0:
            self.body_start = end + 4
        else:
            end = self.body_start = len(raw)
        self.start_line, first_end, rest = raw[start:end].partition(b"\r\n")
        rows = _text(rest).split("\r\n") if first_end else []
        even = raw.count(b"\n", start, end) == len(rows)
        index = _index_rows(rows) if even else None
        if index is None:
            self.start_line, *uneven = self._uneven_lines()
            index = _index_rows([_text(row) for row in uneven], unfolded=True) or ({}, _NONE)
        self._index, self._several = index

    def _uneven_lines(self) -> list[bytes]:
        """The slow road, for messages with lone line feeds, folded rows or no end of the header."""
        end = self.body_start
        for ending in (b"\n\r\n", b"\n\n"):
            found = self.raw.find(ending, self.head_start, end)
            end = found + len(ending) if found >= 0 else end
        self.body_start = end
        return [_FOLD.sub(b" ", line) for _, line in self._lines()]

    def _lines(self) -> list[tuple[int, bytes]]:
        return logical_lines(self.raw, self.head_start, self.body_start, 1)

    # -- rows -----------------------------------------------------------------------------------------------

    @property
    def fields(self) -> list[Field]:
        """Every header field row in the order sent. Rows without a colon are in `faults`, not here."""
        if self._fields is None:
            self._fields = list(self._read_fields())
        return self._fields

    def _read_fields(self) -> Iterator[Field]:
        for start, line in self._lines()[1:]:
            if b":" in line:
                yield read_field(start, line)

    def rows(self, name: str) -> list[Field]:
        """Every row of one header field, by its canonical long name."""
        return [field for field in self.fields if field.name == name]

    def row(self, name: str) -> Field | None:
        """The first row of a header field, or None."""
        if self._fields is None and self.count(name) == 1 and (plain := self._plain_row(name)):
            return plain
        fields = self._read_fields() if self._fields is None else self._fields
        return next((field for field in fields if field.name == name), None)

    def _plain_row(self, name: str) -> Field | None:
        """The only row of its name, if it is spelled in full and stands on one line; else None."""
        raw = self.raw
        start = raw.find(b"\r\n%b:" % name.encode("utf-8", "surrogateescape"), self.head_start, self.body_start) + 2
        end = raw.find(b"\r\n", start, self.body_start)
        if start < 2 or end < 0 or raw[end + 2 : end + 3] in (b" ", b"\t") or b"\n" in (line := raw[start:end]):
            return None
        return read_field(start, line)

    def has(self, name: str) -> bool:
        """Whether the header field is there at all. Canonical name."""
        return name in self._index

    def count(self, name: str) -> int:
        """How many rows the header field has."""
        return len(self._several[name]) if name in self._several else int(name in self._index)

    def text(self, name: str) -> str:
        """The first row's value as text, unfolded and stripped; "" when the header field is not there."""
        got = self._index.get(name)
        return got.strip(_BLANK) if got else ""

    def texts(self, name: str) -> list[str]:
        """Every row's value as text, one string a row, commas left alone."""
        if name not in self._index:
            return []
        several = self._several.get(name) or (self._index[name],)
        return [value.strip(_BLANK) for value in several]

    def values(self, name: str) -> list[str]:
        """All values of a list header field in order: repeated rows and commas alike (RFC 3261 §7.3.1)."""
        found: list[str] = []
        for text in self.texts(name):
            found += split_list(text) if "," in text else [text]
        return found

    def span(self, name: str) -> Span:
        """Where the first row's value stands in `raw`; the start line when the header field is not there."""
        row = self.row(name)
        return row.span if row else self.start_span

    @property
    def start_span(self) -> Span:
        """Where the start line stands in `raw`."""
        return Span(self.head_start, self.head_start + len(self.start_line))

    @property
    def body(self) -> bytes:
        """Everything after the empty line, surplus octets of a datagram included."""
        return self.raw[self.body_start :]

    # -- faults ---------------------------------------------------------------------------------------------

    def _line_faults(self) -> Iterator[Fault]:
        head = self.raw[self.head_start : self.body_start]
        if not head.endswith((b"\n\r\n", b"\n\n")):
            yield Fault("an empty line ends the header", Span(self.body_start, self.body_start))
        if head.count(b"\n") != head.count(b"\r\n"):
            lone = self.head_start + next(re.finditer(rb"(?<!\r)\n", head)).start()
            yield Fault("lines end with CRLF", Span(lone, lone + 1))
        if stray := _STRAY.search(head):
            at = self.head_start + stray.start()
            yield Fault("no control bytes in the header", Span(at, at + 1))
        try:
            head.decode()
        except UnicodeDecodeError as error:
            at = self.head_start + error.start
            yield Fault("the header is UTF-8", Span(at, self.head_start + error.end))
        yield from self._row_faults()

    def _row_faults(self) -> Iterator[Fault]:
        for start, line in self._lines()[1:]:
            name, colon, _ = line.partition(b":")
            if not colon and line:
                yield Fault("a header field has a colon", Span(start, start + len(line)))
            elif colon and not name.strip():
                yield Fault("a header field has a name", Span(start, start + len(line)))
            elif colon and not _NAME.fullmatch(name):
                yield Fault("a header field's name is a token", Span(start, start + len(name)))
