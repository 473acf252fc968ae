"""Those we play: where each is bound, whose credentials it has, and what it knows of its dialogs."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import NamedTuple

from sipconform.agents.credentials import CredentialStore
from sipconform.agents.endpoint import Endpoint
from sipconform.agents.probing import Announce
from sipconform.agents.requests import ClientRequest, ServerRequest
from sipconform.net.transport import Network
from sipconform.replay.rewriting import Leg, Rewriting, remote_target
from sipconform.replay.script import Step, called_unregistered, from_user, parties_of, user_name, user_names
from sipconform.replay.settings import Diverged, Settings
from sipconform.sip.compose import Draft
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address

MAKES_DIALOGS = ("INVITE", "SUBSCRIBE", "NOTIFY", "REFER", "UPDATE")


class Asked(NamedTuple):
    """A request of ours, and what it takes to ask the same party something else."""

    us: Address
    client: ClientRequest
    leg: Leg
    store: CredentialStore | None


class Taken(NamedTuple):
    """A request of the live peer's that stands for one of the recording."""

    us: Address
    request: ServerRequest
    leg: Leg
    store: CredentialStore | None


class Parties:
    """The recorded parties on our side, by their recorded addresses."""

    def __init__(self, steps: list[Step], network: Network, settings: Settings) -> None:
        self.steps, self.network, self.settings = steps, network, settings
        self.endpoints: dict[Address, Endpoint] = {}
        self.beside: set[tuple[str, str, int]] = set()  # requests of ours that are not in the recording, see request_of
        self.asked: list[Asked] = []
        self.taken: list[Taken] = []
        self.acknowledged: set[tuple[str, str]] = set()  # live Call-ID and To tag of each 2xx to an INVITE of ours
        self.ended: set[tuple[Address, str, str]] = set()  # by the peer: party, live Call-ID and the peer's tag
        users = {recorded: new for recorded, (new, _) in settings.accounts.items()}
        self.rewriting = Rewriting({steps[0].live: settings.peer}, users, protocol=settings.transport)
        self.announce: Announce | None = None
        self._peers: dict[Address, Address] = {}  # where each of ours reaches the live one
        self._owners: dict[str, str] = {}  # live Call-ID -> the recorded one
        self._legs: dict[tuple[str, Address], Leg] = {}
        self._stores: dict[tuple[str, Address], CredentialStore] = {}
        self._names = user_names(steps)
        self._random = settings.dice("parties")

    async def open(self, on_request: Callable[[Address], Callable[[ServerRequest], None]], first: Set[Address]) -> None:
        """Binds an address for each; `first` come first. Raises OSError when one is not to be had."""
        settings = self.settings
        for number, party in enumerate(parties_of(self.steps, first)):
            local = settings.local if not number else settings.local._replace(port=0)
            endpoint = Endpoint(self.network, f"replay {number + 1}", settings.dice(str(number)))
            transport = await endpoint.listen(settings.transport, local, **settings.contexts)
            endpoint.on_request = on_request(party)
            self.endpoints[party] = endpoint
            self.rewriting.addresses[party] = transport.local
        for step in self.steps if settings.domain else ():
            uri = step.message.uri if step.message.method == "REGISTER" and step.message.is_request else None
            if isinstance(uri, SipUri):
                self.rewriting.domains.setdefault(uri.host, settings.domain)

    def close(self) -> None:
        for endpoint in self.endpoints.values():
            endpoint.close()

    def begin(self, us: Address, draft: Draft) -> ClientRequest:
        """Sends a request to the live peer."""
        endpoint = self.endpoints[us]
        request = endpoint.prepare(draft, self.peer(us))
        if self.announce is not None:
            self.announce(request.sent.call_id, request.branch)
        return endpoint.begin(request)

    def peer(self, us: Address) -> Address:
        """Where a party of ours sends to."""
        return self._peers.get(us, self.settings.peer)

    def met(self, us: Address, request: ServerRequest) -> None:
        """Remembers where the live peer is: whence it registers, or the connection it has opened, for a phone need not
        accept any (RFC 5626 §5.3)."""
        source = request.packet.source
        if self.settings.transport != "udp" or request.message.method == "REGISTER":
            self._peers[us] = source
        if request.message.method == "REGISTER":
            self.rewriting.addresses[self.steps[0].live] = source

    # -- dialogs --------------------------------------------------------------------------------------------

    def leg(self, step: Step) -> Leg:
        """What our party of a step knows of the step's call. Others may see the same call by other names: the live
        server need not be a proxy where the recorded one was, nor the other way round."""
        return self._legs.setdefault((step.message.call_id, step.us), Leg())

    def stands_for(self, step: Step, live: Message) -> bool:
        """Whether a live request may belong to the call of a recorded one."""
        leg = self.leg(step)
        return (
            leg.call_id == live.call_id
            if leg.call_id
            else self._owners.get(live.call_id) in (None, step.message.call_id)
        )

    def learn(self, step: Step, live: Message) -> None:
        """Takes identifiers, target and route from a live message that stands for a step."""
        leg = self.leg(step)
        leg.call_id = live.call_id
        self._owners[live.call_id] = step.message.call_id
        self.rewriting.learn(leg, step.message, live)
        if live.method in MAKES_DIALOGS and live.status < 300:
            theirs = live.to_tag if live.is_response else live.from_tag
            routes = live.values("Record-Route")
            leg.learn(theirs, remote_target(live), routes[::-1] if live.is_response else routes)

    def goes_on_as(self, step: Step, call_id: str) -> None:
        """The call of a step is not another one here, but still the one of this recorded Call-ID."""
        if (call_id, step.us) in self._legs:
            self._legs[step.message.call_id, step.us] = self._legs[call_id, step.us]

    def own_tag(self, step: Step, recorded: str) -> str:
        """The live tag for a recorded one of ours."""
        live = self.leg(step).names.setdefault(recorded, f"{self._random.getrandbits(40):010x}")
        self.rewriting.identifiers[recorded] = live
        return live

    def request(self, step: Step, recorded: Message, *, challenged: bool = False) -> Draft:
        """A recorded request as the next one of its live dialog; with credentials when it had some, or needs some."""
        leg = self.leg(step)
        if not leg.call_id:
            leg.call_id = self.endpoints[step.us].new_call_id()
            leg.names[recorded.call_id] = self.rewriting.identifiers[recorded.call_id] = leg.call_id
            self._owners[leg.call_id] = recorded.call_id
        leg.cseq += 1
        draft = self.rewriting.request(recorded, leg, leg.cseq)
        store = self.store(step) if challenged or user_name(recorded) else None
        if store is not None:
            store.authorise(draft)
        return draft

    def store(self, step: Step) -> CredentialStore | None:
        """Whose credentials a request goes out with: by the name in the recorded ones, else its From user's, else
        those of the party that sends it."""
        request = step.transaction.request
        names = (user_name(request), from_user(request)) if request is not None else ()
        accounts = self.settings.accounts
        name = next((name for name in (*names, self._names.get(step.us, "")) if name in accounts), None)
        if name is None:
            return None
        return self._stores.setdefault((name, step.us), CredentialStore(*accounts[name], self._random))

    def remember_asked(self, step: Step, client: ClientRequest) -> None:
        """What is sent may have to be ended later."""
        self.asked.append(Asked(step.us, client, self.leg(step), self.store(step)))

    def remember_taken(self, step: Step, request: ServerRequest) -> None:
        """So may what the peer has begun."""
        self.taken.append(Taken(step.us, request, self.leg(step), self.store(step)))

    # -- what the recording takes for granted -----------------------------------------------------------------

    async def register(self) -> None:
        """Registers the phones that are called in the recording without having registered in it. Raises Diverged."""
        for party, user in called_unregistered(self.steps):
            if user in self.settings.accounts:
                await self._register(party, user)

    async def _register(self, party: Address, user: str) -> None:
        name, password = self.settings.accounts[user]
        endpoint, domain = self.endpoints[party], self.settings.own_domain
        call_id, tag = endpoint.new_call_id(), endpoint.new_tag()
        self.beside |= {(call_id, tag, 1), (call_id, tag, 2)}
        store = CredentialStore(name, password, self._random)
        contact = self.rewriting.with_transport(f"<sip:{user}@{endpoint.transports[0].local}>")
        for cseq in (1, 2):
            draft = Draft.request("REGISTER", f"sip:{domain}")
            draft.add("From", f"<sip:{name}@{domain}>;tag={tag}").add("To", f"<sip:{name}@{domain}>")
            draft.add("Call-ID", call_id).add("CSeq", f"{cseq} REGISTER").add("Max-Forwards", "70")
            draft.add("Contact", contact).add("Expires", "600")
            store.authorise(draft)
            client = self.begin(party, draft)
            answer = await client.final()
            if answer is None or answer.status not in (401, 407) or not store.learn(answer):
                break
        if answer is None or answer.status >= 300:
            got = "nobody answered" if answer is None else f"the peer answered {answer.status}"
            raise Diverged(f"{user} is called in the recording and cannot be registered: {got}")
        self.asked.append(Asked(party, client, Leg(call_id, cseq), store))


def request_of(message: Message) -> tuple[str, str, int]:
    """What a request and all its answers have in common: Call-ID, From tag and number."""
    return message.call_id, message.from_tag, message.cseq_number


def answer_beside(request: ServerRequest) -> None:
    """Answers what is not in the recording so that it does no harm, and the peer does not send it for ever."""
    message = request.message
    inside = bool(message.to_tag)
    if message.method == "INVITE":
        request.respond(488 if inside else 480)
    elif message.method == "SUBSCRIBE" and not inside:
        request.respond(489)
    elif message.method in ("REGISTER", "SUBSCRIBE"):
        kept = [("Contact", value) for value in message.texts("Contact") if message.method == "REGISTER"]
        request.respond(200, headers=[*kept, ("Expires", message.text("Expires") or "3600")])
    else:
        request.respond(200)
