"""Cuts a long capture into parts that nothing crosses, so that memory grows with what is open, not with the file.

Two messages belong to the same part when they share a Call-ID, or when their users (the user parts of From and
To) meet in a chain of such messages: a shared line, its phones, their subscriptions and calls are one part. A
part is given out when everything in it has ended or expired; see `QUIET_NS` and `_lives_until`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter

from sipconform.trace.correlate import Correlator
from sipconform.trace.packet import SILENCE, Note, Observation, Packet, is_keep_alive
from sipconform.trace.trace import Trace, WireMessage

SECOND = 1_000_000_000
QUIET_NS = 64 * SECOND  # twice 64*T1: no retransmission or late answer belongs to it any more
RINGING_NS = 200 * SECOND  # RFC 3261 §16.6 gives a proxied INVITE three minutes (timer C)
CALL_NS = 7200 * SECOND  # a call of which nothing is heard for two hours ended unseen
LONGEST = 86_400  # seconds an announced expiry counts for, at most
LARGEST_PART = 50_000  # messages; beyond that a part is cut, and says so


@dataclass(slots=True, eq=False)
class _Part:
    messages: list[WireMessage] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)  # Call-ID -> open until, ns
    users: set[str] = field(default_factory=set)
    due: int = 0  # when it is next asked whether it is over, ns; 0 for never
    gone: bool = False  # given out, or merged into another
    _ends: list[tuple[int, str]] = field(default_factory=list)  # a heap, the last end first; some have been overtaken

    def stays(self, call_id: str, until: int) -> None:
        """A call is open until then, whatever was said of it before."""
        if self.calls.get(call_id) != until:
            self.calls[call_id] = until
            heapq.heappush(self._ends, (-until, call_id))

    @property
    def open_until(self) -> int:
        """When the last of its calls ends."""
        while -self._ends[0][0] != self.calls[self._ends[0][1]]:
            heapq.heappop(self._ends)
        return -self._ends[0][0]

    def take_in(self, other: _Part) -> None:
        """All of another part is this one's from now on."""
        self.messages += other.messages
        self.users |= other.users
        for call_id, until in other.calls.items():
            self.stays(call_id, until)
        other.gone, other.messages = True, []


def traces(evidence: Iterable[Packet | Observation | Note]) -> Iterator[Trace]:
    """Correlated parts of a capture, each as soon as it is over, the rest at the end.

    A capture that carries the suite's own observations is one run and stays whole. Notes belong to the capture
    as a whole; they are in the last trace.
    """
    return _Cutter().cut(evidence)


