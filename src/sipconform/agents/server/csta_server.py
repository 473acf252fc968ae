"""uaCSTA at the server: it calls each phone that registers and keeps a session of its own with it (ECMA TR/87).

The phone is told what changed and tells what its user pressed, all in one dialog by INFO. A session remembers what
its phone knows, so that nothing is told back to whoever said it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sipconform.agents.call import Leg
from sipconform.agents.csta import HEADERS, INFO_HEADERS, greeting, read_info
from sipconform.agents.requests import ServerRequest
from sipconform.agents.server.directory import Binding, User
from sipconform.agents.server.feature_server import FeatureServer
from sipconform.agents.server.registrar import Registrar
from sipconform.agents.user_agent import Headers, UserAgent
from sipconform.features.csta import (
    CONTENT_TYPE,
    CstaDocument,
    csta,
    error,
    forwarding_response,
    parse_csta,
    resulting_state,
)
from sipconform.features.feature_state import FeatureState, ForwardType
from sipconform.features.reginfo import ContactEvent
from sipconform.sip.fault import Fault
from sipconform.sip.message import Message

LATER = 5.0  # seconds within which the answer to a service may follow in an INFO of its own
EVENT_WORDS = ("ForwardingEvent", "forwardStatus", "forwardTo")
SET_WORDS = ("SetForwarding", "activateForward", "forwardDN")
Form = Literal["event", "set"]
Subject = tuple[ForwardType | None, bool | None, str]  # which feature (None: do not disturb), and its value


@dataclass(eq=False, repr=False)
class CstaSession:
    """One phone's session. `told` is what the phone is known to show, `reference` its monitor, "" without one."""

    server: CstaServer
    user: User
    contact: str
    leg: Leg
    reference: str = ""
    told: FeatureState = field(default_factory=FeatureState)
    _expected: list[Subject] = field(default_factory=list)  # what we asked the phone to set
    _refresh: asyncio.TimerHandle | None = None
    _monitored: asyncio.Event = field(default_factory=asyncio.Event)
    _telling: asyncio.Lock = field(default_factory=asyncio.Lock)
    _line: asyncio.Lock = field(default_factory=asyncio.Lock)
    _awaited: dict[str, asyncio.Future[CstaDocument]] = field(default_factory=dict)  # answers that may come by INFO

    @property
    def device(self) -> str:
        return f"sip:{self.user.name}@{self.server.features.authentication.directory.domain}"

    async def open(self) -> None:
        """INVITE, MonitorStart, and whatever the phone should know and does not."""
        leg, edition = self.leg, self.server.edition
        leg.content_type, leg.on_request, leg.on_state = CONTENT_TYPE, self._asked, self._changed
        leg.on_offer = lambda _, again: leg.agree(again, greeting(again.message), HEADERS)  # the phone may renew it too
        identity = f"<sip:csta@{self.server.features.authentication.directory.domain}>"
        hello = csta("RequestSystemStatus", edition)
        leg.call(self.contact, f"<{self.device}>", hello.to_xml(), HEADERS, identity)
        if await leg.outcome() >= 300:
            self._monitored.set()
            return
        self._refresh_later()
        answer = await self.ask(csta("MonitorStart", edition, monitorObject=self.device))
        self.reference = answer.cross_reference if answer is not None else ""
        self._monitored.set()
        await self.tell()

    async def ask(self, document: CstaDocument) -> CstaDocument | None:
        """Asks for a service; gives the document that answers it: in the 200, or in an INFO of the phone's own a little
        later. None if there is none."""
        name = f"{document.name}Response"
        coming: asyncio.Future[CstaDocument] = asyncio.get_running_loop().create_future()
        self._awaited[name] = coming
        try:
            answer = await self.send(INFO_HEADERS, document.to_xml())
            if answer is None or answer.status >= 300 or answer.content:
                return _document(answer) if answer is not None else None
            async with asyncio.timeout(LATER):
                return await coming
        except TimeoutError:
            return None
        finally:
            self._awaited.pop(name, None)

    async def send(self, headers: Headers, body: bytes) -> Message | None:
        """Sends an INFO, one at a time, for an overtaken one would be refused; a phone that is gone ends it all."""
        async with self._line:
            answer = await self.leg.ask("INFO", headers, body) if self.leg.state == "active" else None
        if answer is None or answer.status in (408, 481):
            self.leg.hang_up()
            return None
        return answer

    async def tell(self) -> None:
        """Tells the phone every feature it does not show as the books have it, when its turn comes: events need a
        monitor, services do not."""
        await self._monitored.wait()
        async with self._telling:
            while self._can_tell and (document := self._news()) is not None:
                if document.name.startswith("Set"):
                    self._expected.append(_subject(document))
                await self.send(INFO_HEADERS, document.to_xml())

    @property
    def _can_tell(self) -> bool:
        return self.leg.state == "active" and (bool(self.reference) or self.server.form == "set")

    def _news(self) -> CstaDocument | None:
        """The first thing the phone has not been told; from now on it counts as told."""
        as_set, now, was = self.server.form == "set", self.user.features, self.told
        about: dict[str, Any] = {"device": self.device}
        if not as_set:
            about["monitorCrossRefID"] = self.reference or None
        if now.dnd is not None and now.dnd != was.dnd:
            self.told = was.with_dnd(now.dnd)
            name = "SetDoNotDisturb" if as_set else "DoNotDisturbEvent"
            return csta(name, self.server.edition, doNotDisturbOn=now.dnd, **about)
        for kind, forward in now.forwards.items():
            if forward != was.forward(kind):
                self.told = was.with_forward(kind, forward)
                name, status, to = SET_WORDS if as_set else EVENT_WORDS
                said: dict[str, Any] = {"forwardingType": kind.value, status: forward.active, to: forward.to}
                return csta(name, self.server.edition, ringCount=forward.rings, **about, **said)
        return None

    def _asked(self, _: Leg, request: ServerRequest) -> None:
        """An INFO of the phone's: what its user pressed, a service it asks for (OpenStage paper §4.5), or the answer
        to one of ours."""
        document = read_info(request)
        if document is not None:
            self._answer(request, document)

    def _answer(self, request: ServerRequest, document: CstaDocument) -> None:
        response = self._response(document)
        body = response.to_xml() if response is not None else b""
        request.respond(200, headers=INFO_HEADERS if body else (), body=body)
        self._hand_over(document)
        state = resulting_state(self.user.features, document)
        if state is None or self._is_stale(document) or self._is_expected(document):
            return
        if state == self.user.features:
            return
        self.told = _forgotten(self.told, document)  # what we said may have crossed this: the phone is told the outcome
        self.server.features.change(self.user, state)
        self.leg.spawn(self.tell())

    def _hand_over(self, document: CstaDocument) -> None:
        """Gives an answer to whoever waits for it; an error to whoever waits longest."""
        refused = document.name == "CSTAErrorCode"
        awaited = next(iter(self._awaited.values()), None) if refused else self._awaited.get(document.name)
        if awaited is not None and not awaited.done():
            awaited.set_result(document)

    def _is_stale(self, document: CstaDocument) -> bool:
        """Whether an event is of another monitor. Ours may not be known yet: its answer and the event may cross."""
        event = document.name.endswith("Event")
        return event and bool(self.reference) and document.cross_reference != self.reference

    def _is_expected(self, document: CstaDocument) -> bool:
        """Whether an event only tells that our own Set was carried out: an older one must not undo a newer."""
        if document.name.endswith("Event") and (told := _subject(document)) in self._expected:
            self._expected.remove(told)
            return True
        self._expected = [other for other in self._expected if other[0] != document.forward_type]
        return False

    def _response(self, document: CstaDocument) -> CstaDocument | None:
        """What a service is answered with; None for events and answers, which get none."""
        edition, name = document.edition or 3, document.name
        if name.endswith(("Event", "Response")) or name == "CSTAErrorCode":
            return None
        features = self.user.features
        if name.startswith("Set") and resulting_state(features, document) is None:
            return error("operation", edition, "invalidParameterValue")
        said: Mapping[str, CstaDocument] = {
            "SetDoNotDisturb": csta(f"{name}Response", edition),
            "SetForwarding": csta(f"{name}Response", edition),
            "MonitorStop": csta(f"{name}Response", edition),
            "RequestSystemStatus": csta(f"{name}Response", edition, systemStatus="normal"),
            "GetDoNotDisturb": csta(f"{name}Response", edition, doNotDisturbOn=features.dnd),
            "GetForwarding": forwarding_response(features, edition),
        }
        return said.get(name) or error("operation", edition)

    async def stop(self) -> None:
        """Ends the monitor, once it has begun, and the session."""
        await self._monitored.wait()
        stop = csta("MonitorStop", self.server.edition, monitorCrossRefID=self.reference)
        await self.send(INFO_HEADERS, stop.to_xml())
        self.leg.hang_up()

    def _refresh_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._refresh = loop.call_later(self.server.refresh, lambda: self.leg.spawn(self._refreshed()))

    async def _refreshed(self) -> None:
        hello = csta("RequestSystemStatus", self.server.edition).to_xml()
        if await self.leg.reinvite(hello, HEADERS) < 300:
            self._refresh_later()

    def _changed(self, leg: Leg) -> None:
        if leg.state == "ended":
            self.close()
            self.server.ended(self)

    def close(self) -> None:
        if self._refresh:
            self._refresh.cancel()


