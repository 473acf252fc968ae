"""Plays one side of a recording against a live peer.

Steps are taken in the recorded order. Nothing is sent before everything that precedes it has arrived; what arrives
besides (another NOTIFY, an OPTIONS) is answered at once and does no harm. When what must come does not, or a final
answer is of another class, the replay stops and says where and why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Set
from functools import partial

from sipconform.agents.changes import Changes
from sipconform.agents.requests import ClientRequest, ServerRequest
from sipconform.agents.server.hunt_group import OtherFork
from sipconform.net.transport import Network
from sipconform.replay.parties import Parties, answer_beside
from sipconform.replay.script import Cue, Step, title_of
from sipconform.replay.settings import Diverged, Drive, Settings
from sipconform.sip.message import Message
from sipconform.trace.packet import Address
from sipconform.trace.trace import Transaction

REACTION_S = 0.05
"""Seconds before the peer's driver is told something: nobody presses a key before he has seen what makes him."""


class Player:
    """Use: `await open()`, `await play()`, `close()`; on one event loop."""

    def __init__(self, steps: list[Step], network: Network, settings: Settings) -> None:
        self.steps, self.settings = steps, settings
        self.parties = Parties(steps, network, settings)
        self.cues: dict[int, list[Cue]] = {}
        self.drive: Drive | None = None
        self.done = 0  # steps taken
        self._driving: set[asyncio.Future[None]] = set()
        self._refused: set[Transaction] = set()
        self._wrong = ""  # the first answer of the peer's that leads elsewhere
        self._clients: dict[Transaction, ClientRequest] = {}
        self._requests: dict[Transaction, ServerRequest] = {}
        self._answers: dict[Transaction, list[Message]] = {}
        self._unacknowledged: set[Hashable] = set()  # finals to INVITE of ours
        self._waiting: list[tuple[Address, ServerRequest]] = []
        self._changes = Changes()

    async def open(self, first: Set[Address] = frozenset()) -> None:
        """Binds an address for each party we play. Raises OSError when one is not to be had."""
        await self.parties.open(self._on_request, first)

    def close(self) -> None:
        for driven in self._driving:
            driven.cancel()
        self.parties.close()

    async def play(self) -> None:
        """Takes every step. Raises Diverged where the peer does not follow; what came until then is on record."""
        for at, step in enumerate(self.steps):
            waited = await self._cue(at)
            if step.ours:
                await self._pace(step, waited)
                await self._send(step)
            else:
                await self._expect(step)
            self.done += 1
        await self._cue(len(self.steps))

    async def _cue(self, at: int) -> float:
        """Lets the peer do what it was told before this step; gives the seconds that took."""
        waited = 0.0
        for cue in self.cues.get(at, ()) if self.drive is not None else ():
            assert self.drive is not None
            wait = max(REACTION_S, cue.gap - waited if self.settings.pace == "recorded" else 0.0)
            await asyncio.sleep(wait)
            waited += wait
            self._driving.add(asyncio.ensure_future(self.drive(cue)))
        return waited

    async def _pace(self, step: Step, waited: float) -> None:
        pace = self.settings.pace
        wait = step.gap - waited if pace == "recorded" else 0.0 if pace == "fast" else float(pace)
        if wait > 0 and step.message.method != "ACK":
            await asyncio.sleep(wait)

    # -- sending --------------------------------------------------------------------------------------------

    async def _send(self, step: Step) -> None:
        message = step.message
        if message.is_response:
            self._respond(step)
        elif message.method == "CANCEL":
            await self._cancel(step)
        elif message.method == "ACK":
            self._acknowledge(step)
        else:
            self.parties.own_tag(step, message.from_tag)
            self._watch(step, self.parties.begin(step.us, self.parties.request(step, message)))

    async def _cancel(self, step: Step) -> None:
        invite = step.transaction.invite
        client = self._clients.get(invite) if invite is not None else None
        if client is not None and not client.provisional:  # it must not leave before one has come (RFC 3261 §9.1)
            await self._changes.until(lambda: bool(client.provisional or client.answers), self.settings.patience)
        cancel = client.cancel(step.message.text("Reason")) if client is not None else None
        if cancel is None:
            raise Diverged(f"{step.title}: there is nothing to cancel any more")
        self._watch(step, cancel)

    def _acknowledge(self, step: Step) -> None:
        """The ACK to a 2xx; the one to a refusal is the transaction's own business."""
        if step.transaction.method == "INVITE":
            return
        parties, message = self.parties, step.message
        invite = self._acknowledged(step).sent
        draft = parties.rewriting.request(message, parties.leg(step), invite.cseq_number)
        for header in ("Authorization", "Proxy-Authorization"):  # RFC 3261 §22.1: the ACK has those of the INVITE
            for value in invite.texts(header) if message.has(header) else ():
                draft.add(header, value)
        parties.endpoints[step.us].send(draft, parties.peer(step.us))

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
            tag = self.parties.own_tag(step, message.to_tag)
            request = request if not request.answered else _other_fork(request)
            request.to_tag = tag
            request.endpoint.servers.setdefault(request.key, request)
        rewriting, leg = self.parties.rewriting, self.parties.leg(step)
        headers, body = list(rewriting.headers(message, leg)), rewriting.body(message, leg)
        if message.has("Record-Route"):  # the way as it is here (RFC 3261 §12.1.1)
            headers = [(name, value) for name, value in headers if name.lower() != "record-route"]
            headers += [("Record-Route", value) for value in request.message.texts("Record-Route")]
        if message.method == "INVITE" and message.status >= 200:
            key = _acknowledged_by(step)
            self._unacknowledged.add(key)
            request.on_acknowledged = partial(self._acknowledged_now, key)
        request.respond(message.status, message.reason, headers, body)

    def _acknowledged_now(self, key: Hashable, ack: Message | None) -> None:
        if ack is not None:
            self._unacknowledged.discard(key)
            self._changes.happened()

    def _watch(self, step: Step, client: ClientRequest) -> None:
        transaction = step.transaction
        self._clients[transaction] = client
        answers = self._answers.setdefault(transaction, [])

        def heard(answer: Message) -> None:
            if not self._try_again(step, answer):
                answers.append(answer)
                self._wrong = self._wrong or _of_another_class(answer, transaction)
            self._changes.happened()

        client.on_provisional = client.on_answer = heard

    def _try_again(self, step: Step, challenge: Message) -> bool:
        """Makes a request that is challenged again with credentials; False when there are none, or they were refused,
        or it was refused in the recording too."""
        asked, final = step.transaction.request, step.transaction.final
        recorded = final.status if final is not None else 0
        if challenge.status not in (401, 407) or recorded in (401, 407) or asked is None:
            return False
        store = self.parties.store(step)
        if store is None or step.transaction in self._refused or not store.learn(challenge):
            return False
        self._refused.add(step.transaction)  # once: the same password does not get better by repetition
        if not step.challenged:
            self.parties.beside.add((challenge.call_id, challenge.cseq_number))
        self._watch(step, self.parties.begin(step.us, self.parties.request(step, asked, challenged=True)))
        return True

    # -- receiving ------------------------------------------------------------------------------------------

    def _on_request(self, party: Address) -> Callable[[ServerRequest], None]:
        def arrived(request: ServerRequest) -> None:
            self.parties.met(party, request)
            if any(step.us == party and self._is_wanted(request.message, step) for step in self.steps[self.done :]):
                self._waiting.append((party, request))
                self._changes.happened()
            else:
                answer_beside(request)

        return arrived

    async def _expect(self, step: Step) -> None:
        message = step.message
        if message.is_response:
            await self._expect_answer(step)
        elif message.method == "CANCEL":
            invite = self._requests.get(step.transaction.invite) if step.transaction.invite is not None else None
            await self._until(step, lambda: invite is not None and invite.cancelled is not None)
        elif message.method == "ACK":
            await self._expect_ack(step)
        else:
            await self._expect_request(step)

    async def _expect_ack(self, step: Step) -> None:
        """The next thing we send may need that it is there; after a CANCEL, and to what is not ours, nobody waits."""
        acknowledged = _acknowledged_by(step)
        if acknowledged in self._unacknowledged:
            await self._until(step, lambda: acknowledged not in self._unacknowledged)

    async def _until(self, step: Step, condition: Callable[[], bool]) -> None:
        """Waits for what a step needs. Raises Diverged when it does not come, or cannot come any more."""
        within = self.settings.patience + step.gap
        if not await self._changes.until(lambda: condition() or bool(self._wrong), within):
            raise Diverged(f"{step.title} did not come within {within:.1f} s{self._instead(step)}")
        if self._wrong:
            raise Diverged(self._wrong)

    async def _expect_request(self, step: Step) -> None:
        found: list[ServerRequest] = []

        def came() -> bool:
            for at, (party, request) in enumerate(self._waiting):
                if party == step.us and self._stands_for(request.message, step):
                    found.append(self._waiting.pop(at)[1])
                    return True
            return False

        await self._until(step, came)
        request = found[0]
        self._requests[step.transaction] = request
        request.on_cancel = self._changes.happened
        self.parties.learn(step, request.message)

    def _is_wanted(self, live: Message, step: Step) -> bool:
        return not step.ours and step.message.is_request and self._stands_for(live, step)

    def _stands_for(self, live: Message, step: Step) -> bool:
        recorded = step.message
        if live.method != recorded.method or _package(live) != _package(recorded):
            return False
        alike = bool(live.to_tag) == bool(recorded.to_tag) or recorded.method == "NOTIFY"
        return alike and self.parties.stands_for(step, live)

    def _instead(self, step: Step) -> str:
        others = [request.message.method for party, request in self._waiting if party == step.us]
        untold = [cue.verb for at, cues in self.cues.items() if at <= self.done for cue in cues if self.drive is None]
        came = f"; {', '.join(others)} came instead" if others else ""
        told = f"; in the recording its driver had told the peer to {untold[-1]} (give --control)" if untold else ""
        return came + told

    async def _expect_answer(self, step: Step) -> None:
        answers = self._answers.get(step.transaction)
        if answers is None:
            return  # an answer to what is left to the transaction
        await self._until(step, lambda: self._enough(step, answers))
        self.parties.learn(step, self._standing_for(step, answers))

    def _enough(self, step: Step, answers: list[Message]) -> bool:
        """Whether a provisional answer, or a final one, stands for the recorded one."""
        if step.message.status < 200:
            return any(answer.status > 100 for answer in answers)
        if step.message is step.transaction.final:
            return any(answer.status >= 200 for answer in answers)
        return bool(self._of_its_fork(step, answers))

    def _of_its_fork(self, step: Step, answers: list[Message]) -> list[Message]:
        """The finals of the recorded one's dialog, else those of dialogs that stand for none yet."""
        taken = self.parties.leg(step).names
        finals = [answer for answer in answers if answer.status >= 200]
        same = [answer for answer in finals if answer.to_tag == taken.get(step.message.to_tag)]
        return same or [answer for answer in finals if answer.to_tag not in taken.values()]

    def _standing_for(self, step: Step, answers: list[Message]) -> Message:
        finals = [answer for answer in answers if answer.status >= 200]
        return next(iter(self._of_its_fork(step, answers) or finals), answers[-1])

    def answer_the_rest(self) -> None:
        """Answers what came besides the recording, so that the peer does not send it for ever."""
        for _, request in self._waiting:
            answer_beside(request)
        self._waiting.clear()


def _other_fork(request: ServerRequest) -> ServerRequest:
    """The same INVITE as another fork has it, which answers too."""
    return OtherFork(request.endpoint, request.message, request.packet, request.transport)


def _of_another_class(answer: Message, transaction: Transaction) -> str:
    """Where and how a final answer leads elsewhere than the recorded one, "" where it does not."""
    recorded = transaction.final
    if recorded is None or answer.status < 200 or answer.status // 100 == recorded.status // 100:
        return ""
    asks = " (give --account USER:PASSWORD)" if answer.status in (401, 407) else ""
    return f"{title_of(recorded)}: the peer answered {answer.status} {answer.reason}{asks}"


def _acknowledged_by(step: Step) -> Hashable:
    """What a final to INVITE and its ACK have in common."""
    message = step.message
    return step.us, message.call_id, message.cseq_number, message.to_tag


def _package(message: Message) -> str:
    return message.text("Event").partition(";")[0].strip().lower()
