"""The timers of RFC 3261 §17 (Table 4), in seconds, derived from the three a network is configured with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timers:
    """T1 estimates a round trip, T2 caps retransmission of requests, T4 is how long a message may linger."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0

    @property
    def give_up(self) -> float:
        """64*T1: timers B, F, H, J, M and N."""
        return 64 * self.t1

    @property
    def wait_for_answers(self) -> float:
        """Timer D: how long a client keeps answering repeated finals on an unreliable transport (§17.1.1.2)."""
        return max(32.0, self.give_up)

    def next_retransmission(self, last: float, *, capped: bool = True) -> float:
        """The interval after `last`: doubled, for non-INVITE requests and finals capped at T2."""
        return min(2 * last, self.t2) if capped else 2 * last
