"""Bodies by their kind: session descriptions, documents, messages in messages, parts, and whatever else."""

from __future__ import annotations

import re

from sipconform.redacting.heads import Heads
from sipconform.redacting.texts import Texts
from sipconform.redacting.words import ATTRIBUTES, ELEMENTS, SDP_ATTRIBUTES
from sipconform.sip import multipart
from sipconform.sip.headers.media_type import MediaType

_MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_SDP_LINE = re.compile(r"([A-Za-z]=)([^\r\n]*)")
_ORIGIN = re.compile(r"(\S+)( .* IN IP[46] )(\S+)(.*)", re.DOTALL)
_WHERE = re.compile(r"(.*IN IP[46] )([^\s/]+)(.*)", re.DOTALL)
_INLINE = re.compile(r"(inline:)([^|\s;]+)")
_XML = re.compile(r"(<!--)(.*?)(-->)|(<!\[CDATA\[)(.*?)(\]\]>)|(<\?.*?\?>)|(<!?/?[^<>]*>?)|([^<]+)", re.DOTALL)
_TAG = re.compile(r"(</?)([^\s/>]*)(.*)", re.DOTALL)
_ATTRIBUTE = re.compile(r"([\w.:-]+)(\s*=\s*)(\"[^\"]*\"?|'[^']*'?)", re.DOTALL)
_DECLARED = re.compile(rb"\s*<\?xml[^>]*\bencoding\s*=\s*[\"']([\w.-]+)")
_DIGIT = re.compile(r"[0-9]")
_KEYS = ("application/dtmf-relay", "application/dtmf", "application/vnd.nortelnetworks.digits")
_HEAD_FIELD = re.compile(r"(?m)^([\w-]+)(:[ \t]*)([^\r\n]*)")


