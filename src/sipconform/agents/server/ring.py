"""Rings several places at once; the first that answers has the call, the others are told so (RFC 3326)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sipconform.agents.call import Leg
from sipconform.agents.server.call_server import ELSEWHERE, Target, best_status
from sipconform.agents.server.lines import Device
from sipconform.agents.user_agent import UserAgent
from sipconform.sip.message import Message


@dataclass(eq=False, repr=False)
class Ring:
    """`on_lost` hears the status the caller is due once nobody is left. A refusal silences its own branch only."""

    agent: UserAgent
    identity: str
    on_won: Callable[[Leg], None]
    on_lost: Callable[[int], None]
    on_ringing: Callable[[int], None]  # once for each kind of ringing, whoever rings
    branches: list[Leg] = field(default_factory=list)
    winner: Leg | None = None
    _over: bool = False
    _rung: set[int] = field(default_factory=set)
    _given_up: asyncio.TimerHandle | None = None

    def start(self, targets: Sequence[Target], offer: bytes, give_up_after: float) -> None:
        """Calls them all."""
        self._given_up = asyncio.get_running_loop().call_later(give_up_after, self._give_up)
        for target in targets:
            branch = Leg(self.agent)
            branch.on_state, branch.on_provisional = self._changed, self._progressed
            self.branches.append(branch)
            branch.call(target.uri, target.to, offer, target.headers, self.identity)

    def stop(self, reason: str = "") -> None:
        """The caller has gone: nobody needs to ring any more."""
        self._over = True
        self._stop_waiting()
        for branch in self.branches:
            if branch is not self.winner:
                branch.hang_up(reason=reason)

    def _progressed(self, _: Leg, message: Message) -> None:
        if message.status > 100 and message.status not in self._rung and not self._over:
            self._rung.add(message.status)
            self.on_ringing(message.status)

    def _changed(self, branch: Leg) -> None:
        if branch.state == "active" and branch is not self.winner:
            if self._over:
                branch.hang_up(reason=ELSEWHERE)  # answered in the same moment, or too late
            else:
                self._won(branch)
        elif branch.state == "ended" and not self._over and all(b.state == "ended" for b in self.branches):
            self._lose(best_status([b.status for b in self.branches]))

    def _won(self, branch: Leg) -> None:
        self.winner = branch
        self.stop(ELSEWHERE)
        self.on_won(branch)

    def _give_up(self) -> None:
        self.stop()
        self.on_lost(480)

    def _lose(self, status: int) -> None:
        self._over = True
        self._stop_waiting()
        self.on_lost(status)

    def _stop_waiting(self) -> None:
        if self._given_up:
            self._given_up.cancel()
            self._given_up = None


def answerer(targets: Sequence[Target], leg: Leg) -> Device:
    """The phone of a line that has answered one of these."""
    asked = leg.request.sent.request_uri if leg.request else ""
    address = next((target.to for target in targets if target.uri == asked), "")
    return Device.at(address.partition(":")[2].partition("@")[0], leg.dialog.target)
