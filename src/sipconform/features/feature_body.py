"""How feature documents travel: one alone in a body, or several in a multipart/mixed one (RFC 2046 §5.1)."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sipconform.features.feature_event import (
    CONTENT_TYPE,
    Document,
    Event,
    UnknownDocument,
    full_state,
    parse_document,
)
from sipconform.features.feature_state import FeatureState
from sipconform.features.xml_body import LARGEST_BODY, TOO_LARGE
from sipconform.sip import multipart
from sipconform.sip.fault import Fault, Span
from sipconform.sip.headers import media_type
from sipconform.sip.headers.media_type import MediaType

Packaging = Literal["multipart", "single"]


class Body(NamedTuple):
    """What one NOTIFY carries; `content_type` "" when it carries nothing."""

    content_type: str
    content: bytes


class Part(NamedTuple):
    """One piece of a body. `span` is its place in the body; a Fault's span counts from the body's start too."""

    content_type: str
    content: bytes
    span: Span
    document: Document | UnknownDocument | Fault


def write_full_state(
    state: FeatureState,
    device: str | None = "",
    *,
    packaging: Packaging = "multipart",
    boundary: str = "feature-state",
    encoding: str = "ISO-8859-1",
) -> list[Body]:
    """The full state as the bodies of one NOTIFY after another: one multipart body, or one per feature.

    A feature not assigned is left out, one alone is never wrapped, none at all is one empty, typeless body.
    """
    documents = full_state(state, device)
    if not documents:
        return [Body("", b"")]
    if packaging == "single" or len(documents) == 1:
        return [write_event(document, encoding) for document in documents]
    return [_multipart(documents, boundary, encoding)]


def write_event(event: Event, encoding: str = "ISO-8859-1") -> Body:
    """One event as the whole body of a NOTIFY."""
    return Body(CONTENT_TYPE, event.to_xml(encoding))


def _multipart(documents: list[Event], boundary: str, encoding: str) -> Body:
    contents = [document.to_xml(encoding) for document in documents]
    while any(f"--{boundary}".encode() in content for content in contents):
        boundary += "x"  # a number or a device may hold any text
    parts = [([("Content-Type", CONTENT_TYPE)], content) for content in contents]
    return Body(f'multipart/mixed;boundary="{boundary}"', multipart.compose(boundary, *parts))


def read_body(content_type: str, body: bytes) -> list[Part]:
    """The feature documents of a body, in order: one, or each part of a multipart. Never raises.

    Boundary quoted or not, preamble, epilogue, further part header fields and line feeds alone are all taken
    (the judges have `sip.multipart` for what is wrong with them). An empty body has no parts. Content of another
    type is never read as a document: its `document` is the Fault that says so.
    """
    if not body:
        return []
    media = media_type.parse(content_type)
    if isinstance(media, Fault):
        return [Part(content_type, body, Span(0, len(body)), media)]
    if not media.type.startswith("multipart/"):
        return [_part(media, body, Span(0, len(body)))]
    if len(body) > LARGEST_BODY:
        return [Part(media.type, body, Span(0, len(body)), TOO_LARGE)]
    read = multipart.parse(body, media.boundary)
    if not read.parts:
        return [Part(media.type, body, Span(0, len(body)), read.faults[0])]
    return [_part(part.content_type, part.body, part.span) for part in read.parts]


def _part(media: MediaType | Fault, content: bytes, span: Span) -> Part:
    if isinstance(media, Fault):
        return Part("", content, span, media)
    if media.type != CONTENT_TYPE:
        return Part(media.type, content, span, Fault(f"the content is {CONTENT_TYPE}, not {media.type}", span))
    document = parse_document(content, media.charset)
    if isinstance(document, Fault):
        document = document.placed(Span(*(place + span.start for place in document.span)))
    return Part(media.type, content, span, document)