class _Cutter:
    def __init__(self) -> None:
        self.by_call: dict[str, _Part] = {}
        self.by_user: dict[str, _Part] = {}
        self.due: list[tuple[int, int, _Part]] = []
        self.observations: list[Observation] = []
        self.notes: list[Note] = []
        self.keep_alives: list[Packet] = []
        self.start_ns = self.now_ns = 0
        self.ticket = 0

    def cut(self, evidence: Iterable[Packet | Observation | Note]) -> Iterator[Trace]:
        for item in evidence:
            if isinstance(item, Packet):
                self.start_ns = self.start_ns or item.time_ns
                self.now_ns = max(self.now_ns, item.time_ns)
                if is_keep_alive(item.payload):
                    self.keep_alives.append(item)
                    continue
                part = self._take(WireMessage(item))
                if len(part.messages) >= LARGEST_PART and not self.observations:
                    yield self._give_out(part, cut=True)
                if self.due and self.due[0][0] < self.now_ns:
                    yield from self._what_is_over()
            elif isinstance(item, Note):
                self.notes.append(item)
            elif item.kind == SILENCE:
                self.now_ns = max(self.now_ns, item.time_ns)
                yield from self._what_is_over()
            else:
                self.observations.append(item)
        yield from self._rest()

    def _what_is_over(self) -> Iterator[Trace]:
        while self.due and self.due[0][0] < self.now_ns and not self.observations:
            at, _, part = heapq.heappop(self.due)
            if part.gone or at != part.due:
                continue
            if part.open_until + QUIET_NS < self.now_ns:
                yield self._give_out(part)
            else:
                self._ask_again(part, part.open_until + QUIET_NS)

    def _rest(self) -> Iterator[Trace]:
        parts = list({id(p): p for p in self.by_call.values()}.values())
        if self.observations and parts:
            whole = parts[0]
            for other in parts[1:]:
                whole.take_in(other)
            parts = [whole]
        for part in parts[:-1]:
            yield self._give_out(part)
        last = self._correlated(parts[-1] if parts else _Part(), self.observations)
        last.notes += self.notes
        last.keep_alives += self.keep_alives
        yield last

    def _take(self, message: WireMessage) -> _Part:
        call_id = message.call_id
        part = self.by_call.get(call_id)
        if part is None:
            part = self._part_for(message)
            self.by_call[call_id] = part
        part.messages.append(message)
        until, ends = _lives_until(message)
        if ends or until > part.calls.get(call_id, 0):
            part.stays(call_id, until)
        if not part.due or (ends and part.due > self.now_ns + QUIET_NS):
            self._ask_again(part, self.now_ns + QUIET_NS)
        return part

    def _ask_again(self, part: _Part, at: int) -> None:
        """One question a part is under way; those that it replaces are passed over."""
        self.ticket += 1
        part.due = at
        heapq.heappush(self.due, (at, self.ticket, part))

    def _part_for(self, message: WireMessage) -> _Part:
        users = {user for user in (_user(message.text("From")), _user(message.text("To"))) if user}
        met = list({id(p): p for p in (self.by_user.get(user) for user in users) if p is not None}.values())
        part = max(met, key=lambda p: len(p.messages), default=_Part())
        for other in met:
            if other is not part:
                part.take_in(other)
                self.by_call.update(dict.fromkeys(other.calls, part))
                self.by_user.update(dict.fromkeys(other.users, part))
        part.users |= users
        self.by_user.update(dict.fromkeys(users, part))
        return part

    def _give_out(self, part: _Part, *, cut: bool = False) -> Trace:
        for call_id in part.calls:
            del self.by_call[call_id]
        for user in part.users:
            del self.by_user[user]
        trace = self._correlated(part, [])
        part.gone, part.messages = True, []  # its tickets may be due much later
        if cut:
            frames = trace.messages[-1].packet.frames
            self.notes.append(Note("cut", f"evidence was cut after {LARGEST_PART} related messages", frames))
        return trace

    def _correlated(self, part: _Part, observations: list[Observation]) -> Trace:
        correlator = Correlator()
        part.messages.sort(key=attrgetter("packet.time_ns", "packet.frames"))
        for message in part.messages:
            correlator.add(message)
        for observation in observations:
            correlator.observe(observation)
        trace = correlator.finish()
        trace.start_ns, trace.end_ns = self.start_ns or trace.start_ns, max(self.now_ns, trace.end_ns)
        return trace


def _user(value: str) -> str:
    """The user part of a From or To value; "" when there is none."""
    at = value.find("@")
    if at < 0:
        return ""
    return value[value.rfind(":", 0, at) + 1 : at]


def _lives_until(message: WireMessage) -> tuple[int, bool]:
    """Until when the thing a message belongs to may still go on by itself, in nanoseconds; whether it ends something,
    so that nothing said before counts."""
    now, method = message.packet.time_ns, message.method
    if method == "NOTIFY":
        seconds, ends = _told(message.text("Subscription-State"))
        return now + SECOND * seconds, ends
    if method in ("SUBSCRIBE", "REGISTER", "PUBLISH"):
        return now + SECOND * _seconds(message.text("Expires") or _parameter(message.text("Contact"))), False
    if method == "INVITE" and message.status < 300:
        return now + (CALL_NS if message.status >= 200 else RINGING_NS), False
    return now, method == "BYE" and message.status >= 200


@lru_cache(maxsize=512)  # one second's NOTIFYs say the same
def _told(state: str) -> tuple[int, bool]:
    """The seconds a Subscription-State leaves, and whether it ends the subscription."""
    return _seconds(_parameter(state).strip()), state.startswith("terminated")


def _parameter(value: str) -> str:
    return value.partition("expires=")[2].partition(";")[0]


def _seconds(text: str) -> int:
    digits = text.lstrip("0")[:6] if text.isascii() and text.isdigit() else ""
    return min(int(digits or 0), LONGEST)
