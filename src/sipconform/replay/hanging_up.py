"""Ends at the live peer what a replay has begun there and left up: calls, subscriptions, registrations."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from sipconform.replay.parties import Asked, Parties, Taken
from sipconform.replay.rewriting import remote_target
from sipconform.sip.compose import Draft
from sipconform.sip.message import Message

PATIENCE_S = 2.0
"""Seconds in which the peer may answer; after that it has been told, and that is all there is to do."""
LASTING = ("SUBSCRIBE", "REGISTER")
_EXPIRES = re.compile(r";\s*expires\s*=\s*[^;,>]+", re.IGNORECASE)


class HangingUp:
    """Use: `await all()`, once, at the end of a replay."""

    def __init__(self, parties: Parties) -> None:
        self.parties, self.asked = parties, list(parties.asked)

    async def all(self) -> None:
        """Everything at once; comes back when the peer has answered, or has had the time to."""
        ends = [self._call(asked) for asked in self.asked if asked.client.method == "INVITE"]
        ends += [self._called(taken) for taken in self.parties.taken if taken.request.message.method == "INVITE"]
        ends += [self._zero(asked) for method in LASTING for asked in self._last(method) if self._lasts(asked)]
        if ends:
            tasks = [asyncio.ensure_future(end) for end in ends]
            _, late = await asyncio.wait(tasks, timeout=PATIENCE_S)
            for task in late:
                task.cancel()

    # -- calls ----------------------------------------------------------------------------------------------

    async def _call(self, asked: Asked) -> None:
        """A call of ours: cancelled while it rings, hung up where it was answered, whoever answered it."""
        client = asked.client
        if not client.answers and client.provisional:
            client.cancel()
            await client.final()
        if client.sent.to_tag:
            return  # a re-INVITE: the call is that of the first
        dialogs = {answer.to_tag: answer for answer in client.answers if answer.status < 300}
        await asyncio.gather(*(self._answered(asked, answer) for answer in dialogs.values()))

    async def _answered(self, asked: Asked, answer: Message) -> None:
        parties, sent = self.parties, asked.client.sent
        inside = _Inside(
            remote_target(answer) or sent.request_uri, sent.text("From"), answer.text("To"), answer.call_id,
            answer.values("Record-Route")[::-1],
        )  # fmt: skip
        if (answer.call_id, answer.to_tag) not in parties.acknowledged:
            parties.endpoints[asked.us].send(inside.draft("ACK", sent.cseq_number), parties.peer(asked.us))
        await self._bye(asked, inside, answer.to_tag)

    async def _called(self, taken: Taken) -> None:
        """A call of the peer's: refused while it rings, hung up where we answered it."""
        request, message = taken.request, taken.request.message
        if message.to_tag:
            return
        target = remote_target(message)
        if not request.answered:
            request.respond(480)
        elif request.answered < 300 and target:
            ours = f"{message.text('To')};tag={request.to_tag}"
            inside = _Inside(target, ours, message.text("From"), message.call_id, message.values("Record-Route"))
            await self._bye(taken, inside, message.from_tag)

    async def _bye(self, whose: Asked | Taken, inside: _Inside, tag: str) -> None:
        sent = ((asked.client.method, asked.client.sent) for asked in self.asked)
        hung_up = any(m == "BYE" and (bye.call_id, bye.to_tag) == (inside.call_id, tag) for m, bye in sent)
        if not hung_up and (whose.us, inside.call_id, tag) not in self.parties.ended:
            await self._ask(whose, partial(inside.draft, "BYE"))

    # -- what lasts for a time ------------------------------------------------------------------------------

    def _last(self, method: str) -> list[Asked]:
        """Of each subscription or registration the last request that was granted."""
        granted = (a for a in self.asked if a.client.method == method and a.client.answers)
        return list({a.client.sent.call_id: a for a in granted if a.client.answers[0].status < 300}.values())

    def _lasts(self, asked: Asked) -> bool:
        sent, answer = asked.client.sent, asked.client.answers[0]
        contacts = [text.replace(" ", "").lower() for text in sent.values("Contact")]
        zero = bool(contacts) and all(text == "*" or ";expires=0" in text for text in contacts)
        ended = (asked.us, sent.call_id, answer.to_tag) in self.parties.ended
        return not (zero or ended or sent.expires == 0 or answer.expires == 0)

    async def _zero(self, asked: Asked) -> None:
        """The same once more, for no time at all."""
        method, sent, answer = asked.client.method, asked.client.sent, asked.client.answers[0]
        inside = _Inside(sent.request_uri, sent.text("From"), sent.text("To"), sent.call_id, [])
        if method == "SUBSCRIBE":
            routes = answer.values("Record-Route")[::-1]
            inside = inside._replace(target=remote_target(answer) or inside.target, to=answer.text("To"), routes=routes)

        def draft(cseq: int) -> Draft:
            made = inside.draft(method, cseq)
            for text in sent.values("Contact"):
                made.add("Contact", _EXPIRES.sub("", text))
            for name in ("Event", "Accept"):
                for text in sent.texts(name):
                    made.add(name, text)
            return made.add("Expires", "0")

        await self._ask(asked, draft)

    async def _ask(self, whose: Asked | Taken, make: Callable[[int], Draft]) -> None:
        """Sends what is not in the recording; once more where it is challenged."""
        for _ in range(2):
            whose.leg.cseq += 1
            draft = make(whose.leg.cseq)
            if whose.store is not None:
                whose.store.authorise(draft)
            answer = await self.parties.begin(whose.us, draft).final()
            refused = answer is not None and answer.status in (401, 407)
            if answer is None or not refused or whose.store is None or not whose.store.learn(answer):
                return


class _Inside(NamedTuple):
    """Where a request inside a dialog goes, and what it says of it."""

    target: str
    from_: str
    to: str
    call_id: str
    routes: Sequence[str]

    def draft(self, method: str, cseq: int) -> Draft:
        draft = Draft.request(method, self.target)
        draft.add("From", self.from_).add("To", self.to).add("Call-ID", self.call_id)
        draft.add("CSeq", f"{cseq} {method}").add("Max-Forwards", "70")
        for route in self.routes:
            draft.add("Route", route)
        return draft
