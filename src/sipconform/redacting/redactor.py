"""A capture made fit to be shared: secrets, names, numbers and public addresses become stand-ins.

Turned round: kept are the words of the protocols (header fields and parameters of known meaning, methods, states),
private addresses, products, feature codes, Call-IDs and tags; every other text, whole bodies included, is taken for
somebody's. A stand-in has the length and the kinds of characters of what it stands for, and the same word has the same
stand-in throughout, so lengths, offsets and identities stay, and the redacted capture is judged as the original was.
Audio has its stand-ins in `voices`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sipconform.features.hotspot import Numbering
from sipconform.redacting.bodies import Bodies
from sipconform.redacting.heads import Heads
from sipconform.redacting.stand_ins import StandIns
from sipconform.redacting.texts import Texts
from sipconform.redacting.words import STOCK
from sipconform.sip.headers.media_type import MediaType
from sipconform.sip.message import Message
from sipconform.sip.stun import binding_answer, mapped_address, parse_stun
from sipconform.trace.packet import Address, Note, Observation, Packet, is_keep_alive

_NUMBER = re.compile(r"[0-9]+")
_WORD = re.compile(r"[A-Za-z0-9\x80-\U0010ffff]+")
_PLACES = re.compile(
    r"\b(?:sips?|tel|https?):[^\s<>\"]+|[^\s<>@\"]+@[^\s<>@\"]+"
    r"|((?<![\w.])(?:[0-9]+\.){3}[0-9]+|\[[0-9A-Fa-f:]+\])(?:(:)([0-9]+))?"
    r"|(?<!\w)(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?!\w)"
)
NAMES = frozenset({"name", "alias", "display", "label", "ownname", "hotspots", "group", "note", "model"})
"""Keys of facts under which somebody's words stand, whether or not they were met in a message."""
USERS = frozenset(
    {"user", "users", "number", "to", "members", "locations", "cfu", "cfb", "cfna", "forwarded_by", "answered_by",
     "desk_only", "members_of", "extension_of", "others"}
)  # fmt: skip
"""Keys under which numbers of people stand."""
CODES = frozenset({"codes", "other_codes", "code_forms"})
MOST_CLIENTS = 100  # of a hotspot
COUNTS = frozenset({"Expires", "ListenPort", "Mode", "ListenType", "RingMode", "profile", "do", "protocol", "kind"})
"""Keys of counts and tokens."""


