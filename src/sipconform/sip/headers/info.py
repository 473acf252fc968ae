"""Call-Info, Alert-Info, Error-Info: a URI in angle brackets, parameters (RFC 3261 §20.4, §20.9, §20.18)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import NO_PARAMS, Params, parse_params, split_list
from sipconform.sip.uri import Uri, parse_uri

_INFO = re.compile(r"[ \t]*<([^<>]*)>")


@dataclass(frozen=True, slots=True)
class Info:
    """One value; in Call-Info the parameters carry among others a shared line's appearance."""

    uri_text: str
    params: Params = NO_PARAMS

    @property
    def uri(self) -> Uri | Fault:
        return parse_uri(self.uri_text)

    @property
    def faults(self) -> list[Fault]:
        uri = self.uri
        return self.params.faults + ([uri] if isinstance(uri, Fault) else uri.faults)

    def __str__(self) -> str:
        return f"<{self.uri_text}>{self.params}"


def parse(text: str) -> Info | Fault:
    """One value. A Fault when it does not begin with something in angle brackets."""
    found = _INFO.match(text)
    if not found:
        return Fault("a URI in angle brackets comes first")
    params = parse_params(text[found.end() :])
    return params if isinstance(params, Fault) else Info(found[1], params)


def parse_list(texts: list[str]) -> list[Info | Fault]:
    """Every value of every row: repeated rows and comma lists are one (RFC 3261 §7.3.1)."""
    return [parse(text) for row in texts for text in split_list(row)]
