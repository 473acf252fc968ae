"""A trace as a story: conversations (one Call-ID between two parties), and in each the exchanges in order of cause.

What is sent again is told once. An identifier that is made anew in every run is known by the exchange that
brought it up, so that it can be compared by where it comes again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from sipconform.compare.courses import Bodies
from sipconform.compare.documents import Course
from sipconform.compare.parties import Parties
from sipconform.features.csta import CONTENT_TYPE as CSTA
from sipconform.features.csta import parse_csta
from sipconform.sip.digest import Challenge, Credentials, parse_challenge, parse_credentials
from sipconform.sip.fault import Fault
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, Transaction, WireMessage

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Exchange:
    """One transaction told once: the request, every different answer, the ACK if it is an INVITE."""

    transaction: Transaction
    client: str
    server: str
    request: WireMessage | None
    answers: list[WireMessage]
    step: int | None  # CSeq beyond the client's last in this conversation; None for its first
    conversation: Conversation
    copy_of: Exchange | None = None  # the same request that came another way (RFC 3261 §8.2.2.2)
    acks: list[WireMessage] = field(default_factory=list)  # to an INVITE's final, whatever that was
    count: str = ""  # of a digest nonce: how far beyond its last use by this client
    granting: Exchange | None = None  # the last SUBSCRIBE before it that was not refused
    before: Exchange | None = None  # the client's last of this method and subject in this conversation
    subject: str = ""  # what an INFO of a uaCSTA session is about: the order of two is free

    @property
    def method(self) -> str:
        return self.transaction.method

    @property
    def final(self) -> WireMessage | None:
        return self.transaction.final

    @property
    def original(self) -> Exchange:
        return self.copy_of or self

    @property
    def glare(self) -> bool:
        """Whether it was refused because the other side asked at the same moment."""
        return self.final is not None and self.final.status == 491

    @property
    def messages(self) -> Iterator[WireMessage]:
        if self.request is not None:
            yield self.request
        yield from self.answers
        yield from self.acks[:1]


Beside = tuple[Exchange | None, Exchange | None]
"""An exchange of the run and one of the reference; None for the side that lacks it."""


@dataclass(eq=False)
class Conversation:
    """All exchanges of one Call-ID between two parties. `tags` and `branches` say which exchange brought one up."""

    call_id: str
    parties: frozenset[Address]
    story: Story
    exchanges: list[Exchange] = field(default_factory=list)
    tags: dict[str, Exchange] = field(default_factory=dict)
    branches: dict[str, Exchange] = field(default_factory=dict)
    name: str = ""  # its title and number among those of the same, when another message speaks of it
    first_notify: Exchange | None = None
    last_granting: Exchange | None = None
    bodies: Bodies = field(default_factory=Bodies)
    follows: WireMessage | None = None  # the last NOTIFY of an earlier conversation of the same title

    @cached_property
    def title(self) -> str:
        first = self.exchanges[0]
        event = first.request.text("Event").partition(";")[0] if first.request is not None else ""
        return f"{first.method}{f' {event}' if event else ''} from {first.client} to {first.server}"

    @property
    def began_here(self) -> bool:
        """Whether its first request is the one that began it: no To tag yet."""
        request = self.exchanges[0].request
        return request is not None and not request.to_tag

    def asked_by(self, client: str, subject: str = "") -> list[Exchange]:
        """What one party asks on a subject, in order; of copies of one request, those refused last."""
        exchanges = [e for e in self.exchanges if (e.client, e.subject) == (client, subject) and not e.glare]
        at = {exchange: place for place, exchange in enumerate(exchanges)}
        return sorted(exchanges, key=lambda e: (at.get(e.original, at[e]), e.final.status if e.final else 0))

    def directions(self) -> list[tuple[str, str]]:
        """Everybody who asks something here, and on which subjects, in order."""
        return list(dict.fromkeys((exchange.client, exchange.subject) for exchange in self.exchanges))


@dataclass(slots=True)
class Story:
    """The conversations in the order in which they began, and what is known across them."""

    trace: Trace
    parties: Parties
    conversations: list[Conversation] = field(default_factory=list)
    nonces: dict[str, tuple[str, str]] = field(
        default_factory=dict
    )  # nonce -> what it was a challenge to, and its realm
    repeats: list[WireMessage] = field(default_factory=list)
    losses: set[tuple[int, object]] = field(default_factory=set)  # when and by whom was sent what the network lost
    known: dict[Hashable, Any] = field(default_factory=dict)  # what was told of a text once, for the next time
    sessions: dict[WireMessage, str] = field(default_factory=dict)  # what is wrong with an o= line
    courses: dict[WireMessage, Course] = field(default_factory=dict)  # how a document follows those before it
    instances: dict[str, int] = field(default_factory=dict)  # device identifiers by order of appearance
    _heard: dict[Address, tuple[list[int], list[int]]] | None = None
    _by_call_id: dict[str, list[Conversation]] | None = None
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for observation in self.trace.observations:
            if observation.kind == "network" and observation.what.get("event") in ("lost", "held back"):
                self.losses.add((observation.time_ns, observation.what.get("local")))

    def count_nonce(self, exchange: Exchange) -> str:
        """How the nonce count of a request's credentials follows the client's last; "" without one."""
        request = exchange.request
        texts = request.texts("Authorization") + request.texts("Proxy-Authorization") if request is not None else []
        given = self.credentials(texts[0]) if texts else None
        if given is None or isinstance(given, Fault) or not given.nc:
            return ""
        used = exchange.client, given.nonce
        step = given.nc - self._counts.get(used, 0)
        self._counts[used] = given.nc
        return "next" if step == 1 else f"{step:+d}"

    def credentials(self, text: str) -> Credentials | Fault:
        """One Authorization row, read once."""
        return self._read("credentials", text, parse_credentials)

    def challenge(self, text: str) -> Challenge | Fault:
        """One WWW-Authenticate row, read once."""
        return self._read("challenge", text, parse_challenge)

    def _read(self, what: str, text: str, parse: Callable[[str], T]) -> T:
        found: T | None = self.known.get((what, text))
        if found is None:
            found = self.known[what, text] = parse(text)
        return found

    def conversation_of(self, call_id: str, message: WireMessage) -> Conversation | None:
        """The conversation of a Call-ID that another message names; of several, one in which its sender takes part."""
        if self._by_call_id is None:
            self._by_call_id, count = {}, dict[str, int]()
            for conversation in self.conversations:
                count[conversation.title] = count.get(conversation.title, 0) + 1
                conversation.name = f"{conversation.title}, {count[conversation.title]}."
                self._by_call_id.setdefault(conversation.call_id, []).append(conversation)
        found = self._by_call_id.get(call_id, [])
        near = (one for one in found if self.trace.party(message.source) in one.parties)
        return next(near, found[0] if found else None)

    def heard_last(self, party: Address, before: WireMessage) -> int:
        """When, in ns, a party was last sent anything before a message; 0 for never."""
        if self._heard is None:
            self._heard = {}
            for message in self.trace.messages:
                numbers, times = self._heard.setdefault(self.trace.party(message.destination), ([], []))
                numbers.append(message.number)
                times.append(message.packet.time_ns)
        numbers, times = self._heard.get(party, ([], []))
        at = bisect_left(numbers, before.number)
        return times[at - 1] if at else 0

    def lost_provisional(self, status: int) -> bool:
        """Whether the network itself says that it lost, or held back, a provisional answer of this status."""
        return bool(self.losses) and any(m.status == status and _mark(m) in self.losses for m in self.trace.messages)

    def lost(self, message: WireMessage) -> int:
        """How often the network says that it lost, or held back, this message or a later sending of it."""
        if not self.losses:
            return 0
        sendings = (m for m in self.trace.messages if m is message or m.raw == message.raw)
        return sum(_mark(m) in self.losses for m in sendings)


def _mark(message: WireMessage) -> tuple[int, object]:
    return message.packet.time_ns, str(message.source)


def tell_story(trace: Trace, parties: Parties | None = None) -> Story:
    """Reads a correlated trace, told by who its parties are."""
    story = Story(trace, parties or Parties(trace))
    conversations: dict[tuple[str, frozenset[Address]], Conversation] = {}
    steps: dict[tuple[str, Address], int] = {}
    last: dict[tuple[Conversation, str, str, str], Exchange] = {}
    notified: dict[str, WireMessage] = {}
    for transaction in trace.transactions:
        first = transaction.request or next(iter((*transaction.responses, *transaction.acks)), None)
        if first is None:
            continue
        key = first.call_id, frozenset((transaction.client, transaction.server))
        conversation = conversations.get(key)
        if conversation is None:
            conversation = conversations[key] = Conversation(*key, story)
            story.conversations.append(conversation)
        if transaction.method == "ACK" and _acknowledged(transaction, conversation, story):
            continue
        exchange = _exchange(transaction, story, conversation, steps)
        conversation.exchanges.append(exchange)
        asked = conversation, exchange.client, exchange.method, exchange.subject
        exchange.before, last[asked] = last.get(asked), exchange
        if len(conversation.exchanges) == 1:
            conversation.follows = notified.get(conversation.title)
        exchange.granting = conversation.last_granting
        if exchange.method == "SUBSCRIBE" and (exchange.final is None or exchange.final.status < 300):
            conversation.last_granting = exchange
        if exchange.method == "NOTIFY" and exchange.request is not None:
            conversation.first_notify = conversation.first_notify or exchange
            notified[conversation.title] = exchange.request
        _know_identifiers(exchange, story)
    story.repeats += [m for m in trace.messages if m.repeats is not None]
    return story


def _exchange(
    transaction: Transaction, story: Story, conversation: Conversation, steps: dict[tuple[str, Address], int]
) -> Exchange:
    request, step = transaction.request, None
    if request is not None and request.method not in ("ACK", "CANCEL"):
        asked = request.call_id, transaction.client
        if asked in steps:
            step = request.cseq_number - steps[asked]
        steps[asked] = request.cseq_number
    copy_of = _copied(conversation, transaction) if step == 0 else None
    name = story.parties.name
    answers = [answer for answer in transaction.responses if answer.repeats is None]
    parties = name(transaction.client), name(transaction.server)
    exchange = Exchange(transaction, *parties, request, answers, step, conversation, copy_of)
    exchange.acks = [ack for ack in transaction.acks if ack.repeats is None]
    exchange.count = story.count_nonce(exchange)
    if transaction.method == "INFO" and request is not None and request.text("Content-Type").startswith(CSTA):
        exchange.subject = _csta_subject(request.body)
    return exchange


def _csta_subject(body: bytes) -> str:
    """The service or event, and the kind of forward it is about; "" for what is no CSTA document."""
    document = parse_csta(body)
    if isinstance(document, Fault):
        return ""
    return f"{document.name} {document.forward_type or ''}"


def _acknowledged(transaction: Transaction, conversation: Conversation, story: Story) -> bool:
    """Puts the ACK to a 2xx, which is a transaction of its own, with the INVITE it acknowledges."""
    ack = transaction.request
    for exchange in reversed(conversation.exchanges):
        invite = exchange.request
        if ack is None or invite is None or exchange.method != "INVITE":
            continue
        if invite.cseq_number == ack.cseq_number and exchange.transaction.client == transaction.client:
            known = next((a for a in exchange.acks if a.to_tag == ack.to_tag), None)
            (exchange.acks if known is None else story.repeats).append(ack)
            conversation.branches.setdefault(ack.branch, exchange)
            return True
    return False


def _copied(conversation: Conversation, transaction: Transaction) -> Exchange | None:
    """The exchange of which this one is a copy: same Call-ID, CSeq, method and From tag, another branch."""
    request = transaction.request
    assert request is not None
    for exchange in reversed(conversation.exchanges):
        other = exchange.request
        if other is not None and (other.cseq_number, other.method, other.from_tag) == (
            request.cseq_number, request.method, request.from_tag
        ):  # fmt: skip
            return exchange.original
    return None


def _know_identifiers(exchange: Exchange, story: Story) -> None:
    conversation = exchange.conversation
    for message in exchange.messages:
        for tag in (message.from_tag, message.to_tag):
            conversation.tags.setdefault(tag, exchange)
        conversation.branches.setdefault(message.branch, exchange)
        if message.body_start < len(message.raw):
            _know_body(message, conversation)
        for header in ("WWW-Authenticate", "Proxy-Authenticate"):
            for text in message.texts(header):
                challenge = story.challenge(text)
                if not isinstance(challenge, Fault):
                    story.nonces.setdefault(challenge.nonce, (exchange.method, challenge.realm))


def _know_body(message: WireMessage, conversation: Conversation) -> None:
    story = conversation.story
    if wrong := conversation.bodies.session(message):
        story.sessions[message] = wrong
    course = conversation.bodies.document(message)
    if course is not None:
        story.courses[message] = course
