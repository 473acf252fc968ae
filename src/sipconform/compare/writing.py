"""How the places of two messages are written: what means the same may be written otherwise, and is listed."""

from __future__ import annotations

import re

from sipconform.sip.grammar import split_list
from sipconform.trace.trace import WireMessage

_NAMES = re.compile(rb"\n([^:\s]+)[ \t]*:")
_ANSWER_ADDRESS = re.compile(r"(?i);\s*(?:received|rport)(?:\s*=\s*[^;,]*)?")
_IDENTIFIER = re.compile(r"(?:tag|branch)=[^;,>\s]+")


def written(message: WireMessage, place: str) -> tuple[str, ...]:
    """How a place of the table stands in the message: a header field's rows; nothing for what is only concluded."""
    if place == "request line":
        return (f"{message.method} {message.request_uri} {message.version}",)
    if place == "status":
        return (str(message.status),)
    if place == "reason phrase":
        return (message.reason,)
    if place == "body":
        return (message.body.decode("latin-1"),)
    return tuple(message.texts(place))


def written_alike(run: WireMessage, reference: WireMessage, place: str) -> bool:
    """Whether a place stands in both messages octet for octet: a short cut for nearly all places."""
    if place in run._index or place in reference._index:
        if place in run._several or place in reference._several:
            return written(run, place) == written(reference, place)
        return run._index.get(place) == reference._index.get(place)
    if place == "body":
        return run.body == reference.body
    return run.start_line == reference.start_line or written(run, place) == written(reference, place)


def names_of_rows(message: WireMessage) -> list[bytes]:
    """The names of the rows as they are spelled, in order."""
    head = message.raw[message.head_start : message.body_start]
    if b"\n " in head or b"\n\t" in head:
        return _NAMES.findall(head)
    return [row.partition(b":")[0] for row in head.split(b"\n")[1:-2]]


def why_written_otherwise(name: str, rule: str | None, ours: tuple[str, ...], theirs: tuple[str, ...]) -> str:
    """The rule that ignores how two places of one meaning were written; `rule` is the one that read them."""
    if name != "body" and rule in ("stands-for", "set-order", "parameter-order"):
        if [_IDENTIFIER.sub("", row) for row in ours] == [_IDENTIFIER.sub("", row) for row in theirs]:
            return "identifier"
        if name == "Via" and [_ANSWER_ADDRESS.sub("", v) for v in ours] == [_ANSWER_ADDRESS.sub("", v) for v in theirs]:
            return "answer-address"
        if [_squeezed(v) for v in ours] == [_squeezed(v) for v in theirs]:
            return "spelling"
        if _values(ours) == _values(theirs):
            return "rows-or-commas"
        if [sorted(split_list(v, ";")) for v in _values(ours)] == [sorted(split_list(v, ";")) for v in _values(theirs)]:
            return "parameter-order"
    return rule or "spelling"


def _squeezed(text: str) -> str:
    return "".join(text.split()).lower()


def _values(rows: tuple[str, ...]) -> list[str]:
    return [value for row in rows for value in split_list(row)]
