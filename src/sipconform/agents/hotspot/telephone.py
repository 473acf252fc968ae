"""The host's own telephone: it shares the calls from outside with the clients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sipconform.agents.call import Leg
from sipconform.agents.phone.calls import Calls
from sipconform.agents.requests import ServerRequest
from sipconform.agents.user_agent import UserAgent


@dataclass(eq=False, repr=False)
class Telephone(Calls):
    """`shared` are the calls that ring elsewhere too, each with what a refusal here means."""

    shared: dict[Leg, Callable[[], None]] = field(default_factory=dict)

    def ring_alone(self, request: ServerRequest) -> None:
        """An ordinary call for this telephone."""
        self.invited(request)

    def share(self, leg: Leg, refused: Callable[[], None]) -> None:
        """Rings here, and maybe elsewhere; whoever shares the call tells by `follow` what becomes of it."""
        self._new(leg)
        self.shared[leg] = refused
        self._changed(leg)

    def follow(self, leg: Leg) -> None:
        """The state of a shared call has changed."""
        if leg.state != "ringing":
            self.shared.pop(leg, None)
        self._changed(leg)

    def stop_ringing(self, leg: Leg, taken_by: str = "") -> None:
        """The call goes on without this telephone."""
        self.shared.pop(leg, None)
        if leg in self.legs:
            self.legs.remove(leg)
        if taken_by:
            self.taken_elsewhere.append(taken_by)
        self._changed(leg)

    def refuse_call(self, leg: Leg, status: int = 486) -> None:
        """The user refuses: a shared call rings on elsewhere."""
        if refused := self.shared.get(leg):
            refused()
        else:
            leg.reject(status)

    def begin_inside(self, agent: UserAgent, uri: str, to: str, identity: str) -> Leg:
        """Calls a client at its own address."""
        leg = self._new(Leg(agent))
        leg.call(uri, to, self.offer(leg), identity=identity)
        return leg

    def relabelled(self, leg: Leg, sdp: bytes) -> bytes:
        """Another party's description under the origin this leg has had so far, one version on (RFC 3264 §8)."""
        session = self._next(leg)
        rows = sdp.split(b"\r\n")
        host = self._host
        kind = "IP6" if ":" in host else "IP4"
        origin = f"o=- {session.id} {session.version} IN {kind} {host}".encode()
        return b"\r\n".join(origin if row.startswith(b"o=") else row for row in rows)
