"""A phone's registration (RFC 3261 §10.2): made, kept fresh, and given up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from sipconform.agents.user_agent import UserAgent
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.message import Message
from sipconform.sip.uri import escape

RETRY_AFTER = 32.0  # seconds until the next try after a failed registration
REFRESH_AT = 0.5  # of the granted time


@dataclass(eq=False)
class Registration:
    """`status` is the last final answer: 0 before the first, 408 for silence. `expires` is what is asked for."""

    agent: UserAgent
    expires: int = 3600
    status: int = 0
    granted: int = 0
    _cseq: int = 0
    _call_id: str = ""
    _timer: asyncio.TimerHandle | None = None
    _task: asyncio.Task[int] | None = field(default=None)

    @property
    def registered(self) -> bool:
        return 200 <= self.status < 300 and self.granted > 0

    async def register(self) -> int:
        """Registers and keeps the binding fresh; gives the status of the answer."""
        answer = await self._ask(self.expires)
        if answer is not None and answer.status == 423:
            wanted = answer.text("Min-Expires")
            self.expires = max(self.expires, int(wanted)) if wanted.isdigit() else self.expires
            answer = await self._ask(self.expires)
        self.status = answer.status if answer is not None else 408
        self.granted = self._granted(answer) if answer is not None and answer.status < 300 else 0
        self._again_after(self.granted * REFRESH_AT if self.granted else RETRY_AFTER)
        return self.status

    async def register_as(self, user: str) -> int:
        """Tries once to register somebody else's number for our own Contact, which a registrar refuses (§10.3)."""
        account = self.agent.account
        if account is None:
            raise ValueError("a registration needs an account")
        to = f"<sip:{escape(user)}@{account.domain}>"
        draft = self.agent.new_request("REGISTER", f"sip:{account.domain}", to)
        draft.add("Contact", self.agent.contact)
        draft.add("Expires", str(self.expires))
        answer = await self.agent.ask(draft)
        return answer.status if answer is not None else 408

    async def unregister(self) -> int:
        """Removes the binding (§10.2.2)."""
        self.close()
        answer = await self._ask(0)
        self.granted = 0
        return answer.status if answer is not None else 408

    def close(self) -> None:
        """Stops refreshing without a word."""
        if self._timer:
            self._timer.cancel()
        if self._task:
            self._task.cancel()

    async def _ask(self, expires: int) -> Message | None:
        account = self.agent.account
        if account is None:
            raise ValueError("a registration needs an account")
        self._call_id = self._call_id or self.agent.endpoint.new_call_id()
        self._cseq += 1
        draft = self.agent.new_request(
            "REGISTER", f"sip:{account.domain}", f"<{account.aor}>", call_id=self._call_id, cseq=self._cseq
        )
        draft.add("Contact", self.agent.contact)
        draft.add("Expires", str(expires))
        answer = await self.agent.ask(draft)
        if answer is not None:
            self._cseq = max(self._cseq, answer.cseq_number)
        return answer

    def _granted(self, answer: Message) -> int:
        """What the registrar granted *us*: our own Contact's parameter, else the Expires header (§10.2.4)."""
        ours = self.agent.contact.strip("<>")
        for contact in answer.contacts:
            if isinstance(contact, NameAddr) and str(contact.uri) == ours:
                text = contact.params.get("expires") or ""
                if text.isdigit():
                    return int(text)
        text = answer.text("Expires")
        return int(text) if text.isdigit() else self.expires

    def _again_after(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer:
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._again)

    def _again(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self.register())
