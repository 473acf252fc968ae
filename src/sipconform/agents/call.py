"""One leg of a call at one of its ends: its INVITE, its dialog, and what may happen within (RFC 3261 §13-15).

A leg knows nothing of media but the session descriptions it is given; who owns it decides what they say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from sipconform.agents.requests import ClientRequest, ServerRequest
from sipconform.agents.user_agent import Headers, UserAgent
from sipconform.sip.compose import Draft
from sipconform.sip.dialog import Dialog, contact_uri, without_tag
from sipconform.sip.message import Message
from sipconform.sip.offer_answer import compose_refusal
from sipconform.sip.sdp import Sdp

SDP = "application/sdp"
GLARE_WAIT = {"owner": (2.1, 4.0), "other": (0.0, 2.0)}  # seconds before a re-INVITE is tried again (§14.1)


@dataclass(eq=False, repr=False)
class Leg:
    """`state` goes calling/ringing → active → ended. Callbacks are called with the leg first.

    `on_offer` answers a re-INVITE: it gets the request and must respond to it; without one the leg is refused 488.
    `on_request` gets every other request in the dialog (INFO, UPDATE, NOTIFY, REFER); without one 405.
    """

    agent: UserAgent
    dialog: Dialog = field(default_factory=lambda: Dialog("", "", "", "", "", ""))
    state: str = "calling"
    invite: ServerRequest | None = None  # when we were called
    request: ClientRequest | None = None  # when we call
    ack_after: float = 0.0  # seconds by which our ACKs to a 2xx are late
    content_type: str = SDP  # of the bodies of INVITE and its answers: uaCSTA has no session description
    local_sdp: bytes = b""
    remote_sdp: bytes = b""
    status: int = 0  # the final answer to the INVITE, 408 for silence
    ended_by: str = ""  # "us", "peer" or "nobody answered"
    answer: Message | None = None
    on_state: Callable[[Leg], None] | None = None
    on_offer: Callable[[Leg, ServerRequest], None] | None = None
    on_request: Callable[[Leg, ServerRequest], None] | None = None
    on_provisional: Callable[[Leg, Message], None] | None = None
    _final: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _cancel_wanted: str | None = None
    _farewell: Headers = ()  # what BYE says when a 2xx has crossed our CANCEL
    _refused: dict[str, Leg] = field(default_factory=dict)  # To tag -> a fork that answered too late
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)
    _reinviting: bool = False
    _confirmed: asyncio.Event = field(default_factory=asyncio.Event)  # our 2xx was acknowledged, or given up
    _open_offer: ServerRequest | None = None
    _answers_later: bool = False  # our INVITE offered nothing, and the answer to the peer's offer comes in our ACK
    _owed: int = 0  # the number of the INVITE whose 2xx waits for that ACK
    _late_answer: bytes = b""

    # -- we call --------------------------------------------------------------------------------------------

    def call(
        self, uri: str, to: str, sdp: bytes, headers: Headers = (), identity: str = "", *, answers_later: bool = False
    ) -> None:
        """Sends INVITE; the answer comes by `outcome()`. `identity` replaces our From when we speak for another. With
        `answers_later` nothing is offered, and the ACK waits for `answer_late`."""
        self._answers_later = answers_later
        draft = self.agent.new_request("INVITE", uri, to, sender=identity)
        tag = draft.get("From").rpartition("tag=")[2]
        self.dialog = Dialog(draft.get("Call-ID"), without_tag(draft.get("From")), tag, to, "", uri, local_cseq=1)
        self.agent.attach(self)
        draft.add("Contact", self.agent.contact)
        draft.add("Allow", self.agent.allow)
        for name, value in headers:
            draft.add(name, value)
        self.local_sdp = sdp
        if sdp:
            draft.with_body(self.content_type, sdp)
        self.spawn(self._call(draft))

    async def _call(self, draft: Draft) -> None:
        answer = await self.agent.ask(draft, self.dialog, begun=self._begun)
        if self.state == "ended":
            return
        if answer is None or answer.status >= 300:
            self._end("nobody answered" if answer is None else "peer", answer.status if answer else 408, answer)

    def _begun(self, request: ClientRequest) -> None:
        self.request = request
        request.on_provisional = self._progressed
        request.on_answer = self._answered
        self.dialog.local_cseq = request.sent.cseq_number

    def _progressed(self, message: Message) -> None:
        if message.status > 100 and self.state == "calling":
            self.state = "ringing"
        if self._cancel_wanted is not None and self.request is not None:
            self.request.cancel(self._cancel_wanted)
            self._cancel_wanted = None
        if self.on_provisional:
            self.on_provisional(self, message)
        if message.status > 100:
            self._changed()

    def _answered(self, answer: Message) -> None:
        if answer.status >= 300:
            return
        if self.dialog.remote_tag and answer.to_tag != self.dialog.remote_tag and self.state != "calling":
            self._refuse_fork(answer)
            return
        first = self.state in ("calling", "ringing")
        self.dialog.remote_tag = answer.to_tag
        if first:
            self.dialog.routes = answer.values("Record-Route")[::-1]
            self.dialog.refresh_target(answer)
            self.remote_sdp = answer.content or self.remote_sdp
        if not self._answers_later:
            self._acknowledge(answer.cseq_number, self._late_answer)
        elif self.state == "ended":
            self._acknowledge(answer.cseq_number, self._refusal(answer.content))
        else:
            self._owed = answer.cseq_number
        if self.state == "ended":  # the 2xx crossed our CANCEL (§9.1): the call is there, and must be ended
            if self.answer is None:
                self.answer = answer
                self.spawn(self._bye(self._farewell))
        elif first:
            self.state, self.status, self.answer = "active", answer.status, answer
            self._settle(answer.status)
            self._changed()

    def _refuse_fork(self, answer: Message) -> None:
        """Another fork answered too: acknowledged, and again with each repetition, then ended (§13.2.2.4)."""
        if other := self._refused.get(answer.to_tag):
            other._acknowledge(answer.cseq_number, other._late_answer)
            return
        other = self._refused[answer.to_tag] = Leg(
            self.agent, Dialog.from_response(answer), "active", request=self.request
        )
        other._late_answer = self._refusal(answer.content) if self._answers_later else b""
        other._acknowledge(answer.cseq_number, other._late_answer)
        other.spawn(other._bye())

    def _acknowledge(self, number: int, sdp: bytes = b"", of: ClientRequest | None = None) -> None:
        invite = of or self.request
        cseq = self.dialog.local_cseq
        self.dialog.local_cseq = number
        draft = self.agent.in_dialog(self.dialog, "ACK")
        self.dialog.local_cseq = cseq
        for name in ("Authorization", "Proxy-Authorization"):  # those of the INVITE (§13.2.2.4)
            for value in invite.sent.texts(name) if invite else ():
                draft.add(name, value)
        if sdp:
            draft.with_body(self.content_type, sdp)
        send = self.agent.endpoint.send
        if self.ack_after:
            asyncio.get_running_loop().call_later(self.ack_after, send, draft, self.agent.next_hop(draft))
        else:
            send(draft, self.agent.next_hop(draft))

    def answer_late(self, sdp: bytes) -> None:
        """Acknowledges the 2xx that waits for it, with our answer to its offer (§13.2.1)."""
        if self._owed:
            self._late_answer = self.local_sdp = sdp
            self._acknowledge(self._owed, sdp)
            self._answers_later, self._owed = False, 0

    def _refusal(self, offer: bytes) -> bytes:
        return compose_refusal(Sdp(offer), self.agent.endpoint.transports[0].local.host) if offer else b""

    async def outcome(self) -> int:
        """The final answer to our INVITE, or how the call offered to us was settled; 408 for silence."""
        return await asyncio.shield(self._final)

    # -- we are called --------------------------------------------------------------------------------------

    @classmethod
    def offered(cls, agent: UserAgent, request: ServerRequest) -> Leg:
        """The leg of an INVITE that came in. Nothing has been answered yet."""
        leg = cls(agent, Dialog.from_request(request.message, request.to_tag), "ringing", invite=request)
        offer = request.message.sdp  # alone, or one part of several
        leg.remote_sdp = offer.raw if offer is not None else request.message.content
        agent.attach(leg)
        request.on_cancel = lambda: leg._end("peer", 487)
        return leg

    def ring(self, status: int = 180, headers: Headers = (), sdp: bytes = b"") -> None:
        """A provisional answer: 180, or 183 with early media."""
        if self.invite is not None and self.state == "ringing":
            self.invite.respond(status, headers=self._answer_headers(headers, sdp), body=sdp)

    def accept(self, sdp: bytes, headers: Headers = ()) -> None:
        """Answers 200. Without an ACK within 64*T1 the call is ended with BYE (§13.3.1.4)."""
        if self.invite is None or self.state != "ringing":
            return
        self.local_sdp = sdp
        self.state = "active"
        self.invite.on_acknowledged = self._acknowledged
        self.invite.respond(200, headers=self._answer_headers(headers, sdp), body=sdp)
        self._settle(200)
        self._changed()

    def reject(self, status: int = 486, headers: Headers = (), reason: str = "") -> None:
        """Refuses the call."""
        if self.invite is not None and self.state == "ringing":
            self.invite.respond(status, reason, headers=headers)
            self._end("us", status)

    def _answer_headers(self, headers: Headers, sdp: bytes) -> list[tuple[str, str]]:
        routes = self.invite.message.values("Record-Route") if self.invite else []
        record = [("Record-Route", route) for route in routes]
        content = [("Content-Type", self.content_type)] if sdp else []
        packages = [("Allow-Events", self.agent.allow_events)] if self.agent.allow_events else []
        about = [("Contact", self.agent.contact), ("Allow", self.agent.allow), *packages]
        return [*record, *about, *headers, *content]

    def _acknowledged(self, ack: Message | None) -> None:
        self._confirmed.set()
        if ack is None:
            self.hang_up()
        elif ack.content:
            self.remote_sdp = ack.content
            self._changed()

    # -- within the call ------------------------------------------------------------------------------------

    async def reinvite(
        self, sdp: bytes, headers: Headers = (), *, late: bool = False, anew: Callable[[], bytes] | None = None
    ) -> int:
        """Changes the session; gives the final status. 491 is tried again once after the pause of §14.1, and as `anew`
        describes it if the peer's offer was answered meanwhile (RFC 3264 §8). `late`: the re-INVITE offers nothing,
        and the description is the ACK's answer to the peer's offer (§14.1, §13.2.1)."""
        answer = await self._reinvite_once(sdp, headers, late)
        if answer is not None and answer.status == 491 and self.state == "active":
            said = self.local_sdp
            low, high = GLARE_WAIT["owner" if self.request else "other"]
            await asyncio.sleep(self.agent.endpoint.random.uniform(low, high))
            if anew is not None and self.local_sdp is not said:
                sdp = anew()
            answer = await self._reinvite_once(sdp, headers, late)
        if answer is None or answer.status in (408, 481):
            self.hang_up()
        return answer.status if answer is not None else 408

    async def _reinvite_once(self, sdp: bytes, headers: Headers, late: bool) -> Message | None:
        draft = self.agent.in_dialog(self.dialog, "INVITE", headers)
        if sdp and not late:
            draft.with_body(self.content_type, sdp)
        self._reinviting = True
        in_ack = sdp if late else b""
        answer = await self.agent.ask(draft, self.dialog, begun=lambda request: self._watch_reinvite(request, in_ack))
        self._reinviting = False
        if answer is not None and answer.status < 300:
            self.dialog.refresh_target(answer)
            self.local_sdp = sdp or self.local_sdp
            self.remote_sdp = answer.content or self.remote_sdp
            self._changed()
        return answer

    def _watch_reinvite(self, request: ClientRequest, sdp: bytes) -> None:
        def answered(answer: Message) -> None:
            if answer.status < 300:
                self._acknowledge(answer.cseq_number, sdp, request)

        request.on_answer = answered

    async def ask(self, method: str, headers: Headers = (), body: bytes = b"") -> Message | None:
        """Any other request within the call: INFO, UPDATE, REFER, NOTIFY."""
        return await self.agent.ask(self.agent.in_dialog(self.dialog, method, headers, body), self.dialog)

    def hang_up(self, headers: Headers = (), *, reason: str = "", status: int = 603) -> None:
        """Ends it whatever its state: BYE, CANCEL, or a refusal with `status`. `reason` becomes a Reason header."""
        if self.state == "ended":
            return
        told = [("Reason", reason)] if reason else []
        self._farewell = told
        if self.state == "active":
            self.answer_late(self._refusal(self.remote_sdp))
            self._end("us", self.status)
            self.spawn(self._bye_once_confirmed([*headers, *told]))
        elif self.invite is not None:
            self.reject(status, headers)
        else:
            if self.request is None or self.request.cancel(reason) is None:
                self._cancel_wanted = reason  # too early: as soon as a provisional answer allows it (§9.1)
            self._end("us", 487)

    async def _bye_once_confirmed(self, headers: Headers) -> None:
        """The called side says no BYE before the ACK has come, or is not to be hoped for (§15)."""
        if self.invite is not None:
            await self._confirmed.wait()
        await self._bye(headers)

    async def _bye(self, headers: Headers = ()) -> None:
        await self.agent.ask(self.agent.in_dialog(self.dialog, "BYE", headers), self.dialog)

    def received(self, request: ServerRequest) -> None:
        """A request in the dialog, from the peer."""
        method = request.message.method
        if method == "BYE":
            request.respond(200)
            self._end("peer", self.status)
        elif method == "INVITE":
            self._offered_again(request)
        elif self.on_request:
            self.on_request(self, request)
        else:
            request.respond(405, headers=[("Allow", self.agent.allow)])

    def _offered_again(self, request: ServerRequest) -> None:
        if self._reinviting:
            request.respond(491)
            return
        if self._open_offer is not None and not self._open_offer.answered:
            wait = self.agent.endpoint.random.randint(0, 10)
            request.respond(500, headers=[("Retry-After", str(wait))])  # one offer at a time (§14.2)
            return
        self._open_offer = request
        if self.on_offer is None:
            request.respond(488)
            return
        if contact_uri(request.message):
            self.dialog.refresh_target(request.message)
        self.remote_sdp = request.message.content or self.remote_sdp
        self.on_offer(self, request)
        self._changed()

    def agree(self, request: ServerRequest, sdp: bytes, headers: Headers = ()) -> None:
        """Answers a re-INVITE with 200."""
        self.local_sdp = sdp or self.local_sdp
        request.on_acknowledged = self._acknowledged
        content = [("Content-Type", self.content_type)] if sdp else []
        request.respond(200, headers=[("Contact", self.agent.contact), *headers, *content], body=sdp)

    # -- the end --------------------------------------------------------------------------------------------

    def _end(self, by: str, status: int, answer: Message | None = None) -> None:
        if self.state == "ended":
            return
        early = self.state in ("calling", "ringing")
        self.state, self.ended_by = "ended", by
        self.status = status if early else self.status
        self.answer = self.answer or answer
        if self.request is None or not early:
            self.agent.detach(self)
        self._settle(status)
        self._changed()

    def _settle(self, status: int) -> None:
        if not self._final.done():
            self._final.set_result(status)

    def _changed(self) -> None:
        if self.on_state:
            self.on_state(self)

    async def settled(self) -> None:
        """Returns once everything this leg has under way has been answered or given up."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def spawn(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Runs something on behalf of the leg, and keeps it alive until it is over."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
