"""Texts of any kind: where URIs, addresses and words stand in them. Nothing changes its length."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from sipconform.redacting.stand_ins import StandIns
from sipconform.redacting.words import (
    HOST_PARAMETERS,
    KEPT_USERS,
    SECRET_PARAMETERS,
    STOCK,
    VERBATIM_PARAMETERS,
)

Change = Callable[[str], str]
"""Gives a text as long as the one it is given."""

_LETTER = r"A-Za-z0-9\x80-\U0010ffff"
_HOST = rf"\[[0-9A-Fa-f:.]+\]|[{_LETTER}](?:[{_LETTER}._-]*[{_LETTER}])?"
_IPV4 = r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9]|\.[0-9])"
_IPV6 = r"(?<![\w:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])"
_HEX_ID = (
    r"(?<!\w)(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?!\w)"
    r"|(?<!\w)[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?!\w)"
)
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})?"
_URI = r"\b(?:sips?|tel|https?|mailto|pres|im|xmpp|urn|cid|wss?):[^\s<>\"\x00]+"
_AT = rf"(?<![{_LETTER}@:.%+*-])[{_LETTER}_.+*#%!~'&=$,;?/-]+@(?:{_HOST})"
_ANYTHING = re.compile(
    rf"(?P<time>{_TIME})|(?P<uri>{_URI})|(?P<at>{_AT})|(?P<id>{_HEX_ID})|(?P<ip>{_IPV4}|{_IPV6})"
    rf"|(?P<entity>&#?\w+;)|(?P<host>(?<![\w.])(?:[{_LETTER}][{_LETTER}-]*\.)+[A-Za-z]{{2,}}(?![\w]))|(?P<word>[{_LETTER}]+)",
    re.IGNORECASE,
)
_WORD = re.compile(rf"[{_LETTER}]+")
_PUBLIC = re.compile(rf"{_IPV4}|{_IPV6}")
_PRODUCT_IDS = re.compile(rf"{_HEX_ID}|(?<![\w])[0-9A-Fa-f]{{12,}}(?![\w])|{_URI}|{_AT}", re.IGNORECASE)
_SIP_URI = re.compile(rf"(sips?:)(?:([^@<>\s]*)@)?({_HOST})?(:[0-9]*)?([^?]*)(\?.*)?", re.IGNORECASE | re.DOTALL)
_OTHER_AT = re.compile(rf"([a-z]+:)([^@?;]*)@({_HOST})(.*)", re.IGNORECASE | re.DOTALL)
_WEB = re.compile(rf"([a-z]+://)(?:([^@/]*)@)?({_HOST})(:[0-9]+)?(.*)", re.IGNORECASE | re.DOTALL)
_PARAMETER = re.compile(r"(\s*;?\s*)([^=;]+)(\s*=\s*)?(.*)", re.DOTALL)
LONGEST_CODE = 3  # digits of a feature code that stands between signs, or alone
USUAL_CODE = 2  # digits of one that a number follows at once


class Texts:
    """`codes` are feature codes known from the laboratory, with what is dialled before a number."""

    def __init__(self, stand_ins: StandIns) -> None:
        self.stand_ins = stand_ins
        self.codes: set[str] = set()
        self._call_ids: dict[str, str] = {}

    # -- free text ------------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """Every word that is not one of everybody's, and every address."""
        return _ANYTHING.sub(self._anything, text)

    def names(self, text: str) -> str:
        """A name of somebody: every word of it."""
        return text if text.strip().lower() in KEPT_USERS else _WORD.sub(lambda f: self.stand_ins.word(f[0]), text)

    def product(self, text: str) -> str:
        """The name of a product, without what only one specimen has: its MAC address, an account, an address."""

        def one(found: re.Match[str]) -> str:
            text = found[0]
            return self.names(text) if _WORD.fullmatch(text) else self._anything(_ANYTHING.match(text) or found)

        return _PRODUCT_IDS.sub(one, text)

    def _anything(self, found: re.Match[str]) -> str:
        kind, text = found.lastgroup, found[0]
        if kind == "word":
            return text if text.lower() in STOCK else self.stand_ins.word(text)
        if kind == "uri":
            return self.uri(text)
        if kind == "at":
            return self.at(text)
        if kind == "id":
            return self._device(text)
        return self.stand_ins.host(text) if kind in ("ip", "host") else text

    def _device(self, text: str) -> str:
        """A MAC address or a UUID, which may hold one; its separators stay, and it is the same with others."""
        if len(text) != len("80:5e:c0:a1:b2:c3"):
            return self.names(text)
        told = iter(self.stand_ins.word(text.replace(":", "").replace("-", "")))
        return "".join(char if char in ":-" else next(told) for char in text)

    # -- who and where --------------------------------------------------------------------------------------

    def uri(self, uri: str) -> str:
        """A URI of any scheme, its parameters and what it wants to be asked with included."""
        scheme = uri.partition(":")[0].lower()
        if scheme in ("sip", "sips"):
            return self._sip(uri)
        if scheme in ("http", "https", "ws", "wss"):
            return self._web(uri)
        if scheme == "tel":
            number, *rest = uri[4:].split(";")
            return uri[:4] + ";".join([self.names(number), *(self.parameter(one) for one in rest)])
        if scheme == "urn":
            return uri[:9] + self.names(uri[9:]) if uri.lower().startswith("urn:uuid:") else uri
        found = _OTHER_AT.fullmatch(uri)
        if found is None:
            return uri[: len(scheme) + 1] + self.text(uri[len(scheme) + 1 :])
        return found[1] + self.user(found[2]) + "@" + self.stand_ins.host(found[3]) + self.text(found[4])

    def _sip(self, uri: str) -> str:
        found = _SIP_URI.fullmatch(uri)
        if found is None:  # nothing that anybody could call
            return uri[:4] + self.text(uri[4:])
        scheme, user, host, port, params, headers = found.groups(default="")
        who = self._user_part(user) + "@" if found[2] is not None else ""
        told = "".join(self.parameter(one) for one in re.findall(r";[^;]*|[^;]+", params))
        return scheme + who + self.stand_ins.host(host) + port + told + self._asked_with(headers)

    def _user_part(self, text: str) -> str:
        user, colon, password = text.partition(":")
        user, semicolon, params = user.partition(";")
        told = self.user(user) + semicolon + ";".join(self.parameter(one) for one in params.split(";"))
        return told + colon + self.stand_ins.secret(password) if colon else told

    def _asked_with(self, headers: str) -> str:
        """The header fields that a URI asks for (RFC 3261 §19.1.1), escaped as they are."""
        told = []
        for one in re.findall(r"[?&][^&]*", headers):
            name, equals, value = one.partition("=")
            field = name[1:].lower()
            change = self.identifiers if field in ("replaces", "call-id", "in-reply-to") else self.text
            told.append(name + equals + self.escaped(value, change))
        return "".join(told)

    def _web(self, uri: str) -> str:
        found = _WEB.fullmatch(uri)
        if found is None:
            return self.names(uri)
        scheme, who, host, port, rest = found.groups(default="")
        user = self._user_part(who) + "@" if found[2] is not None else ""
        return scheme + user + self.stand_ins.host(host) + port + self.names(rest)

    def at(self, text: str) -> str:
        """user@host, or a Call-ID."""
        if text in self._call_ids:
            return self._call_ids[text]
        user, _, host = text.rpartition("@")
        return f"{self.user(user)}@{self.stand_ins.host(host)}"

    def user(self, user: str) -> str:
        """A user or a number; of a feature code only what follows it."""
        return user if user.lower() in KEPT_USERS else self.escaped(user, self._user)

    def _user(self, user: str) -> str:
        known = max((code for code in self.codes if user.startswith(code)), key=len, default="")
        if known:
            return known + self.names(user[len(known) :])
        if user[:1] not in ("*", "#"):
            return self.names(user)
        said = user.lstrip("*#")
        rest = said.lstrip("0123456789")
        signs, digits = user[: len(user) - len(said)], said[: len(said) - len(rest)]
        if signs == "**":
            return signs + self.names(digits) + self.names(rest)
        ends = LONGEST_CODE if not rest or rest[0] in "*#" else 0
        kept = len(digits) if len(digits) <= ends else USUAL_CODE
        return signs + digits[:kept] + self.names(digits[kept:]) + self.names(rest)

    def escaped(self, text: str, change: Change) -> str:
        """Changes what a percent-encoded text says, with every character encoded as it was (RFC 3986 §2.1)."""
        if "%" not in text:
            return change(text)
        pieces = re.findall(r"%[0-9A-Fa-f]{2}|.", text, re.DOTALL)
        plain = [unquote(piece, "latin-1") if len(piece) == len("%xx") else piece for piece in pieces]
        told = change("".join(plain))
        return "".join(
            piece if new == old else (f"%{ord(new):02X}" if len(piece) == len("%xx") else new)
            for piece, old, new in zip(pieces, plain, told, strict=True)
        )

    # -- parameters and identifiers -------------------------------------------------------------------------

    def parameter(self, text: str) -> str:
        """ ";name=value", with or without its semicolon."""
        found = _PARAMETER.fullmatch(text)
        if found is None or not found[3]:
            return text if found is not None and found[2].strip().lower() in VERBATIM_PARAMETERS else self.text(text)
        return found[1] + found[2] + found[3] + self.value(found[2].strip().lower(), found[4])

    def value(self, name: str, value: str) -> str:
        """What a parameter of a name holds."""
        bare = value.strip().strip('"')
        before, after = value[: value.find(bare)], value[value.find(bare) + len(bare) :]
        return before + self._bare_value(name, bare) + after

    def _bare_value(self, name: str, value: str) -> str:
        if name in VERBATIM_PARAMETERS or not value:
            return value
        if name in SECRET_PARAMETERS:
            return self.stand_ins.secret(value)
        if name == "username":
            return self.at(value) if "@" in value else self.user(value)
        if name in HOST_PARAMETERS or name == "phone-context":
            return self.stand_ins.host(value) if re.fullmatch(_HOST, value) else self.text(value)
        return self.text(value)

    def call_id(self, call_id: str) -> str:
        """A Call-ID: made up by chance, but for where it was made up."""
        word, at, host = call_id.rpartition("@")
        told = self._public(word) + at + self.stand_ins.host(host) if at else self._public(call_id)
        return self._call_ids.setdefault(call_id, told)

    def identifiers(self, text: str) -> str:
        """Call-IDs, one or several, with their tags."""
        return re.sub(r"[^\s;,<>]+", lambda f: f[0] if "=" in f[0] and "@" not in f[0] else self.call_id(f[0]), text)

    def addresses(self, text: str) -> str:
        """Only the addresses and names of hosts in a line of numbers and tokens."""
        text = _PUBLIC.sub(lambda f: self.stand_ins.host(f[0]), text)
        return re.sub(rf"(?<![\w.])[{_LETTER}-]+\.local\b", lambda f: self.stand_ins.host(f[0]), text)

    def _public(self, text: str) -> str:
        return _PUBLIC.sub(lambda f: self.stand_ins.host(f[0]), text)
