"""One SIP message exactly as it crossed the wire (RFC 3261 §7).

The reader never raises and never repairs: the raw bytes stay, header fields keep their order, their spelling
and their place, and whatever does not fit the grammar is listed in `faults`. Typed views are read when first
asked for and give a value or a `Fault`. Strictness is the business of the checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sipconform.sip.fault import Fault, Span

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
_SPELLED = {"call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate", "mime-version": "MIME-Version"}
_canonical: dict[bytes, str] = {}
_REQUEST = re.compile(rb"([^\s]+) ([^\s]+) (SIP/[0-9]+\.[0-9]+)")
_RESPONSE = re.compile(rb"(SIP/[0-9]+\.[0-9]+) ([0-9]{3}) ?(.*)", re.DOTALL | re.IGNORECASE)
_LOOKS_SIP = re.compile(rb"\s*(SIP/[0-9]|[A-Za-z0-9.!%*_+`'~-]+ \S.* SIP/[0-9])")


def canonical_name(name: bytes) -> str:
    """The long, customarily spelled form of a header field name: `b"f"` and `b"FROM "` give "From"."""
    known = _canonical.get(name)
    if known is not None:
        return known
    text = name.strip().decode("utf-8", "surrogateescape")
    low = text.lower()
    canonical = COMPACT_NAMES.get(low) or _SPELLED.get(low) or "-".join(p.capitalize() for p in low.split("-"))
    if len(_canonical) < 4096:  # names come from the wire: the cache must not grow with hostile input
        _canonical[name] = canonical
    return canonical


def looks_like_sip(payload: bytes) -> bool:
    """Whether a payload begins as a SIP message does; cheap enough to ask of every datagram."""
    return _LOOKS_SIP.match(payload[:512]) is not None


class Field(NamedTuple):
    """One header field row. `raw_name` and `raw` as sent; `value` unfolded and stripped."""

    name: str
    raw_name: bytes
    raw: bytes
    span: Span  # of the value, without the white space around it

    @property
    def value(self) -> str:
        """The value as text, folding undone; octets that are not UTF-8 survive as surrogates."""
        raw = self.raw
        if b"\n" in raw or b"\r" in raw:
            raw = re.sub(rb"[ \t]*\r?\n[ \t]+", b" ", raw)
        return raw.strip().decode("utf-8", "surrogateescape")


class Message:
    """A SIP request or response, or the nearest thing to one that was sent."""

    __slots__ = (
        "_fields", "_index", "_lines", "_views",
        "body_start", "faults", "is_request", "is_response", "method", "raw", "reason", "request_uri",
        "start_line", "status", "version",
    )  # fmt: skip

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.faults: list[Fault] = []
        self._views: dict[str, object] = {}
        self._fields: list[Field] | None = None
        head, self.body_start, ending = self._cut_head(raw)
        self._lines: list[tuple[int, bytes]] | None = None
        lines = head.split(ending)
        if b"\n " in head or b"\n\t" in head:
            self._lines = _unfold(head, ending)
            lines = [line for _, line in self._lines]
        self._index = self._read_index(lines)
        self._read_start_line(lines[0])

    def _cut_head(self, raw: bytes) -> tuple[bytes, int, bytes]:
        end = raw.find(b"\r\n\r\n")
        lone = raw.find(b"\n\n")
        if end >= 0 and (lone < 0 or end < lone):
            return raw[:end], end + 4, b"\r\n"
        if lone >= 0:
            self.faults.append(Fault("lines end with CRLF", Span(lone, lone + 2)))
            return raw[:lone].replace(b"\r\n", b"\n") if b"\r" in raw[:lone] else raw[:lone], lone + 2, b"\n"
        self.faults.append(Fault("an empty line ends the header", Span(len(raw), len(raw))))
        ending = b"\r\n" if b"\r\n" in raw else b"\n"
        return raw.removesuffix(ending), len(raw), ending

    def _read_index(self, lines: list[bytes]) -> dict[str, list[bytes]]:
        index: dict[str, list[bytes]] = {}
        canonical = _canonical
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon:
                continue
            key = canonical.get(name) or canonical_name(name)
            got = index.get(key)
            if got is None:
                index[key] = [value]
            else:
                got.append(value)
        return index

    def _read_start_line(self, line: bytes) -> None:
        self.start_line = line
        self.is_request = self.is_response = False
        self.method = self.request_uri = self.reason = self.version = ""
        self.status = 0
        if response := _RESPONSE.fullmatch(line):
            self.is_response = True
            self.version = response[1].decode()
            self.status = int(response[2])
            self.reason = response[3].decode("utf-8", "surrogateescape")
            cseq = self.text("CSeq").split()
            self.method = cseq[-1] if cseq else ""
        elif request := _REQUEST.fullmatch(line):
            self.is_request = True
            self.method = request[1].decode("utf-8", "surrogateescape")
            self.request_uri = request[2].decode("utf-8", "surrogateescape")
            self.version = request[3].decode()
        else:
            self.faults.append(Fault("a request line or a status line begins the message", Span(0, len(line))))
            self._guess_start_line(line)

    def _guess_start_line(self, line: bytes) -> None:
        """A malformed request line still names a method: the judge wants to know of what it is a caricature."""
        words = line.decode("utf-8", "surrogateescape").split()
        if len(words) >= 2 and words[-1].upper().startswith("SIP/"):
            self.is_request = True
            self.method, self.version = words[0], words[-1]
            self.request_uri = " ".join(words[1:-1])

    # -- rows -----------------------------------------------------------------------------------------------

    @property
    def fields(self) -> list[Field]:
        """Every header field row in the order sent. Rows without a colon are in `faults`, not here."""
        if self._fields is None:
            self._fields = list(self._read_fields())
        return self._fields

    def _read_fields(self) -> Iterator[Field]:
        rows = self._lines if self._lines is not None else _lines_with_offsets(self.raw[: self.body_start])
        for start, line in rows[1:]:
            name, colon, value = line.partition(b":")
            if not colon:
                if line:
                    self.faults.append(Fault("a header field has a colon", Span(start, start + len(line))))
                continue
            left = start + len(name) + 1 + len(value) - len(value.lstrip())
            yield Field(canonical_name(name), name, value, Span(left, max(left, start + len(line.rstrip()))))

    def rows(self, name: str) -> list[Field]:
        """Every row of one header field, by its canonical long name."""
        return [field for field in self.fields if field.name == name]

    def row(self, name: str) -> Field | None:
        """The first row of a header field, or None."""
        return next((field for field in self.fields if field.name == name), None)

    def has(self, name: str) -> bool:
        """Whether the header field is there at all. Canonical name."""
        return name in self._index

    def count(self, name: str) -> int:
        """How many rows the header field has."""
        return len(self._index.get(name, ()))

    def text(self, name: str) -> str:
        """The first row's value as text, unfolded and stripped; "" when the header field is not there."""
        got = self._index.get(name)
        if got is None:
            return ""
        return got[0].strip().decode("utf-8", "surrogateescape")

    def values(self, name: str) -> list[str]:
        """All values of a list header field in order: repeated rows and commas alike (RFC 3261 §7.3.1)."""
        found: list[str] = []
        for raw in self._index.get(name, ()):
            text = raw.strip().decode("utf-8", "surrogateescape")
            found += split_list(text) if "," in text else [text]
        return found

    def span(self, name: str) -> Span:
        """Where the first row's value stands in `raw`; the start line when the header field is not there."""
        row = self.row(name)
        return row.span if row else Span(0, len(self.start_line))

    @property
    def body(self) -> bytes:
        """Everything after the empty line, surplus octets of a datagram included."""
        return self.raw[self.body_start :]

    def __repr__(self) -> str:
        return f"<{self.start_line[:60].decode('utf-8', 'replace')}>"


