"""The notifier of an event package (RFC 6665 §4.2): who is subscribed, what they are told, and when it ends.

Each subscription has a queue of its own with one NOTIFY outstanding, so that no answer is overtaken and no state
goes back in time.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sipconform.agents.credentials import CredentialStore
from sipconform.agents.requests import ServerRequest
from sipconform.agents.user_agent import UserAgent
from sipconform.sip.dialog import Dialog
from sipconform.sip.message import Message
from sipconform.sip.uri import SipUri, parse_uri

ENDS_SUBSCRIPTION = frozenset({404, 405, 410, 416, *range(480, 486), 489, 501, 604})
"""Answers to a NOTIFY that end the subscription (RFC 6665 §4.2.2, after RFC 5057 §5.1)."""


@dataclass(frozen=True, slots=True)
class Content:
    """What one NOTIFY carries beside the package's fixed header fields."""

    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(eq=False, repr=False)
class NotifierSubscription:
    """One subscriber in one dialog. `expires_at` is in the event loop's seconds."""

    notifier: Notifier
    dialog: Dialog
    user: str  # whose state it shows
    id: str = ""
    expires_at: float = 0.0
    state: str = "active"
    forgotten: bool = False  # its subscriber knew nothing of it when it was told
    credentials: CredentialStore | None = None  # for subscribers that challenge what they are told
    _queue: deque[tuple[str, Content | None]] = field(default_factory=deque)  # None: the full state as it is then
    _sending: asyncio.Task[None] | None = None
    _expiry: asyncio.TimerHandle | None = None

    @property
    def remaining(self) -> int:
        return max(0, math.ceil(self.expires_at - asyncio.get_running_loop().time()))

    def received(self, request: ServerRequest) -> None:
        """A request in the subscription's dialog: only SUBSCRIBE has business here."""
        event = request.message.event
        if request.message.method != "SUBSCRIBE":
            request.respond(405, headers=[("Allow", "SUBSCRIBE")])
        elif not event or (event.package, event.id) != (self.notifier.package, self.id):
            request.respond(481)
        else:
            self.notifier.resubscribed(request, self)

    def grant(self, seconds: int) -> None:
        """Starts the life of the subscription anew."""
        loop = asyncio.get_running_loop()
        self.expires_at = loop.time() + seconds
        if self._expiry:
            self._expiry.cancel()
        self._expiry = loop.call_at(self.expires_at, self.end, "timeout")

    def notify(self, content: Content) -> None:
        """Queues a NOTIFY; Subscription-State is filled in when it leaves."""
        self._enqueue("", content)

    async def told(self) -> None:
        """Waits until nothing is on its way to the subscriber any more."""
        if self._sending is not None:
            await asyncio.wait([self._sending])

    def notify_latest(self) -> None:
        """Queues a NOTIFY of the full state as it is when the NOTIFY leaves; one that waits already will tell it."""
        if not self._queue or self._queue[-1] != ("", None):
            self._enqueue("", None)

    def end(self, reason: str = "", content: Content | None = None) -> None:
        """Sends the last NOTIFY, `terminated`, and forgets the subscription."""
        if self.state == "active":
            self.state = "terminated"
            suffix = f";reason={reason}" if reason else ""
            self._enqueue(f"terminated{suffix}", content or Content())
            self.drop(waiting=True)

    def drop(self, *, waiting: bool = False) -> None:
        """Forgets the subscription; with `waiting`, what is queued still leaves."""
        self.state = "terminated"
        if self._expiry:
            self._expiry.cancel()
        self.notifier.forget(self)
        if not waiting:
            self._queue.clear()

    def _enqueue(self, state: str, content: Content | None) -> None:
        if self.notifier.withhold:
            self.notifier.withhold(self.dialog)
            return
        self._queue.append((state, content))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send_queue())

    async def _send_queue(self) -> None:
        while self._queue:
            state, told = self._queue.popleft()
            for content in self.notifier.content(self) if told is None else [told]:
                await self._send(state, content)

    async def _send(self, state: str, content: Content) -> None:
        agent = self.notifier.agent
        event = f"{self.notifier.package};id={self.id}" if self.id else self.notifier.package
        headers = [("Event", event), ("Subscription-State", state or f"active;expires={self.remaining}")]
        headers += content.headers
        if content.content_type:
            headers.append(("Content-Type", content.content_type))
        draft = agent.in_dialog(self.dialog, "NOTIFY", headers, content.body)
        self._answered(await agent.ask(draft, self.dialog, credentials=self.credentials))

    def _answered(self, answer: Message | None) -> None:
        """A refusal that says the subscriber knows nothing of it ends it; silence does too (RFC 6665 §4.2.2)."""
        if answer is None or answer.status in ENDS_SUBSCRIPTION:
            self.forgotten = answer is not None and answer.status == 481
            self.drop()


