"""Conversations written down in a few lines, and what the catalogue says of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from sipconform.checks.catalogue import Finding, Verdict, catalogue
from sipconform.trace.correlate import correlate
from sipconform.trace.packet import Address, Note, Observation, Packet
from sipconform.trace.trace import Trace

PHONE, OTHER, THIRD = (Address(f"192.0.2.{n}", 5060) for n in (51, 52, 53))
OUTSIDE = Address("192.0.2.60", 5060)
SERVER, PROXY = Address("192.0.2.10", 5060), Address("192.0.2.20", 5060)
SOURCE = 1_700_000_000  # seconds since the epoch at which every scene begins
NEEDS_CONTACT = ("INVITE", "SUBSCRIBE", "NOTIFY", "REGISTER", "UPDATE")


@dataclass(slots=True)
class Said:
    """One message, rendered only when the scene is over, so that an answer follows its request's changes."""

    at: float
    source: Address
    destination: Address
    start: str
    headers: dict[str, str | None]
    body: bytes = b""
    answers: Said | None = None
    raw: bytes = b""  # written by hand, instead of all that

    def full(self) -> dict[str, str | None]:
        """Header fields with those a response takes from its request."""
        if self.answers is None:
            return self.headers
        asked = self.answers.full()
        copied = {name: asked.get(name) for name in ("Via", "From", "To", "Call-ID", "CSeq")}
        tag = self.headers.get("tag")
        if tag and ";tag=" not in (copied["To"] or ""):
            copied["To"] = f"{copied['To']};tag={tag}"
        return copied | {name: value for name, value in self.headers.items() if name != "tag"}

    def render(self) -> bytes:
        """The octets. A header field that is None is left out; a line feed in a value makes two rows of it."""
        if self.raw:
            return self.raw
        rows = [f"{n}: {v}" for n, value in self.full().items() if value is not None for v in value.split("\n")]
        if "Content-Length" not in self.headers:
            rows.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([self.start, *rows, "", ""]).encode() + self.body


@dataclass(slots=True)
class Scene:
    """Messages by name, in any order; their times say which came first."""

    transport: str = "udp"
    said: dict[str, Said] = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def ask(
        self, name: str, at: float, method: str, uri: str = "sip:2001@example.com", *,
        by: Address = PHONE, to: Address = SERVER, call: str = "c1", seq: int = 1, tag: str = "ph1",
        to_tag: str = "", branch: str = "", body: str | bytes = b"", **headers: str | None,
    ) -> Said:  # fmt: skip
        """A request; header fields by name, `_` for `-`, None to leave a usual one out."""
        number = next(self._numbers)
        usual: dict[str, str | None] = {
            "Via": f"SIP/2.0/{self.transport.upper()} {by};branch={branch or f'z9hG4bK{number}'};rport",
            "Max-Forwards": "70",
            "From": f"<sip:2001@example.com>;tag={tag}",
            "To": "<sip:2001@example.com>" + (f";tag={to_tag}" if to_tag else ""),
            "Call-ID": call,
            "CSeq": f"{seq} {method}",
            "Contact": f"<sip:u@{by}>" if method in NEEDS_CONTACT else None,
        }
        return self._say(name, Said(at, by, to, f"{method} {uri} SIP/2.0", usual | _named(headers), _octets(body)))

    def answer(
        self, name: str, at: float, request: str, status: int = 200, *,
        tag: str = "as1", body: str | bytes = b"", **headers: str | None,
    ) -> Said:  # fmt: skip
        """A response to a request of the scene."""
        asked = self.said[request]
        usual: dict[str, str | None] = {"tag": tag}
        method = (asked.headers["CSeq"] or "").split()[-1]
        if status < 300 and status > 100 and method in ("INVITE", "SUBSCRIBE", "UPDATE"):
            usual["Contact"] = f"<sip:u@{asked.destination}>"
        if 200 <= status < 300 and method == "SUBSCRIBE":
            usual["Expires"] = asked.headers.get("Expires")
        said = Said(at, asked.destination, asked.source, f"SIP/2.0 {status} Reason", usual | _named(headers))
        said.body, said.answers = _octets(body), asked
        return self._say(name, said)

    def again(self, at: float, *names: str) -> None:
        """The same messages once more, one millisecond apart."""
        for n, name in enumerate(names):
            said = self.said[name]
            copy = Said(at + n / 1000, said.source, said.destination, said.start, said.headers, said.body, said.answers)
            self._say(f"{name}@{at}", copy)

    def change(self, name: str, start: str = "", body: str | bytes | None = None, **headers: str | None) -> Scene:
        """Changes one message. Returns the scene."""
        said = self.said[name]
        said.start = start or said.start
        said.headers.update(_named(headers))
        said.body = _octets(body) if body is not None else said.body
        return self

    def drop(self, *names: str) -> Scene:
        """Leaves messages out, with their repetitions."""
        for name in list(self.said):
            if name.partition("@")[0] in names:
                del self.said[name]
        return self

    def move(self, name: str, at: float) -> Scene:
        """Lets one message pass at another time."""
        self.said[name].at = at
        return self

    def trace(self, until: float = 0.0) -> Trace:
        """The evidence; `until` seconds of it, also if nothing more is said."""
        ordered = sorted(self.said.values(), key=lambda s: s.at)
        packets = [
            Packet(_ns(s.at), s.source, s.destination, self.transport, s.render(), (frame,))
            for frame, s in enumerate(ordered, 1)
        ]
        trace = correlate([*packets, *self.observations, *self.notes])
        trace.end_ns = max(trace.end_ns, _ns(until))
        return trace

    def _say(self, name: str, said: Said) -> Said:
        assert name not in self.said, f"{name} is said twice"
        self.said[name] = said
        return said


