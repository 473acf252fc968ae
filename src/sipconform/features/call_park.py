"""Who is parked against a line, as `call-info` may tell in a body (BroadWorks call-park notification, sheet 2.3)."""

from __future__ import annotations

from typing import NamedTuple

from sipconform.features.xml_body import child_named, encode, escape, local_name, namespace, read_xml, text_of
from sipconform.sip.fault import Fault

CONTENT_TYPE = "application/x-broadworks-callpark-info+xml"
NAMESPACE = "http://schema.broadsoft.com/callpark"
ROOT = "x-broadworks-callpark-info"


class Parked(NamedTuple):
    """The caller who is parked: his URI and the name that is shown, both "" when nobody is."""

    uri: str = ""
    display: str = ""


NOBODY = Parked()


def compose(parked: Parked) -> bytes:
    """The document that tells of one parked caller, or of none."""
    if parked == NOBODY:
        inner = ["<callpark/>"]
    else:
        identity = f'<identity display="{escape(parked.display)}">{escape(parked.uri)}</identity>'
        inner = ["<callpark>", f"<parked>{identity}</parked>", "</callpark>"]
    return encode([f'<{ROOT} xmlns="{NAMESPACE}">', *inner, f"</{ROOT}>"], "UTF-8")


def parse(body: bytes) -> Parked | Fault:
    """Who is parked. Never raises: what is no such document is a `Fault` that says what was expected."""
    document = read_xml(body)
    if isinstance(document, Fault):
        return document
    root = document.root
    if local_name(root) != ROOT or namespace(root) != NAMESPACE:
        return Fault(f"a {ROOT} of {NAMESPACE}")
    if child_named(root, "callpark") is None:
        return Fault(f"callpark within {ROOT}")
    identity = child_named(root, "callpark", "parked", "identity")
    if identity is None:
        return NOBODY
    return Parked(text_of(identity).strip(), str(identity.get("display") or ""))
