"""The subscriber of an event package (RFC 6665 §4.1): it keeps one subscription alive and hands on what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sipconform.agents.requests import ServerRequest
from sipconform.agents.user_agent import Headers, UserAgent
from sipconform.sip.compose import Draft
from sipconform.sip.dialog import Dialog, contact_uri
from sipconform.sip.message import Message

RESUBSCRIBE_AFTER = {"deactivated": 0.0, "timeout": 0.0, "probation": 30.0, "giveup": 30.0}
"""Seconds until a new subscription after `terminated`, by reason, where no retry-after says otherwise (§4.1.3).
`rejected`, `noresource` and `invariant` are not in the table: they mean stop."""
NO_REASON_AFTER = 30.0
AT_LEAST_APART = 6.0  # seconds between two initial SUBSCRIBEs, whatever the notifier says: no storm
GIVE_UP = frozenset({403, 404, 405, 489, 501, 603, 604})
REFRESH_AT = 0.8  # of the granted time
SHORTENED = 2.0  # seconds by which a NOTIFY must fall short of what was granted to be meant so


@dataclass(eq=False, repr=False)
class Subscriber:
    """One subscription. `told` is called for every NOTIFY in order; `status` is the last answer to a SUBSCRIBE:
    0 before the first, 408 for silence."""

    agent: UserAgent
    package: str
    accept: str = ""
    expires: int = 3600  # 0: asks for no time, and takes the package's own
    told: Callable[[Message], None] | None = None
    extra: tuple[tuple[str, str], ...] = ()  # further header fields of every SUBSCRIBE
    dialog: Dialog = field(default_factory=lambda: Dialog("", "", "", "", "", ""))
    status: int = 0
    wanted: bool = False
    resource: str = ""  # how the Request-URI spells what is subscribed to; "": the account's own address
    once: bool = False  # neither refreshed nor begun again: it lasts as long as it was granted
    active: bool = False
    expires_at: float = 0.0  # in the event loop's seconds
    _told_until: float | None = None  # what a NOTIFY has left since the last SUBSCRIBE
    _heard: bool = False  # whether a NOTIFY has come in this dialog
    _silence: asyncio.TimerHandle | None = None  # runs from the 2xx to the first NOTIFY
    _refresh: asyncio.TimerHandle | None = None
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)
    _began: float = -AT_LEAST_APART
    _one_by_one: asyncio.Lock = field(default_factory=asyncio.Lock)  # so that no change overtakes another

    async def subscribe(self) -> int:
        """Begins a new subscription in a new dialog and gives the status of the answer."""
        self.wanted = True
        self._began = asyncio.get_running_loop().time()
        draft = self._initial()
        answer = await self.agent.ask(draft)
        if answer is not None and answer.status == 423:
            self.expires = max(self.expires, _seconds(answer, "Min-Expires"))
            draft = self._initial()
            answer = await self.agent.ask(draft)
        self._answered(answer)
        return self.status

    def _initial(self) -> Draft:
        account = self.agent.account
        if account is None:
            raise ValueError("a subscriber needs an account")
        self._leave_dialog()
        self._heard, self._told_until = False, None
        draft = self.agent.new_request("SUBSCRIBE", self.resource or account.aor, f"<{account.aor}>")
        tag = draft.get("From").rpartition("tag=")[2]
        # A NOTIFY may overtake the 2xx (§4.1.2.4): the dialog is there before the notifier's tag is known.
        self.dialog = Dialog(
            draft.get("Call-ID"), account.name_addr, tag, f"<{account.aor}>", "", account.aor, local_cseq=1
        )
        self.agent.attach(self)
        draft.add("Contact", self.agent.contact)
        self._describe(draft)
        return draft

    def _describe(self, draft: Draft) -> None:
        draft.add("Event", self.package)
        if self.accept:
            draft.add("Accept", self.accept)
        if self.expires:
            draft.add("Expires", str(self.expires))
        for name, value in self.extra:
            draft.add(name, value)

    async def ask_within(self, headers: Headers = (), body: bytes = b"", expires: int | None = None) -> Message | None:
        """A SUBSCRIBE within the dialog: a refresh, a change of state when it has a body, the end when `expires` is 0.

        Where the dialog is gone (481, silence) a new subscription is begun (§4.1.2.2)."""
        async with self._one_by_one:
            self._told_until = None
            draft = self.agent.in_dialog(self.dialog, "SUBSCRIBE", (), body)
            self._describe(draft)
            if expires is not None:
                draft.set("Expires", str(expires))
            for name, value in headers:
                draft.add(name, value)
            answer = await self.agent.ask(draft, self.dialog)
        if answer is not None and answer.status < 300:
            self._answered(answer)
        elif self._kept and (answer is None or answer.status in (404, 481)):
            self.active = False
            await self.subscribe()
        elif self._kept and answer is not None and self._refresh is None:
            self._not_refreshed(answer)
        return answer

    def _not_refreshed(self, answer: Message) -> None:
        """A refresh that failed otherwise leaves the subscription as long as it was granted (§4.1.2.2): it is tried
        again while there is time, and after that a new one is begun."""
        if answer.status == 423:
            self.expires = max(self.expires, _seconds(answer, "Min-Expires"))
        left = self.expires_at - asyncio.get_running_loop().time()
        wait = _seconds(answer, "Retry-After") or min(left / 2, NO_REASON_AFTER)
        if answer.status in GIVE_UP or left - wait < AT_LEAST_APART:
            self._again_after(max(left, 0.0))
        else:
            self._refresh_after(wait)

    async def unsubscribe(self) -> None:
        """Ends it with `Expires: 0` (§4.1.2.3); the dialog stays until the last NOTIFY."""
        self.wanted = False
        self._stop_refresh()
        if self.active:
            await self.ask_within(expires=0)

    def close(self) -> None:
        """Forgets it without a word."""
        self.wanted = False
        self._leave_dialog()
        for task in self._tasks:
            task.cancel()

    @property
    def _kept(self) -> bool:
        return self.wanted and not self.once

    # -- what comes back ------------------------------------------------------------------------------------

    def _answered(self, answer: Message | None) -> None:
        self.status = answer.status if answer is not None else 408
        if answer is None or answer.status >= 300:
            self._leave_dialog()
            if self._kept and self.status not in GIVE_UP:
                self._again_after(NO_REASON_AFTER)
            return
        if not self.dialog.remote_tag:
            self.dialog.remote_tag = answer.to_tag
            self.dialog.routes = answer.values("Record-Route")[::-1]
        self.dialog.local_cseq = max(self.dialog.local_cseq, answer.cseq_number)
        if contact_uri(answer):
            self.dialog.refresh_target(answer)
        self.active = self.wanted
        granted = _seconds(answer, "Expires") or self.expires
        self.expires_at = asyncio.get_running_loop().time() + granted
        if self._kept and granted:
            self._refresh_after(granted * REFRESH_AT)
            self._wait_for_word()
            self._heed(self._told_until)  # a NOTIFY may have overtaken the 2xx
        elif self._kept:  # accepted for no time at all: there is nothing to refresh
            self._again_after(NO_REASON_AFTER)

    def received(self, request: ServerRequest) -> None:
        """A request in our dialog: only NOTIFY of our package has business here (§4.1.3)."""
        message = request.message
        event = message.event
        if message.method != "NOTIFY":
            request.respond(405, headers=[("Allow", "NOTIFY")])
            return
        if not event or event.package != self.package:
            request.respond(481 if event else 489)
            return
        if not self.dialog.remote_tag:  # it has overtaken the 2xx, and begins the dialog (§4.4.1)
            self.dialog.remote_tag = message.from_tag
            self.dialog.routes = message.values("Record-Route")
        self.dialog.refresh_target(message)
        self._heard = True
        self._stop_waiting()
        request.respond(200)
        if self.told:
            self.told(message)
        state = message.subscription_state
        if state and state.state == "terminated":
            retry_after = state.retry_after
            self._terminated(state.reason, retry_after if isinstance(retry_after, int) else None)
        elif state and isinstance(state.expires, int):
            self._told_until = asyncio.get_running_loop().time() + state.expires
            self._heed(self._told_until)

    def _heed(self, until: float | None) -> None:
        """A NOTIFY may leave less time than was granted; then that counts (§4.1.3)."""
        if until is not None and self.active and self._kept and until < self.expires_at - SHORTENED:
            self.expires_at = until
            self._refresh_after((until - asyncio.get_running_loop().time()) * REFRESH_AT)

    def _wait_for_word(self) -> None:
        if not self._heard and self._silence is None:
            patience = self.agent.endpoint.timers.give_up
            self._silence = asyncio.get_running_loop().call_later(patience, self._unheard)

    def _unheard(self) -> None:
        """Nothing was told in 64*T1: the subscription has failed, whatever was answered (§4.1.2.4)."""
        self.active = False
        self._leave_dialog()
        if self._kept:
            self._again_after(NO_REASON_AFTER)

    def _terminated(self, reason: str, retry_after: int | None) -> None:
        self.active = False
        self._leave_dialog()
        if not self._kept or (reason and reason not in RESUBSCRIBE_AFTER):
            return
        wait = RESUBSCRIBE_AFTER.get(reason, NO_REASON_AFTER)
        self._again_after(wait if retry_after is None else retry_after)

    # -- timing ---------------------------------------------------------------------------------------------

    def _again_after(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        at = max(loop.time() + seconds, self._began + AT_LEAST_APART)
        self._stop_refresh()
        self._refresh = loop.call_at(at, lambda: self._do(self.subscribe()))

    def _refresh_after(self, seconds: float) -> None:
        self._stop_refresh()
        self._refresh = asyncio.get_running_loop().call_later(seconds, self._refresh_now)

    def _refresh_now(self) -> None:
        self._refresh = None
        self._do(self.ask_within())

    def _do(self, coroutine: object) -> None:
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(coroutine)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stop_refresh(self) -> None:
        if self._refresh:
            self._refresh.cancel()
            self._refresh = None

    def _stop_waiting(self) -> None:
        if self._silence:
            self._silence.cancel()
            self._silence = None

    def _leave_dialog(self) -> None:
        self._stop_refresh()
        self._stop_waiting()
        self.agent.detach(self)


def _seconds(message: Message, name: str) -> int:
    text = message.text(name)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
