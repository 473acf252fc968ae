"""A capture read as a script: what one side sends, and what it has to wait for, in the recorded order."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Literal

from sipconform.checks.told import places
from sipconform.sip.digest import parse_credentials
from sipconform.sip.fault import Fault
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, Transaction, WireMessage

Side = Literal["phone", "server"]
_CREDENTIALS = ("Authorization", "Proxy-Authorization")


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One message of the recording: `ours` to be sent by the party at `us` to the one whose part the live peer takes,
    otherwise to be waited for there."""

    message: WireMessage
    us: Address
    live: Address
    ours: bool
    gap: float  # seconds since the message before it
    challenged: bool = False  # a request of ours that was made before, and challenged

    @property
    def transaction(self) -> Transaction:
        assert self.message.transaction is not None
        return self.message.transaction

    @property
    def title(self) -> str:
        return title_of(self.message)


def title_of(message: WireMessage) -> str:
    """A recorded message as a stopped replay names it: "200 to INVITE (frame 7)"."""
    what = message.method if message.is_request else f"{message.status} to {message.method}"
    return f"{what} (frame {message.packet.frames[0] if message.packet.frames else message.number + 1})"


@dataclass(frozen=True, slots=True)
class Cue:
    """What the live peer was told to do at this place of the recording, by whoever drove it."""

    who: str
    verb: str
    arguments: dict[str, object]
    gap: float = 0.0  # seconds since the message before it


class NotPlayable(Exception):
    """The recording holds nothing for the side that was asked for."""


def read_cues(trace: Trace, side: Side, steps: list[Step]) -> dict[int, list[Cue]]:
    """The recorded intents of the live party, by the step they come before in the capture. Where the lab did not
    record who is where, those of the whole other side."""
    actors = places(trace)
    cues: dict[int, list[Cue]] = {}
    for observation in trace.observations:
        if observation.kind != "intent":
            continue
        place = actors.get(observation.who)
        if place != str(steps[0].live) if place else (observation.who == "server") != (side == "phone"):
            continue
        told = dict(observation.what)
        verb = str(told.pop("do", ""))
        later = (at for at, step in enumerate(steps) if step.message.packet.frames > observation.frames)
        at = next(later, len(steps))
        before = steps[at - 1].message.packet.time_ns if at else observation.time_ns
        gap = max(0, observation.time_ns - before) / 1e9
        cues.setdefault(at, []).append(Cue(observation.who, verb, told, gap))
    return cues


def read_script(trace: Trace, side: Side, live: Address | None = None) -> list[Step]:
    """The steps of one side. `live` is the recorded party whose part the live peer takes; by default the server
    when we are the phones, else the first phone. Raises NotPlayable.

    A dialog that began before the recording is left out, for nobody knows it here. What is sent again is left to the
    transactions, as are 100 and challenges that our requests met: the live peer makes its own, and its own OPTIONS
    outside dialogs.
    """
    if live is None:
        live = other_side(trace, side)
    steps: list[Step] = []
    half_seen, asked_again = set(half_seen_in(trace)), _asked_again(trace)
    challenged = set[tuple[str, str]]()
    before = 0
    for message in trace.messages:
        if message.transaction is None or message.repeats is not None or message.status == 100:
            continue
        if message.call_id in half_seen:
            continue
        source, destination = trace.party(message.source), trace.party(message.destination)
        if live not in (source, destination) or source == destination or _is_ping(trace, message.transaction, live):
            continue
        if _was_challenged(trace, message, live, asked_again):
            challenged.add((message.call_id, message.method))
            continue
        ours = destination == live
        gap = (message.packet.time_ns - before) / 1e9 if before else 0.0
        before = message.packet.time_ns
        again = message.is_request and (message.call_id, message.method) in challenged
        steps.append(Step(message, source if ours else destination, live, ours, max(0.0, gap), again))
    if not any(step.ours for step in steps):
        why = f"the recording holds nothing that the {side} sends"
        if first := next(iter(half_seen_in(trace).values()), None):
            why += f" of what begins in it: {title_of(first)} belongs to something older; give the capture of that too"
        raise NotPlayable(why)
    return steps


def half_seen_in(trace: Trace) -> dict[str, WireMessage]:
    """The calls and subscriptions that began before the recording: Call-ID -> the first message there is of it."""
    first: dict[str, WireMessage] = {}
    for message in trace.messages:
        first.setdefault(message.call_id, message)
    return {call_id: message for call_id, message in first.items() if not message.is_request or message.to_tag}


