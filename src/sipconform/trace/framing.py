"""Cuts one direction of a byte stream into SIP messages (RFC 3261 §18.3), however it was cut before."""

from __future__ import annotations

import re
from typing import NamedTuple

from sipconform.sip.message import looks_like_sip

LONGEST_MESSAGE = 1 << 20
LONGEST_HEADER = 1 << 17
LONGEST_NAME = 256
NO_LENGTH = "A message on a stream has no usable Content-Length and was taken to end where the next begins"
CUT_SHORT = "A stream was closed before its last message was whole"
JUNK = "Bytes between two messages on a stream are not SIP"

_ROW = rb"\r?\n[^\s:]+[ \t]*:"  # a start line is one only with a header row behind it
_STATUS = re.compile(rb"SIP/[0-9]\.[0-9] [0-9]{3}[^\r\n]*" + _ROW)
_REQUEST = re.compile(rb"[A-Za-z0-9.!%*_+`'~-]+ \S+ SIP/[0-9]\.[0-9]" + _ROW)
_KNOWN = (
    rb"(?:INVITE|ACK|BYE|CANCEL|REGISTER|OPTIONS|SUBSCRIBE|NOTIFY|PUBLISH|INFO|PRACK|UPDATE|MESSAGE|REFER)"
    rb" \S+ SIP/[0-9]\.[0-9]"
)
_KNOWN_REQUEST = re.compile(_KNOWN + _ROW)
_GLUED = re.compile(rb"[^\n]*[^\s]" + _KNOWN + rb"|[^\n]*[^\s]SIP/[0-9]\.[0-9] [0-9]{3} ")
_CONTENT_LENGTH = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:(?:[ \t]|\r?\n[ \t])*([^\r\n]*)")
_BLANK = re.compile(rb"\r\n\r\n|\n\n")


class Framed(NamedTuple):
    """One message and its half-open range of stream offsets; `trouble` says why its end is a guess, or ""."""

    start: int
    end: int
    payload: bytes
    trouble: str = ""


class Framer:
    """The octets of one direction that are not yet a message. `start` is the stream offset of the first."""

    def __init__(self) -> None:
        self.start = 0
        self.in_step = False  # a message began where it should
        self.from_syn = False  # the first octet is the first of the stream
        self.junk: tuple[int, int] | None = None  # the last stretch thrown away after a message
        self._data = bytearray()
        self._border = 0  # the stream offset where the latest piece began
        self._scanned = 0
        self._head = 0  # length of the header of the message that begins here, once known
        self._size = 0  # length of the whole message, once known; 0 with a known header: its end is open

    def __len__(self) -> int:
        return len(self._data)

    @property
    def end(self) -> int:
        """The stream offset behind the last octet."""
        return self.start + len(self._data)

    @property
    def open_ended(self) -> bool:
        """Whether a message waits whose end nothing but its neighbours can tell."""
        return bool(self._head) and not self._size

    def append(self, data: bytes) -> None:
        """Takes the next octets without looking at them."""
        self._data += data

    def feed(self, data: bytes) -> list[Framed]:
        """Takes the next octets and gives the messages that became whole."""
        self._border = self.end
        self._data += data
        whole: list[Framed] = []
        while (framed := self._next()) is not None:
            whole.append(framed)
        return whole

    def take(self, trouble: str = "") -> Framed | None:
        """What is left, as a message if it begins as one; the framer is empty afterwards."""
        data = bytes(self._data)
        if not looks_like_sip(data):
            self._drop(len(data))
            return None
        return self._cut(len(data), trouble)

    def take_all(self) -> Framed:
        """What is left, whatever it is: for streams whose writer marked the ends of messages."""
        return self._cut(len(self._data), "")

    def lose_step(self) -> None:
        """Octets are missing: forgets the message under way and looks for the next start line."""
        self._drop(len(self._data))
        self.in_step = False

    def _next(self) -> Framed | None:
        if not self._head and not self._find_head():
            return None
        if self._size:
            return self._cut(self._size, "") if len(self._data) >= self._size else None
        begin, keep = _find_start(self._data, max(self._head, self._scanned))
        if begin >= 0:
            return self._cut(begin, NO_LENGTH)
        self._scanned = keep
        return self._cut(len(self._data), NO_LENGTH) if len(self._data) > LONGEST_MESSAGE else None

    def _find_head(self) -> bool:
        """Steps to the next start line and looks for the end of its header."""
        if not self._scanned and not self._step_to_start():
            return False
        blank = _BLANK.search(self._data, max(0, self._scanned - 3))
        if blank is None:
            self._scanned = len(self._data)
            if self._scanned > LONGEST_HEADER:
                self.lose_step()
            return False
        self._head = self._scanned = blank.end()
        length = content_length(bytes(self._data[: self._head]))
        if length is not None and self._head + length <= LONGEST_MESSAGE:
            self._size = self._head + length
        return True

    def _step_to_start(self) -> bool:
        """Whether a whole start line now begins the data; what stood before it is gone."""
        self._drop(len(self._data) - len(self._data.lstrip(b"\r\n")))  # RFC 5626 §4.4.1 keep-alives
        line_end = self._data.find(b"\n")
        if line_end >= 0 and self._is_start(bytes(self._data[:line_end])):
            self.in_step = True
            return True
        if line_end < 0 and len(self._data) <= LONGEST_HEADER:
            return False
        begin, keep = _find_start(self._data, 0)
        lost = begin if begin >= 0 else keep
        if self.in_step and lost:
            self.junk = (self.start, self.start + lost)
        self._drop(lost)
        if begin >= 0:
            self.in_step = True
        elif len(self._data) > LONGEST_HEADER:
            self._drop(len(self._data))
        return begin >= 0

    def _is_start(self, line: bytes) -> bool:
        """Whether the first line begins a message, and not with the end of a body that has no line end."""
        if not looks_like_sip(line):
            return False
        in_place = self.start == self._border and (self.in_step or self.from_syn)
        return in_place or not _GLUED.match(line)

    def _cut(self, size: int, trouble: str) -> Framed:
        framed = Framed(self.start, self.start + size, bytes(self._data[:size]), trouble)
        self._drop(size)
        return framed

    def _drop(self, size: int) -> None:
        del self._data[:size]
        self.start += size
        self._head = self._size = self._scanned = 0


def content_length(head: bytes) -> int | None:
    """The one Content-Length a header gives, compact form included; None when none can be used."""
    values = {value.strip() for value in _CONTENT_LENGTH.findall(head)}
    if len(values) != 1:
        return None
    value = values.pop()
    return int(value) if value.isdigit() and len(value) <= 10 else None


def _find_start(data: bytearray, at: int) -> tuple[int, int]:
    """Where the next start line with a header row behind it begins, or -1; and up to where nothing begins."""
    begin = at
    while (hit := data.find(b"SIP/", at)) >= 0:
        line = data.rfind(b"\n", begin, hit) + 1 or begin
        row = data.find(b"\n", hit) + 1
        if _STATUS.match(data, hit):
            return hit, hit
        if known := _KNOWN_REQUEST.search(data, line, row + LONGEST_NAME):
            return known.start(), known.start()
        if _REQUEST.match(data, line):
            return line, line
        if not row or data.find(b"\n", row) < 0:
            return -1, line
        at = row
    return -1, max(begin, data.rfind(b"\n", begin) + 1)
