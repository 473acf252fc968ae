"""Bodies by what they mean, as a flat table of places and values: session descriptions, documents, anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sipconform.compare.documents import Course, document
from sipconform.compare.sessions import session
from sipconform.features.xml_body import read_xml
from sipconform.sip import multipart
from sipconform.sip.fault import Fault
from sipconform.sip.headers.media_type import MediaType
from sipconform.sip.sdp import Sdp
from sipconform.trace.trace import WireMessage

Speak = Callable[[str], str]
Meaning = dict[str, str]
ALONE = Course()


def meaning(message: WireMessage, speak: Speak, course: Course = ALONE) -> tuple[str, Meaning]:
    """Which rule reads the body, and what it says; no places at all for no body. `course`: how its document follows
    those before it."""
    if not message.body:
        return "", {}
    parts = message.multipart
    if parts is not None and parts.parts:
        return "xml-canonical", _parts(parts, message.raw, speak, course)
    kind = message.content_type
    return _one(message.body, kind if isinstance(kind, MediaType) else None, speak, course)


def _parts(parts: multipart.Multipart, raw: bytes, speak: Speak, course: Course) -> Meaning:
    """The parts in an order of their own: theirs is free."""
    told = []
    for part in parts.parts:
        kind = part.content_type if isinstance(part.content_type, MediaType) else None
        said = _one(part.body, kind, speak, course)[1]
        length = part.text("Content-Length")
        if length and length != str(len(part.body)):
            said["Content-Length"] = length
        told.append({**said, "Content-Type": kind.type if kind else part.text("Content-Type")})
    ids = [part.content_id for part in parts.parts if part.content_id]
    whole = {f"malformed: {fault.rule}": "yes" for fault in parts.faults}
    if any(raw[part.span.end : part.span.end + 1] == b"\n" for part in parts.parts):
        whole["malformed: CRLF before a delimiter"] = "yes"
    whole |= {"Content-IDs": "distinct" if len(set(ids)) == len(ids) else "repeated"} if ids else {}
    ordered = sorted(told, key=lambda meaning_: list(meaning_.items()))
    places = {f"part {at}: {place}": value for at, each in enumerate(ordered, 1) for place, value in each.items()}
    return whole | places


def _one(body: bytes, kind: MediaType | None, speak: Speak, course: Course) -> tuple[str, Meaning]:
    name = kind.type if kind else ""
    if name == "application/sdp":
        return "sdp-meaning", dict(session(Sdp(body), speak))
    if name.endswith("xml") or body.lstrip()[:5] == b"<?xml":
        read = read_xml(body)
        if not isinstance(read, Fault):
            return "xml-canonical", dict(document(read.root, speak, course))
    text = body.decode("utf-8", "surrogateescape")
    if name == "application/simple-message-summary":
        return "text-lines", dict(_summary(text, speak))
    lines = text.splitlines()
    return "text-lines", {f"line {at}": speak(line.rstrip()) for at, line in enumerate(lines, 1)}


def _summary(text: str, speak: Speak) -> Iterator[tuple[str, str]]:
    """A message summary line by line: names and white space as in header fields, no urgent messages as nothing said."""
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, value = line.partition(":")
        yield name.strip().lower(), speak(" ".join(value.split()).lower().removesuffix("(0/0)").rstrip())
