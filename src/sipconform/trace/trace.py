"""The trace: all evidence of one self-contained piece of traffic, correlated, and the questions one may ask of it.

Captures begin and end in the middle of things. What was not seen is unknown, not wrong: every attribute that may
be missing is None, and `Dialog.began_here` / `Subscription.began_here` say whether the beginning is in the evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sipconform.sip.message import Message
from sipconform.trace.packet import Address, Note, Observation, Packet


class WireMessage(Message):
    """A SIP message with everything the capture knows of it: packet, transaction, dialog, subscription."""

    __slots__ = ("dialog", "number", "packet", "repeats", "subscription", "transaction")

    def __init__(self, packet: Packet, number: int = 0) -> None:
        super().__init__(packet.payload)
        self.packet = packet
        self.number = number  # position in the trace, from 0
        self.transaction: Transaction | None = None
        self.dialog: Dialog | None = None
        self.subscription: Subscription | None = None
        self.repeats: WireMessage | None = None  # the first sending of which this is a retransmission

    @property
    def time(self) -> float:
        """Seconds since the epoch; for differences only, nanoseconds are in `packet.time_ns`."""
        return self.packet.time_ns / 1e9

    @property
    def source(self) -> Address:
        return self.packet.source

    @property
    def destination(self) -> Address:
        return self.packet.destination

    @property
    def transport(self) -> str:
        return self.packet.transport


@dataclass(slots=True, eq=False)
class Transaction:
    """A request and what was answered, as seen on one hop (RFC 3261 §17; matched as in §17.1.3 and §17.2.3).

    The ACK to a non-2xx belongs to the INVITE's transaction; the ACK to a 2xx is a transaction without answers.
    """

    method: str
    branch: str
    client: Address  # who sent the request
    server: Address
    request: WireMessage | None = None
    requests: list[WireMessage] = field(default_factory=list)  # the request and its retransmissions
    responses: list[WireMessage] = field(default_factory=list)  # all, retransmissions included, in order seen
    acks: list[WireMessage] = field(default_factory=list)  # for INVITE: ACKs to a non-2xx final
    final: WireMessage | None = None  # the first final response seen
    invite: Transaction | None = None  # for CANCEL: the transaction it would cancel

    @property
    def provisional(self) -> list[WireMessage]:
        return [r for r in self.responses if r.status < 200]

    @property
    def succeeded(self) -> bool:
        return self.final is not None and self.final.status < 300

    def __bool__(self) -> bool:
        return True


@dataclass(slots=True, eq=False)
class Dialog:
    """A peer relation by Call-ID and both tags (RFC 3261 §12), on one hop between two addresses."""

    call_id: str
    tags: frozenset[str]
    parties: frozenset[Address]
    began_here: bool = False  # the request that created it, and its 2xx or 1xx, are in the evidence
    messages: list[WireMessage] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)

    @property
    def invite(self) -> Transaction | None:
        """The INVITE that created it, if that was one and it was seen."""
        if not self.began_here or not self.transactions:
            return None
        return self.transactions[0] if self.transactions[0].method == "INVITE" else None


@dataclass(slots=True, eq=False)
class Subscription:
    """One subscription (RFC 6665 §4): a SUBSCRIBE-created usage of a dialog, by event package and id."""

    call_id: str
    package: str  # "as-feature-event", lower case
    id: str  # the Event header field's id parameter, or ""
    subscriber: Address
    notifier: Address
    resource: str = ""  # AOR subscribed to: "sip:2001@example.com", without parameters
    subscriber_tag: str = ""
    notifier_tag: str = ""  # once known
    began_here: bool = False  # the initial SUBSCRIBE (no To tag) is in the evidence
    subscribes: list[Transaction] = field(default_factory=list)
    notifies: list[Transaction] = field(default_factory=list)
    dialog: Dialog | None = None

    @property
    def initial(self) -> Transaction | None:
        """The SUBSCRIBE that began it; after a challenge, the one sent again with credentials."""
        if not self.began_here:
            return None
        openings = [s for s in self.subscribes if s.request is not None and not s.request.to_tag]
        answered = [s for s in openings if s.final is None or s.final.status not in (401, 407)]
        return next(iter(answered or openings), None)


@dataclass(slots=True, eq=False)
class _Sorted:
    """What a trace holds, by what is asked for; messages without their repetitions, under "" all of them."""

    size: int = 0
    requests: dict[str, list[WireMessage]] = field(default_factory=lambda: {"": []})
    responses: dict[str, list[WireMessage]] = field(default_factory=lambda: {"": []})
    answers: dict[int, list[WireMessage]] = field(default_factory=dict)
    transactions: dict[str, list[Transaction]] = field(default_factory=dict)
    subscriptions: dict[str, list[Subscription]] = field(default_factory=dict)

    @classmethod
    def of(cls, trace: Trace) -> _Sorted:
        made = cls(len(trace.messages))
        for message in trace.messages:
            if message.repeats is None and (message.is_request or message.is_response):
                kind = made.requests if message.is_request else made.responses
                kind[""].append(message)
                if message.method:
                    kind.setdefault(message.method, []).append(message)
                if message.is_response:
                    made.answers.setdefault(message.status, []).append(message)
        for transaction in trace.transactions:
            made.transactions.setdefault(transaction.method, []).append(transaction)
        for subscription in trace.subscriptions:
            made.subscriptions.setdefault(subscription.package, []).append(subscription)
        return made


@dataclass(slots=True, eq=False)
class Trace:
    """Append-only evidence. Messages are in the order seen; `start_ns`/`end_ns` bound what the capture covers,
    which may be more than this part's own messages: silence is evidence only until `end_ns`."""

    messages: list[WireMessage] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    dialogs: list[Dialog] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    keep_alives: list[Packet] = field(default_factory=list)  # pings, pongs and STUN, of our own captures only
    servers: set[Address] = field(default_factory=set)  # addresses known to act as a server …
    phones: set[Address] = field(default_factory=set)  # … and as a phone, from what they did or the lab said
    aliases: dict[Address, Address] = field(default_factory=dict)  # ephemeral stream port -> listening port
    start_ns: int = 0
    end_ns: int = 0
    _shelves: _Sorted = field(default_factory=_Sorted, repr=False)

    def party(self, address: Address) -> Address:
        """The peer behind an address: a stream client's ephemeral port stands for its listening port."""
        return self.aliases.get(address, address)

    def requests(self, method: str = "", *, repeats: bool = False) -> Iterator[WireMessage]:
        """Requests in order, of one method or all; retransmissions only on demand."""
        if repeats:
            return (m for m in self.messages if m.is_request and method in ("", m.method))
        return iter(self._sorted().requests.get(method, ()))

    def responses(self, method: str = "", *, status: int = 0, repeats: bool = False) -> Iterator[WireMessage]:
        """Responses in order, to one method or all, of one status or all; retransmissions only on demand."""
        if repeats:
            found = (m for m in self.messages if m.is_response and method in ("", m.method))
            return (m for m in found if status in (0, m.status))
        if not status:
            return iter(self._sorted().responses.get(method, ()))
        return (m for m in self._sorted().answers.get(status, ()) if method in ("", m.method))

    def transactions_of(self, method: str) -> Sequence[Transaction]:
        """Transactions of one method, in order of appearance."""
        return self._sorted().transactions.get(method, ())

    def subscriptions_to(self, package: str) -> Iterator[Subscription]:
        """Subscriptions of one event package, in order of appearance."""
        return iter(self._sorted().subscriptions.get(package, ()))

    def _sorted(self) -> _Sorted:
        """Hundreds of checks ask for a few messages each: they are sorted once, and again when the trace has grown."""
        if self._shelves.size != len(self.messages):
            self._shelves = _Sorted.of(self)
        return self._shelves

    def let_go(self) -> None:
        """Parts the messages from what they belong to. They point at each other in rings, and without the rings all
        memory comes back with the last reference. Not for a trace that somebody will still ask."""
        for message in self.messages:
            message.transaction = message.dialog = message.subscription = message.repeats = None
