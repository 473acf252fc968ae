"""A phone's registration (RFC 3261 §10.2): made, kept fresh, found lost, made again, and given up."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from sipconform.agents.phone.keep_alive import KeepAlive
from sipconform.agents.requests import ClientRequest
from sipconform.agents.user_agent import Begun, UserAgent
from sipconform.sip.compose import Draft
from sipconform.sip.fault import Fault
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.message import Message
from sipconform.sip.uri import escape, parse_uri

REFRESH_AT = 0.5  # of the granted time, where the dialect names no period
LONGEST = 2**32 - 1  # seconds (§20.19)
STREAM_PATIENCE = 10.0  # seconds: nothing is lost on a stream, so silence there means that it is dead
GIVES_UP = frozenset({401, 403, 404, 407})  # the same again would be refused again (§22.1)


@dataclass(eq=False, repr=False)
class Registration:
    """`status` is the last final answer: 0 before the first, 408 for silence. `expires` is what is asked for.

    `refresh` is the period in seconds, 0 for half of what was granted. `patience` is how many seconds a REGISTER may
    go unanswered before the loss is shown; the transaction itself goes on until it times out. `retry` is the first
    and the longest pause after a failure: the pause doubles, and is drawn from its upper half (RFC 5626 §4.5).
    """

    agent: UserAgent
    expires: int = 3600
    refresh: float = 0.0
    patience: float = 32.0
    retry: tuple[float, float] = (30.0, 1800.0)
    header_expires: int | None = None  # what the header field says, where the Contact's own parameter says otherwise
    outbound: bool = False  # the Contact names instance and flow, and the flow is kept alive (RFC 5626)
    status: int = 0
    granted: int = 0
    lost: bool = False  # what the display says: no connection with the server
    failures: int = 0
    on_change: Callable[[], None] | None = None
    _cseq: int = 0
    _call_id: str = ""
    _timer: asyncio.TimerHandle | None = None
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)
    _under_way: bool = False

    def __post_init__(self) -> None:
        self.keep_alive = KeepAlive(self.agent, self._flow_failed)

    @property
    def registered(self) -> bool:
        return 200 <= self.status < 300 and self.granted > 0 and not self.lost

    @property
    def instance(self) -> str:
        """Who this phone is, through every restart (RFC 5626 §4.1)."""
        account = self.agent.account
        seed = random.Random(f"instance {account.aor if account else ''}")
        return f"<urn:uuid:{uuid.UUID(int=seed.getrandbits(128), version=4)}>"

    @property
    def contact(self) -> str:
        if not self.outbound:
            return self.agent.contact
        return f'{self.agent.contact};reg-id=1;+sip.instance="{self.instance}"'

    async def register(self) -> int:
        """Registers and keeps the binding fresh; gives the status of the answer."""
        self._under_way = True
        alarm = asyncio.get_running_loop().call_later(self.patience, self._show, True)
        answer = await self._ask(self.expires)
        if answer is not None and answer.status == 423:
            self.expires = max(self.expires, seconds_in(answer.text("Min-Expires")) or 0)
            answer = await self._ask(self.expires)
        alarm.cancel()
        self._under_way = False
        self._settle(answer)
        return self.status

    def _settle(self, answer: Message | None) -> None:
        self.status = answer.status if answer is not None else 408
        self.granted = self._granted(answer) if answer is not None and answer.status < 300 else 0
        self._show(not self.granted)
        if self.granted and answer is not None:
            self.failures = 0
            self._again_after(min(self.refresh or self.granted, REFRESH_AT * self.granted))
            self._keep_alive(answer)
        elif self.status not in GIVES_UP:
            self.failures += 1
            told = seconds_in(answer.text("Retry-After").partition(";")[0].partition("(")[0]) if answer else None
            self._again_after(max(self.pause(), told or 0))

    def pause(self) -> float:
        """Seconds until the next try after a failure."""
        base, longest = self.retry
        most = min(longest, base * 2.0 ** (self.failures - 1))
        return self.agent.endpoint.random.uniform(most / 2, most)

    async def register_as(self, user: str, domain: str = "") -> int:
        """Tries once to register somebody else's number for our own Contact, which a registrar refuses (§10.3)."""
        account = self.agent.account
        if account is None:
            raise ValueError("a registration needs an account")
        to = f"<sip:{escape(user)}@{domain or account.domain}>"
        draft = self.agent.new_request("REGISTER", f"sip:{account.domain}", to)
        draft.add("Contact", self.agent.contact)
        draft.add("Expires", str(self.expires))
        answer = await self.agent.ask(draft)
        return answer.status if answer is not None else 408

    async def register_late(self, begun: Begun) -> int:
        """Sends again the number of the first REGISTER, as one that was overtaken on its way."""
        account = self.agent.account
        if account is None:
            raise ValueError("a registration needs an account")
        to = f"<{account.aor}>"
        draft = self.agent.new_request("REGISTER", f"sip:{account.domain}", to, call_id=self._call_id, cseq=1)
        draft.add("Contact", self.contact)
        draft.add("Expires", "0")
        if self.agent.credentials:
            self.agent.credentials.authorise(draft)
        answer = await self.agent.send(draft, begun).final()
        return answer.status if answer is not None else 408

    async def query(self) -> list[str]:
        """Asks which Contacts the registrar knows, and changes none (§10.2.3)."""
        answer = await self._ask(None)
        return [str(c.uri) for c in (answer.contacts if answer else []) if isinstance(c, NameAddr)]

    async def unregister(self, *, everything: bool = False) -> int:
        """Removes the binding, or with `everything` all of the user's (§10.2.2)."""
        self.close()
        answer = await self._ask(0, "*" if everything else "")
        self.granted = 0
        return answer.status if answer is not None else 408

    def restart(self) -> None:
        """What a reboot forgets: Call-ID, numbers, what was granted."""
        self.close()
        self.status = self.granted = self.failures = self._cseq = 0
        self._call_id = ""

    def close(self) -> None:
        """Stops refreshing without a word."""
        if self._timer:
            self._timer.cancel()
        self.keep_alive.close()
        for task in self._tasks:
            task.cancel()

    async def _ask(self, expires: int | None, contact: str = "") -> Message | None:
        account = self.agent.account
        if account is None:
            raise ValueError("a registration needs an account")
        self._call_id = self._call_id or self.agent.endpoint.new_call_id()
        self._cseq += 1
        draft = self.agent.new_request(
            "REGISTER", f"sip:{account.domain}", f"<{account.aor}>", call_id=self._call_id, cseq=self._cseq
        )
        if expires is not None:
            own = "" if self.header_expires is None else f";expires={expires}"
            draft.add("Contact", contact or f"{self.contact}{own}")
            draft.add("Expires", str(expires if self.header_expires is None else self.header_expires))
        if self.outbound:
            draft.add("Supported", "path, outbound")
        return await self._answer_to(draft)

    async def _answer_to(self, draft: Draft) -> Message | None:
        """The final answer, None for silence: on a stream that does not take long to find out."""
        is_stream = self.agent.endpoint.transports[0].protocol != "udp"
        try:
            async with asyncio.timeout(STREAM_PATIENCE if is_stream else None):
                return await self.agent.ask(draft, begun=self._begun)
        except TimeoutError:
            return None

    def _begun(self, request: ClientRequest) -> None:
        self._cseq = max(self._cseq, request.sent.cseq_number)

    def _granted(self, answer: Message) -> int:
        """What the registrar granted *us*: our own Contact's parameter, else the Expires header (§10.2.4). Where our
        Contact is not listed as we wrote it somebody on the way has rewritten it: then the shortest time that is."""
        listed = [c for c in answer.contacts if isinstance(c, NameAddr) and not isinstance(c.uri, Fault)]
        ours = [c for c in listed if self._is_ours(c)]
        times = [seconds_in(c.params.get("expires") or "") for c in ours or listed]
        known = [time for time in times if time is not None]
        told = seconds_in(answer.text("Expires"))
        if known and (ours or told is None):
            return min(known)
        return self.expires if told is None else told

    def _is_ours(self, contact: NameAddr) -> bool:
        """By URI comparison (§19.1.4), and by instance where flows share a URI."""
        own = parse_uri(self.agent.contact.strip("<>"))
        instance = contact.params.get("+sip.instance")
        mine = instance in (None, self.instance) or not self.outbound
        return not isinstance(own, Fault) and own.equals(contact.uri) and mine

    def _keep_alive(self, answer: Message) -> None:
        if self.outbound:
            text = answer.text("Flow-Timer")
            self.keep_alive.start(float(seconds_in(text) or 0))

    def _flow_failed(self) -> None:
        """No pong: the flow is dead, and a new one is made (RFC 5626 §4.4.1, §4.5)."""
        self._show(True)
        if not self._under_way:
            self._again_after(0.0)

    def _show(self, lost: bool) -> None:
        self.lost = lost
        if self.on_change:
            self.on_change()

    def _again_after(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer:
            self._timer.cancel()
        self._timer = loop.call_later(seconds, lambda: self._do(self.register()))

    def _do(self, coroutine: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def seconds_in(text: str) -> int | None:
    """A number of seconds as SIP writes it (RFC 3261 §25.1, delta-seconds); None for anything else."""
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        return None
    return min(int(text), LONGEST) if len(text) < 20 else LONGEST
