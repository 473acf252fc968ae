"""Which messages of a scenario are shown, under which number, and who the parties are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sipconform.checks.catalogue import Finding, Side, Verdict
from sipconform.checks.judge import side_is_guessed
from sipconform.report.raw import Marked
from sipconform.trace.packet import Address, Observation, address_of
from sipconform.trace.trace import Trace, WireMessage

SHOWN_MESSAGES, CLEAN_MESSAGES = 1200, 300
"""Messages of one scenario in the report, and of one in which nothing was found. Beyond that: those that findings point
at, and their neighbours."""
NEIGHBOURS = 6
FEW_FACTS = 12


@dataclass(slots=True)
class Shown:
    """One message in the report, with what was found on it and the retransmissions folded into it."""

    message: WireMessage
    anchor: str  # "s2m12"
    number: int  # 12
    findings: list[Finding] = field(default_factory=list)
    resent: list[WireMessage] = field(default_factory=list)

    @property
    def offends(self) -> bool:
        return any(finding.verdict is Verdict.FAIL for finding in self.findings)

    @property
    def checks(self) -> list[str]:
        """The ids of the checks that failed on it, or could not be decided."""
        return sorted({f.check.id if f.check else "scenario" for f in self.findings})

    @property
    def marks(self) -> list[Marked]:
        """The bytes that findings point at."""
        return [Marked(f.at, f.check.id if f.check else "scenario") for f in self.findings if f.at is not None]


@dataclass(slots=True)
class Evidence:
    """What the ladder and the messages of one scenario are drawn from."""

    shown: list[Shown]
    observations: list[Observation]
    roles: Mapping[Address, str]
    left_out: int  # messages that are in the capture only
    start_ns: int
    by_identity: dict[int, Shown]

    def anchor_in_frame(self, message: WireMessage) -> str:
        """Where the same message, read again, is shown; "" where it is not."""
        frame = message.packet.frames[:1]
        return next((one.anchor for one in self.shown if frame and one.message.packet.frames[:1] == frame), "")

    def of(self, message: WireMessage | None) -> Shown | None:
        """The shown message that is, or that stands for, this one."""
        return self.by_identity.get(id(message)) if message is not None else None


def gather(traces: Sequence[Trace], findings: Sequence[Finding], prefix: str, total: int = 0) -> Evidence:
    """Orders the messages of all traces in time, folds retransmissions, cuts what is too much.

    `prefix` makes anchors unique within the report, `total` is how many messages there were before anybody
    left some out.
    """
    messages = sorted((m for trace in traces for m in trace.messages), key=lambda m: m.packet.time_ns)
    pointed = {id(m) for f in findings for m in (f.of, *f.also) if m is not None}
    chosen = _choose(messages, pointed)
    shown, by_identity = _number(chosen, pointed, prefix)
    for finding in findings:
        at = by_identity.get(id(finding.of))
        if at is not None:
            at.findings.append(finding)
    return Evidence(
        shown,
        sorted((o for trace in traces for o in trace.observations), key=lambda o: o.time_ns),
        _roles(traces, findings),
        max(total, len(messages)) - len(chosen),
        messages[0].packet.time_ns if messages else 0,
        by_identity,
    )


def facts_of(what: Mapping[str, object]) -> str:
    """What somebody said, in words. Of a long list only what is not off or empty; the rest is counted."""
    said = what if len(what) <= FEW_FACTS else {key: value for key, value in what.items() if value}
    words = [f"{key} {_word(value)}" for key, value in said.items()]
    if off := len(what) - len(said):
        words.append(f"{off} off or empty")
    return ", ".join(words)


def _word(value: object) -> object:
    return ("off", "on")[value] if isinstance(value, bool) else "none" if value in ("", None) else value


def _choose(messages: list[WireMessage], pointed: set[int]) -> list[WireMessage]:
    most = SHOWN_MESSAGES if pointed else CLEAN_MESSAGES
    if len(messages) <= most:
        return messages
    near: set[int] = set()
    for position, message in enumerate(messages):
        if id(message) in pointed and len(near) < most:
            near |= set(range(max(0, position - NEIGHBOURS), min(len(messages), position + NEIGHBOURS)))
    for position in range(len(messages)):
        if len(near) >= most:
            break
        near.add(position)
    return [messages[position] for position in sorted(near)]


def _number(messages: Iterable[WireMessage], pointed: set[int], prefix: str) -> tuple[list[Shown], dict[int, Shown]]:
    shown: list[Shown] = []
    by_identity: dict[int, Shown] = {}
    for message in messages:
        first = by_identity.get(id(message.repeats)) if message.repeats is not None else None
        if first is not None and id(message) not in pointed:  # a retransmission that offends is drawn in full
            first.resent.append(message)
            by_identity[id(message)] = first
            continue
        number = len(shown) + 1
        shown.append(Shown(message, f"{prefix}m{number}", number))
        by_identity[id(message)] = shown[-1]
    return shown, by_identity


def _roles(traces: Sequence[Trace], findings: Iterable[Finding]) -> dict[Address, str]:
    roles = {address: "server" for trace in traces for address in trace.servers}
    for trace in traces:
        for address in trace.phones:
            roles[address] = "server and phone" if address in roles else "phone"
    for finding in findings:  # whom the judge took for a server heads its lifeline as one
        if finding.party is not None and finding.side in (Side.SERVER, Side.PHONE):
            guessed = all(side_is_guessed(trace, finding) for trace in traces)
            roles.setdefault(finding.party, f"{finding.side}{', guessed' if guessed else ''}")
    return {**roles, **_parts(traces)}


def _parts(traces: Sequence[Trace]) -> dict[Address, str]:
    """Who plays which part in the story, where the lab has said so: "manager", "second phone"."""
    told = [o.what.get("actors") for trace in traces for o in trace.observations if o.kind == "lab"]
    return {
        address: str(name).replace("_", " ")
        for actors in told
        if isinstance(actors, dict)
        for name, place in actors.items()
        if (address := address_of(str(place))) is not None
    }


def ends(message: WireMessage) -> tuple[Address, Address]:
    """From whom to whom, a stream client's ephemeral port replaced by the port it listens on."""
    transaction = message.transaction
    if transaction is None:
        return message.source, message.destination
    if message.is_request:
        return transaction.client, transaction.server
    return transaction.server, transaction.client


def columns(shown: Sequence[Shown]) -> dict[Address, str]:
    """Which lifeline each address belongs to: one per host, or one per port where a host talks to itself."""
    pairs = [ends(one.message) for one in shown]
    own = {source.host for source, destination in pairs if source.host == destination.host}
    return {address: str(address) if address.host in own else address.host for pair in pairs for address in pair}