class Bodies:
    def __init__(self, texts: Texts, heads: Heads) -> None:
        self.texts, self.heads = texts, heads

    def body(self, body: bytes, kind: MediaType | None) -> bytes:
        """A body as long as before."""
        name = kind.type if kind is not None else ""
        if name.startswith("multipart/") and kind is not None:
            return self._parts(body, kind.boundary)
        for mark, encoding in _MARKS:
            if body.startswith(mark):
                return self._wide(body, mark, encoding, name)
        encoding = _encoding(body, kind)
        return self._one(body.decode(encoding, "surrogateescape"), name).encode(encoding, "surrogateescape")

    def _one(self, text: str, name: str) -> str:
        if name == "application/sdp" or (not name and text.startswith("v=0")):
            return _SDP_LINE.sub(lambda found: found[1] + self._sdp(found[1][0], found[2]), text)
        if name in ("message/sipfrag", "message/sip"):
            head, blank, body = text.partition("\r\n\r\n")
            return self.heads.head(head) + blank + self.texts.text(body)
        if name.endswith("xml") or text.lstrip()[:1] == "<":
            return self.document(text)
        if name in _KEYS:
            return _DIGIT.sub("1", text)  # what was pressed may be a secret, and how often says nothing
        if name == "application/simple-message-summary":
            return _HEAD_FIELD.sub(lambda found: found[1] + found[2] + self.texts.text(found[3]), text)
        return self.texts.text(text)

    def _wide(self, body: bytes, mark: bytes, encoding: str, name: str) -> bytes:
        """Two octets for each character; where there is more, octet for octet."""
        try:
            told = mark + self._one(body[len(mark) :].decode(encoding), name).encode(encoding)
        except UnicodeError:
            told = b""
        return told if len(told) == len(body) else self._one(body.decode("latin-1"), "").encode("latin-1")

    def _parts(self, body: bytes, boundary: str) -> bytes:
        """Each part as a message of its own; what stands around them is meant for nobody."""
        told, at = [], 0
        for part in multipart.parse(body, boundary).parts:
            told.append(self._between(body[at : part.span.start], boundary))
            kind = part.content_type
            told.append(self.body(part.body, kind if isinstance(kind, MediaType) else None))
            at = part.span.start + len(part.body)
        return b"".join([*told, self._between(body[at:], boundary)])

    def _between(self, octets: bytes, boundary: str) -> bytes:
        """The end of one part, the delimiter, and the header of the next."""
        text = octets.decode("utf-8", "surrogateescape")
        before, delimiter, after = text.rpartition(f"--{boundary}")
        if not delimiter:
            return self.texts.text(text).encode("utf-8", "surrogateescape")
        line, end, rows = after.partition("\n")
        told = self.texts.text(before) + delimiter + self.texts.text(line) + end + self.heads.rows(rows)
        return told.encode("utf-8", "surrogateescape")

    # -- session descriptions -------------------------------------------------------------------------------

    def _sdp(self, kind: str, value: str) -> str:
        if kind == "o" and (origin := _ORIGIN.fullmatch(value)):
            return self.texts.user(origin[1]) + origin[2] + self.texts.stand_ins.host(origin[3]) + origin[4]
        if kind == "c" and (where := _WHERE.fullmatch(value)):
            return where[1] + self.texts.stand_ins.host(where[2]) + where[3]
        if kind == "k":
            method, colon, key = value.partition(":")
            return method + colon + self.texts.stand_ins.secret(key) if colon else value
        if kind == "a":
            return self._attribute(*value.partition(":"))
        return value if kind in "vmbtrz" else self.texts.text(value)

    def _attribute(self, name: str, colon: str, value: str) -> str:
        if name in SDP_ATTRIBUTES or not colon:
            return name + colon + value if name in SDP_ATTRIBUTES else self.texts.text(name) + colon + value
        if name == "crypto":
            told = _INLINE.sub(lambda found: found[1] + self.texts.stand_ins.secret(found[2]), value)
        elif name in ("ice-ufrag", "ice-pwd", "fingerprint", "identity"):
            first, blank, rest = value.partition(" ")
            told = first + blank + self.texts.stand_ins.secret(rest) if blank else self.texts.stand_ins.secret(value)
        elif name == "candidate":
            told = self.texts.addresses(value)
        elif name == "rtcp":
            where = _WHERE.fullmatch(value)
            told = where[1] + self.texts.stand_ins.host(where[2]) + where[3] if where else value
        elif name in ("ssrc", "ssrc-group"):
            number, blank, rest = value.partition(" ")
            told = number + blank + self.texts.text(rest)
        else:
            told = self.texts.text(value)
        return name + colon + told

    # -- documents ------------------------------------------------------------------------------------------

    def document(self, text: str) -> str:
        element, told = "", []
        for found in _XML.finditer(text):
            if found[1] or found[4]:
                opening, inside, closing = (
                    (found[1], found[2], found[3]) if found[1] else (found[4], found[5], found[6])
                )
                told.append(opening + self.texts.text(inside) + closing)
            elif found[7]:
                told.append(found[7])
            elif found[8]:
                element = self._name(found[8])
                told.append(self._tag(found[8]))
            else:
                told.append(self._content(element, found[9]))
        return "".join(told)

    def _name(self, tag: str) -> str:
        found = _TAG.fullmatch(tag)
        return found[2].rpartition(":")[2].lower() if found else ""

    def _content(self, element: str, text: str) -> str:
        if element in ELEMENTS:
            return text
        bare = text.strip()
        if bare and not re.search(r"[\s@:<&]", bare) and bare[0] in "*#%":
            return text.replace(bare, self.texts.user(bare))
        return self.texts.text(text)

    def _tag(self, tag: str) -> str:
        found = _TAG.fullmatch(tag)
        if found is None or found[1] == "</":
            return tag
        return found[1] + found[2] + _ATTRIBUTE.sub(self._attribute_of_document, found[3])

    def _attribute_of_document(self, found: re.Match[str]) -> str:
        prefix, _, local = found[1].rpartition(":")
        name = local.lower()
        if name in ATTRIBUTES or prefix == "xmlns" or name == "xmlns":
            return found[0]
        quote, value = found[3][0], found[3][1:]
        told = self.texts.identifiers(value) if name in ("call-id", "callid") else self.texts.text(value)
        return found[1] + found[2] + quote + told


def _encoding(body: bytes, kind: MediaType | None) -> str:
    """One octet for each character where the body says so, else UTF-8."""
    said = (kind.params.get("charset") or "") if kind is not None else ""
    declared = _DECLARED.match(body)
    named = said or (declared[1].decode("ascii", "replace") if declared else "")
    return "latin-1" if named.lower().startswith(("iso-8859", "latin", "windows-125", "us-ascii")) else "utf-8"
