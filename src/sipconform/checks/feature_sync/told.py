"""The feature documents of a message, and what state they tell."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, takewhile
from typing import NamedTuple

from sipconform.checks.evidence import seconds
from sipconform.checks.subscription.course import all_after, notifications, over_at, subscribe_requests
from sipconform.features.feature_event import (
    CONTENT_TYPE,
    EVENT,
    Document,
    DoNotDisturbEvent,
    ForwardingEvent,
    SetDoNotDisturb,
    SetForwarding,
    UnknownDocument,
    parse_document,
)
from sipconform.features.feature_state import ForwardType
from sipconform.sip import multipart
from sipconform.sip.fault import Fault, Span
from sipconform.sip.headers.media_type import MediaType
from sipconform.sip.multipart import Multipart
from sipconform.sip.uri import SipUri, TelUri, parse_uri
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

CLOSELY = 4.0
"""Seconds after the answer to one NOTIFY in which the next of a full state is seen: three of its sendings may be
lost."""

ANSWERED = 34.0
"""Seconds after a request in which its answer is looked for: 64*T1, and slack for the way there and back."""

Feature = str  # "dnd", or a forwarding type
Value = tuple[bool | None, str]  # on or off, and the destination
FEATURES: tuple[Feature, ...] = ("dnd", *(kind.value for kind in ForwardType))


class Told(NamedTuple):
    """One document and where it stands in its message."""

    document: Document | UnknownDocument | Fault
    span: Span


def is_ours(message: WireMessage) -> bool:
    """Whether a SUBSCRIBE or NOTIFY is about this package."""
    event = message.event
    return not isinstance(event, Fault) and event.package == EVENT


def requests(trace: Trace, method: str) -> Iterator[WireMessage]:
    """The package's requests of one method, retransmissions left out."""
    return (r for r in trace.requests(method) if is_ours(r))


@lru_cache(maxsize=1024)
def documents(message: WireMessage) -> tuple[Told, ...]:
    """Every document of a body, plain or multipart; bodies and parts of other types are left out."""
    kind = message.content_type
    if isinstance(kind, Fault) or not message.content:
        return ()
    if kind.type.startswith("multipart/"):
        parts = (p for p in envelope(message, kind).parts if is_feature(p.content_type))
        return tuple(Told(parse_document(part.body, _charset(part.content_type)), part.span) for part in parts)
    if kind.type != CONTENT_TYPE:
        return ()
    start = message.body_start
    return (Told(parse_document(message.content, kind.charset), Span(start, start + len(message.content))),)


def envelope(message: WireMessage, kind: MediaType) -> Multipart:
    """The parts of a multipart body, spans counted in the message."""
    start = message.body_start
    return multipart.parse(message.raw, kind.boundary, start, start + len(message.content))


def _charset(kind: MediaType | Fault) -> str:
    return "" if isinstance(kind, Fault) else kind.charset


def is_feature(kind: MediaType | Fault) -> bool:
    """Whether a Content-Type is the package's."""
    return not isinstance(kind, Fault) and kind.type == CONTENT_TYPE


def feature(document: Document | UnknownDocument | Fault) -> Feature | None:
    """Which feature a document is about, None when it does not say."""
    if isinstance(document, DoNotDisturbEvent | SetDoNotDisturb):
        return "dnd"
    if isinstance(document, ForwardingEvent | SetForwarding):
        return document.type.value if document.type is not None else None
    return None


def value(document: Document | UnknownDocument | Fault) -> Value:
    """What a document says of its feature; the destination of a forward that is off does not count."""
    if isinstance(document, DoNotDisturbEvent | SetDoNotDisturb):
        return document.on, ""
    if isinstance(document, ForwardingEvent | SetForwarding):
        return document.on, (document.to or "") if document.on else ""
    return None, ""


def states(notify: WireMessage) -> dict[Feature, Value]:
    """The features a NOTIFY tells, with their values."""
    found: dict[Feature, Value] = {}
    for told in documents(notify):
        name = feature(told.document)
        if name is not None and isinstance(told.document, DoNotDisturbEvent | ForwardingEvent):
            found[name] = value(told.document)
    return found


def user_in(uri_text: str) -> str:
    """The user of a SIP URI, or the number of a tel URI; any other text stands for itself."""
    uri = parse_uri(uri_text)
    if isinstance(uri, SipUri):
        return uri.username
    return uri.number if isinstance(uri, TelUri) else uri_text


class Wish(NamedTuple):
    """A SUBSCRIBE that asks for a change."""

    subscription: Subscription
    transaction: Transaction
    request: WireMessage
    feature: Feature
    value: Value


def wishes(trace: Trace) -> Iterator[Wish]:
    """Every legible Set request, in every subscription to the package."""
    for subscription in trace.subscriptions_to(EVENT):
        yield from wishes_of(subscription)