@dataclass(eq=False, repr=False)
class Notifier:
    """One event package served by an agent.

    `admit` says whose state a SUBSCRIBE may see, or answers it itself and gives None. `credentials` are what a NOTIFY
    proves itself with where a subscriber asks for that. `content` gives the NOTIFYs
    that tell the full state, `parting` the last one, which has to tell it alone. `accept_body` takes the change a
    SUBSCRIBE carries: it gives what is to happen after the 2xx, or answers the request itself and gives None. `latest`:
    every NOTIFY tells the whole state, so that one which has to wait tells it as it is when it leaves.
    """

    agent: UserAgent
    package: str
    admit: Callable[[ServerRequest], str | None]
    content: Callable[[NotifierSubscription], list[Content]]
    accept_body: Callable[[ServerRequest, NotifierSubscription], Callable[[], None] | None] | None = None
    parting: Callable[[NotifierSubscription], Content] | None = None
    credentials: Callable[[NotifierSubscription], CredentialStore | None] | None = None
    latest: bool = False
    min_expires: int = 60
    default_expires: int = 3600
    max_expires: int = 3600
    status: int = 200
    answer_body: tuple[str, bytes] = ("", b"")  # of the 2xx: type and content
    answer_after: float = 0.0  # seconds by which the 2xx lets itself be overtaken by the NOTIFY (§4.1.2.4)
    headers: tuple[tuple[str, str], ...] = ()
    withhold: Callable[[Dialog], None] | None = None  # where it is set nothing is told, and it is called instead
    on_ended: Callable[[NotifierSubscription], None] | None = None
    subscriptions: list[NotifierSubscription] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.offer()

    def offer(self) -> None:
        """Takes subscriptions to the package."""
        self.agent.serve("SUBSCRIBE", self._subscribe, self.package)

    def of(self, user: str) -> Iterator[NotifierSubscription]:
        """The live subscriptions to a user's state."""
        return (s for s in list(self.subscriptions) if s.user == user)

    def forget(self, subscription: NotifierSubscription) -> None:
        self.agent.detach(subscription)
        if subscription in self.subscriptions:
            self.subscriptions.remove(subscription)
            if self.on_ended:
                self.on_ended(subscription)

    def keep(self, subscription: NotifierSubscription) -> None:
        """Takes a subscription among the live ones; one that is there already stays."""
        if subscription not in self.subscriptions:
            self.subscriptions.append(subscription)
            self.agent.attach(subscription)

    def _subscribe(self, request: ServerRequest) -> None:
        message = request.message
        user = self.admit(request)
        if user is None:
            return
        dialog = Dialog.from_request(message, request.to_tag)
        event = message.event
        subscription = NotifierSubscription(self, dialog, user, event.id if event else "")
        subscription.credentials = self.credentials(subscription) if self.credentials else None
        self._consider(request, subscription)

    def granted(self, message: Message) -> int | None:
        """How long a SUBSCRIBE gets, None if it asks for too little (§4.2.1.1)."""
        asked = message.expires
        if not isinstance(asked, int):
            return self.default_expires
        if 0 < asked < self.min_expires:
            return None
        return min(asked, self.max_expires)

    def resubscribed(self, request: ServerRequest, subscription: NotifierSubscription) -> None:
        """A SUBSCRIBE within the dialog: refresh, change of state, or the end (§4.1.2.2, §4.1.2.3)."""
        user = self.admit(request)
        if user is None:
            return
        if user != subscription.user:  # whoever he is, it is not his
            request.respond(403)
            return
        before = subscription.dialog.target
        subscription.dialog.refresh_target(request.message)
        if not self._consider(request, subscription):
            subscription.dialog.target = before

    def _consider(self, request: ServerRequest, subscription: NotifierSubscription) -> bool:
        """Whether a SUBSCRIBE asks for something that can be given; if so it is."""
        seconds = self.granted(request.message)
        if not isinstance(parse_uri(subscription.dialog.target), SipUri):  # nobody could be told (§12.1.1)
            request.respond(400, "Contact Is No SIP URI")
            return False
        if seconds is None:
            request.respond(423, headers=[("Min-Expires", str(self.min_expires))])
            return False
        self._accepted(request, subscription, seconds)
        return True

    def _accepted(self, request: ServerRequest, subscription: NotifierSubscription, seconds: int) -> None:
        follow_up: Callable[[], None] | None = None
        if request.message.content and self.accept_body:
            follow_up = self.accept_body(request, subscription)
            if follow_up is None:
                return
        self.keep(subscription)
        headers = [("Contact", self.agent.contact), ("Expires", str(seconds)), *self.headers]
        kind, body = self.answer_body
        headers += [("Content-Type", kind)] if kind else []
        if self.answer_after:
            asyncio.get_running_loop().call_later(self.answer_after, request.respond, self.status, "", headers, body)
        else:
            request.respond(self.status, headers=headers, body=body)
        if seconds:
            subscription.grant(seconds)
        if follow_up:
            follow_up()
        elif seconds:
            self.tell(subscription)
        if not seconds:
            last = self.parting(subscription) if self.parting else self.content(subscription)[-1]
            subscription.end("timeout", last)

    def tell(self, subscription: NotifierSubscription) -> None:
        """Queues the full state."""
        if self.latest:
            subscription.notify_latest()
            return
        for content in self.content(subscription):
            subscription.notify(content)
