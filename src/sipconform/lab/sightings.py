"""What real devices were seen to do on the wire, for what nobody can tell who only sits before them: whether a phone
has registered, what its subscription was answered, and how its call ended."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass

from sipconform.agents.changes import Changes
from sipconform.agents.user_agent import DEFAULT_PORT
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address, Observation, Packet

WATCHED = ("REGISTER", "SUBSCRIBE", "INVITE")
SIGN_OFF = "sign-off"  # a REGISTER that takes a binding away
CHALLENGES = (401, 407)  # what comes after them tells how it went on


@dataclass(slots=True, eq=False)
class Sighting:
    """A request of a device that is not ours, and its final status, 0 until there is one."""

    method: str
    user: str
    place: Address
    package: str  # of a SUBSCRIBE
    status: int = 0


class Sightings:
    """A tap. `ours` are the addresses of our own agents, as they become known; `on_register` is told whose device
    registers, and from where."""

    def __init__(self, ours: Container[str]) -> None:
        self._ours = ours
        self.seen: list[Sighting] = []
        self.changes = Changes()
        self.on_register: Callable[[str, Address], None] = lambda user, place: None
        self._unanswered: dict[tuple[str, str], Sighting] = {}  # by Call-ID and CSeq

    def packet(self, packet: Packet) -> None:
        if packet.payload.startswith(b"SIP/2.0"):
            self._answered(packet)
        elif packet.payload.startswith(tuple(method.encode() for method in WATCHED)):
            self._asked(packet)

    def observe(self, observation: Observation) -> None:
        """What is said beside the wire was not seen on it."""

    def since(self, mark: int, method: str, user: str, package: str = "") -> list[Sighting]:
        """What a user's devices asked for from a moment on, as `len(seen)` told it then."""
        wanted = (method, user, package)
        return [s for s in self.seen[mark:] if (s.method, s.user, s.package) == wanted]

    def _asked(self, packet: Packet) -> None:
        request = Message(packet.payload)
        key = request.call_id, request.text("CSeq")
        if request.method not in WATCHED or str(packet.source) in self._ours or key in self._unanswered:
            return
        user = _user(request.to if request.method == "REGISTER" else request.from_)
        place = packet.source
        if packet.transport != "udp":  # a stream client is known by the port it listens on
            via = request.top_via
            place = Address(place.host, (via.port if via else None) or DEFAULT_PORT[packet.transport])
            if str(place) in self._ours:
                return
        package = request.text("Event").partition(";")[0].strip().lower() if request.method == "SUBSCRIBE" else ""
        method = SIGN_OFF if request.method == "REGISTER" and _signs_off(request) else request.method
        sighting = self._unanswered[key] = Sighting(method, user, place, package)
        self.seen.append(sighting)
        if method == "REGISTER":
            self.on_register(user, place)
        self.changes.happened()

    def _answered(self, packet: Packet) -> None:
        answer = Message(packet.payload)
        sighting = self._unanswered.get((answer.call_id, answer.text("CSeq")))
        if sighting is not None and not sighting.status and answer.status >= 200:
            sighting.status = answer.status
            self.changes.happened()


def last_status(sightings: Iterable[Sighting]) -> int:
    """The latest answer that is no challenge, else the challenge, else 0."""
    answers = [s.status for s in sightings if s.status]
    told = [status for status in answers if status not in CHALLENGES]
    return (told or answers or [0])[-1]


def _signs_off(request: Message) -> bool:
    return "0" in (request.text("Expires").strip(), request.text("Contact").partition("expires=")[2].partition(";")[0])


def _user(party: object) -> str:
    return party.uri.user or "" if isinstance(party, NameAddr) and isinstance(party.uri, SipUri) else ""
