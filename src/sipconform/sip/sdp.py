"""Session descriptions: lines in order, media, direction, hold (RFC 8866, RFC 4566, RFC 3264)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from sipconform.sip.fault import Fault, Span

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
LINE_ENDS = "every line ends with CRLF"  # what writers owe; readers should take a line feed alone (RFC 8866 §5)
NOWHERE = ("0.0.0.0", "::", "0:0:0:0:0:0:0:0")  # RFC 3264 §8.4: the old way to say hold
# RFC 8866 §5: the order of line types. `r` goes with `t`, whichever came first stays first.
_SESSION_ORDER = "vosiuepcbtzka"
_MEDIA_ORDER = "micbka"
_REPEATABLE = frozenset("epbtrak")
_ORIGIN = re.compile(r"(\S+) (\S+) (\S+) IN (IP4|IP6) (\S+)")
_CONNECTION = re.compile(r"IN (IP4|IP6) ([^\s/]+)(/[0-9/]+)?")
_MEDIA = re.compile(r"([A-Za-z0-9._+-]+) ([0-9]{1,5})(?:/([0-9]+))? (\S+)((?: \S+)+)")
_RTPMAP = re.compile(r"rtpmap:([0-9]{1,3}) (\S+)")


class Line(NamedTuple):
    """`kind=value` and its place in the description."""

    kind: str
    value: str
    span: Span


class Origin(NamedTuple):
    """`o=`: session id and version are digits by the grammar and are kept as sent."""

    username: str
    session_id: str
    version: str
    family: str  # "IP4" or "IP6"
    address: str


@dataclass(frozen=True, slots=True)
class Media:
    """One `m=` section, with the session's connection and direction where it has none of its own."""

    kind: str  # "audio"
    port: int  # 0: refused, or switched off (RFC 3264 §6, §8.2)
    protocol: str  # "RTP/AVP"
    formats: tuple[str, ...]
    connection: str  # the address, "" when none is given anywhere
    direction: str  # "sendrecv" unless said otherwise
    lines: tuple[Line, ...]  # the m= line first

    def attribute(self, name: str) -> str | None:
        """The first value of `a=name:value`; "" for a flag; None when it is not there."""
        return _attribute(self.lines, name)

    @property
    def rtpmap(self) -> dict[str, str]:
        """Encodings by format: {"0": "PCMU/8000"}. Static payload types need none and may be missing."""
        maps = (_RTPMAP.match(line.value) for line in self.lines if line.kind == "a")
        return {found[1]: found[2] for found in maps if found}

    @property
    def held(self) -> bool:
        """Whether its sender puts the other side on hold: it will not listen (RFC 3264 §8.4)."""
        return bool(self.port) and (self.direction in ("sendonly", "inactive") or self.connection in NOWHERE)


class Sdp:
    """A session description as sent. Never raises; what breaks the grammar is in `faults`.

    Spans are offsets into the message when `start` says where the description stands in it.
    """

    __slots__ = ("faults", "lines", "media", "raw", "session")

    def __init__(self, raw: bytes, start: int = 0) -> None:
        self.raw = raw
        self.faults: list[Fault] = []
        self.lines = list(self._read_lines(start))
        sections = _sections(self.lines)
        self.session = sections[0]
        self.media = [media for section in sections[1:] if (media := self._read_media(section))]
        self.faults += _structure_faults(sections)

    def _read_lines(self, start: int) -> Iterator[Line]:
        for raw in self.raw.split(b"\n"):
            line = raw.removesuffix(b"\r")
            span = Span(start, start + len(line))
            start += len(raw) + 1
            text = line.decode("utf-8", "surrogateescape")
            if len(text) >= 2 and text[1] == "=" and text[0].isascii() and text[0].isalpha():
                yield Line(text[0], text[2:], span)
            elif text:
                self.faults.append(Fault("a line is a letter, = and a value", span))
        if self.raw.count(b"\n") != self.raw.count(b"\r\n") or not self.raw.endswith(b"\n"):
            self.faults.append(Fault(LINE_ENDS, Span(start - 1, start - 1)))

    def _read_media(self, section: tuple[Line, ...]) -> Media | None:
        found = _MEDIA.fullmatch(section[0].value.rstrip(" "))
        if not found or int(found[2]) > 65535:
            self.faults.append(Fault("m= is media, port, protocol and formats", section[0].span))
            return None
        return Media(
            kind=found[1].lower(),
            port=int(found[2]),
            protocol=found[4],
            formats=tuple(found[5].split()),
            connection=_address(section) or _address(self.session),
            direction=_direction(section) or _direction(self.session) or "sendrecv",
            lines=section,
        )

    @property
    def origin(self) -> Origin | Fault:
        line = next((line for line in self.session if line.kind == "o"), None)
        found = _ORIGIN.fullmatch(line.value) if line else None
        if found:
            return Origin(*found.groups())
        return Fault("o= is user, session id, version, network and address", line.span if line else Span(0, 0))

    @property
    def audio(self) -> Media | None:
        """The first audio stream that is not refused."""
        return next((media for media in self.media if media.kind == "audio" and media.port), None)

    @property
    def is_hold(self) -> bool:
        """Whether every audio stream in use is held by the sender; False when none is in use."""
        used = [media for media in self.media if media.kind == "audio" and media.port]
        return bool(used) and all(media.held for media in used)


