"""Bodies by what they mean, as a flat table of places and values: session descriptions, documents, anything else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from sipconform.features.xml_body import children, local_name, namespace, read_xml
from sipconform.sip import multipart
from sipconform.sip.fault import Fault
from sipconform.sip.headers.media_type import MediaType
from sipconform.sip.sdp import NOWHERE, Media, Sdp
from sipconform.trace.trace import WireMessage

if TYPE_CHECKING:
    from lxml import etree

Speak = Callable[[str], str]
Meaning = dict[str, str]

_OWN_BUSINESS = frozenset(  # attributes of a stream that are made anew, or told by the lines beside them
    {"rtpmap", "fmtp", "candidate", "ice-ufrag", "ice-pwd", "ssrc", "msid", "mid", "cname", "rtcp", "fingerprint",
     "sendrecv", "sendonly", "recvonly", "inactive", "crypto"}
)  # fmt: skip
_VOLATILE_ATTRIBUTES = {  # by the name of the element: counters and identifiers of the document itself
    "dialog-info": {"version"},
    "reginfo": {"version"},
    "dialog": {"id", "call-id", "local-tag", "remote-tag"},
    "registration": {"id"},
    "contact": {"id", "expires", "duration-registered", "callid", "cseq"},
}
DEEPEST = 64
"""Levels of elements that are compared; no document of these packages has a tenth of them."""


def meaning(message: WireMessage, speak: Speak) -> tuple[str, Meaning]:
    """Which rule reads the body, and what it says; no places at all for no body."""
    if not message.body:
        return "", {}
    parts = message.multipart
    if parts is not None and parts.parts:
        return "xml-canonical", _parts(parts, message.raw, speak)
    kind = message.content_type
    return _one(message.body, kind if isinstance(kind, MediaType) else None, speak)


def _parts(parts: multipart.Multipart, raw: bytes, speak: Speak) -> Meaning:
    """The parts in an order of their own: theirs is free."""
    told = []
    for part in parts.parts:
        kind = part.content_type if isinstance(part.content_type, MediaType) else None
        said = _one(part.body, kind, speak)[1]
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


def _one(body: bytes, kind: MediaType | None, speak: Speak) -> tuple[str, Meaning]:
    name = kind.type if kind else ""
    if name == "application/sdp":
        return "sdp-meaning", dict(_session(Sdp(body), speak))
    if name.endswith("xml") or body.lstrip()[:5] == b"<?xml":
        document = read_xml(body)
        if not isinstance(document, Fault):
            return "xml-canonical", dict(_document(document.root, speak))
    lines = body.decode("utf-8", "surrogateescape").splitlines()
    return "text-lines", {f"line {at}": speak(line.rstrip()) for at, line in enumerate(lines, 1)}


# -- session descriptions -----------------------------------------------------------------------------------


def _session(sdp: Sdp, speak: Speak) -> Iterator[tuple[str, str]]:
    for fault in sdp.faults:
        yield f"malformed: {fault.rule}", "yes"
    yield "streams", " ".join(media.kind for media in sdp.media)
    for at, media in enumerate(sdp.media, 1):
        for place, value in _stream(media, speak):
            yield f"{media.kind} {at} {place}", value


def _stream(media: Media, speak: Speak) -> Iterator[tuple[str, str]]:
    yield "is", "used" if media.port else "refused"
    yield "protocol", media.protocol
    maps = media.rtpmap
    yield "codecs", " ".join(maps.get(number, f"payload type {number}") for number in media.formats)
    yield "direction", media.direction
    yield "address", "nowhere" if media.connection in NOWHERE else speak(media.connection)
    for line in media.lines:
        name, _, value = line.value.partition(":")
        if line.kind == "a" and name not in _OWN_BUSINESS:
            yield f"a={name}", speak(value)


# -- documents ----------------------------------------------------------------------------------------------


def _document(root: etree._Element, speak: Speak) -> Iterator[tuple[str, str]]:
    yield from _element(root, local_name(root), speak, 0)


def _element(element: etree._Element, path: str, speak: Speak, depth: int) -> Iterator[tuple[str, str]]:
    yield path, f"{{{namespace(element)}}}" + speak((element.text or "").strip())
    volatile: Collection[str] = _VOLATILE_ATTRIBUTES.get(local_name(element), ())
    for name, value in sorted((str(n), str(v)) for n, v in element.attrib.items()):
        text = "«made anew»" if name in volatile else speak(value)
        yield f"{path}@{name}", text
    counts: dict[str, int] = {}
    for child in children(element) if depth < DEEPEST else ():
        name = local_name(child)
        counts[name] = counts.get(name, 0) + 1
        place = f"{path}/{name}" + (f"[{counts[name]}]" if counts[name] > 1 else "")
        yield from _element(child, place, speak, depth + 1)
