"""Requests of the live peer's: which step each stands for, and what becomes of those that stand for none."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from sipconform.agents.requests import ServerRequest
from sipconform.replay.leeway import report
from sipconform.replay.parties import Parties, answer_beside
from sipconform.replay.script import Step
from sipconform.sip.fault import Fault
from sipconform.sip.message import Message
from sipconform.trace.packet import Address
from sipconform.trace.trace import Transaction


class Inbox:
    """Keeps what arrives until a step takes it. `late` is told of a request that comes although its step was left."""

    def __init__(
        self,
        parties: Parties,
        leeway: dict[Transaction, Transaction | None],
        late: Callable[[Step, ServerRequest], None],
    ) -> None:
        self._parties, self._leeway, self._late = parties, leeway, late
        self._waiting: list[tuple[Address, ServerRequest]] = []
        self._told: dict[tuple[Address, str], Hashable] = {}  # party and live Call-ID -> what was reported last
        self._left: list[Step] = []

    def arrived(self, party: Address, request: ServerRequest, ahead: Sequence[Step]) -> bool:
        """Takes what has arrived; True when a step ahead may stand for it. What stands for none is answered here."""
        self._parties.met(party, request)
        self._notice_end(party, request.message)
        if request.message.method == "NOTIFY" and self._is_late(party, request):
            return False
        if any(step.us == party and self._is_wanted(request.message, step) for step in ahead):
            self._waiting.append((party, request))
            return True
        if not self._is_late(party, request):
            answer_beside(request)
        return False

    def _notice_end(self, party: Address, message: Message) -> None:
        """Whether the peer itself ends a call or a subscription."""
        state = message.subscription_state
        ended = isinstance(state, Fault) or state is None or state.state == "terminated"
        if message.method == "BYE" or (message.method == "NOTIFY" and ended):
            self._parties.ended.add((party, message.call_id, message.from_tag))

    def _is_late(self, party: Address, request: ServerRequest) -> bool:
        for step in self._left:
            if step.us == party and self._stands_for(request.message, step) and self._is_due(party, request, step):
                self._left.remove(step)
                self._late(step, request)
                return True
        return False

    def _is_due(self, party: Address, request: ServerRequest, step: Step) -> bool:
        """Whether it repeats what was reported, where the step does."""
        if self._leeway.get(step.transaction, step.transaction) is not None:
            return True
        return self._told.get((party, request.message.call_id)) == report(request.message)

    def take(self, step: Step) -> ServerRequest | None:
        """The first that stands for a step."""
        for at, (party, request) in enumerate(self._waiting):
            if party == step.us and self._stands_for(request.message, step) and self._is_due(party, request, step):
                del self._waiting[at]
                if request.message.method == "NOTIFY":
                    self._told[party, request.message.call_id] = report(request.message)
                return request
        return None

    def leave(self, step: Step) -> None:
        """A step whose request has not come and need not come."""
        self._left.append(step)

    def methods(self, party: Address) -> list[str]:
        """What is waiting for one of our parties."""
        return [request.message.method for to, request in self._waiting if to == party]

    def answer_the_rest(self) -> None:
        """Answers what came besides the recording, so that the peer does not send it for ever."""
        for _, request in self._waiting:
            answer_beside(request)
        self._waiting.clear()

    def _is_wanted(self, live: Message, step: Step) -> bool:
        return not step.ours and step.message.is_request and self._stands_for(live, step)

    def _stands_for(self, live: Message, step: Step) -> bool:
        recorded = step.message
        if live.method != recorded.method or _package(live) != _package(recorded):
            return False
        alike = bool(live.to_tag) == bool(recorded.to_tag) or recorded.method == "NOTIFY"
        return alike and self._parties.stands_for(step, live)


def _package(message: Message) -> str:
    return message.text("Event").partition(";")[0].strip().lower()
