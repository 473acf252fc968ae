"""Headers of messages and of the parts of bodies, field by field: a table says what each holds."""

from __future__ import annotations

import re
from collections.abc import Callable

from sipconform.redacting.texts import Texts
from sipconform.redacting.words import IDENTIFIERS, PRODUCTS, SECRETS, VERBATIM
from sipconform.sip.head import canonical_name

_ROW = re.compile(r"([^:\r\n]*?[ \t]*:)((?:[^\n]|\n(?=[ \t]))*)(\n|\Z)")
_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_REQUEST = re.compile(r"([A-Za-z]+[ \t]+)(\S+)(.*)", re.DOTALL)
_STATUS = re.compile(r"(SIP/[0-9.]+[ \t]+[0-9]{3}[ \t]*)(.*)", re.DOTALL | re.IGNORECASE)
_SENT_BY = re.compile(
    r"(\s*SIP\s*/\s*[0-9.]+\s*/\s*[A-Za-z-]+\s+)(\[[0-9A-Fa-f:.]+\]|[^\s;:,]+)([^;,]*)(.*)", re.DOTALL
)
_SCHEME = re.compile(r"(\s*)([A-Za-z][\w-]*)(\s+)(.*)", re.DOTALL)
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|<[^>]*>|[;,]|"|<|[^";,<]+', re.DOTALL)
_TOKEN = re.compile(r"SIP|Q\.850|FreeSWITCH|Preemption|STIR", re.IGNORECASE)
_SCHEMES = re.compile(r"\s*[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_WARNING = re.compile(r"(\s*[0-9]{3}\s+)(\[[0-9A-Fa-f:.]+\]|[^\s:]+)(.*)", re.DOTALL)
ADDRESSED = frozenset(
    {
        "Alert-Info", "Call-Info", "Contact", "Diversion", "Error-Info", "From", "History-Info", "P-Asserted-Identity",
        "P-Associated-Uri", "P-Called-Party-Id", "P-Preferred-Identity", "P-Served-User", "Path", "Record-Route",
        "Refer-To", "Referred-By", "Remote-Party-Id", "Reply-To", "Route", "Service-Route", "To",
    }
)  # fmt: skip
CREDENTIALS = frozenset({"Authorization", "Proxy-Authorization"})
CHALLENGES = frozenset({"WWW-Authenticate", "Proxy-Authenticate", "Authentication-Info", "Proxy-Authentication-Info"})


class Heads:
    def __init__(self, texts: Texts) -> None:
        self.texts = texts

    def head(self, text: str) -> str:
        """A start line and the rows after it."""
        line, end, rest = text.partition("\n")
        return self._start(line) + end + self.rows(rest)

    def rows(self, text: str) -> str:
        """Header fields, folded or not; what is none is read as a text."""
        told, at = [], 0
        while at < len(text):
            row = _ROW.match(text, at)
            if row is not None and row[0]:
                told.append(row[1] + self._field(row[1][:-1], row[2]) + row[3])
            else:
                row = _LINE.match(text, at)
                assert row is not None
                told.append(self.texts.text(row[0]))
            at = row.end()
        return "".join(told)

    def _start(self, line: str) -> str:
        status = _STATUS.fullmatch(line)
        if status is not None:
            return status[1] + self.texts.text(status[2])
        request = _REQUEST.fullmatch(line)
        if request is None or not request[3].strip().upper().startswith("SIP/"):
            return self.texts.text(line)
        uri = request[2]
        return request[1] + (self.texts.uri(uri) if _SCHEMES.match(uri) else self.texts.text(uri)) + request[3]

    def _field(self, spelled: str, value: str) -> str:
        name = canonical_name(spelled.encode("latin-1", "replace"))
        if name in VERBATIM:
            return value
        return self._reader(name)(value)

    def _reader(self, name: str) -> Callable[[str], str]:
        readers = ((ADDRESSED, self._addressed), (IDENTIFIERS, self.texts.identifiers), (PRODUCTS, self.texts.product),
                   (SECRETS, self._sealed), (CREDENTIALS, self._credentials), (CHALLENGES, self._parameters),
                   (("Via",), self._via), (("Warning",), self._warning), (("Reason",), self._reasons))  # fmt: skip
        return next((reader for names, reader in readers if name in names), self._whatever)

    # -- readers of values ----------------------------------------------------------------------------------

    def _addressed(self, value: str) -> str:
        """Names, URIs and parameters, in lists too."""
        told, behind = [], False  # behind: a URI was told, so that parameters follow
        for piece in self._pieces(value):
            if piece == ",":
                behind = False
            if piece in (";", ","):
                told.append(piece)
            elif piece[0] == "<":
                told.append("<" + self._inside(piece[1:]))
                behind = True
            elif behind:
                told.append(self._parameter(piece))
            elif _SCHEMES.match(piece):
                told.append(self._inside(piece))
                behind = True
            else:
                told.append(self.texts.names(piece))
        return "".join(told)

    def _pieces(self, value: str) -> list[str]:
        """Cut at semicolons, commas and brackets; a parameter with its quoted value in one piece."""
        pieces: list[str] = []
        for piece in _PIECES.findall(value):
            quoted = piece[0] == '"' and pieces and pieces[-1].rstrip().endswith("=")
            after = pieces and '="' in pieces[-1].replace(" ", "") and piece[0] not in ";,<"
            if quoted or after:
                pieces[-1] += piece
            else:
                pieces.append(piece)
        return pieces

    def _inside(self, uri: str) -> str:
        bare = uri.strip(" \t\r\n>")
        if not bare:
            return uri
        before, after = uri[: uri.find(bare)], uri[uri.find(bare) + len(bare) :]
        return before + (self.texts.uri(bare) if _SCHEMES.match(bare) else self.texts.text(bare)) + after

    def _parameter(self, text: str) -> str:
        return self.texts.parameter(text)

    def _whatever(self, value: str) -> str:
        """A field we do not know, or one for people: URIs where there are some, parameters of known names."""
        told = []
        for piece in self._pieces(value):
            if piece[0] == "<":
                told.append("<" + self._inside(piece[1:]))
            else:
                told.append(self.texts.parameter(piece) if "=" in piece else self.texts.text(piece))
        return "".join(told)

    def _reasons(self, value: str) -> str:
        """A protocol, a cause, and words for people (RFC 3326)."""
        told, begins = [], True
        for piece in self._pieces(value):
            told.append(piece if begins and _TOKEN.fullmatch(piece.strip()) else self._whatever(piece))
            begins = piece == ","
        return "".join(told)

    def _via(self, value: str) -> str:
        told = []
        for one in re.split(r"(,)", value):
            found = _SENT_BY.fullmatch(one)
            if found is None:
                told.append(self.texts.text(one))
                continue
            params = "".join(self.texts.parameter(each) for each in re.findall(r";[^;]*|[^;]+", found[4]))
            told.append(found[1] + self.texts.stand_ins.host(found[2]) + found[3] + params)
        return "".join(told)

    def _warning(self, value: str) -> str:
        told = []
        for one in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,])+|,', value):
            found = _WARNING.fullmatch(one)
            agent = self.texts.stand_ins.host(found[2]) if found is not None else ""
            told.append(found[1] + agent + self.texts.text(found[3]) if found is not None else self.texts.text(one))
        return "".join(told)

    def _credentials(self, value: str) -> str:
        found = _SCHEME.fullmatch(value)
        if found is None:
            return self._sealed(value)
        if found[2].lower() != "digest":
            return found[1] + found[2] + found[3] + self._sealed(found[4])
        return found[1] + found[2] + found[3] + self._parameters(found[4])

    def _parameters(self, value: str) -> str:
        """name=value, separated by commas, behind the name of a scheme or not."""
        told = []
        for piece in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,])+|,', value):
            scheme = re.match(r"\s*[A-Za-z][\w-]*\s+(?=\w+\s*=)", piece)
            front = scheme[0] if scheme else ""
            rest = piece[len(front) :]
            told.append(front + (self.texts.parameter(rest) if "=" in rest else self.texts.text(rest)))
        return "".join(told)

    def _sealed(self, value: str) -> str:
        """Nothing but its length is told, and where one word ends."""
        return re.sub(r"[^\s;,<>]+", lambda found: self.texts.stand_ins.secret(found[0]), value)