def parties_of(steps: list[Step], first: Set[Address] = frozenset()) -> list[Address]:
    """The recorded parties that we play, in order of appearance; those of `first` before the others."""
    return sorted(dict.fromkeys(step.us for step in steps), key=lambda party: party not in first)


def user_names(steps: list[Step]) -> dict[Address, str]:
    """The name in the credentials of each party that has shown any."""
    found: dict[Address, str] = {}
    for step in steps:
        if step.ours and step.us not in found and (name := user_name(step.message)):
            found[step.us] = name
    return found


def user_name(message: Message) -> str:
    """The name in a request's credentials, "" without any."""
    for text in (text for name in _CREDENTIALS for text in message.texts(name)):
        credentials = parse_credentials(text)
        if not isinstance(credentials, Fault) and credentials.username:
            return credentials.username
    return ""


def from_user(message: Message) -> str:
    """The user of From, "" where there is none."""
    uri = message.from_.uri if isinstance(message.from_, NameAddr) else None
    return uri.user if isinstance(uri, SipUri) else ""


def called_unregistered(steps: list[Step]) -> Iterator[tuple[Address, str]]:
    """Our parties that get a call without having registered in the recording, and as whom."""
    registered = {step.us for step in steps if step.ours and step.message.method == "REGISTER"}
    for step in steps:
        uri = step.message.uri if step.message.is_request and step.message.method == "INVITE" else None
        called = not step.ours and not step.message.to_tag and step.us not in registered
        if called and isinstance(uri, SipUri) and uri.user:
            registered.add(step.us)
            yield step.us, uri.user


def other_side(trace: Trace, side: Side) -> Address:
    """Whom the live peer stands for unless told otherwise. Raises NotPlayable."""
    wanted = trace.servers or _hub(trace)
    if side == "server":
        wanted = trace.phones or {trace.party(m.source) for m in trace.messages if wanted} - wanted
    for message in trace.messages:
        for address in (trace.party(message.source), trace.party(message.destination)):
            if address in wanted:
                return address
    other = "server" if side == "phone" else "phone"
    raise NotPlayable(f"nobody in the recording acts as a {other}")


def _hub(trace: Trace) -> set[Address]:
    """Where nobody registers: who challenges calls, which only proxies do (RFC 3261 §22.3), or has part in all."""
    proxies = {trace.party(message.source) for message in trace.messages if message.status == 407}
    ends = [{trace.party(message.source), trace.party(message.destination)} for message in trace.messages]
    everywhere = set.intersection(*ends) if ends else set()
    return proxies or (everywhere if len(everywhere) == 1 else set())


def _is_ping(trace: Trace, transaction: Transaction, live: Address) -> bool:
    """Whether the live party only looks whether somebody is there: it does so by its own clock."""
    request = transaction.request
    outside = request is not None and request.method == "OPTIONS" and not request.to_tag
    return outside and trace.party(transaction.client) == live


def _was_challenged(trace: Trace, message: WireMessage, live: Address, asked_again: Set[Transaction]) -> bool:
    """Whether it belongs to an attempt of ours that met a challenge and was made again, or was made without
    credentials, which the live peer may ask for or not."""
    transaction = message.transaction
    assert transaction is not None
    if transaction.invite is not None or trace.party(transaction.server) != live or not _is_challenged(transaction):
        return False
    return transaction in asked_again or (transaction.request is not None and not _credentials(transaction.request))


def _is_challenged(transaction: Transaction) -> bool:
    return transaction.final is not None and transaction.final.status in (401, 407)


def _asked_again(trace: Trace) -> set[Transaction]:
    """What was challenged and then asked again with other credentials: for another realm, by another header field,
    with another nonce."""
    last: dict[tuple[str, Address, str], Transaction] = {}
    found: set[Transaction] = set()
    for transaction in trace.transactions:
        request = transaction.request
        if request is None:
            continue
        before = last.get(key := (request.call_id, transaction.client, request.method))
        last[key] = transaction
        if before is None or before.request is None or not _is_challenged(before):
            continue
        if _credentials(request) - _credentials(before.request):
            found.add(before)
    return found


def _credentials(request: Message) -> set[tuple[str, str, str]]:
    """Of each of a request's credentials the header field, the realm and the nonce."""
    given = ((name, parse_credentials(text)) for name in _CREDENTIALS for text in request.texts(name))
    return {(name, one.realm, one.nonce) for name, one in given if not isinstance(one, Fault)}
