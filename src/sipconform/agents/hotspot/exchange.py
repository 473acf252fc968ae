"""Calls through the host: from outside to the whole group, from the clients to each other and out.

The host is two user agents back to back: `line` has the account, `inner` speaks with the clients. Session
descriptions pass through as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sipconform.agents.call import Leg
from sipconform.agents.hotspot.devices import Device, Devices
from sipconform.agents.hotspot.telephone import Telephone
from sipconform.agents.requests import ServerRequest
from sipconform.agents.server.call_server import Session, Target, best_status
from sipconform.agents.server.registrar import user_part
from sipconform.agents.user_agent import UserAgent
from sipconform.features.feature_code import dialled_string
from sipconform.features.hotspot import RingMode, rings
from sipconform.sip.dialog import without_tag
from sipconform.sip.message import Message
from sipconform.sip.uri import escape

RING_SECONDS = 60.0


@dataclass(eq=False, repr=False)
class SharedCall(Session):
    """A session in which the host's own telephone may ring too: whoever answers first has the call."""

    telephone: Telephone = field(kw_only=True)
    rings_here: bool = field(kw_only=True)
    answered_here: bool = False

    def begin(self, targets: Sequence[Target]) -> None:
        """Rings everybody; refuses the call when there is nobody."""
        if not targets and not self.rings_here:
            self.caller.reject(480)
            self._over()
            return
        if self.rings_here:
            self.telephone.share(self.caller, self._refused_here)
        self.ring(targets, RING_SECONDS)
        if self.rings_here:
            self._rung.add(180)
            self.caller.ring()

    def _refused_here(self) -> None:
        self.rings_here = False
        self.telephone.stop_ringing(self.caller)
        self._give_up_if_nobody_rings(486)

    def _caller_changed(self, caller: Leg) -> None:
        if caller.state == "active" and self.winner is None:
            self._answered_here()
        super()._caller_changed(caller)
        if self.rings_here:
            self.telephone.follow(caller)

    def _answered_here(self) -> None:
        self.answered_here = True
        self._stop_waiting()
        for branch in self.branches:
            branch.on_state = None  # an answer that comes all the same is ended by its leg
            branch.hang_up(reason=self.cancel_reason)

    def _won(self, branch: Leg) -> None:
        if self.rings_here:
            self.rings_here = False
            self.telephone.stop_ringing(self.caller, taken_by=user_part(branch.answer.to) if branch.answer else "")
        super()._won(branch)

    def _lost(self, branch: Leg) -> None:
        """A client's refusal silences that client; its 6xx speaks for nobody else."""
        statuses = [other.status if other.status < 600 else 486 for other in self.branches]
        self._give_up_if_nobody_rings(best_status(statuses))

    def _give_up_if_nobody_rings(self, status: int) -> None:
        gone = all(branch.state == "ended" for branch in self.branches)
        if gone and not self.rings_here and self.caller.state == "ringing":
            self._failed(status)


@dataclass(eq=False, repr=False)
class HandedOver(Session):
    """A call that began at the host's telephone and goes on between its peer and a client."""

    def join(self, branch: Leg) -> None:
        """From now on what either says passes to the other; should one have gone meanwhile, the other is ended."""
        self.branches, self.winner = [branch], branch
        self.caller.on_state, self.caller.on_offer = self._caller_changed, self._pass_offer
        branch.on_state, branch.on_offer = self._branch_changed, self._pass_offer
        self._caller_changed(self.caller)
        self._branch_changed(branch)


