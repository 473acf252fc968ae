"""How feature documents travel: one alone in a body, or several in a multipart/mixed one (RFC 2046 §5.1)."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sipconform.features.feature_event import CONTENT_TYPE, Event, full_state
from sipconform.features.feature_state import FeatureState

Packaging = Literal["multipart", "single"]


class Body(NamedTuple):
    """What one NOTIFY carries; `content_type` "" when it carries nothing."""

    content_type: str
    content: bytes


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
    delimiter = f"--{boundary}".encode("ascii")
    head = f"\r\nContent-Type: {CONTENT_TYPE}\r\n\r\n".encode("ascii")
    parts = b"".join(delimiter + head + document.to_xml(encoding) + b"\r\n" for document in documents)
    return Body(f'multipart/mixed;boundary="{boundary}"', parts + delimiter + b"--\r\n")
