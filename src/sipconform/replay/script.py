"""A capture read as a script: what one side sends, and what it has to wait for, in the recorded order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, Transaction, WireMessage

Side = Literal["phone", "server"]


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One message of the recording: `ours` to be sent by the party at `us`, otherwise to be waited for there."""

    message: WireMessage
    us: Address
    ours: bool
    gap: float  # seconds since the message before it

    @property
    def transaction(self) -> Transaction:
        assert self.message.transaction is not None
        return self.message.transaction

    @property
    def title(self) -> str:
        message = self.message
        what = message.method if message.is_request else f"{message.status} to {message.method}"
        return f"{what} (frame {message.packet.frames[0] if message.packet.frames else message.number + 1})"


@dataclass(frozen=True, slots=True)
class Cue:
    """What the live peer was told to do at this place of the recording, by whoever drove it."""

    who: str
    verb: str
    arguments: dict[str, object]


class NotPlayable(Exception):
    """The recording holds nothing for the side that was asked for."""


def read_cues(trace: Trace, side: Side, steps: list[Step]) -> dict[int, list[Cue]]:
    """The recorded intents of the other side, by the step they come before in the capture."""
    cues: dict[int, list[Cue]] = {}
    for observation in trace.observations:
        if observation.kind != "intent" or (observation.who == "server") != (side == "phone"):
            continue
        told = dict(observation.what)
        verb = str(told.pop("do", ""))
        later = (at for at, step in enumerate(steps) if step.message.packet.frames > observation.frames)
        cues.setdefault(next(later, len(steps)), []).append(Cue(observation.who, verb, told))
    return cues


def read_script(trace: Trace, side: Side, live: Address | None = None) -> list[Step]:
    """The steps of one side. `live` is the recorded party whose part the live peer takes; by default the server
    when we are the phones, else the first phone. Raises NotPlayable.

    A dialog that began before the recording is left out, for nobody knows it here. What is sent again is left to the
    transactions, as are 100 and challenges that our requests met: the live peer makes its own.
    """
    if live is None:
        live = _other_side(trace, side)
    steps: list[Step] = []
    half_seen = _half_seen(trace)
    before = 0
    for message in trace.messages:
        if message.transaction is None or message.repeats is not None or message.status == 100:
            continue
        if message.call_id in half_seen:
            continue
        source, destination = trace.party(message.source), trace.party(message.destination)
        if live not in (source, destination) or _was_challenged(message, source, live):
            continue
        ours = destination == live
        gap = (message.packet.time_ns - before) / 1e9 if before else 0.0
        before = message.packet.time_ns
        steps.append(Step(message, source if ours else destination, ours, max(0.0, gap)))
    if not any(step.ours for step in steps):
        raise NotPlayable(f"the recording holds nothing that the {side} sends")
    return steps


def _half_seen(trace: Trace) -> set[str]:
    """The Call-IDs whose beginning is not in the recording."""
    first: dict[str, WireMessage] = {}
    for message in trace.messages:
        first.setdefault(message.call_id, message)
    return {call_id for call_id, message in first.items() if not message.is_request or message.to_tag}


def parties_of(steps: list[Step]) -> Iterator[Address]:
    """The recorded parties that we play, in order of appearance."""
    yield from dict.fromkeys(step.us for step in steps)


def called_unregistered(steps: list[Step]) -> Iterator[tuple[Address, str]]:
    """Our parties that get a call without having registered in the recording, and as whom."""
    registered = {step.us for step in steps if step.ours and step.message.method == "REGISTER"}
    for step in steps:
        uri = step.message.uri if step.message.is_request and step.message.method == "INVITE" else None
        called = not step.ours and not step.message.to_tag and step.us not in registered
        if called and isinstance(uri, SipUri) and uri.user:
            registered.add(step.us)
            yield step.us, uri.user


def _other_side(trace: Trace, side: Side) -> Address:
    wanted = trace.servers if side == "phone" else trace.phones
    for message in trace.messages:
        for address in (trace.party(message.source), trace.party(message.destination)):
            if address in wanted:
                return address
    other = "server" if side == "phone" else "phone"
    raise NotPlayable(f"nobody in the recording acts as a {other}")


def _was_challenged(message: WireMessage, source: Address, live: Address) -> bool:
    """Whether it belongs to an attempt of ours that met a challenge and was made again."""
    transaction = message.transaction
    assert transaction is not None
    if transaction.invite is not None or transaction.server != live:
        return False
    final = transaction.final
    return final is not None and final.status in (401, 407) and _tried_again(transaction)


def _tried_again(transaction: Transaction) -> bool:
    request, final = transaction.request, transaction.final
    if request is None or final is None:
        return False
    return not (request.has("Authorization") or request.has("Proxy-Authorization")) or "stale" in str(
        final.texts("WWW-Authenticate") + final.texts("Proxy-Authenticate")
    )
