"""Cause and effect across conversations: what a party sends because of what it was sent elsewhere.

Of the reference: at once after something that can be its cause, and not because of its own conversation, in which
nothing has come since. In the run the effect may come later, within the tolerance, and never before its cause was sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sipconform.checks.catalogue import Level
from sipconform.compare.difference import Comparison, Difference
from sipconform.compare.rules import AT_ONCE_S, CAUSED_LATER_S, CAUSES, CAUSES_AT_A_PHONE
from sipconform.compare.story import Conversation, Story
from sipconform.compare.timing import Timed
from sipconform.trace.packet import Address
from sipconform.trace.trace import WireMessage


class Edge(NamedTuple):
    """Two messages of one story: `effect` is sent by the one to whom `cause` was sent. `certain`: nothing else of the
    kind was sent to him about that time, so that it must have been this one."""

    cause: WireMessage
    effect: WireMessage
    certain: bool


class _Heard:
    """What one party was sent last: of each kind the last and the one before, and in each conversation."""

    def __init__(self) -> None:
        self.kinds: dict[str, tuple[WireMessage, WireMessage | None]] = {}
        self.conversations: dict[Conversation, int] = {}

    def hear(self, message: WireMessage, kind: str, home: Conversation) -> None:
        self.conversations[home] = message.number
        if kind:
            self.kinds[kind] = message, self.kinds.get(kind, (None,))[0]


def edges(story: Story) -> Iterator[Edge]:
    """The causes that are in the evidence, in the order of their effects. None where the network says that it lost or
    held back something: that stands where it was sent, and when it was heard is unknown."""
    if story.losses:
        return
    servers, party = story.trace.servers, story.trace.party
    homes = {(c.call_id, c.parties): c for c in story.conversations}
    of: dict[Address, _Heard] = defaultdict(_Heard)
    told: dict[WireMessage, Conversation] = {}
    for message in story.trace.messages:
        sender, receiver = party(message.source), party(message.destination)
        home = homes.get((message.call_id, frozenset((sender, receiver))))
        if home is None:
            continue
        told[message], kind, heard = home, _kind(message, home), of[sender]
        causes = (CAUSES if sender in servers else CAUSES_AT_A_PHONE).get(kind, ())
        known = [heard.kinds[cause] for cause in causes if cause in heard.kinds]
        if known and message.repeats is None:
            cause, other = max(known, key=lambda one: one[0].number)
            idle_here = heard.conversations.get(home, -1) < cause.number
            if told[cause] is not home and idle_here and message.time - cause.time <= AT_ONCE_S:
                yield Edge(cause, message, other is None or message.time - other.time > AT_ONCE_S)
        of[receiver].hear(message, kind, home)


def _kind(message: WireMessage, home: Conversation) -> str:
    """A request by its method, an answer to INVITE or to a seizure by what it says; "" for what causes nothing: a
    challenge, a refusal at glare, the end of what was cancelled."""
    if message.is_request:
        return message.method
    if message.method == "SUBSCRIBE":
        seizes = home.title.startswith("SUBSCRIBE line-seize")
        return "seized" if seizes and 200 <= message.status < 300 else ""
    if message.method != "INVITE" or message.status < 180 or message.status in (401, 407, 487, 491):
        return ""
    return "ringing" if message.status < 200 else "answered" if message.status < 300 else "refused"


def add_causes(result: Comparison, run: Story, reference: Story) -> None:
    """Adds to each effect's row what differs of its cause in another conversation."""
    places = {row.reference: (pair, at) for pair in result.pairs for at, row in enumerate(pair.rows) if row.reference}
    rows = ((theirs, pair.rows[at].run) for theirs, (pair, at) in places.items())
    beside = {theirs: ours for theirs, ours in rows if ours is not None}
    for effect, found in _caused(run, reference, beside):
        pair, at = places[effect]
        told = result.add(Difference(*found, beside[effect], effect))
        pair.rows[at] = pair.rows[at]._replace(differences=(*pair.rows[at].differences, told))


def _caused(
    run: Story, reference: Story, beside: Mapping[WireMessage, WireMessage]
) -> Iterator[tuple[WireMessage, Timed]]:
    """What differs of causes, each with the reference's effect: `beside` gives the run's message for one of the
    reference's. A phone's next call waits for people, so there only the order counts."""
    for edge in edges(reference):
        cause, effect = beside.get(edge.cause), beside.get(edge.effect)
        if cause is None or effect is None:
            continue
        what = f"{_title(edge.effect)} after {_title(edge.cause)} elsewhere"
        if effect.number < cause.number:
            if edge.certain and not _another_caused(run, edge, effect, beside):
                yield edge.effect, Timed("order", Level.SHOULD, what, "before it", "after it")
        elif run.trace.party(effect.source) in run.trace.servers:
            late, usual = _since_heard(run, effect), edge.effect.time - edge.cause.time
            if late - usual > CAUSED_LATER_S:
                yield edge.effect, Timed("slower", Level.SHOULD, what, f"{late:.3f} s", f"{usual:.3f} s")


def _another_caused(run: Story, edge: Edge, effect: WireMessage, beside: Mapping[WireMessage, WireMessage]) -> bool:
    """Whether the effect may come of another message like the cause, which in the reference came after it or not at
    all: of two phones that ring, either may be the first."""
    earlier = {ours for theirs, ours in beside.items() if theirs.number < edge.cause.number}
    kind, sender = _alike(edge.cause), run.trace.party(effect.source)
    return any(
        _alike(message) == kind and message not in earlier and run.trace.party(message.destination) == sender
        for message in run.trace.messages
        if message.number < effect.number and message.repeats is None
    )


def _alike(message: WireMessage) -> tuple[str, int]:
    return message.method, message.status // 100 if message.is_response else 0


def _since_heard(story: Story, effect: WireMessage) -> float:
    """Seconds since its sender was last sent anything: it may have waited for an answer, or for a second sending."""
    return (effect.packet.time_ns - story.heard_last(story.trace.party(effect.source), effect)) / 1e9


def _title(message: WireMessage) -> str:
    return message.method if message.is_request else f"{message.status} to {message.method}"