def _sections(lines: list[Line]) -> list[tuple[Line, ...]]:
    """The session's lines, then those of each media section."""
    starts = [at for at, line in enumerate(lines) if line.kind == "m"]
    bounds = [0, *starts, len(lines)]
    return [tuple(lines[left:right]) for left, right in pairwise(bounds)]


def _attribute(lines: tuple[Line, ...], name: str) -> str | None:
    for line in lines:
        key, _, value = line.value.partition(":")
        if line.kind == "a" and key == name:
            return value
    return None


def _direction(lines: tuple[Line, ...]) -> str:
    return next((line.value for line in lines if line.kind == "a" and line.value in DIRECTIONS), "")


def _address(lines: tuple[Line, ...]) -> str:
    values = (_CONNECTION.fullmatch(line.value) for line in lines if line.kind == "c")
    return next((found[2] for found in values if found), "")


def _structure_faults(sections: list[tuple[Line, ...]]) -> Iterator[Fault]:
    session, *media = sections
    for kind in "vost":
        if not any(line.kind == kind for line in session):
            yield Fault(f"the session has a {kind}= line")
    for section in sections:
        yield from _order_faults(section, _MEDIA_ORDER if section is not session else _SESSION_ORDER)
        yield from _value_faults(section)
    if not any(line.kind == "c" for line in session):
        for section in media:
            if not any(line.kind == "c" for line in section):
                yield Fault("a connection is given, for the session or for each media", section[0].span)


def _order_faults(section: tuple[Line, ...], order: str) -> Iterator[Fault]:
    reached = 0
    seen: set[str] = set()
    for line in section:
        kind = "t" if line.kind == "r" and "t" in order else line.kind
        rank = order.find(kind)
        if rank < 0:
            yield Fault(f"no {line.kind}= line here", line.span)
        elif rank < reached:
            yield Fault(f"{line.kind}= stands before {order[reached]}=", line.span)
        elif kind in seen and line.kind not in _REPEATABLE and not (kind == "c" and order is _MEDIA_ORDER):
            yield Fault(f"{line.kind}= stands once", line.span)
        reached = max(reached, rank)
        seen.add(kind)


def _value_faults(section: tuple[Line, ...]) -> Iterator[Fault]:
    for line in section:
        if line.kind == "v" and line.value != "0":
            yield Fault("the version is 0", line.span)
        elif line.kind == "c" and not _CONNECTION.fullmatch(line.value):
            yield Fault("c= is IN, IP4 or IP6, and an address", line.span)
        elif line.kind == "s" and not line.value:
            yield Fault("the session name is not empty", line.span)
        elif line.kind == "o":
            found = _ORIGIN.fullmatch(line.value)
            if not found or not all(_is_number(found[field]) for field in (2, 3)):
                yield Fault("o= is user, session id, version, network and address", line.span)
    if sum(line.kind == "a" and line.value in DIRECTIONS for line in section) > 1:
        yield Fault("a direction is given once", section[0].span)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
