"""How bodies follow those before them in their conversation: versions that count on, identifiers that last."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sipconform.compare.documents import Course
from sipconform.trace.packet import Address
from sipconform.trace.trace import WireMessage

_ORIGIN = re.compile(rb"(?m)^o=\S+ (\S+) ([0-9]{1,20}) [^\r\n]*\r?\n")
_VERSION = re.compile(rb"<(?:[\w-]+:)?(dialog-info|reginfo|conference-info)\b[^>]*?\bversion\s*=\s*[\"']([0-9]{1,12})")
_IDENTIFIER = re.compile(rb"<(?:[\w-]+:)?(?:dialog|registration|contact)\b[^>]*?\bid\s*=\s*[\"']([^\"']*)")


@dataclass(slots=True)
class Bodies:
    """The bodies of one conversation so far."""

    origins: dict[Address, tuple[bytes, int, bytes]] = field(default_factory=dict)
    versions: dict[bytes, int] = field(default_factory=dict)
    identifiers: set[str] = field(default_factory=set)

    def session(self, message: WireMessage) -> str:
        """What is wrong with the o= line after that of the same party before; "" when nothing is (RFC 3264 §8)."""
        found = _ORIGIN.search(message.body)
        if found is None:
            return ""
        said = message.body[: found.start()] + message.body[found.end() :]
        before = self.origins.get(message.source)
        self.origins[message.source] = found[1], int(found[2]), said
        if before is None:
            return ""
        if found[1] != before[0]:
            return "another session"
        if int(found[2]) < before[1]:
            return "lowered"
        return "not raised" if int(found[2]) == before[1] and said != before[2] else ""

    def document(self, message: WireMessage) -> Course | None:
        """The course of a document that counts or names its parts; None for any other body."""
        body = message.body
        version = _VERSION.search(body)
        if version is None:
            return None
        number, last = int(version[2]), self.versions.get(version[1])
        self.versions[version[1]] = number
        step = "first" if last is None else "next" if number == last + 1 else "same" if number == last else "another"
        known = frozenset(self.identifiers)
        self.identifiers |= {found.decode("utf-8", "replace") for found in _IDENTIFIER.findall(body)}
        return Course(step, known)