@dataclass(eq=False, repr=False)
class Exchange:
    """`usable` says whether calls out have a way out; `dials_unregistered` whether the host may call its clients
    without an account that is signed in (guide §2.1.2)."""

    line: UserAgent
    inner: UserAgent
    telephone: Telephone
    devices: Devices
    usable: Callable[[], bool]
    ring_mode: RingMode = RingMode.ALL
    on: bool = False
    dials_unregistered: bool = True
    sessions: list[Session] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.line.serve("INVITE", self.from_outside)
        self.inner.serve("INVITE", self.from_inside)

    # -- what comes in ----------------------------------------------------------------------------------------

    def from_outside(self, request: ServerRequest) -> None:
        """A call to the account: rings as the ring mode says."""
        account = self.line.account
        if account is not None and dialled_string(request.message.request_uri) != account.user:
            request.respond(404)  # nothing but the account can be called from outside
            return
        if not self.on:
            self.telephone.ring_alone(request)
            return
        here, clients = rings(self.ring_mode)
        self._ring(request, self.line, self.devices.known.values() if clients else (), here=here)

    def from_inside(self, request: ServerRequest) -> None:
        """A call by a client: to the host, another client, a group, or out."""
        message = request.message
        caller = self.devices.with_extension(user_part(message.from_))
        dialled = dialled_string(message.request_uri) or ""
        if not self.on or caller is None or not self.devices.serves(caller):
            request.respond(403)
        elif dialled == self.devices.numbering.host:
            self._ring(request, self.inner, (), here=True)
        elif dialled in self.devices.groups:
            others = [d for d in self.devices.members(dialled) if d is not caller]
            self._ring(request, self.inner, others, here=False)
        elif device := self.devices.with_extension(dialled):
            self._ring(request, self.inner, [device], here=False)
        else:
            self._lead_out(request, dialled)

    def _ring(self, request: ServerRequest, side: UserAgent, devices: Iterable[Device], *, here: bool) -> None:
        self._session(request, side, self.inner, here=here).begin(self.targets(devices))

    def _lead_out(self, request: ServerRequest, dialled: str) -> None:
        """A call out speaks with the host's identity."""
        account = self.line.account
        if account is None or not self.usable():
            request.respond(503, "The line is not registered")
            return
        session = self._session(request, self.inner, self.line, here=False)
        session.identity = account.name_addr
        uri = f"sip:{escape(dialled)}@{account.domain}"
        session.begin([Target(uri, f"<{uri}>")])

    def _session(self, request: ServerRequest, side: UserAgent, beyond: UserAgent, *, here: bool) -> SharedCall:
        identity = without_tag(request.message.text("From"))
        leg = Leg.offered(side, request)
        session = SharedCall(beyond, leg, identity, telephone=self.telephone, rings_here=here)
        self.sessions.append(session)
        session.on_over = self._over
        return session

    def _over(self, session: Session) -> None:
        if session in self.sessions:
            self.sessions.remove(session)

    # -- whom to ring -------------------------------------------------------------------------------------------

    def targets(self, devices: Iterable[Device]) -> list[Target]:
        """Where these devices are signed in."""
        now = asyncio.get_running_loop().time()
        return [
            Target(contact, f"<sip:{self.devices.extension(device)}@{self.devices.directory.domain}>")
            for device in devices
            for contact in self.devices.contacts(device, now)
        ]

    def dial(self, number: str) -> Leg | None:
        """The host's user dials: a client's number, or one outside. None when the telephone does not even try."""
        device = self.devices.with_extension(number) if self.on else None
        if device is None:
            return self.telephone.begin(number)
        targets = self.targets([device])
        if not targets or not (self.usable() or self.dials_unregistered):
            return None
        return self.telephone.begin_inside(self.inner, targets[0].uri, targets[0].to, self.identity)

    @property
    def identity(self) -> str:
        """How the host calls itself to its clients."""
        return f"<sip:{self.devices.numbering.host}@{self.devices.directory.domain}>"

    # -- transfer -------------------------------------------------------------------------------------------------

    async def transfer(self, leg: Leg, number: str) -> int:
        """Hands the host's call over to a client; gives the client's answer. While the client rings, and when it
        refuses, the host keeps the call."""
        device = self.devices.with_extension(number)
        targets = self.targets([device]) if device else []
        if not targets:
            return 404
        branch = Leg(self.inner)
        branch.call(targets[0].uri, targets[0].to, leg.remote_sdp, identity=leg.dialog.remote)
        status = await branch.outcome()
        if status < 300:
            await leg.reinvite(self.telephone.relabelled(leg, branch.remote_sdp))
            self.telephone.stop_ringing(leg)
            session = HandedOver(self.inner, leg, leg.dialog.remote, on_over=self._over)
            self.sessions.append(session)
            session.join(branch)
        return status


def sender(message: Message) -> tuple[str, int]:
    """The host and port a request says it was sent by (RFC 3261 §18.1.1)."""
    via = message.top_via
    return (via.host.strip("[]"), via.port or 5060) if via else ("", 0)
