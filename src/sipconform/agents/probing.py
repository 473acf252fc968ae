"""Deliberate oddities: requests no honest agent sends, sent to see how the other side takes them.

Every probe announces itself first, so that the record knows it for a stimulus and nobody is accused of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sipconform.agents.requests import ClientRequest
from sipconform.agents.user_agent import Headers, UserAgent
from sipconform.sip.compose import Draft
from sipconform.sip.dialog import Dialog
from sipconform.sip.message import Message
from sipconform.trace.packet import Address

Announce = Callable[[str, str | None], None]
"""Told the Call-ID and the branch of what is about to be sent; None for the branch: all of the call."""


DETOUR = 0.05  # seconds by which a copy that took another way comes later


@dataclass(eq=False, repr=False)
class Prober:
    """Sends probes from one agent. `announce` may be None where nobody keeps a record."""

    agent: UserAgent
    announce: Announce | None = None

    async def outside(
        self,
        method: str,
        uri: str,
        *,
        sender: str = "",
        headers: Headers = (),
        leave_out: Iterable[str] = (),
        body: bytes = b"",
        copies: int = 1,
    ) -> Message | None:
        """A request outside any dialog; `leave_out` is removed, `headers` replace what is there. Several
        `copies` leave one after the other as if a proxy had forked them: each with its own branch and one Via more."""
        draft = self.agent.new_request(method, uri, f"<{uri}>", sender=sender)
        draft.add("Contact", self.agent.contact)
        draft = self._bent(draft, headers, leave_out, body)
        if copies > 1:
            via = self.agent.endpoint.via(self.agent.endpoint.transports[0], self.agent.endpoint.new_branch())
            draft.insert("Via", via)
        tasks = []
        for _ in range(copies):
            copy = replace(draft, headers=list(draft.headers))
            tasks.append(asyncio.ensure_future(self.send(copy, self.agent.proxy)))
            await asyncio.sleep(DETOUR)
        return (await asyncio.gather(*tasks))[-1]

    async def inside(
        self,
        dialog: Dialog,
        method: str,
        *,
        cseq: int | None = None,
        headers: Headers = (),
        leave_out: Iterable[str] = (),
        body: bytes = b"",
    ) -> Message | None:
        """A request within a dialog; with `cseq` one that does not count on, as an overtaken one would."""
        known = dialog.local_cseq
        draft = self.agent.in_dialog(dialog, method, (), b"")
        if cseq is not None:
            dialog.local_cseq = known
            draft.set("CSeq", f"{cseq} {method}")
        return await self.send(self._bent(draft, headers, leave_out, body))

    async def send(self, draft: Draft, hop: Address | None = None) -> Message | None:
        """Announces and sends a draft as it is, and gives the final answer. A challenge outside dialogs is answered
        once: what is odd is to be judged, and not that its sender kept who it is to itself."""
        credentials = self.agent.credentials
        bare = replace(draft, headers=list(draft.headers))
        if credentials:
            credentials.authorise(draft)
        answer = await self._sent(draft, hop)
        if hop is None or answer is None or answer.status not in (401, 407):
            return answer
        if not credentials or not credentials.learn(answer):
            return answer
        number, _, method = bare.get("CSeq").partition(" ")
        bare.set("CSeq", f"{int(number) + 1} {method}")
        credentials.authorise(bare)
        return await self._sent(bare, hop)

    async def _sent(self, draft: Draft, hop: Address | None) -> Message | None:
        request = self.agent.endpoint.prepare(draft, hop or self.agent.next_hop(draft))
        self._begun(request)
        return await self.agent.endpoint.begin(request).final()

    def _begun(self, request: ClientRequest) -> None:
        if self.announce:
            self.announce(request.sent.call_id, request.branch)

    @staticmethod
    def _bent(draft: Draft, headers: Headers, leave_out: Iterable[str], body: bytes) -> Draft:
        for name in leave_out:
            draft.remove(name)
        for name, value in headers:
            draft.set(name, value)
        draft.body = body
        return draft
