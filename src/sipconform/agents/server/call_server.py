"""Calls through our server, a back-to-back user agent: routing by features, forking, and joining two legs.

Other components take calls first through `intercept`: feature codes, shared lines, hunt groups. What nobody takes is
an ordinary call to a user.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sipconform.agents.call import Leg
from sipconform.agents.requests import ServerRequest
from sipconform.agents.server import diverting
from sipconform.agents.server.authentication import Authentication
from sipconform.agents.server.directory import User
from sipconform.agents.server.diverting import Diverted
from sipconform.agents.user_agent import Headers, UserAgent
from sipconform.features.feature_code import dialled_string
from sipconform.features.feature_state import Forward, ForwardType
from sipconform.sip.dialog import without_tag
from sipconform.sip.message import Message

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
SECONDS_A_RING = 6.0
DEFAULT_RINGS = 3
MOST_DIVERSIONS = 5
NOT_OURS = frozenset({401, 405, 407, 415, 420, 421, 422, 423})


@dataclass(eq=False, repr=False)
class Incoming:
    """A new call at the server: `caller` has proved who he is; `dialled`, what he dialled in any form of URI."""

    request: ServerRequest
    caller: User
    dialled: str
    history: list[Diverted] = field(default_factory=list)

    @property
    def identity(self) -> str:
        """From as the caller sent it, without its tag."""
        return without_tag(self.request.message.text("From"))


@dataclass(frozen=True, slots=True)
class Target:
    """One place to ring: the Request-URI, the To value, and header fields for this branch alone."""

    uri: str
    to: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(eq=False, repr=False)
class Session:
    """A caller's leg, the branches that ring for it, and the one that won.

    Session descriptions pass through as they are. `on_failed` may give further targets when every branch has failed
    (a forward on busy); `on_over` hears of the end.
    """

    agent: UserAgent
    caller: Leg
    identity: str
    branches: list[Leg] = field(default_factory=list)
    winner: Leg | None = None
    cancel_reason: str = ELSEWHERE
    on_failed: Callable[[Session, int], Sequence[Target]] | None = None
    on_answered: Callable[[Session], None] | None = None
    on_over: Callable[[Session], None] | None = None
    relay: Headers = ()
    _given_up: asyncio.TimerHandle | None = None
    _rung: set[int] = field(default_factory=set)

    def ring(self, targets: Sequence[Target], give_up_after: float | None = None) -> None:
        """Calls every target at once; after so many seconds without an answer they count as failed with 408."""
        self.caller.on_state = self._caller_changed
        for target in targets:
            branch = Leg(self.agent)
            branch.on_state = self._branch_changed
            branch.on_provisional = self._progressed
            self.branches.append(branch)
            headers = [*self.relay, *target.headers]
            offer = self.caller.remote_sdp
            branch.call(target.uri, target.to, offer, headers, self.identity, answers_later=not offer)
        if give_up_after is not None:
            self._given_up = asyncio.get_running_loop().call_later(give_up_after, self._nobody_answered)

    def _progressed(self, branch: Leg, message: Message) -> None:
        """The caller hears each kind of ringing once, whoever rings (§16.7 forwards all; a B2BUA need not)."""
        status, sdp = message.status, message.content
        if len(self.branches) > 1 and sdp:  # early media of one is no answer for all (§13.2.1)
            status, sdp = 180, b""
        if status > 100 and status not in self._rung:
            self._rung.add(status)
            self.caller.ring(status, sdp=sdp)

    def _branch_changed(self, branch: Leg) -> None:
        if branch.state == "active" and self.winner is None:
            self._won(branch)
        elif branch.state == "active" and branch is not self.winner:
            branch.hang_up(reason=self.cancel_reason)  # two answered at once: one wins, the other is ended
        elif branch.state == "ended" and branch is self.winner:
            self.caller.hang_up()
            self._over()
        elif branch.state == "ended" and self.winner is None:
            self._lost(branch)

    def _won(self, branch: Leg) -> None:
        self.winner = branch
        self._stop_waiting()
        for other in self.branches:
            if other is not branch:
                other.hang_up(reason=self.cancel_reason)
        branch.on_offer = self._pass_offer
        self.caller.on_offer = self._pass_offer
        self.caller.accept(branch.remote_sdp)
        self._answer_late(branch)
        if self.on_answered:
            self.on_answered(self)

    def _answer_late(self, branch: Leg) -> None:
        """Who has offered nothing was offered what the branch said; what his ACK answers is the branch's answer."""
        invite = self.caller.invite
        acknowledged = invite.on_acknowledged if invite else None

        def answered(ack: Message | None) -> None:
            if acknowledged:
                acknowledged(ack)
            if ack is not None:
                branch.answer_late(ack.content)

        if invite is not None:
            invite.on_acknowledged = answered

    def _lost(self, branch: Leg) -> None:
        """Another branch may still answer, unless one declined for all (§16.7 step 6)."""
        if branch.status >= 600:
            for other in self.branches:
                other.hang_up()
        if all(other.state == "ended" for other in self.branches) and self.caller.state == "ringing":
            self._failed(best_status([other.status for other in self.branches]))

    def _nobody_answered(self) -> None:
        for branch in self.branches:
            branch.on_state = None
            branch.hang_up()
        self._failed(480)

    def _failed(self, status: int) -> None:
        self._stop_waiting()
        further = self.on_failed(self, status) if self.on_failed else ()
        if further:
            self.branches.clear()
            self.ring(further)
        else:
            self.caller.reject(own_word(status))
            self._over()

    def _caller_changed(self, caller: Leg) -> None:
        if caller.state != "ended":
            return
        self._stop_waiting()
        for branch in self.branches:
            branch.on_state = None
            branch.hang_up()
        self._over()

    def _pass_offer(self, leg: Leg, request: ServerRequest) -> None:
        """A re-INVITE on one leg becomes one on the other; the answer comes back the same way."""
        other = self.winner if leg is self.caller else self.caller
        if other is None or other.state != "active":
            request.respond(488)
            return
        if request.message.content:
            leg.spawn(self._pass(leg, request, other))
        else:
            self._offer_in_turn(leg, request, other)

    async def _pass(self, leg: Leg, request: ServerRequest, other: Leg) -> None:
        status = await other.reinvite(request.message.content)
        if status < 300:
            leg.agree(request, other.remote_sdp)
        else:
            request.respond(status)

    def _offer_in_turn(self, leg: Leg, request: ServerRequest, other: Leg) -> None:
        """Who offers nothing is offered what the other side said last, and his answer goes to the other as an offer
        (§14.2; RFC 3725 does so between any two)."""
        leg.agree(request, other.remote_sdp)
        acknowledged = request.on_acknowledged

        def answered(ack: Message | None) -> None:
            if acknowledged:
                acknowledged(ack)
            if ack is not None and ack.content and other.state == "active":
                leg.spawn(other.reinvite(ack.content))

        request.on_acknowledged = answered

    def _stop_waiting(self) -> None:
        if self._given_up:
            self._given_up.cancel()
            self._given_up = None

    def _over(self) -> None:
        self._stop_waiting()
        if self.on_over:
            over, self.on_over = self.on_over, None
            over(self)


