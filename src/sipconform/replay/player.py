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
from sipconform.replay.challenges import Challenges
from sipconform.replay.hanging_up import HangingUp
from sipconform.replay.inbox import Inbox
from sipconform.replay.leeway import may_be_left_out
from sipconform.replay.parties import Parties, request_of
from sipconform.replay.script import Cue, Step, title_of
from sipconform.replay.settings import Diverged, Drive, Settings
from sipconform.sip.headers.replaces import DialogId
from sipconform.sip.message import Message
from sipconform.trace.packet import Address
from sipconform.trace.trace import Transaction

REACTION_S = 0.05
"""Seconds before the peer's driver is told something: nobody presses a key before he has seen what makes him."""
LEFT_OUT_S = 0.3
"""Seconds to wait for a report that would only repeat the one before."""


class Player:
    """Use: `await open()`, `await play()`, `close()`; on one event loop."""

    def __init__(self, steps: list[Step], network: Network, settings: Settings) -> None:
        self.steps, self.settings = steps, settings
        self.parties = Parties(steps, network, settings)
        self.cues: dict[int, list[Cue]] = {}
        self.drive: Drive | None = None
        self.trouble: Callable[[], str] = str  # what the network has to say of itself, "" for nothing
        self.done = 0  # steps taken
        self._driving: set[asyncio.Future[None]] = set()
        self._challenges = Challenges(self.parties)
        self._wrong = ""  # the first answer of the peer's that leads elsewhere
        self._clients: dict[Transaction, ClientRequest] = {}
        self._requests: dict[Transaction, ServerRequest] = {}
        self._answers: dict[Transaction, list[Message]] = {}
        self._unacknowledged: set[Hashable] = set()  # finals to INVITE of ours
        self._leeway = may_be_left_out(steps)
        self._lasting: set[tuple[Address, str]] = set()  # calls that were replaced in the recording and are not here
        self._inbox = Inbox(self.parties, self._leeway, self._take_late)
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
        elif message.method != "BYE" or (step.us, message.call_id) not in self._lasting:
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
        parties.acknowledged.add((invite.call_id, parties.leg(step).names.get(message.to_tag, message.to_tag)))

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
        if request is None and step.transaction in self._leeway:
            return  # it may still come, and is answered then
        if request is None:
            raise Diverged(f"{step.title}: the request it answers is not in the recording")
        if message.to_tag and not request.message.to_tag:
            tag = self.parties.own_tag(step, message.to_tag)
            request = request if not request.answered else _other_fork(request)
            request.to_tag = tag
            request.endpoint.servers.setdefault(request.key, request)
        rewriting, leg = self.parties.rewriting, self.parties.leg(step)
        headers, body = list(rewriting.headers(message, leg)), rewriting.body(message, leg)
        if message.has("Record-Route"):  # the way as it is here, and our own place on it (RFC 3261 §12.1.1, §16.6)
            headers = [(name, value) for name, value in headers if name.lower() != "record-route"]
            headers += [("Record-Route", value) for value in self._own_routes(step)]
            headers += [("Record-Route", value) for value in request.message.texts("Record-Route")]
        if message.method == "INVITE" and message.status >= 200:
            key = _acknowledged_by(step)
            self._unacknowledged.add(key)
            request.on_acknowledged = partial(self._acknowledged_now, key)
        request.respond(message.status, message.reason, headers, body)

    def _own_routes(self, step: Step) -> list[str]:
        """What the recorded party has added as a proxy to the way its request had come."""
        asked, leg = step.transaction.request, self.parties.leg(step)
        came = asked.values("Record-Route") if asked is not None else []
        own = [value for value in step.message.values("Record-Route") if value not in came]
        return [self.parties.rewriting.text(value, leg) for value in own]

    def _acknowledged_now(self, key: Hashable, ack: Message | None) -> None:
        if ack is not None:
            self._unacknowledged.discard(key)
            self._changes.happened()

    def _watch(self, step: Step, client: ClientRequest) -> None:
        transaction = step.transaction
        self._clients[transaction] = client
        self.parties.remember_asked(step, client)
        answers = self._answers.setdefault(transaction, [])

        def heard(answer: Message) -> None:
            if not self._try_again(step, answer):
                answers.append(answer)
                self._wrong = self._wrong or self._of_another_class(answer, transaction)
            self._changes.happened()

        client.on_provisional = client.on_answer = heard

    def _try_again(self, step: Step, answer: Message) -> bool:
        """Makes a request that is challenged again with credentials, where there are any."""
        asked = step.transaction.request
        if asked is None or not self._challenges.take(step, answer):
            return False
        if not step.challenged:
            self.parties.beside.add(request_of(answer))
        self._watch(step, self.parties.begin(step.us, self.parties.request(step, asked, challenged=True)))
        return True

    def _of_another_class(self, answer: Message, transaction: Transaction) -> str:
        """Where and how a final answer leads elsewhere than the recorded one, "" where it does not."""
        recorded = transaction.final
        if recorded is None or answer.status < 200 or answer.status // 100 == recorded.status // 100:
            return ""
        why = self._challenges.why_not(transaction)
        return f"{title_of(recorded)}: the peer answered {answer.status} {answer.reason}{why}"

    # -- receiving ------------------------------------------------------------------------------------------

    def _on_request(self, party: Address) -> Callable[[ServerRequest], None]:
        def arrived(request: ServerRequest) -> None:
            if self._inbox.arrived(party, request, self.steps[self.done :]):
                self._changes.happened()

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
            request = self._inbox.take(step) if not found else None
            found.extend([request] if request is not None else [])
            return bool(found)

        if step.transaction in self._leeway:
            within = LEFT_OUT_S if self._leeway[step.transaction] is None else self.settings.patience
            await self._changes.until(lambda: came() or self._is_left_out(step), within)
        else:
            await self._until(step, came)
        if found:
            self._take(step, found[0])
        else:
            self._leave_out(step)

    def _is_left_out(self, step: Step) -> bool:
        """Whether what a proxy would have passed on has been answered without, or the course is another anyway."""
        copied = self._leeway[step.transaction]
        answers = self._answers.get(copied, []) if copied is not None else []
        return bool(self._wrong) or any(answer.status >= 200 for answer in answers)

    def _leave_out(self, step: Step) -> None:
        """Goes on without it. A call that was to be replaced is then the same call as before, and nobody ends it."""
        self._inbox.leave(step)
        replaced = step.message.replaces
        if isinstance(replaced, DialogId):
            self.parties.goes_on_as(step, replaced.call_id)
            self._lasting.add((step.us, replaced.call_id))

    def _take(self, step: Step, request: ServerRequest) -> None:
        self._requests[step.transaction] = request
        request.on_cancel = self._changes.happened
        self.parties.learn(step, request.message)
        self.parties.remember_taken(step, request)

    def _take_late(self, step: Step, request: ServerRequest) -> None:
        """What need not come and comes after its place is answered as in the recording."""
        self._take(step, request)
        for other in self.steps:
            if other.transaction is step.transaction and other.ours and other.message.is_response:
                self._respond(other)

    def _instead(self, step: Step) -> str:
        others = self._inbox.methods(step.us)
        untold = [cue.verb for at, cues in self.cues.items() if at <= self.done for cue in cues if self.drive is None]
        came = f"; {', '.join(others)} came instead" if others else ""
        told = f"; in the recording its driver had told the peer to {untold[-1]} (give --control)" if untold else ""
        trouble = self.trouble()
        return came + told + (f"; {trouble}" if trouble else "")

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
        self._inbox.answer_the_rest()

    async def hang_up(self) -> None:
        """Ends what is still up at the peer."""
        await HangingUp(self.parties).all()


def _other_fork(request: ServerRequest) -> ServerRequest:
    """The same INVITE as another fork has it, which answers too."""
    return OtherFork(request.endpoint, request.message, request.packet, request.transport)


def _acknowledged_by(step: Step) -> Hashable:
    """What a final to INVITE and its ACK have in common."""
    message = step.message
    return step.us, message.call_id, message.cseq_number, message.to_tag
