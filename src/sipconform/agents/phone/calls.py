"""The phone as a telephone: it dials, rings, answers, holds and hangs up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sipconform.agents.call import Leg
from sipconform.agents.phone import journal
from sipconform.agents.phone.audio import Audio
from sipconform.agents.phone.replacing import to_be_replaced
from sipconform.agents.requests import ServerRequest
from sipconform.agents.user_agent import Headers, UserAgent
from sipconform.sip.offer_answer import compose_answer, compose_audio, compose_hold
from sipconform.sip.sdp import Sdp
from sipconform.sip.uri import escape

MEDIA_PORT = 40_000  # offered while no media engine is attached: nothing is sent, nothing heard


@dataclass(slots=True)
class _Session:
    """What the o= line of a leg's descriptions says: an id for life, and a version that grows (RFC 3264 §8); and the
    direction its user wants, which answers keep to as well (RFC 6337 §5.3)."""

    id: int
    version: int = 0
    direction: str = "sendrecv"


@dataclass(eq=False, repr=False)
class Calls:
    """`legs` are the calls of this phone in the order begun. `refuse` decides what a new call is answered with at
    once (DND done by the phone itself), 0 to let it ring. `missed` counts as the display would."""

    agent: UserAgent
    refuse: Callable[[ServerRequest], int] | None = None
    answers_itself: bool = False
    legs: list[Leg] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    taken_elsewhere: list[str] = field(default_factory=list)  # by whom, as far as that was told
    fetched: list[str] = field(default_factory=list)  # Alert-Info's URLs that were asked for: none, they may be hostile
    media_port: int = MEDIA_PORT
    on_change: Callable[[], None] | None = None
    on_incoming: Callable[[Leg], None] | None = None
    decorate: Callable[[Leg], list[tuple[str, str]]] = lambda _: []  # header fields of every INVITE and answer of a leg
    audio: Audio | None = None
    _sessions: dict[Leg, _Session] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.agent.serve("INVITE", self.invited)

    # -- what the user does ---------------------------------------------------------------------------------

    async def dial(self, number: str, headers: Headers = ()) -> Leg:
        """Calls a number of the own domain, and gives the leg once it is answered or refused."""
        leg = self.begin(number, headers)
        await leg.outcome()
        return leg

    def begin(self, number: str, headers: Headers = (), uri: str = "", to: str = "", sender: str = "") -> Leg:
        """Dials, without waiting. `uri` overrides the Request-URI made of the number, `to` the URI in To as well, and
        `sender` what stands in From."""
        account = self.agent.account
        if account is None:
            raise ValueError("a phone needs an account to call")
        uri = uri or f"sip:{escape(number)}@{account.domain}"
        leg = self._new(Leg(self.agent))
        leg.call(uri, f"<{to or uri}>", self.offer(leg), headers, sender)
        return leg

    def answer(self, leg: Leg, headers: Headers = ()) -> None:
        """Lifts the receiver."""
        leg.accept(self._answer_to(leg, leg.remote_sdp), [*headers, *self.decorate(leg)])

    def forwarded_by(self, leg: Leg) -> str:
        """The number the display names as the one who forwarded a call that came in; "" for none."""
        return journal.shown_forwarder(leg.invite.message) if leg.invite else ""

    def tone(self, leg: Leg) -> str:
        """How a call that came in rings; "" for one we made."""
        return journal.tone(leg.invite.message) if leg.invite else ""

    def early_media(self, leg: Leg) -> None:
        """Answers 183 with a session description: an announcement is heard before anybody lifts the receiver."""
        leg.ring(183, sdp=self._answer_to(leg, leg.remote_sdp))

    async def hold(self, leg: Leg, headers: Headers = (), style: str = "sendonly", *, late: bool = False) -> int:
        """Puts the other side on hold; gives the status of the re-INVITE. `late`: only the ACK says so."""
        session = self._sessions[leg]

        def held() -> bytes:
            return compose_hold(self._host, self.media_port, session.id, self._next(leg).version, style)

        status = await leg.reinvite(held(), [*headers, *self.decorate(leg)], late=late, anew=held)
        if status < 300:
            session.direction = "inactive" if style == "inactive" else "sendonly"
        return status

    async def resume(self, leg: Leg, headers: Headers = ()) -> int:
        """Takes the call up again."""
        session = self._sessions[leg]
        held, session.direction = session.direction, "sendrecv"
        decoration = [*headers, *self.decorate(leg)]
        status = await leg.reinvite(self.offer(leg), decoration, anew=lambda: self.offer(leg))
        if status >= 300:
            session.direction = held
        return status

    # -- what the network does ------------------------------------------------------------------------------

    def invited(self, request: ServerRequest) -> None:
        """A new call, or one that takes another's place."""
        if replaces := request.message.texts("Replaces"):
            self._replace(request, to_be_replaced(replaces, self.legs))
            return
        status = self.refuse(request) if self.refuse else 0
        if status:
            request.respond(status)
            return
        leg = self._new(Leg.offered(self.agent, request))
        if self.on_incoming:
            self.on_incoming(leg)
        leg.ring(headers=self.decorate(leg))
        if self.answers_itself:
            self.answer(leg)
        self._changed(leg)

    def _replace(self, request: ServerRequest, old: Leg | int) -> None:
        """Answered at once, in place of a call that is then ended (RFC 3891 §3)."""
        if isinstance(old, int):
            request.respond(old)
            return
        self.answer(self._new(Leg.offered(self.agent, request)), [("Supported", "replaces")])
        old.hang_up()

    def _new(self, leg: Leg) -> Leg:
        leg.on_state = self._changed
        leg.on_offer = self._offered
        self.legs.append(leg)
        self._sessions[leg] = _Session(1000 + len(self._sessions))
        return leg

    def _offered(self, leg: Leg, request: ServerRequest) -> None:
        """Another offer within the call: answered as it asks (RFC 3264 §6); none asked for: ours in full (§14.2)."""
        offer = request.message.content
        leg.agree(request, self._answer_to(leg, offer) if offer else self.offer(leg), self.decorate(leg))

    def _changed(self, leg: Leg) -> None:
        if leg.state == "ended" and leg in self.legs:
            self.legs.remove(leg)
            self._note_missed(leg)
        if self.audio:
            talking = next((each for each in reversed(self.legs) if each.state == "active"), None)
            self.audio.follow(*((talking.local_sdp, talking.remote_sdp) if talking else (b"", b"")))
        if self.on_change:
            self.on_change()

    def _note_missed(self, leg: Leg) -> None:
        """A call that stopped ringing is missed, unless it was answered elsewhere (RFC 3326 §3.1)."""
        request = leg.invite
        if request is None or request.cancelled is None:
            return
        if journal.answered_elsewhere(request):
            self.taken_elsewhere.append(journal.answered_by(request))
        else:
            self.missed.append(request.message.from_.uri_text if request.message.from_ else "")

    # -- session descriptions -------------------------------------------------------------------------------

    @property
    def _host(self) -> str:
        return self.agent.endpoint.transports[0].local.host

    def offer(self, leg: Leg) -> bytes:
        """A full offer, each one a version later than the last."""
        session = self._next(leg)
        return compose_audio(
            self._host, self.media_port, session.id, version=session.version, direction=session.direction
        )

    def _answer_to(self, leg: Leg, offer: bytes) -> bytes:
        if not offer:
            return self.offer(leg)
        session = self._next(leg)
        return compose_answer(
            Sdp(offer), self._host, self.media_port, session.id, version=session.version, direction=session.direction
        )

    def _next(self, leg: Leg) -> _Session:
        session = self._sessions[leg]
        session.version += 1
        return session