def wishes_of(subscription: Subscription) -> tuple[Wish, ...]:
    """Every legible Set request of one subscription."""
    return _wishes_of(subscription, len(subscription.subscribes))


@lru_cache(maxsize=256)
def _wishes_of(subscription: Subscription, _length: int) -> tuple[Wish, ...]:
    """The length is part of the key for a subscription that has grown since."""
    return tuple(_read_wishes(subscription))


def _read_wishes(subscription: Subscription) -> Iterator[Wish]:
    for transaction in subscription.subscribes:
        request = transaction.request
        told = documents(request) if request is not None and request.body else ()
        if request is not None and len(told) == 1 and isinstance(told[0].document, SetDoNotDisturb | SetForwarding):
            name, wanted, facts = feature(told[0].document), value(told[0].document), told[0].document.facts
            foreign = facts is not None and bool(facts.namespace) and not facts.is_csta
            if name is not None and wanted[0] is not None and not foreign:
                yield Wish(subscription, transaction, request, name, wanted)


def before(subscription: Subscription, moment: WireMessage, name: Feature) -> Value | None:
    """What the subscription was told of a feature last before a message, None when nothing."""
    told = telling(subscription, name)
    at = bisect_left(told, moment.number, key=_number)
    return told[at - 1].value if at else None


def after(subscription: Subscription, moment: WireMessage, name: Feature) -> WireMessage | None:
    """The first NOTIFY after a message that tells the feature."""
    told = telling(subscription, name)
    at = bisect_right(told, moment.number, key=_number)
    return told[at].notify if at < len(told) else None


def confirmation(wish: Wish, everybody: list[Wish]) -> WireMessage | None:
    """The NOTIFY that answers a wish: the first with the value asked for, before anybody asks for another; else the
    first that tells the feature. One told for an earlier request may come in between.
    """
    told = telling(wish.subscription, wish.feature)
    first = bisect_right(told, wish.request.number, key=_number)
    if first == len(told):
        return None
    soon = takewhile(lambda t: seconds(t.notify, wish.request) <= ANSWERED, islice(told, first, None))
    right = next((t.notify for t in soon if t.value == wish.value), None)
    if right is None or _another_asked(wish, right, everybody):
        return told[first].notify
    return right


class Telling(NamedTuple):
    """A NOTIFY that tells a feature, and the value it tells."""

    notify: WireMessage
    value: Value


def telling(subscription: Subscription, name: Feature) -> Sequence[Telling]:
    """The NOTIFYs of a subscription that tell a feature, in the order seen."""
    return _tellings(subscription, len(subscription.notifies)).get(name, ())


@lru_cache(maxsize=256)
def _tellings(subscription: Subscription, _length: int) -> dict[Feature, list[Telling]]:
    """The length is part of the key for a subscription that has grown since."""
    found: dict[Feature, list[Telling]] = {}
    for notify in notifications(subscription):
        for name, told in states(notify).items():
            found.setdefault(name, []).append(Telling(notify, told))
    return found


def _number(told: Telling) -> int:
    return told.notify.number


def _another_asked(wish: Wish, notify: WireMessage, everybody: list[Wish]) -> bool:
    """Whether the feature was asked for again between a wish and a NOTIFY."""
    start = bisect_right(everybody, wish.request.number, key=lambda w: w.request.number)
    later = takewhile(lambda w: w.request.number < notify.number, islice(everybody, start, None))
    return any(w.feature == wish.feature for w in later)


def burst(subscription: Subscription, since: WireMessage, *, whole: bool = False) -> list[WireMessage]:
    """The NOTIFYs of the full state that a SUBSCRIBE brings: each follows the one before closely, however long the
    phone takes to answer. They end at the next SUBSCRIBE, or with `whole` go on beyond it.
    """
    found: list[WireMessage] = []
    next_ = None if whole else next(all_after(subscribe_requests(subscription), since), None)
    for notify in all_after(notifications(subscription), since):
        late = bool(found) and pause(found[-1], notify) > CLOSELY
        if late or (next_ is not None and notify.number > next_.number):
            break
        found.append(notify)
    return found


def pause(one: WireMessage, next_: WireMessage) -> float:
    """Seconds between the end of one NOTIFY, its answer or last sending, and the next one."""
    return seconds(next_, over_at(one, next_))


def told_first(notifies: Sequence[WireMessage]) -> dict[Feature, tuple[WireMessage, Value]]:
    """What the NOTIFYs of a full state say of each feature: a second word on one is a change."""
    found: dict[Feature, tuple[WireMessage, Value]] = {}
    for notify in notifies:
        for name, value_ in states(notify).items():
            found.setdefault(name, (notify, value_))
    return found
