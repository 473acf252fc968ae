"""The four transaction state machines of RFC 3261 §17 (with RFC 6026's Accepted states), without I/O and clock.

A machine is fed what happens (`received`, `fired`, `respond`) and answers with actions for whoever owns the
socket and the timers. Timer names are the letters of §17.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sipconform.sip.message import Message
from sipconform.sip.timers import Timers


@dataclass(frozen=True, slots=True)
class Send:
    """Put these bytes on the wire, to the peer of this transaction."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand this message to the transaction user."""

    message: Message


@dataclass(frozen=True, slots=True)
class Arm:
    """Call `fired(timer)` after so many seconds; arming a timer again replaces it."""

    timer: str
    after: float


@dataclass(frozen=True, slots=True)
class Stop:
    """The timer is no longer wanted."""

    timer: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Nobody answered within 64*T1."""


@dataclass(frozen=True, slots=True)
class Done:
    """The machine has ended and may be forgotten."""


Action = Send | Deliver | Arm | Stop | TimedOut | Done


@dataclass(slots=True)
class ClientTransaction:
    """§17.1: sends a request until it is answered. `acknowledge` writes the ACK to a non-2xx final (§17.1.1.3)."""

    payload: bytes
    invite: bool
    reliable: bool
    timers: Timers = field(default_factory=Timers)
    state: str = "calling"
    _interval: float = 0.0
    _ack: bytes = b""

    def start(self) -> Iterator[Action]:
        self._interval = self.timers.t1
        yield Send(self.payload)
        if not self.reliable:
            yield Arm("A" if self.invite else "E", self._interval)
        yield Arm("B" if self.invite else "F", self.timers.give_up)

    def fired(self, timer: str) -> Iterator[Action]:
        if timer in "AE":
            proceeding = self.state == "proceeding"  # only a non-INVITE gets here while proceeding: every T2
            following = self.timers.next_retransmission(self._interval, capped=not self.invite)
            self._interval = self.timers.t2 if proceeding else following
            yield Send(self.payload)
            yield Arm(timer, self._interval)
        elif timer in "BF" and self.state in ("calling", "proceeding"):
            yield TimedOut()
            yield from self._end()
        else:  # D, K, M: nothing can arrive any more
            yield from self._end()

    def received(self, response: Message, ack: bytes = b"") -> Iterator[Action]:
        """`ack` is the ACK to send if `response` is the first non-2xx final to an INVITE."""
        if response.status < 200:
            yield from self._provisional(response)
        elif self.state in ("calling", "proceeding"):
            yield Deliver(response)
            yield from self._completed(response, ack)
        elif self.state == "completed" and self.invite and response.status >= 300:
            yield Send(self._ack)
        elif self.state == "accepted" and response.status < 300:
            yield Deliver(response)  # another 2xx, perhaps of another fork: the core must ACK each (§13.2.2.4)

    def _provisional(self, response: Message) -> Iterator[Action]:
        if self.state == "calling":
            self.state = "proceeding"
            if self.invite:
                yield Stop("A")
                yield Stop("B")
        if self.state == "proceeding":
            yield Deliver(response)

    def _completed(self, response: Message, ack: bytes) -> Iterator[Action]:
        for timer in "ABEF":
            yield Stop(timer)
        if self.invite and response.status < 300:
            self.state = "accepted"
            yield Arm("M", self.timers.give_up)
            return
        self.state = "completed"
        if self.invite:
            self._ack = ack
            yield Send(ack)
        linger = self.timers.wait_for_answers if self.invite else self.timers.t4
        if self.reliable:
            yield from self._end()
        else:
            yield Arm("D" if self.invite else "K", linger)

    def _end(self) -> Iterator[Action]:
        self.state = "terminated"
        yield Done()


@dataclass(slots=True)
class ServerTransaction:
    """§17.2: absorbs repeated requests and repeats the answer. Finals to INVITE are repeated until the ACK."""

    invite: bool
    reliable: bool
    timers: Timers = field(default_factory=Timers)
    state: str = "proceeding"
    _last: bytes = b""
    _interval: float = 0.0

    @property
    def answered_provisionally(self) -> bool:
        """Whether anything has been sent yet."""
        return bool(self._last)

    def repeated(self) -> Iterator[Action]:
        """The request came again: the same answer again (§17.2.1, §17.2.2); a 2xx is repeated by its own timer."""
        if self._last and self.state in ("proceeding", "completed"):
            yield Send(self._last)

    def respond(self, status: int, payload: bytes) -> Iterator[Action]:
        """Sends an answer. A second final is refused silently: the first one stands."""
        if self.state != "proceeding":
            return
        self._last = payload
        yield Send(payload)
        if status < 200:
            return
        if self.invite:
            self.state = "accepted" if status < 300 else "completed"
            self._interval = self.timers.t1
            if status < 300 or not self.reliable:  # a 2xx crosses proxies: repeated on any transport (§13.3.1.4)
                yield Arm("G", self._interval)
            yield Arm("H", self.timers.give_up)
        else:
            self.state = "completed"
            yield Arm("J", 0 if self.reliable else self.timers.give_up)

    def acknowledged(self) -> Iterator[Action]:
        """The ACK has come."""
        if self.state in ("completed", "accepted"):
            self.state = "confirmed"
            yield Stop("G")
            yield Stop("H")
            yield Arm("I", 0 if self.reliable else self.timers.t4)

    def fired(self, timer: str) -> Iterator[Action]:
        if timer == "G":
            self._interval = self.timers.next_retransmission(self._interval)
            yield Send(self._last)
            yield Arm("G", self._interval)
            return
        if timer == "H":
            yield Stop("G")
            yield TimedOut()
        self.state = "terminated"
        yield Done()
