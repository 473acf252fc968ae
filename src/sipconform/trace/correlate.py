"""From messages to evidence: which answers belong to which request, which requests to which dialog.

Everything is told apart per hop, that is per pair of addresses: a proxy in the capture shows one call as two
conversations with the same Call-ID, and neither may be blamed for the other's numbers. On streams a client's
ephemeral port stands for the port its Via names, so that both directions of one peer meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from itertools import chain

from sipconform.sip.message import Message
from sipconform.trace.packet import Address, Note, Observation, Packet, address_of, is_keep_alive
from sipconform.trace.roles import Roles
from sipconform.trace.trace import Dialog, Subscription, Trace, Transaction, WireMessage

FIRST_TO_CREATE = {"INVITE": 101, "SUBSCRIBE": 200, "REFER": 200}
"""The lowest status that creates a dialog, by method; none from 300 on does (RFC 3261 §12.1, RFC 6665 §4.1.2.4)."""
DEFAULT_PORT = {"udp": 5060, "tcp": 5060, "tls": 5061}


def correlate(evidence: Iterable[Packet | Observation | Note]) -> Trace:
    """Reads everything into one trace. For captures too long for memory see `trace.parts`."""
    correlator = Correlator()
    for item in evidence:
        if isinstance(item, Packet):
            correlator.take(item)
        elif isinstance(item, Observation):
            correlator.observe(item)
        else:
            correlator.trace.notes.append(item)
    return correlator.finish()


@dataclass(slots=True)
class Correlator:
    """Adds one message after the other to a trace; `finish()` gives it out."""

    trace: Trace = field(default_factory=Trace)
    _roles: Roles = field(default_factory=Roles)
    _behind: dict[tuple[str, str, int], Address] = field(default_factory=dict)  # stream clients behind a NAT
    _transactions: dict[tuple[str, str, Address, Address], Transaction] = field(default_factory=dict)
    _dialogs: dict[tuple[str, frozenset[str], frozenset[Address]], Dialog] = field(default_factory=dict)
    _subscriptions: dict[str, list[Subscription]] = field(default_factory=dict)

    def take(self, packet: Packet) -> None:
        """One packet: a message, or a sign of life between two."""
        if is_keep_alive(packet.payload):
            self.trace.keep_alives.append(packet)
            self.trace.end_ns = max(self.trace.end_ns, packet.time_ns)
        else:
            self.add(WireMessage(packet))

    def add(self, message: WireMessage) -> None:
        trace = self.trace
        message.number = len(trace.messages)
        trace.messages.append(message)
        packet = message.packet
        if not trace.start_ns or packet.time_ns < trace.start_ns:
            trace.start_ns = packet.time_ns
        trace.end_ns = max(trace.end_ns, packet.time_ns)
        if message.is_request:
            if packet.transport != "udp":
                self._learn_listening_port(message)
            self._add_request(message)
        elif message.is_response:
            self._add_response(message)

    def observe(self, observation: Observation) -> None:
        trace = self.trace
        trace.observations.append(observation)
        trace.end_ns = max(trace.end_ns, observation.time_ns)
        if observation.kind == "lab":
            self._roles.registering |= _addresses(observation.what.get("phones"))
            self._roles.registrars |= _addresses(observation.what.get("servers"))

    def finish(self) -> Trace:
        """The trace, with everybody's role settled."""
        self.trace.phones, self.trace.servers = self._roles.settled()
        return self.trace

    def _ends(self, packet: Packet) -> tuple[Address, Address]:
        """Who sent a packet and to whom, stream clients by the port they listen on."""
        aliases = self.trace.aliases
        if not aliases:
            return packet.source, packet.destination
        return aliases.get(packet.source, packet.source), aliases.get(packet.destination, packet.destination)

    def _learn_listening_port(self, request: WireMessage) -> None:
        """Behind a NAT the port in Via is nobody's: there a device goes by the first connection it was seen on."""
        via, source = request.top_via, request.source
        if not via or source in self.trace.aliases:
            return
        port = via.port or DEFAULT_PORT[request.transport]
        if _is_private(via.host, source):
            self.trace.aliases[source] = self._behind.setdefault((source.host, via.host, port), source)
        else:
            self.trace.aliases[source] = Address(source.host, port)

    # -- transactions ---------------------------------------------------------------------------------------

    def _add_request(self, request: WireMessage) -> None:
        client, server = self._ends(request.packet)
        transaction = self._transaction_of_request(request, client, server)
        request.transaction = transaction
        sent = transaction.requests
        first = next((r for r in sent if r.cseq_number == request.cseq_number), None) if sent else None
        if request.method == "ACK" and transaction.method == "INVITE":
            request.repeats = transaction.acks[0] if transaction.acks else None
            transaction.acks.append(request)
        else:
            request.repeats = first
            transaction.request = transaction.request or request
            sent.append(request)
        if request.to_tag or request.method in FIRST_TO_CREATE:
            # The ACK to an error has a To tag too, and that names no dialog.
            self._place(request, transaction, client, server, creates=request.method == transaction.method)

    def _transaction_of_request(self, request: WireMessage, client: Address, server: Address) -> Transaction:
        branch, method = request.branch, request.method
        if not branch.startswith("z9hG4bK"):  # RFC 2543 style: the branch names nothing, Call-ID and CSeq must
            branch = f"{branch}|{request.call_id}|{request.cseq_number}|{request.from_tag}"
        if method == "ACK":
            invite = self._transactions.get((branch, "INVITE", client, server))
            if invite is not None and not invite.succeeded:
                return invite
        known = self._transactions.get((branch, method, client, server))
        if known is None:
            known = self._new_transaction(method, branch, client, server)
        if method == "CANCEL" and known.invite is None:
            known.invite = self._transactions.get((branch, "INVITE", client, server))
        return known

    def _new_transaction(self, method: str, branch: str, client: Address, server: Address) -> Transaction:
        transaction = Transaction(method, branch, client, server)
        self._transactions[branch, method, client, server] = transaction
        self.trace.transactions.append(transaction)
        self._roles.note(method, client, server)
        return transaction

    def _add_response(self, response: WireMessage) -> None:
        server, client = self._ends(response.packet)
        branch, method = response.branch, response.method
        if not branch.startswith("z9hG4bK"):
            branch = f"{branch}|{response.call_id}|{response.cseq_number}|{response.from_tag}"
        transaction = self._transactions.get((branch, method, client, server))
        if transaction is None:
            transaction = self._new_transaction(method, branch, client, server)
        response.transaction = transaction
        before = transaction.responses
        response.repeats = next((r for r in before if _repeats(response, r)), None) if before else None
        before.append(response)
        if transaction.final is None and response.status >= 200:
            transaction.final = response
        request = transaction.request
        if response.to_tag and (method in FIRST_TO_CREATE or (request is not None and request.dialog is not None)):
            within = request is not None and bool(request.to_tag)
            creates = within or FIRST_TO_CREATE.get(method, 300) <= response.status < 300
            self._place(response, transaction, client, server, creates=creates)

    # -- dialogs and subscriptions --------------------------------------------------------------------------

    def _place(
        self, message: WireMessage, transaction: Transaction, client: Address, server: Address, *, creates: bool
    ) -> None:
        """`creates`: its tags name a dialog even if none is known by them yet."""
        dialog = _dialog_of_request(message, transaction)
        if dialog is None:
            dialog = self._dialog_of(message, transaction, frozenset((client, server)), creates)
        if dialog is not None:
            message.dialog = dialog
            dialog.messages.append(message)
            if message.is_request and message.repeats is None and message.method != "ACK":
                dialog.transactions.append(transaction)
        if message.method in ("SUBSCRIBE", "NOTIFY"):
            self._place_in_subscription(message, transaction, client, server)

    def _dialog_of(
        self, message: WireMessage, transaction: Transaction, parties: frozenset[Address], creates: bool
    ) -> Dialog | None:
        if not (message.from_tag and message.to_tag):
            return None
        key = (message.call_id, frozenset((message.from_tag, message.to_tag)), parties)
        dialog = self._dialogs.get(key)
        if dialog is None:
            if not creates:
                return None
            dialog = self._dialogs[key] = Dialog(*key)
            self.trace.dialogs.append(dialog)
        request = transaction.request
        if creates and message.is_response and request is not None and not request.to_tag and not dialog.began_here:
            dialog.began_here = True
            dialog.messages.insert(0, request)
            dialog.transactions.insert(0, transaction)
            request.dialog = request.dialog or dialog
        return dialog

    def _place_in_subscription(
        self, message: WireMessage, transaction: Transaction, client: Address, server: Address
    ) -> None:
        first = transaction.request
        if message.is_response or message.repeats is not None:
            message.subscription = first.subscription if first is not None else None
            if message.subscription is not None and message.dialog is not None:
                message.subscription.dialog = message.subscription.dialog or message.dialog
            return
        subscribing = message.method == "SUBSCRIBE"
        subscriber, notifier = (client, server) if subscribing else (server, client)
        subscription = self._subscription_of(message, subscriber, notifier)
        message.subscription = subscription
        subscription.dialog = subscription.dialog or message.dialog
        (subscription.subscribes if subscribing else subscription.notifies).append(transaction)

    def _subscription_of(self, request: WireMessage, subscriber: Address, notifier: Address) -> Subscription:
        package, id_ = _event_of(request)
        subscribing = request.method == "SUBSCRIBE"
        theirs, ours = (request.to_tag, request.from_tag) if subscribing else (request.from_tag, request.to_tag)
        known = self._subscriptions.setdefault(request.call_id, [])
        near = [s for s in known if s.subscriber == subscriber and s.notifier == notifier]
        if package:
            same = [s for s in near if s.package == package]
            near = [s for s in same if s.id == id_] or ([] if subscribing else same)
        own = [s for s in near if s.subscriber_tag == ours]
        for subscription in _likeliest(own, theirs, begins=subscribing and not theirs):
            subscription.notifier_tag = subscription.notifier_tag or theirs
            return subscription
        mangled = [s for s in near if not subscribing and s.subscriber_tag == theirs]
        if mangled:  # From and To the wrong way round: it belongs here, and is to be judged here
            return mangled[0]
        subscription = Subscription(request.call_id, package, id_, subscriber, notifier)
        subscription.subscriber_tag, subscription.notifier_tag = ours, theirs
        if subscribing:
            subscription.began_here = not request.to_tag
            subscription.resource = _aor(request.text("To"))
        elif own:  # the SUBSCRIBE forked (RFC 6665 §4.4.1): every fork has the same beginning
            subscription.began_here = own[-1].began_here
            subscription.resource = own[-1].resource
            subscription.subscribes = own[-1].subscribes[:1]
        known.append(subscription)
        self.trace.subscriptions.append(subscription)
        return subscription


