"""uaCSTA at the phone: the switching function of one device, for the server it is registered at (ECMA TR/87 §7).

Every request is answered, also by a phone that cannot apply what it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sipconform.agents.call import Leg
from sipconform.agents.csta import HEADERS, INFO_HEADERS, greeting, read_info
from sipconform.agents.requests import ServerRequest
from sipconform.agents.user_agent import Headers, UserAgent
from sipconform.features.csta import (
    CONTENT_TYPE,
    CstaDocument,
    csta,
    device_user,
    error,
    forwarding_response,
    resulting_state,
)
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.sip.fault import Fault
from sipconform.sip.message import Message
from sipconform.trace.packet import Address

ORDINARY = "application/sdp"


@dataclass(eq=False, repr=False)
class Csta:
    """Takes the server's session before it rings as a call. `on` takes part at all, `applies` changes the phone's
    own state. `server` is where sessions are taken from: strangers are refused."""

    agent: UserAgent
    ordinary: Callable[[ServerRequest], None]  # what becomes of every other INVITE
    shown: Callable[[], FeatureState]
    show: Callable[[FeatureState], None]
    server: Address
    on: bool = False
    applies: bool = True
    on_change: Callable[[], None] | None = None  # told of the session and its monitor
    leg: Leg | None = None
    monitor: str = ""
    _monitors: int = 0
    _posted: list[CstaDocument] = field(default_factory=list)
    _line: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.agent.serve("INVITE", self._invited)
        self.agent.serve("INFO", lambda request: request.respond(481))  # never outside a session

    @property
    def connected(self) -> bool:
        return self.leg is not None and self.leg.state == "active"

    async def press_dnd(self, on: bool) -> None:
        """The user presses the key: shown at once, for it is this phone that switches; the server is told."""
        self.show(self.shown().with_dnd(on))
        await self._tell(self._dnd_event(on))

    async def set_forward(self, kind: ForwardType, forward: Forward) -> None:
        """As `press_dnd`."""
        self.show(self.shown().with_forward(kind, forward))
        await self._tell(self._forwarding_event(kind, forward))

    async def stop(self) -> None:
        """Ends the session, as a phone that signs off does."""
        if self.leg is not None:
            self.leg.hang_up()
            await self.leg.settled()

    # -- what the server sends ------------------------------------------------------------------------------------

    def _invited(self, request: ServerRequest) -> None:
        kind = request.message.content_type
        if isinstance(kind, Fault) or kind.type != CONTENT_TYPE:
            self.ordinary(request)
        elif not self.on:
            request.respond(415, headers=[("Accept", ORDINARY)])
        elif not self._is_server(request):
            request.respond(403)
        else:
            self._opened(request)

    def _is_server(self, request: ServerRequest) -> bool:
        """Where the registrar is; a stream may come from any port there."""
        source = request.packet.source
        return source == self.server if request.packet.transport == "udp" else source.host == self.server.host

    def _opened(self, request: ServerRequest) -> None:
        if self.leg is not None:
            self.leg.hang_up()  # the server has begun anew
        self.leg = leg = Leg.offered(self.agent, request)
        self.monitor = ""
        leg.content_type, leg.on_request = CONTENT_TYPE, self._asked
        leg.on_state = lambda changed: self._monitored("") if changed.state == "ended" and changed is self.leg else None
        leg.on_offer = lambda _, again: leg.agree(again, self._greeting(again.message), HEADERS)
        leg.accept(self._greeting(request.message), HEADERS)

    def _greeting(self, message: Message) -> bytes:
        return greeting(message)

    def _asked(self, _: Leg, request: ServerRequest) -> None:
        document = read_info(request)
        if document is not None:
            self._serve(request, document)

    def _serve(self, request: ServerRequest, document: CstaDocument) -> None:
        """Answers first, then follows: what changed by a service is told to the monitor too."""
        response = self._response(document)
        body = response.to_xml() if response is not None else b""
        request.respond(200, headers=INFO_HEADERS if body else (), body=body)
        refused = response is not None and response.name == "CSTAErrorCode"
        state = None if refused or not self.applies else resulting_state(self.shown(), document)
        if state is None:
            return
        self.show(state)
        if document.name == "SetDoNotDisturb":
            self._post(self._dnd_event(state.dnd))
        elif document.name == "SetForwarding" and document.forward_type is not None:
            forward = state.forward(document.forward_type) or Forward()
            self._post(self._forwarding_event(document.forward_type, forward))

    def _response(self, document: CstaDocument) -> CstaDocument | None:
        """The answer to a service; None for events, which have none. Replies are in the edition of the request."""
        edition, name = document.edition or 3, document.name
        if name.endswith("Event"):
            return None
        if document.device and not self._is_me(document.device):
            return error("operation", edition, "invalidDeviceID")
        services = {
            "RequestSystemStatus": lambda: csta(f"{name}Response", edition, systemStatus="normal"),
            "MonitorStart": lambda: self._start_monitor(edition),
            "MonitorStop": lambda: self._stop_monitor(document, edition),
            "GetDoNotDisturb": lambda: csta(f"{name}Response", edition, doNotDisturbOn=self.shown().dnd),
            "GetForwarding": lambda: forwarding_response(self.shown(), edition),
        }
        if self.applies:
            done = lambda: self._set(document, edition)  # noqa: E731
            services |= {"SetDoNotDisturb": done, "SetForwarding": done}
        serve = services.get(name)
        return serve() if serve else error("operation", edition)

    def _set(self, document: CstaDocument, edition: int) -> CstaDocument:
        """Said to be done only where it says legibly what is to be set, and the phone has it."""
        if resulting_state(self.shown(), document) is None:
            return error("operation", edition, "invalidParameterValue")
        return csta(f"{document.name}Response", edition)

    def _start_monitor(self, edition: int) -> CstaDocument:
        self._monitors += 1
        self._monitored(str(self._monitors))
        return csta("MonitorStartResponse", edition, monitorCrossRefID=self.monitor, monitorExistingCalls=True)

    def _stop_monitor(self, document: CstaDocument, edition: int) -> CstaDocument:
        if not self.monitor or document.cross_reference != self.monitor:
            return error("operation", edition, "invalidMonitorCrossRefID")
        self._monitored("")
        return csta("MonitorStopResponse", edition)

    def _monitored(self, reference: str) -> None:
        self.monitor = reference
        if self.on_change:
            self.on_change()

    def _is_me(self, device: str) -> bool:
        account = self.agent.account
        return account is not None and device_user(device) == account.user

    # -- what the server is told ----------------------------------------------------------------------------------

    def _dnd_event(self, on: bool | None) -> CstaDocument:
        account = self.agent.account
        device = account.aor if account else None
        return csta("DoNotDisturbEvent", monitorCrossRefID=self.monitor or None, device=device, doNotDisturbOn=on)

    def _forwarding_event(self, kind: ForwardType, forward: Forward) -> CstaDocument:
        account = self.agent.account
        return csta(
            "ForwardingEvent",
            monitorCrossRefID=self.monitor or None,
            device=account.aor if account else None,
            forwardingType=kind.value,
            forwardStatus=forward.active,
            forwardTo=forward.to,
            ringCount=forward.rings,
        )

    async def send(self, headers: Headers, body: bytes) -> int:
        """Sends any INFO in the session, when its turn comes; gives the status, 481 without a session."""
        async with self._line:
            answer = await self.leg.ask("INFO", headers, body) if self.leg is not None else None
        return answer.status if answer is not None else 481

    async def _tell(self, event: CstaDocument) -> None:
        """Tells an event, and waits until it has been told."""
        self._post(event)
        await self._send_posted()

    def _post(self, event: CstaDocument) -> None:
        """Events leave one after the other, in the order of what happened, as long as somebody monitors."""
        if self.leg is not None and self.connected and self.monitor:
            self._posted.append(event)
            self.leg.spawn(self._send_posted())

    async def _send_posted(self) -> None:
        async with self._line:
            while self._posted and self.leg is not None:
                answer = await self.leg.ask("INFO", INFO_HEADERS, self._posted.pop(0).to_xml())
                if answer is not None and answer.status == 481:
                    self.leg.hang_up()