def _ns(at: float) -> int:
    return SOURCE * 1_000_000_000 + round(at * 1e9)


def _named(headers: dict[str, str | None]) -> dict[str, str | None]:
    spelled = {"Call_ID": "Call-ID", "CSeq": "CSeq"}
    return {spelled.get(name, name.replace("_", "-")): value for name, value in headers.items()}


def _octets(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body


def asked(id_: str, scene: Scene, until: float = 0.0) -> list[Finding]:
    """Everything one check says of a scene."""
    return list(catalogue()[id_].ask(scene.trace(until)))


def passes(id_: str, scene: Scene, until: float = 0.0) -> bool:
    """Whether the check applies and finds nothing but passes."""
    found = asked(id_, scene, until)
    assert all(f.verdict is Verdict.PASS for f in found), [(f.expected, f.observed) for f in found]
    return bool(found)


def silent(id_: str, scene: Scene, until: float = 0.0) -> bool:
    """Whether the check accuses nobody and doubts nothing."""
    return all(f.verdict is Verdict.PASS for f in asked(id_, scene, until))


def failures(id_: str, scene: Scene, until: float = 0.0) -> list[Finding]:
    """The failures alone, each with its level filled in."""
    found = [f for f in asked(id_, scene, until) if f.verdict is Verdict.FAIL]
    for failure in found:
        failure.level = failure.level or catalogue()[id_].level
        assert failure.expected
        assert failure.observed
    return found


def fails(id_: str, scene: Scene, until: float = 0.0, *, party: Address | None = None, level: str = "") -> bool:
    """Whether the check fails the scene: accusing this party, at this level, if they are given."""
    found = failures(id_, scene, until)
    return any(f.party == party or party is None for f in found if not level or f.level == level)


def doubts(id_: str, scene: Scene, until: float = 0.0) -> bool:
    """Whether the check finds the scene inconclusive, and fails nothing."""
    verdicts = {f.verdict for f in asked(id_, scene, until)}
    return Verdict.INCONCLUSIVE in verdicts and Verdict.FAIL not in verdicts
