"""XML that came over the wire: read without trusting it, and written so that it says what was meant.

No DOCTYPE, so no entities and no fetching; a mebibyte at most; libxml2's own bounds on depth stay on.
"""

from __future__ import annotations

import codecs
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
UNKNOWN_CHARSET = "a declared charset this reader knows"
# What IANA calls otherwise than Python does, and what is no charset although Python has it.
_ALIASES = {"iso-10646-ucs-2": "utf-16", "iso-10646-ucs-4": "utf-32", "windows-874": "cp874", "x-sjis": "shift_jis"}
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})
_ENCODING = re.compile(r"""(<\?xml\s[^>]*?)\s+encoding\s*=\s*("[^"]*"|'[^']*')""")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})


@dataclass(frozen=True, slots=True)
class XmlBody:
    """A well-formed document: its root element and the charset its declaration names, if any."""

    root: etree._Element
    charset: str | None


def read_xml(body: bytes, charset: str = "") -> XmlBody | Fault:
    """Reads one XML 1.0 document strictly. Never raises, never fetches, expands no entity.

    `charset` is what the Content-Type says (RFC 7303 §3); it counts where the document declares none, or falsely. Any
    charset that Python or libxml2 can convert is read. A `Fault` says what forbade reading: a DOCTYPE, our own bound
    of 1 MiB, octets that are not the declared charset (XML 1.0 §4.3.3), or a syntax error with its place. Spans count
    from the body's first octet.
    """
    from lxml import etree  # noqa: PLC0415 - lxml is loaded when the first document comes

    declared = declared_charset(body)
    fault = _forbidden(body)
    readable = _readable(body, declared, charset) if fault is None else fault
    if isinstance(readable, Fault):
        return readable
    if readable is not body and (fault := _forbidden(readable)) is not None:
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
        root = etree.fromstring(readable, parser)
    except etree.XMLSyntaxError as error:
        return _syntax_fault(readable, error)
    except ValueError as error:  # an encoding libxml2 has no converter for
        return Fault(f"{UNKNOWN_CHARSET} ({error})")
    if root.getroottree().docinfo.internalDTD is not None:
        return Fault("a body carries no DOCTYPE")
    return XmlBody(root, declared)


def declared_charset(body: bytes) -> str | None:
    """The charset named in the XML declaration, as spelled there; None when it names none."""
    found = _DECLARATION.match(body[:256].replace(b"\0", b""))
    return found[1].decode() if found else None


def _forbidden(body: bytes) -> Fault | None:
    if not body.strip():
        return Fault("a document is not empty", Span(0, len(body)))
    if len(body) > LARGEST_BODY:
        return TOO_LARGE
    if doctype := _DOCTYPE.match(body.replace(b"\0", b"")):
        return Fault("a body carries no DOCTYPE", Span(doctype.end() - 9, doctype.end()))
    return None


def _readable(body: bytes, declared: str | None, told: str) -> bytes | Fault:
    """The octets in a charset libxml2 can convert: the declared one, else the one told, else by their mark or UTF-8."""
    if declared is None and not told:
        return body  # libxml2 takes UTF-8, or UTF-16 by its mark, and names the octet that is neither
    read = _as_utf_8(body, declared) if declared is not None else Fault("a charset is declared")
    if isinstance(read, Fault) and told:
        other = _as_utf_8(body, told)
        return read if isinstance(other, Fault) and declared is not None else other
    return read


def _as_utf_8(body: bytes, charset: str) -> bytes | Fault:
    """The octets, checked; in UTF-8 and without their declaration where libxml2 may not know the charset."""
    name = _ALIASES.get(charset.lower(), charset)
    try:
        if codecs.lookup(name).name in _NO_CHARSETS:
            raise LookupError(name)
        text = body.decode(name)
    except UnicodeDecodeError as error:
        return Fault(f"the octets decode under the declared charset {charset}", Span(error.start, error.end))
    except (LookupError, ValueError):
        return Fault(f"{UNKNOWN_CHARSET}, not {charset!r}")
    if _CHARSETS.fullmatch(charset) and declared_charset(body) == charset:
        return body
    return _ENCODING.sub(r"\1", text.removeprefix("\ufeff"), count=1).encode("utf-8", "replace")


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
