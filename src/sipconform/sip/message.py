"""One SIP message exactly as it crossed the wire (RFC 3261 §7).

The reader never raises and never repairs: the raw bytes stay, header fields keep their order, their spelling
and their place, and whatever does not fit the grammar is listed in `faults`. Typed views are read when first
asked for and give a value or a `Fault`. Strictness is the business of the checks.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sipconform.sip.fault import Fault, Span
from sipconform.sip.grammar import TOKEN_CHARS, split_list
from sipconform.sip.head import COMPACT_NAMES, Field, canonical_name
from sipconform.sip.headers import name_addr
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.headers.via import Via
from sipconform.sip.uri import Uri, parse_uri
from sipconform.sip.view import view
from sipconform.sip.views import Views

__all__ = ["COMPACT_NAMES", "Field", "Message", "canonical_name", "looks_like_sip", "split_list"]

_REQUEST = re.compile(rf"([{TOKEN_CHARS}]+) ([^\s]+) (SIP/[0-9]+\.[0-9]+)".encode(), re.IGNORECASE)
_RESPONSE = re.compile(rb"(SIP/[0-9]+\.[0-9]+) ([0-9]{3})(?: (.*))?", re.DOTALL | re.IGNORECASE)
_BURIED = re.compile(  # a start line that follows junk: on a line of its own, or behind control bytes
    rf"(?:^|(?<=[\x00-\x1f]))(?:SIP/2\.0 [0-9]{{3}} |[{TOKEN_CHARS}]+ [^\s]+ SIP/2\.0\r?$)".encode(),
    re.MULTILINE,
)
_LOOKS_SIP = re.compile(rb"\s*(SIP/[0-9]|[A-Za-z0-9.!%*_+`'~-]+ \S.* SIP/[0-9])")
_CSEQ_NUMBER = re.compile(r"[ \t]*([0-9]{1,10})[ \t]+[^ \t]+[ \t]*\Z")
_PLAIN_TAG = re.compile(r"[^>]*>;tag=([A-Za-z0-9.!%*_+`~-]+)")  # how nearly all are written, and quicker to read
_PLAIN_BRANCH = re.compile(r"[^,;]*(?:;rport)?;branch=([^;,\s]+)", re.ASCII)
_TAG = re.compile(r";[ \t]*tag[ \t]*=[ \t]*([^;,\s]+)", re.IGNORECASE | re.ASCII)
_BRANCH = re.compile(r"[^,]*?;[ \t]*branch[ \t]*=[ \t]*([^;,\s]+)", re.IGNORECASE | re.ASCII)


def looks_like_sip(payload: bytes) -> bool:
    """Whether a payload begins as a SIP message does; cheap enough to ask of every datagram."""
    return _LOOKS_SIP.match(payload[:512]) is not None


@lru_cache(maxsize=512)  # a peer begins most of its messages alike
def _start_line(line: bytes) -> tuple[bool, str, str, int, str, str]:
    """Whether it is a request line; method, Request-URI, status, reason phrase and version, as far as they are said."""
    if response := _RESPONSE.fullmatch(line):
        reason = (response[3] or b"").decode("utf-8", "surrogateescape")
        return False, "", "", int(response[2]), reason, response[1].decode()
    if request := _REQUEST.fullmatch(line):
        uri = request[2].decode("utf-8", "surrogateescape")
        return True, request[1].decode(), uri, 0, "", request[3].decode()
    return False, "", "", 0, "", ""


class Message(Views):
    """A SIP request or response, or the nearest thing to one that was sent."""

    __slots__ = ("is_request", "is_response", "method", "reason", "request_uri", "status", "version")

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self._read_start_line()

    def _read_start_line(self) -> None:
        line = self.start_line
        self.is_request, self.method, self.request_uri, self.status, self.reason, self.version = _start_line(line)
        self.is_response = not self.is_request and self.version != ""
        if self.is_response:
            self.method = self._cseq_method()
        elif not self.is_request:
            self._guess_start_line(line)

    def _guess_start_line(self, line: bytes) -> None:
        """A malformed start line still says something: the judge wants to know of what it is a caricature."""
        words = line.decode("utf-8", "surrogateescape").split()
        buried = _BURIED.search(self.raw, self.head_start, self.body_start)
        if buried is not None and buried.start() > self.head_start:
            self._read_head(buried.start())
            self._read_start_line()
        elif len(words) >= 2 and words[-1].upper().startswith("SIP/"):
            self.is_request = True
            self.method, self.version = words[0], words[-1]
            self.request_uri = " ".join(words[1:-1])
        elif len(words) >= 2 and words[0].upper().startswith("SIP/"):
            self.is_response = True
            self.version, self.reason = words[0], " ".join(words[2:])
            self.method = self._cseq_method()

    def _cseq_method(self) -> str:
        words = self.text("CSeq").split()
        return words[-1] if words else ""

    @view
    def uri(self) -> Uri | Fault:
        """The Request-URI."""
        return parse_uri(self.request_uri) or Fault("a Request-URI is a URI", self.start_span)

    @view
    def faults(self) -> list[Fault]:
        """What is wrong with the lines, whatever they say; the values' own faults are in the views."""
        line = self.start_line
        found = []
        if self.raw[: self.head_start].strip(b"\r\n"):
            found.append(Fault("nothing but empty lines precedes the start line", Span(0, self.head_start)))
        if not _REQUEST.fullmatch(line) and not _RESPONSE.fullmatch(line):
            found.append(Fault("a request line or a status line begins the message", self.start_span))
        elif self.version != self.version.upper():
            found.append(Fault("SIP-Version is sent in upper case", self.start_span))
        elif self.is_response and line[11:12] != b" ":
            found.append(Fault("a space follows the status code", self.start_span))
        return found + list(self._line_faults())

    # -- identity: cheap enough to ask of every message ---------------------------------------------------

    @view
    def call_id(self) -> str:
        """The Call-ID as sent, "" when there is none."""
        return self.text("Call-ID")

    @view
    def from_tag(self) -> str:
        """The From tag, "" when there is none."""
        return self._tag("From")

    @view
    def to_tag(self) -> str:
        """The To tag, "" when there is none."""
        return self._tag("To")

    def _tag(self, name: str) -> str:
        row = self._index.get(name)
        if row is None:
            return ""
        if plain := _PLAIN_TAG.fullmatch(row):
            return plain[1]
        before, bracket, after = row.partition(">")
        tail = after if bracket else before
        if '"' in tail or ">" in tail:  # the bracket stood inside a display name: look closely
            address = name_addr.parse(self.text(name))
            return address.tag if isinstance(address, NameAddr) else ""
        found = _TAG.search(tail)
        return found[1] if found else ""

    @view
    def branch(self) -> str:
        """The branch of the top Via, "" when there is none."""
        row = self._index.get("Via")
        if row is None:
            return ""
        if '"' in row:
            top = self.top_via
            return top.branch if isinstance(top, Via) else ""
        found = _PLAIN_BRANCH.match(row) or _BRANCH.match(row)
        return found[1] if found else ""

    @view
    def cseq_number(self) -> int:
        """The CSeq number, -1 when it cannot be read."""
        row = self._index.get("CSeq")
        found = _CSEQ_NUMBER.match(row) if row is not None else None
        number_ = int(found[1]) if found else -1
        return number_ if number_ < 2**31 else -1

    def __repr__(self) -> str:
        return f"<{self.start_line[:60].decode('utf-8', 'replace')}>"
