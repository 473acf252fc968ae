"""XML that came over the wire: read without trusting it, and written so that it says what was meant.

No DOCTYPE, so no entities and no fetching; a mebibyte at most; libxml2's own bounds on depth stay on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sipconform.sip.fault import Fault, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

LARGEST_BODY = 1 << 20  # octets; the documents of these packages are a few hundred
TOO_LARGE = Fault(f"a body of at most {LARGEST_BODY} octets (our own bound)")

_DECLARATION = re.compile(
    rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._-]*)[\"']"
)
_DOCTYPE = re.compile(rb"(?:\xef\xbb\xbf)?(?>\s+|<\?(?>.*?\?>)|<!--(?>.*?-->))*+<!DOCTYPE", re.DOTALL)
_CHARSETS = re.compile(
    r"utf-?(8|16)|iso-8859-\d+|us-ascii|windows-125\d|gb(2312|k|18030)|big5|shift_jis|euc-(jp|kr|cn)|koi8-[ru]",
    re.IGNORECASE,
)
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})


@dataclass(frozen=True, slots=True)
class XmlBody:
    """A well-formed document: its root element and the charset its declaration names, if any."""

    root: etree._Element
    charset: str | None


def read_xml(body: bytes) -> XmlBody | Fault:
    """Reads one XML 1.0 document strictly. Never raises, never fetches, expands no entity.

    A `Fault` says what forbade reading: a DOCTYPE, our own bound of 1 MiB, octets that are not the declared
    charset (XML 1.0 §4.3.3), or a syntax error with its place. Spans count from the body's first octet.
    """
    from lxml import etree  # noqa: PLC0415 - lxml is loaded when the first document comes

    charset = declared_charset(body)
    fault = _forbidden(body, charset)
    if fault is not None:
        return fault
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        return _syntax_fault(body, error)
    except ValueError as error:  # an encoding libxml2 has no converter for
        return Fault(f"the document is in a known charset ({error})")
    if root.getroottree().docinfo.internalDTD is not None:
        return Fault("a body carries no DOCTYPE")
    return XmlBody(root, charset)


def declared_charset(body: bytes) -> str | None:
    """The charset named in the XML declaration, as spelled there; None when it names none."""
    found = _DECLARATION.match(body[:256].replace(b"\0", b""))
    return found[1].decode() if found else None


def _forbidden(body: bytes, charset: str | None) -> Fault | None:
    if not body.strip():
        return Fault("a document is not empty", Span(0, len(body)))
    if len(body) > LARGEST_BODY:
        return TOO_LARGE
    if doctype := _DOCTYPE.match(body.replace(b"\0", b"")):
        return Fault("a body carries no DOCTYPE", Span(doctype.end() - 9, doctype.end()))
    return _undecodable(body, charset)


def _undecodable(body: bytes, charset: str | None) -> Fault | None:
    if charset is None:
        return None  # libxml2 takes UTF-8, or UTF-16 by its mark, and names the octet that is neither
    if not _CHARSETS.fullmatch(charset):
        return Fault(f"a declared charset this reader knows, not {charset!r}")
    try:
        body.decode(charset)
    except UnicodeDecodeError as error:
        return Fault(f"the octets decode under the declared charset {charset}", Span(error.start, error.end))
    except LookupError:
        return Fault(f"a declared charset this reader knows, not {charset!r}")
    return None


def _syntax_fault(body: bytes, error: etree.XMLSyntaxError) -> Fault:
    line, column = error.position
    start = 0
    for _ in range(line - 1):
        start = body.find(b"\n", start) + 1
    start = min(start + max(column - 1, 0), len(body))
    return Fault(f"well-formed XML ({error.msg})", Span(start, min(start + 1, len(body))))


def local_name(element: etree._Element) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def namespace(element: etree._Element) -> str:
    """The element's namespace name, "" when it is in none."""
    return str(element.tag).rpartition("}")[0].removeprefix("{")


def text_of(element: etree._Element) -> str:
    """All character data below the element."""
    return "".join(str(part) for part in element.itertext())


def child_named(element: etree._Element, *names: str) -> etree._Element | None:
    """The first descendant on a path of local names, None when the path breaks off."""
    found: etree._Element | None = element
    for name in names:
        if found is None:
            break
        found = next((child for child in found if local_name(child) == name), None)
    return found


def children(element: etree._Element) -> Iterator[etree._Element]:
    """The child elements in order; what is not an element (an unexpanded entity) is left out."""
    return (child for child in element if isinstance(child.tag, str))


def escape(text: str) -> str:
    """Text as XML character data or attribute value; a character XML 1.0 §2.2 forbids becomes U+FFFD."""
    return _FORBIDDEN.sub("\ufffd", text).translate(_ESCAPES)


def encode(lines: list[str], charset: str) -> bytes:
    """The lines as a document with its declaration; characters outside the charset become references."""
    text = "\r\n".join([f'<?xml version="1.0" encoding="{charset}"?>', *lines])
    return text.encode(charset, "xmlcharrefreplace")
