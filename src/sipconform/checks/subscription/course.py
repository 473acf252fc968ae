"""The course of one subscription: what was asked, granted and told, and until when it lives."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice

from sipconform.checks.evidence import GIVE_UP, SLACK, contact, once_per_trace, points_to, seconds_of
from sipconform.checks.hearing import speaks_again
from sipconform.sip.fault import Fault
from sipconform.sip.headers.subscription_state import SubscriptionState
from sipconform.trace.trace import Dialog, Subscription, Trace, Transaction, WireMessage

DEADLINE = GIVE_UP + SLACK  # seconds in which a NOTIFY that is due must have been seen
REPEATS_LOST = 4.0  # seconds three lost sendings of a NOTIFY take by UDP


def requested(transaction: Transaction) -> int | None:
    """Seconds asked for, None when the SUBSCRIBE does not say or was not seen."""
    return seconds_of(transaction.request.expires) if transaction.request is not None else None


def granted(transaction: Transaction) -> int | None:
    """Seconds granted by a 2xx, None without one or without a readable Expires."""
    final = transaction.final
    return seconds_of(final.expires) if final is not None and final.status < 300 else None


def state_of(notify: WireMessage | None) -> SubscriptionState | None:
    """What a NOTIFY says of its subscription, None when it cannot be read."""
    state = notify.subscription_state if notify is not None else None
    return None if isinstance(state, Fault) else state


def is_final(notify: WireMessage | None) -> bool:
    """Whether a NOTIFY ends its subscription."""
    state = state_of(notify)
    return state is not None and state.state == "terminated"


def notifications(subscription: Subscription) -> tuple[WireMessage, ...]:
    """The NOTIFY requests of a subscription, retransmissions left out, in the order seen."""
    return _notifications(subscription, len(subscription.notifies))


@lru_cache(maxsize=256)
def _notifications(subscription: Subscription, _length: int) -> tuple[WireMessage, ...]:
    """The length is part of the key for a subscription that has grown since."""
    return tuple(t.request for t in subscription.notifies if t.request is not None)


def subscribe_requests(subscription: Subscription) -> tuple[WireMessage, ...]:
    """The SUBSCRIBE requests of a subscription, retransmissions left out, in the order seen."""
    return _subscribe_requests(subscription, len(subscription.subscribes))


@lru_cache(maxsize=256)
def _subscribe_requests(subscription: Subscription, _length: int) -> tuple[WireMessage, ...]:
    return tuple(t.request for t in subscription.subscribes if t.request is not None)


def last_before(messages: Sequence[WireMessage], moment: WireMessage) -> WireMessage | None:
    """The last of some messages, in the order seen, that stands before another."""
    at = bisect_left(messages, moment.number, key=lambda m: m.number)
    return messages[at - 1] if at else None


def all_after(messages: Sequence[WireMessage], moment: WireMessage) -> Iterator[WireMessage]:
    """Those of some messages, in the order seen, that stand after another."""
    return islice(messages, bisect_right(messages, moment.number, key=lambda m: m.number), None)


def over_at(notify: WireMessage, moment: WireMessage) -> WireMessage:
    """Where a NOTIFY ended by what was seen before a message: its answer, or its last sending."""
    transaction = notify.transaction
    said = [*transaction.requests, *transaction.responses] if transaction is not None else []
    return max((m for m in said if m.number < moment.number), key=lambda m: m.number, default=notify)


def free_since(notify: WireMessage, answer: WireMessage) -> WireMessage:
    """From when a NOTIFY that was due with an answer could be sent: a notifier may have one outstanding at a time."""
    subscription = notify.subscription
    before = last_before(notifications(subscription), notify) if subscription is not None else None
    return max(answer, over_at(before, notify), key=lambda m: m.number) if before is not None else answer


def dialog_of(subscription: Subscription) -> Dialog | None:
    """The dialog its NOTIFYs travel in; the answer to SUBSCRIBE may be another fork's (RFC 6665 §4.1.2.4)."""
    return next((n.dialog for n in notifications(subscription) if n.dialog is not None), subscription.dialog)


def all_notifications(trace: Trace, subscription: Subscription) -> Sequence[WireMessage]:
    """Its NOTIFY requests on every hop, as seen: a notifier may have several addresses."""
    return _everywhere(trace).get((subscription.call_id, subscription.package), ())


@once_per_trace
def _everywhere(trace: Trace) -> dict[tuple[str, str], list[WireMessage]]:
    """NOTIFY requests by Call-ID and package."""
    found: dict[tuple[str, str], list[WireMessage]] = {}
    for subscription in trace.subscriptions:
        found.setdefault((subscription.call_id, subscription.package), []).extend(notifications(subscription))
    for notifies in found.values():
        notifies.sort(key=lambda n: n.number)
    return found


def next_notification(trace: Trace, subscription: Subscription, moment: WireMessage) -> WireMessage | None:
    """The next NOTIFY of a subscription after a message, on whichever hop."""
    return next(all_after(all_notifications(trace, subscription), moment), None)


def is_missed(trace: Trace, subscription: Subscription, answer: WireMessage) -> bool:
    """Whether a NOTIFY that was due with an answer of the notifier, and was not seen, would have been: the notifier is
    heard on this hop when the time is up, and the subscriber's Contact is the address it sends from, or other NOTIFYs
    have passed.
    """
    due = answer.packet.time_ns + round(DEADLINE * 1e9)
    return in_sight(trace, subscription) and speaks_again(trace, answer, subscription.notifier, due)


def in_sight(trace: Trace, subscription: Subscription) -> bool:
    """Whether its NOTIFYs would pass the tap: some did, or the subscriber's Contact is the address it sends
    from.
    """
    if all_notifications(trace, subscription):
        return True
    return any(points_to(contact(t.request), subscription.subscriber) for t in subscription.subscribes)


def expiry_ns(subscription: Subscription) -> int | None:
    """When the subscription runs out by what was last granted or told; None when that is not known."""
    given = terms(subscription)
    return given[-1][1] if given else None


def terms(subscription: Subscription) -> list[tuple[int, int]]:
    """Every time that was granted or told: when it was said, and until when it lasts, in nanoseconds."""
    found: list[tuple[int, int]] = []
    for message in _in_order(subscription):
        if message.is_request:
            state = state_of(message)
            left = seconds_of(state.expires) if state is not None else None
        else:
            left = seconds_of(message.expires)
        if left is not None:
            said = message.packet.time_ns
            found.append((said, said + left * 1_000_000_000))
    return found


def _in_order(subscription: Subscription) -> list[WireMessage]:
    told = [n for n in notifications(subscription) if not is_final(n)]
    answers = [t.final for t in subscription.subscribes if t.final is not None and t.final.status < 300]
    return sorted([*told, *answers], key=lambda m: m.number)


def begun_again(subscription: Subscription, after: WireMessage, before: WireMessage) -> bool:
    """Whether a SUBSCRIBE that asks for more time stands between two messages."""
    return any(
        t.request is not None and after.number < t.request.number < before.number and requested(t) != 0
        for t in subscription.subscribes
    )