def split_list(text: str, separator: str = ",") -> list[str]:
    """Splits at separators that stand outside quoted strings and angle brackets."""
    parts, start, quoted, angle, i = [], 0, False, False, 0
    while i < len(text):
        c = text[i]
        if quoted:
            if c == "\\":
                i += 1
            elif c == '"':
                quoted = False
        elif c == '"':
            quoted = True
        elif c == "<":
            angle = True
        elif c == ">":
            angle = False
        elif c == separator and not angle:
            parts.append(text[start:i].strip())
            start = i + 1
        i += 1
    parts.append(text[start:].strip())
    return parts


def _lines_with_offsets(head: bytes) -> list[tuple[int, bytes]]:
    lines, start = [], 0
    for line in head.split(b"\n"):
        lines.append((start, line.removesuffix(b"\r")))
        start += len(line) + 1
    return lines


def _unfold(head: bytes, ending: bytes) -> list[tuple[int, bytes]]:
    """Joins continuation lines to the row they continue; the joined row keeps its line breaks as sent."""
    rows: list[tuple[int, bytes]] = []
    start = 0
    for line in head.split(ending):
        if rows and line[:1] in (b" ", b"\t"):
            rows[-1] = (rows[-1][0], rows[-1][1] + ending + line)
        else:
            rows.append((start, line))
        start += len(line) + len(ending)
    return rows
