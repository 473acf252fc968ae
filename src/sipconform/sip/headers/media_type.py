"""Content-Type and Accept: what a body is (RFC 3261 §20.15, §20.1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sipconform.sip.fault import Fault
from sipconform.sip.grammar import NO_PARAMS, Params, is_token, parse_params, split_list


@dataclass(frozen=True, slots=True)
class MediaType:
    type: str  # lower case: "application/sdp"
    params: Params = NO_PARAMS

    @property
    def boundary(self) -> str:
        """The multipart boundary (RFC 2046 §5.1.1), "" when not given."""
        return self.params.get("boundary") or ""

    @property
    def charset(self) -> str:
        """In which the text is written (RFC 2046 §4.1.2), "" when not given."""
        return self.params.get("charset") or ""

    @property
    def faults(self) -> list[Fault]:
        return self.params.faults

    def __str__(self) -> str:
        return f"{self.type}{self.params}"


@lru_cache(maxsize=256)
def parse(text: str) -> MediaType | Fault:
    """A Fault without type and subtype."""
    name, semicolon, rest = text.partition(";")
    major, slash, minor = (part.strip() for part in name.partition("/"))
    if not slash or not is_token(major) or not is_token(minor):
        return Fault("a media type is type/subtype")
    params = parse_params(semicolon + rest)
    return params if isinstance(params, Fault) else MediaType(f"{major}/{minor}".lower(), params)


def parse_list(texts: list[str]) -> list[MediaType | Fault]:
    """Every media type of every row; an empty Accept row has none (RFC 3261 §20.1)."""
    return [parse(text) for row in texts if row for text in split_list(row)]