@dataclass(eq=False, repr=False)
class CallServer:
    """`dnd_status` answers a call to a user who is not to be disturbed; `diversion` says how a forwarded call tells
    of it ("diversion", "history-info", "both", "none")."""

    agent: UserAgent
    authentication: Authentication
    dnd_status: int = 486
    diversion: str = "diversion"
    ring_seconds: float = 60.0
    sessions: list[Session] = field(default_factory=list)
    _interceptors: list[Callable[[Incoming], bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.agent.serve("INVITE", self._invited)

    def intercept(self, take: Callable[[Incoming], bool]) -> None:
        """`take` is asked for every new call, in the order of asking; True means it has taken it."""
        self._interceptors.append(take)

    def forget(self) -> None:
        """Every call is lost, as after a crash; nobody is told."""
        for session in self.sessions:
            for leg in (session.caller, *session.branches):
                leg.on_state = None
                self.agent.detach(leg)
        self.sessions.clear()

    def _invited(self, request: ServerRequest) -> None:
        caller = self.authentication.authenticated(request)
        if caller is None:
            return
        dialled = dialled_string(request.message.request_uri)
        if dialled is None:
            request.respond(416 if request.message.uri else 400)
            return
        incoming = Incoming(request, caller, dialled)
        if not any(take(incoming) for take in self._interceptors):
            self.connect(incoming, incoming.dialled)

    def connect(self, incoming: Incoming, name: str) -> None:
        """An ordinary call to a user, as his features would have it."""
        caller = Leg.offered(self.agent, incoming.request)
        session = Session(self.agent, caller, incoming.identity)
        self.sessions.append(session)
        session.on_over = self._over
        status, targets, give_up = self.route(incoming, name)
        if status:
            caller.reject(status)
            session._over()
            return
        session.on_failed = lambda _, failed: self._forward_failed(incoming, failed)
        session.ring(targets, give_up)

    def _over(self, session: Session) -> None:
        if session in self.sessions:
            self.sessions.remove(session)

    def route(self, incoming: Incoming, name: str) -> tuple[int, list[Target], float]:
        """A refusal, or where to ring and for how long."""
        user = self.authentication.directory.find(name)
        if user is None:
            return 404, [], 0
        forward = user.features.forward(ForwardType.IMMEDIATE)
        if forward is not None and forward.active:
            if len(incoming.history) >= MOST_DIVERSIONS:
                return 482, [], 0
            incoming.history.append(Diverted(name, forward.to, "unconditional"))
            return self._led_on(incoming, forward.to)
        if user.features.dnd:
            return self.dnd_status, [], 0
        contacts = user.contacts(asyncio.get_running_loop().time())
        if not contacts:
            return 480, [], 0
        to = f"<sip:{name}@{self.authentication.directory.domain}>"
        told = tuple(self._told(incoming))
        return 0, [Target(contact, to, told) for contact in contacts], self._patience(user)

    def _led_on(self, incoming: Incoming, target: str) -> tuple[int, list[Target], float]:
        """As `route`, for the number or URI of a forward; one that leads out of the domain is 404 (§21.4.5)."""
        name = self.authentication.directory.name_of(target)
        return (404, [], 0) if name is None else self.route(incoming, name)

    def _patience(self, user: User) -> float:
        forward = user.features.forward(ForwardType.NO_ANSWER)
        if forward is None or not forward.active:
            return self.ring_seconds
        return (forward.rings or DEFAULT_RINGS) * SECONDS_A_RING

    def _forward_failed(self, incoming: Incoming, status: int) -> Sequence[Target]:
        """Busy and no answer may lead on (RFC 5806 names the reasons)."""
        directory = self.authentication.directory
        last = directory.name_of(incoming.history[-1].to) if incoming.history else incoming.dialled
        user = directory.find(last) if last is not None else None
        kind, reason = (ForwardType.BUSY, "user-busy") if status == 486 else (ForwardType.NO_ANSWER, "no-answer")
        forward: Forward | None = user.features.forward(kind) if user else None
        if user is None or forward is None or not forward.active or status not in (486, 480, 408):
            return ()
        incoming.history.append(Diverted(user.name, forward.to, reason))
        refused, targets, _ = self._led_on(incoming, forward.to)
        return () if refused else targets

    def _told(self, incoming: Incoming) -> list[tuple[str, str]]:
        return diverting.told(incoming.history, self.authentication.directory.domain, self.diversion)


def own_word(status: int) -> int:
    """What the caller is told for a branch's refusal: one that would need header fields of the branch (where else to
    call, which credentials, what is understood) is none of ours, and becomes 480."""
    return 480 if status // 100 == 3 or status in NOT_OURS else status


def best_status(statuses: Sequence[int]) -> int:
    """The answer a fork gives its caller (§16.7 step 6): a 6xx, else the lowest class; silence is 408."""
    declined = [s for s in statuses if s >= 600]
    if declined:
        return declined[0]
    return min(statuses, key=lambda s: (s // 100, s), default=480)