def _likeliest(own: list[Subscription], theirs: str, *, begins: bool) -> Iterator[Subscription]:
    """Which of a subscriber's subscriptions a request belongs to: the one of that notifier's tag, else the newest
    whose notifier is not known yet. A SUBSCRIBE that `begins` something belongs to an earlier one only while that has
    not been accepted: after a challenge, say."""
    if begins:
        return (s for s in own[-1:] if not s.notifier_tag and not any(t.succeeded for t in s.subscribes))
    known = (s for s in own if theirs and s.notifier_tag == theirs)
    return chain(known, (s for s in reversed(own) if not s.notifier_tag))


def _is_private(host: str, source: Address) -> bool:
    """Whether a Via names an address that is not the one it was sent from: the sender is behind a NAT."""
    named = host.strip("[]").lower()
    return named != source.host.lower() and (named.endswith(".invalid") or _is_numeric(named))


@lru_cache(maxsize=1024)
def _is_numeric(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _dialog_of_request(answer: WireMessage, transaction: Transaction) -> Dialog | None:
    """The dialog of an answer that stays in its request's: the everyday case, known without a search."""
    request = transaction.request
    if request is None or answer is request or not request.to_tag:
        return None
    known = (request.from_tag, request.to_tag, request.call_id)
    return request.dialog if known == (answer.from_tag, answer.to_tag, answer.call_id) else None


def _repeats(response: WireMessage, earlier: WireMessage) -> bool:
    if response.raw == earlier.raw:
        return True
    return response.status >= 200 and response.status == earlier.status and response.to_tag == earlier.to_tag


def _event_of(message: Message) -> tuple[str, str]:
    event = message.event
    return (event.package, event.id) if event else ("", "")


def _aor(text: str) -> str:
    """The bare URI of a From or To value, parameters cut off, for naming a resource."""
    uri = text.partition("<")[2].partition(">")[0] if "<" in text else text
    return uri.partition(";")[0].strip()


def _addresses(listed: object) -> set[Address]:
    """The addresses a lab observation lists."""
    read = (address_of(str(text)) for text in listed) if isinstance(listed, list) else ()
    return {address for address in read if address is not None}