@dataclass(eq=False, repr=False)
class CstaServer:
    """`on`: phones that register are called. `form` is how a change is told: by event, or by a service of the phone
    as switching function. `edition` is that of the documents, `refresh` the seconds between re-INVITEs."""

    agent: UserAgent
    features: FeatureServer
    registrar: Registrar
    on: bool = False
    edition: int = 3
    form: Form = "event"
    refresh: float = 900.0
    sessions: dict[str, CstaSession] = field(default_factory=dict)  # by Contact

    def __post_init__(self) -> None:
        self._others = self.registrar.on_binding
        self.registrar.on_binding = self._bound
        self.features.followers.append(self._followed)
        self.agent.serve("INFO", lambda request: request.respond(481))  # never outside a session

    def of(self, user: str) -> list[CstaSession]:
        """The sessions with a user's phones."""
        return [session for session in self.sessions.values() if session.user.name == user]

    def ended(self, session: CstaSession) -> None:
        """A session is over: a phone that answered, and is still registered, is called anew by its next REGISTER."""
        if self.sessions.get(session.contact) is session:
            del self.sessions[session.contact]

    def close(self) -> None:
        for session in self.sessions.values():
            session.close()

    def _bound(self, user: User, binding: Binding, event: ContactEvent) -> None:
        if self._others:
            self._others(user, binding, event)
        here = event in (ContactEvent.REGISTERED, ContactEvent.CREATED, ContactEvent.REFRESHED)
        if event in (ContactEvent.REGISTERED, ContactEvent.CREATED) and (old := self.sessions.get(binding.contact)):
            old.leg.hang_up()  # the phone has started anew and knows nothing of it
        if self.on and here and binding.contact not in self.sessions:
            session = CstaSession(self, user, binding.contact, Leg(self.agent))
            self.sessions[binding.contact] = session
            asyncio.get_running_loop().call_soon(lambda: session.leg.spawn(session.open()))

    def _followed(self, user: User) -> None:
        for session in self.of(user.name):
            session.leg.spawn(session.tell())


def _forgotten(told: FeatureState, document: CstaDocument) -> FeatureState:
    """What a phone is known to show, without the feature a document is about."""
    if document.forward_type is None:
        return replace(told, dnd=None)
    return replace(told, forwards={kind: f for kind, f in told.forwards.items() if kind != document.forward_type})


def _subject(document: CstaDocument) -> Subject:
    return document.forward_type, document.on, (document.forward_to or "") if document.on else ""


def _document(message: Message) -> CstaDocument | None:
    kind = message.content_type
    if not message.content or isinstance(kind, Fault) or kind.type != CONTENT_TYPE:
        return None
    document = parse_csta(message.content)
    return None if isinstance(document, Fault) else document
