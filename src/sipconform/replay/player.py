"""Plays one side of a recording against a live peer.

Steps are taken in the recorded order. Nothing is sent before everything that precedes it has arrived; what arrives
besides (another NOTIFY, an OPTIONS) is answered at once and does no harm. When what must come does not, or a final
answer is of another class, the replay stops and says where and why.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from sipconform.agents.changes import Changes
from sipconform.agents.credentials import CredentialStore
from sipconform.agents.endpoint import Endpoint
from sipconform.agents.requests import ClientRequest, ServerRequest
from sipconform.net.transport import Network
from sipconform.replay.rewriting import Leg, Rewriting, remote_target
from sipconform.replay.script import Cue, Step, called_unregistered, parties_of
from sipconform.sip.compose import Draft
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address
from sipconform.trace.trace import Transaction

LOOPBACK = Address("127.0.0.1", 0)
PATIENCE_S = 8.0
"""Seconds to wait for what the peer must send, beyond the recorded gap."""
Drive = Callable[[Cue], Awaitable[None]]
"""Makes the live peer do what it was told to do in the recording; must not raise."""
HARMLESS = frozenset({"NOTIFY", "OPTIONS", "INFO", "MESSAGE", "PUBLISH", "UPDATE", "BYE", "CANCEL"})


class Diverged(Exception):
    """The live peer took another course: where, and why it cannot go on."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`pace` is "recorded", "fast", or the seconds before everything we send. `accounts`: recorded user -> the
    user and password to use. `domain`: the live peer's, by default its host."""

    peer: Address
    transport: str = "udp"
    local: Address = LOOPBACK  # of the first party we play; the others get ports of their own
    pace: str | float = "recorded"
    accounts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    domain: str = ""
    patience: float = PATIENCE_S
    seed: int = 1