class Redactor:
    """Makes stand-ins. With the same `key` the same text has the same stand-in in every capture."""

    def __init__(self, key: bytes) -> None:
        self._stand_ins = StandIns(key)
        self._texts = Texts(self._stand_ins)
        self._heads = Heads(self._texts)
        self._bodies = Bodies(self._texts, self._heads)
        self._actors: set[str] = set()

    def redact(self, evidence: Iterable[Packet | Observation | Note]) -> list[Packet | Observation]:
        """Everything that may be written again, in order. Notes tell of what was not read, and so is not there."""
        given = [item for item in evidence if not isinstance(item, Note)]
        self._learn(item for item in given if isinstance(item, Observation))
        items = [self._packet(item) if isinstance(item, Packet) else item for item in given]
        # What is said of the run comes second: by now every word is known.
        return [self._observation(item) if isinstance(item, Observation) else item for item in items]

    def _learn(self, observations: Iterable[Observation]) -> None:
        """Who plays, and with which codes: those are the laboratory's words, and nobody's."""
        for said in observations:
            self._actors.add(said.who)
            actors, codes = said.what.get("actors"), said.what.get("codes")
            self._actors |= {str(name) for name in actors} if isinstance(actors, dict) else set()
            rows = list(codes.values()) if isinstance(codes, dict) else codes if isinstance(codes, list) else []
            self._keep_extensions(said.what)
            for row in [*rows, said.what.get("other_codes") or []]:
                for code in row if isinstance(row, list) else [row]:
                    if isinstance(code, str) and code[:1] in ("*", "#"):
                        self._texts.codes.add(code.partition("{")[0])

    def _keep_extensions(self, facts: dict[str, object]) -> None:
        """What a hotspot calls its clients by: a prefix, and so many digits."""
        settings = facts.get("hotspot_settings")
        for prefix in (facts.get("prefix"), settings.get("prefix") if isinstance(settings, dict) else ""):
            if isinstance(prefix, str) and prefix.isdigit():
                self._stand_ins.kept |= {Numbering(prefix).extension(client) for client in range(MOST_CLIENTS)}

    def _packet(self, packet: Packet) -> Packet:
        ends = self.address(packet.source), self.address(packet.destination)
        return packet._replace(source=ends[0], destination=ends[1], payload=self.message(packet.payload))

    def address(self, address: Address) -> Address:
        """The address itself, or a reserved one in place of a public one."""
        return address._replace(host=self.host(address.host))

    def host(self, host: str) -> str:
        """A public address or a name; private and reserved addresses stay."""
        return self._stand_ins.host(host)

    def user(self, user: str) -> str:
        """A user or a number; of a feature code only what follows it."""
        return self._texts.user(user)

    def message(self, payload: bytes) -> bytes:
        """The message, as long as before."""
        if is_keep_alive(payload):
            return self._keep_alive(payload)
        read = Message(payload)
        if "Call-ID" in read._index:
            self._texts.call_id(read.call_id)
        cut, kind = read.body_start, read.content_type
        head = self._heads.head(payload[:cut].decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return head + self._bodies.body(payload[cut:], kind if isinstance(kind, MediaType) else None)

    def _keep_alive(self, payload: bytes) -> bytes:
        """CRLFs, or STUN: where somebody was seen is told by the stand-in of his address, anything else is left out."""
        stun = parse_stun(payload)
        if stun is None:
            return bytes(octet if octet in b"\r\n\0 " else 0x20 for octet in payload)
        seen = mapped_address(stun)
        if seen is not None:
            answer = binding_answer(stun, self.host(seen[0]), seen[1])
            if len(answer.attributes) == len(stun.attributes):
                return answer.to_bytes()
        return payload[: len(payload) - len(stun.attributes)] + bytes(len(stun.attributes))

    # -- what was observed ----------------------------------------------------------------------------------

    def _observation(self, said: Observation) -> Observation:
        return said._replace(what={self._key(key): self._fact(key, value) for key, value in said.what.items()})

    def _key(self, key: str) -> str:
        """A key is one of our words, but for the user before a point ("2001.dnd") or alone."""
        user, dot, rest = key.partition(".")
        ours = user in self._actors or user.lower() in STOCK
        theirs = user.isdigit() or (dot and self._stand_ins.knows(user))
        return (
            self._known_words(user) + dot + rest
            if theirs and not ours
            else _NUMBER.sub(self._number, user) + dot + rest
        )

    def _number(self, found: re.Match[str]) -> str:
        return self._stand_ins.word(found[0])

    def _fact(self, key: str, fact: object) -> object:
        if key in CODES or (isinstance(fact, str) and (key in COUNTS or fact in self._actors)):
            return fact
        if isinstance(fact, str):
            return self._text(key, fact)
        if isinstance(fact, dict):
            inside = {str(name): value for name, value in fact.items()}
            return {
                self._key(name): self._fact(key if name in self._actors else name, value)
                for name, value in inside.items()
            }
        return [self._fact(key, item) for item in fact] if isinstance(fact, list | tuple) else fact

    def _text(self, key: str, text: str) -> str:
        low = key.lower()
        if key in ("call_id", "branch"):
            return self._texts.call_id(text)
        if text.lstrip()[:1] == "<":
            return self._bodies.document(text)
        if low in NAMES:
            return self._texts.text(text)
        if _PLACES.fullmatch(text):
            return self._known_words(text)
        if low in USERS or low.rpartition(".")[2] in USERS or text[:1] in ("*", "#"):
            return self._texts.user(text) if " " not in text else self._texts.text(text)
        return self._known_words(text)

    def _known_words(self, text: str) -> str:
        """Addresses wherever they stand, numbers, and the words that were somebody's in a message."""

        def place(found: re.Match[str]) -> str:
            host, colon, port = found[1] or "", found[2] or "", found[3] or ""
            return self.host(host) + colon + port if host else self._texts.text(found[0])

        def word(found: re.Match[str]) -> str:
            told = found[0]
            return self._stand_ins.word(told) if told.isdigit() or self._stand_ins.knows(told) else told

        parts, at = [], 0
        for found in re.finditer(_PLACES, text):
            parts += [_WORD.sub(word, text[at : found.start()]), place(found)]
            at = found.end()
        return "".join([*parts, _WORD.sub(word, text[at:])])
