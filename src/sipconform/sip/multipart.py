"""Bodies of several parts: a tolerant reader and a composer (RFC 2046 §5.1, RFC 5621)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from sipconform.sip.fault import Fault, Span
from sipconform.sip.head import Field, logical_lines, read_field
from sipconform.sip.headers import media_type, number
from sipconform.sip.headers.media_type import MediaType

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_END_OF_HEAD = re.compile(rb"(?:\A|(?<=\n))\r?\n")


@dataclass(frozen=True, slots=True)
class Part:
    """One body part; `span` is the place of its body."""

    fields: tuple[Field, ...]
    body: bytes
    span: Span
    line_end: bytes = b"\r\n"  # what stands between it and the delimiter that ends it

    def text(self, name: str) -> str:
        """The first value of a header field of the part, "" when it is not there."""
        return next((field.value for field in self.fields if field.name == name), "")

    @property
    def content_type(self) -> MediaType | Fault:
        """text/plain when the part does not say (RFC 2046 §5.1)."""
        return media_type.parse(self.text("Content-Type") or "text/plain")

    @property
    def content_id(self) -> str:
        """Without its angle brackets, as a `cid:` URI names it (RFC 2392)."""
        return self.text("Content-Id").removeprefix("<").removesuffix(">")

    @property
    def disposition(self) -> str:
        """The Content-Disposition without parameters, in lower case; "" when the part does not say."""
        return self.text("Content-Disposition").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Multipart:
    """What was read. Text before the first and after the last delimiter is legal, and meant to be ignored."""

    parts: tuple[Part, ...]
    preamble: bytes
    epilogue: bytes
    faults: tuple[Fault, ...]


def parse(raw: bytes, boundary: str, start: int = 0, end: int | None = None) -> Multipart:
    """Reads `raw[start:end]`; every span is an offset into `raw`. Never raises."""
    end = len(raw) if end is None else end
    faults = [] if _BOUNDARY.fullmatch(boundary) else [Fault("a boundary has 1 to 70 plain characters")]
    marks = _delimiters(raw[start:end], boundary) if boundary else []
    if not marks:
        faults.append(Fault("delimiter lines begin with -- and the boundary", Span(start, end)))
        return Multipart((), raw[start:end], b"", tuple(faults))
    closing = next((at for at, mark in enumerate(marks) if mark[1]), len(marks))
    bounds = [Span(start + mark.start(), start + mark.end()) for mark in marks[: closing + 1]]
    faults += [Fault("a delimiter line ends with CRLF", b) for b in bounds if _ends_badly(raw, b, end)]
    if closing == len(marks):
        faults.append(Fault("a closing delimiter ends the last part", Span(end, end)))
        bounds.append(Span(end, end))
    parts = tuple(_read_part(raw, left.end, right.start) for left, right in pairwise(bounds))
    faults += [fault for part in parts for fault in _part_faults(part)] + list(_repeated_ids(parts))
    return Multipart(parts, raw[start : bounds[0].start], raw[bounds[-1].end : end], tuple(faults))


def _delimiters(body: bytes, boundary: str) -> list[re.Match[bytes]]:
    line = b"--" + re.escape(boundary.encode("utf-8", "surrogateescape"))
    return list(re.finditer(rb"(?:\A|(?<=\n))" + line + rb"(--)?[ \t]*(?:\r?\n|\Z)", body))


def _ends_badly(raw: bytes, line: Span, end: int) -> bool:
    return line.end < end and not raw[line.start : line.end].endswith(b"\r\n")


def _read_part(raw: bytes, start: int, end: int) -> Part:
    """The line break before the delimiter that ends it belongs to the delimiter."""
    line_end = next((word for word in (b"\r\n", b"\n") if raw[start:end].endswith(word)), b"")
    end -= len(line_end)
    found = _END_OF_HEAD.search(raw[start : max(start, end)])
    head_end = start + found.start() if found else end
    body_start = start + found.end() if found else end
    lines = logical_lines(raw, start, head_end)
    fields = tuple(read_field(at, line) for at, line in lines if b":" in line)
    return Part(fields, raw[body_start:end], Span(body_start, max(body_start, end)), line_end)


def _part_faults(part: Part) -> Iterator[Fault]:
    for field in part.fields:
        if field.name == "Content-Length":
            length = number.parse(field.value)
            if isinstance(length, Fault):
                yield length.placed(field.span)
            elif length == len(part.body) + 1 and part.line_end == b"\n":  # whose it is, is what a lone LF leaves open
                yield Fault("a part's Content-Length does not count the line end before a delimiter, CRLF", field.span)
            elif length != len(part.body):
                yield Fault("a part's Content-Length is the length of its body", field.span)
    if isinstance(part.content_type, Fault):
        yield part.content_type.placed(part.span)


def _repeated_ids(parts: tuple[Part, ...]) -> Iterator[Fault]:
    counts = Counter(part.content_id for part in parts if part.content_id)
    for part in parts:
        if counts[part.content_id] > 1:
            yield Fault("no two parts share a Content-ID", part.span)


def compose(boundary: str, *parts: tuple[list[tuple[str, str]], bytes]) -> bytes:
    """A body of parts, each its header fields and its content. ValueError when a part holds the boundary."""
    delimiter = b"--" + boundary.encode()
    written = b""
    for headers, content in parts:
        if delimiter in content:
            raise ValueError(f"a part holds the boundary {boundary!r}")
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        written += delimiter + b"\r\n" + head.encode("utf-8", "surrogateescape") + b"\r\n" + content + b"\r\n"
    return written + delimiter + b"--\r\n"
