"""The server's end of feature synchronisation: the state of every user's features, told to all of the user's phones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sipconform.agents.credentials import CredentialStore
from sipconform.agents.notifier import Content, Notifier, NotifierSubscription
from sipconform.agents.requests import ServerRequest
from sipconform.agents.server.authentication import Authentication
from sipconform.agents.server.directory import User
from sipconform.agents.server.registrar import user_part
from sipconform.agents.user_agent import UserAgent
from sipconform.features.feature_body import Packaging, write_event, write_full_state
from sipconform.features.feature_event import (
    CONTENT_TYPE,
    EVENT,
    Event,
    SetDoNotDisturb,
    SetForwarding,
    UnknownDocument,
    apply,
    changed,
    dnd_event,
    forwarding_event,
    parse_document,
)
from sipconform.features.feature_state import FeatureState, Forward, ForwardType
from sipconform.sip.fault import Fault

LARGEST_REQUEST = 16 * 1024  # octets; a request has a few hundred


def is_ours(document: SetDoNotDisturb | SetForwarding) -> bool:
    """Whether a request is in some edition's namespace, or in none at all, as some phones write it."""
    return document.facts is None or document.facts.is_csta or not document.facts.namespace


@dataclass(eq=False, repr=False)
class FeatureServer:
    """`change` is the one road every change takes: phone, portal or feature code (REQUIREMENTS B11)."""

    agent: UserAgent
    authentication: Authentication
    packaging: Packaging = "multipart"
    encoding: str = "ISO-8859-1"
    min_expires: int = 60
    on_change: Callable[[], None] | None = None
    followers: list[Callable[[User], None]] = field(default_factory=list)  # told when a user's features have changed
    out_of_order: bool = False  # answers every change with 500
    accepted: int = 200  # 202 is as good, though deprecated (RFC 6665 §8.3.1)

    def __post_init__(self) -> None:
        self.notifier = Notifier(
            self.agent,
            EVENT,
            admit=self._admit,
            content=self._full_state,
            accept_body=self._accept_body,
            parting=self._whole_state,
            credentials=self._credentials,
            min_expires=self.min_expires,
            status=self.accepted,
        )

    def set_dnd(self, user: User, on: bool) -> None:
        """A change made at the server, as a portal would."""
        self.change(user, user.features.with_dnd(on))

    def set_forward(self, user: User, kind: ForwardType, forward: Forward) -> None:
        """A change made at the server, as a portal would."""
        self.change(user, user.features.with_forward(kind, forward))

    def change(self, user: User, state: FeatureState) -> list[Event]:
        """Stores the new state and tells every phone of the user the features that changed."""
        events = changed(user.features, state, self._device(user))
        user.features = state
        if self.on_change:
            self.on_change()
        for follower in self.followers if events else ():
            follower(user)
        for subscription in self.notifier.of(user.name):
            for event in events:
                subscription.notify(self._event_content(event))
        return events

    def _admit(self, request: ServerRequest) -> str | None:
        """Features are the user's, so the locations of his line share them (REQUIREMENTS A4)."""
        user, message = self.authentication.authenticated(request), request.message
        if user is None:
            return None
        name = user_part(message.to)
        if name != user_part(message.from_) or self.authentication.directory.identity(user, name) is None:
            request.respond(403)
            return None
        return user.name

    def _credentials(self, subscription: NotifierSubscription) -> CredentialStore:
        user = self._user(subscription)
        return CredentialStore(user.name, user.password, self.agent.endpoint.random)

    def _user(self, subscription: NotifierSubscription) -> User:
        return self.authentication.directory.users[subscription.user]

    def _device(self, user: User) -> str:
        return f"sip:{user.name}@{self.authentication.directory.domain}"

    def _full_state(self, subscription: NotifierSubscription) -> list[Content]:
        user = self._user(subscription)
        bodies = write_full_state(user.features, self._device(user), packaging=self.packaging, encoding=self.encoding)
        return [Content(body.content, body.content_type) for body in bodies]

    def _whole_state(self, subscription: NotifierSubscription) -> Content:
        """However the state is packed otherwise: no NOTIFY may follow the one that ends a fetch (RFC 6665 §4.4.3)."""
        user = self._user(subscription)
        (body,) = write_full_state(user.features, self._device(user), encoding=self.encoding)
        return Content(body.content, body.content_type)

    def _event_content(self, event: Event) -> Content:
        body = write_event(event, self.encoding)
        return Content(body.content, body.content_type)

    def _accept_body(self, request: ServerRequest, subscription: NotifierSubscription) -> Callable[[], None] | None:
        message = request.message
        kind = message.content_type
        if self.out_of_order:
            request.respond(500)
            return None
        if len(message.content) > LARGEST_REQUEST:
            request.respond(413)
            return None
        if not kind or kind.type != CONTENT_TYPE:
            request.respond(415, headers=[("Accept", CONTENT_TYPE)])
            return None
        document = parse_document(message.content, kind.charset)
        if isinstance(document, Fault):
            request.respond(400, "Body cannot be read")
            return None
        if isinstance(document, SetDoNotDisturb | SetForwarding) and is_ours(document):
            return lambda: self.apply_request(document, subscription)
        return lambda: self.notifier.tell(subscription)

    def apply_request(
        self, document: SetDoNotDisturb | SetForwarding | UnknownDocument, subscription: NotifierSubscription
    ) -> None:
        """Does what a phone asked, as far as policy goes and the user has the feature; the sender is told the state in
        any case."""
        user, state = self._user(subscription), self._user(subscription).features
        if isinstance(document, SetDoNotDisturb | SetForwarding) and not user.barred:
            state = apply(state, document) if self._has(user, document) else state
        if self.change(user, state):
            return
        event = self._asked_about(document, user)
        if event is None:
            self.notifier.tell(subscription)
        else:
            subscription.notify(self._event_content(event))

    @staticmethod
    def _has(user: User, document: SetDoNotDisturb | SetForwarding) -> bool:
        """Whether the administrator has given a user what a document is about."""
        if isinstance(document, SetDoNotDisturb):
            return user.features.dnd is not None
        return document.type is not None and user.features.forward(document.type) is not None

    def _asked_about(self, document: object, user: User) -> Event | None:
        if isinstance(document, SetDoNotDisturb):
            return dnd_event(user.features, self._device(user))
        if isinstance(document, SetForwarding) and document.type is not None:
            return forwarding_event(user.features, document.type, self._device(user))
        return None