class Player:
    """Use: `await open()`, `await play()`, `close()`; on one event loop."""

    def __init__(self, steps: list[Step], live: Address, network: Network, settings: Settings) -> None:
        self.steps, self.live, self.network, self.settings = steps, live, network, settings
        self.cues: dict[int, list[Cue]] = {}
        self.drive: Drive | None = None
        self.endpoints: dict[Address, Endpoint] = {}
        self.done = 0  # steps taken
        self._refused: set[Transaction] = set()
        self._driving: set[asyncio.Future[None]] = set()
        self.beside: set[str] = set()  # Call-IDs of ours that are not in the recording
        self._legs: dict[tuple[str, Address], Leg] = {}
        self._clients: dict[Transaction, ClientRequest] = {}
        self._requests: dict[Transaction, ServerRequest] = {}
        self._answers: dict[Transaction, list[Message]] = {}
        self._waiting: list[tuple[Address, ServerRequest]] = []
        self._stores: dict[str, CredentialStore] = {}
        self._changes = Changes()
        self._random = random.Random(settings.seed)
        self.rewriting = Rewriting({live: settings.peer}, {u: new for u, (new, _) in settings.accounts.items()})

    async def open(self) -> None:
        """Binds an address for each party we play. Raises OSError when one is not to be had."""
        for number, party in enumerate(parties_of(self.steps)):
            local = self.settings.local if not number else self.settings.local._replace(port=0)
            endpoint = Endpoint(self.network, f"replay {number + 1}", random.Random(f"{self.settings.seed} {number}"))
            transport = await endpoint.listen(self.settings.transport, local)
            endpoint.on_request = self._on_request(party)
            self.endpoints[party] = endpoint
            self.rewriting.addresses[party] = transport.local
        for step in self.steps if self.settings.domain else ():
            uri = step.message.uri if step.message.method == "REGISTER" and step.message.is_request else None
            if isinstance(uri, SipUri):
                self.rewriting.domains.setdefault(uri.host, self.settings.domain)

    async def register(self) -> None:
        """Registers the phones that are called in the recording without having registered in it. Raises Diverged."""
        for party, user in called_unregistered(self.steps):
            account = self.settings.accounts.get(user)
            if account is None:
                continue
            endpoint, call_id, tag = self.endpoints[party], self.endpoints[party].new_call_id(), self._own_tag(user)
            self.beside.add(call_id)
            domain = self.settings.domain or _bracketed(self.settings.peer.host)
            store = CredentialStore(*account, self._random)
            for cseq in (1, 2):
                draft = Draft.request("REGISTER", f"sip:{domain}")
                draft.add("From", f"<sip:{account[0]}@{domain}>;tag={tag}").add("To", f"<sip:{account[0]}@{domain}>")
                draft.add("Call-ID", call_id).add("CSeq", f"{cseq} REGISTER").add("Max-Forwards", "70")
                draft.add("Contact", f"<sip:{user}@{endpoint.transports[0].local}>").add("Expires", "600")
                store.authorise(draft)
                answer = await endpoint.begin(endpoint.prepare(draft, self.settings.peer)).final()
                if answer is None or answer.status not in (401, 407) or not store.learn(answer):
                    break
            if answer is None or answer.status >= 300:
                got = "nobody answered" if answer is None else f"the peer answered {answer.status}"
                raise Diverged(f"{user} is called in the recording and cannot be registered: {got}")

    def close(self) -> None:
        for driven in self._driving:
            driven.cancel()
        for endpoint in self.endpoints.values():
            endpoint.close()

    async def play(self) -> None:
        """Takes every step. Raises Diverged where the peer does not follow; what came until then is on record."""
        for at, step in enumerate(self.steps):
            self._cue(at)
            if step.ours:
                await self._pace(step)
                self._send(step)
            else:
                await self._expect(step)
            self.done += 1
        self._cue(len(self.steps))

    def _cue(self, at: int) -> None:
        for cue in self.cues.get(at, ()) if self.drive is not None else ():
            assert self.drive is not None
            self._driving.add(asyncio.ensure_future(self.drive(cue)))

    async def _pace(self, step: Step) -> None:
        pace = self.settings.pace
        wait = step.gap if pace == "recorded" else 0.0 if pace == "fast" else float(pace)
        if wait > 0 and step.message.method != "ACK":
            await asyncio.sleep(wait)

    # -- sending --------------------------------------------------------------------------------------------

    def _send(self, step: Step) -> None:
        message = step.message
        if message.is_response:
            self._respond(step)
        elif message.method == "CANCEL":
            invite = step.transaction.invite
            client = self._clients.get(invite) if invite is not None else None
            cancel = client.cancel() if client is not None else None
            if cancel is None:
                raise Diverged(f"{step.title}: there is nothing to cancel any more")
            self._watch(step.transaction, cancel)
        elif message.method == "ACK":
            self._acknowledge(step)
        else:
            leg = self._leg(step)
            self._own_tag(message.from_tag)
            leg.cseq += 1
            draft = self.rewriting.request(message, leg, leg.cseq)
            store = self._store(step)
            if store is not None:
                store.authorise(draft)
            endpoint = self.endpoints[step.us]
            self._watch(step.transaction, endpoint.begin(endpoint.prepare(draft, self.settings.peer)))

    def _acknowledge(self, step: Step) -> None:
        """The ACK to a 2xx; the one to a refusal is the transaction's own business."""
        if step.transaction.method == "INVITE":
            return
        leg, message = self._leg(step), step.message
        invite = self._acknowledged(step).sent
        draft = self.rewriting.request(message, leg, invite.cseq_number)
        for header in ("Authorization", "Proxy-Authorization"):  # RFC 3261 §22.1: the ACK has those of the INVITE
            for value in invite.texts(header) if message.has(header) else ():
                draft.add(header, value)
        self.endpoints[step.us].send(draft, self.settings.peer)

    def _acknowledged(self, step: Step) -> ClientRequest:
        for transaction, client in self._clients.items():
            asked = transaction.request
            wanted = "INVITE", step.message.call_id, step.message.cseq_number
            same = asked is not None and (asked.method, asked.call_id, asked.cseq_number) == wanted
            if same and transaction.client == step.transaction.client:
                return client
        raise Diverged(f"{step.title}: the INVITE it acknowledges is not in the recording")

    def _respond(self, step: Step) -> None:
        message = step.message
        request = self._requests.get(step.transaction)
        if message.method == "CANCEL" or (request is not None and request.cancelled is not None):
            return  # answered by the transaction itself
        if request is None:
            raise Diverged(f"{step.title}: the request it answers is not in the recording")
        if message.to_tag and not request.message.to_tag:
            request.to_tag = self._own_tag(message.to_tag)
        headers, body = list(self.rewriting.headers(message)), self.rewriting.body(message)
        if message.has("Record-Route"):  # the way as it is here (RFC 3261 §12.1.1)
            headers = [(name, value) for name, value in headers if name.lower() != "record-route"]
            headers += [("Record-Route", value) for value in request.message.texts("Record-Route")]
        request.respond(message.status, message.reason, headers, body)

    def _watch(self, transaction: Transaction, client: ClientRequest) -> None:
        self._clients[transaction] = client
        answers = self._answers.setdefault(transaction, [])

        def heard(answer: Message) -> None:
            answers.append(answer)
            self._changes.happened()

        client.on_provisional = client.on_answer = heard

    # -- receiving ------------------------------------------------------------------------------------------

    def _on_request(self, party: Address) -> Callable[[ServerRequest], None]:
        def arrived(request: ServerRequest) -> None:
            if any(step.us == party and self._is_wanted(request.message, step) for step in self.steps[self.done :]):
                self._waiting.append((party, request))
                self._changes.happened()
            else:
                request.respond(200 if request.message.method in HARMLESS else 481)

        return arrived

    async def _expect(self, step: Step) -> None:
        within = self.settings.patience + step.gap
        if step.message.is_response:
            await self._expect_answer(step, within)
        elif step.message.method == "CANCEL":
            invite = self._requests.get(step.transaction.invite) if step.transaction.invite is not None else None
            if invite is None or not await self._changes.until(lambda: invite.cancelled is not None, within):
                raise Diverged(f"{step.title} did not come within {within:.1f} s")
        elif step.message.method != "ACK":
            await self._expect_request(step, within)

    async def _expect_request(self, step: Step, within: float) -> None:
        found: list[ServerRequest] = []

        def came() -> bool:
            for at, (party, request) in enumerate(self._waiting):
                if party == step.us and self._stands_for(request.message, step.message):
                    found.append(self._waiting.pop(at)[1])
                    return True
            return False

        if not await self._changes.until(came, within):
            raise Diverged(f"{step.title} did not come within {within:.1f} s{self._instead(step)}")
        request = found[0]
        self._requests[step.transaction] = request
        request.on_cancel = self._changes.happened
        self.rewriting.learn(step.message, request.message)
        self._learn_dialog(step, request.message, reverse=False)

    def _is_wanted(self, live: Message, step: Step) -> bool:
        return not step.ours and step.message.is_request and self._stands_for(live, step.message)

    def _stands_for(self, live: Message, recorded: Message) -> bool:
        if live.method != recorded.method:
            return False
        known = self.rewriting.identifiers.get(recorded.call_id)
        if known is not None and known != live.call_id:
            return False
        return bool(live.to_tag) == bool(recorded.to_tag) or recorded.method == "NOTIFY"

    def _instead(self, step: Step) -> str:
        others = [request.message.method for party, request in self._waiting if party == step.us]
        return f"; {', '.join(others)} came instead" if others else ""

    async def _expect_answer(self, step: Step, within: float) -> None:
        recorded = step.message
        while True:
            answers = self._answers.get(step.transaction)
            if answers is None:
                return  # an answer to what is left to the transaction
            if not await self._changes.until(partial(_enough, answers, recorded), within):
                raise Diverged(f"{step.title} did not come within {within:.1f} s")
            answer = next((a for a in answers if a.status >= 200), answers[-1])
            if answer.status not in (401, 407) or recorded.status in (401, 407) or not self._try_again(step, answer):
                break
        if recorded.status >= 200 and answer.status // 100 != recorded.status // 100:
            asks = " (give --account USER:PASSWORD)" if answer.status in (401, 407) else ""
            raise Diverged(f"{step.title}: the peer answered {answer.status} {answer.reason}{asks}")
        self.rewriting.learn(recorded, answer)
        self._learn_dialog(step, answer, reverse=True)

    def _try_again(self, step: Step, challenge: Message) -> bool:
        """Makes the request again with credentials; False when there are none, or they were refused."""
        store, client = self._store(step), self._clients[step.transaction]
        if store is None or step.transaction in self._refused or not store.learn(challenge):
            return False
        self._refused.add(step.transaction)  # once: the same password does not get better by repetition
        leg = self._leg(step)
        leg.cseq += 1
        asked = step.transaction.request
        assert asked is not None
        draft = self.rewriting.request(asked, leg, leg.cseq)
        store.authorise(draft)
        self._answers.pop(step.transaction)
        endpoint = client.endpoint
        self._watch(step.transaction, endpoint.begin(endpoint.prepare(draft, self.settings.peer)))
        return True

    # -- who and where --------------------------------------------------------------------------------------

    def _leg(self, step: Step) -> Leg:
        recorded = step.message.call_id
        live = self.rewriting.identifiers.setdefault(recorded, self.endpoints[step.us].new_call_id())
        return self._legs.setdefault((live, step.us), Leg(live))

    def _learn_dialog(self, step: Step, live: Message, *, reverse: bool) -> None:
        leg = self._leg(step)
        if live.method in ("INVITE", "SUBSCRIBE", "NOTIFY", "REFER", "UPDATE") and live.status < 300:
            leg.target = remote_target(live) or leg.target
            routes = live.values("Record-Route")
            if routes and not leg.routes:
                leg.routes = routes[::-1] if reverse else routes

    def _own_tag(self, recorded: str) -> str:
        return self.rewriting.identifiers.setdefault(recorded, f"{self._random.getrandbits(40):010x}")

    def _store(self, step: Step) -> CredentialStore | None:
        """Whose credentials a request goes out with: its From user's, by the recorded name."""
        address = step.transaction.request.from_ if step.transaction.request is not None else None
        uri = address.uri if isinstance(address, NameAddr) else None
        user = uri.user if isinstance(uri, SipUri) else ""
        if user not in self.settings.accounts:
            return None
        name, password = self.settings.accounts[user]
        key = f"{user} {step.us}"
        return self._stores.setdefault(key, CredentialStore(name, password, self._random))

    def answer_the_rest(self) -> None:
        """Answers what came besides the recording, so that the peer does not send it for ever."""
        for _, request in self._waiting:
            request.respond(200 if request.message.method in HARMLESS else 481)
        self._waiting.clear()


def _enough(answers: list[Message], recorded: Message) -> bool:
    """Whether a provisional answer, or the final one, stands for the recorded one."""
    return any(a.status >= 200 for a in answers) or (recorded.status < 200 and bool(_ringing(answers)))


def _ringing(answers: list[Message]) -> list[Message]:
    return [answer for answer in answers if answer.status > 100]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
