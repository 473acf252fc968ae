"""Whose features a subscription shows: one user may have several addresses, the locations of a shared line, say.

Two addresses belong to one user where the same user name was proved for both; what the suite itself tried on purpose,
with somebody else's name, proves nothing.
"""

from __future__ import annotations

from sipconform.checks.credentials import username
from sipconform.checks.evidence import once_per_trace
from sipconform.checks.feature_sync.told import Wish, wishes
from sipconform.checks.feature_sync.witness import said
from sipconform.features.feature_event import EVENT
from sipconform.trace.trace import Subscription, Trace


def user_of(trace: Trace, subscription: Subscription) -> str:
    """The user of a subscription, by one of his addresses."""
    return _users(trace).get(subscription.resource, subscription.resource)


def is_proved(trace: Trace, subscription: Subscription) -> bool:
    """Whether it is known by what name the subscriber signs in."""
    return bool(_names(trace).get(subscription.resource))


@once_per_trace
def _names(trace: Trace) -> dict[str, set[str]]:
    """The user names that were proved for each address."""
    tried = {(o.what.get("call_id"), o.what.get("branch")) for o in said(trace, "stimulus")}
    found: dict[str, set[str]] = {}
    for subscription in trace.subscriptions_to(EVENT):
        for transaction in subscription.subscribes if subscription.resource else ():
            request = transaction.request
            if request is None or not transaction.succeeded or (request.call_id, request.branch) in tried:
                continue
            if name := username(request):
                found.setdefault(subscription.resource, set()).add(name)
    return found


@once_per_trace
def _users(trace: Trace) -> dict[str, str]:
    """The user each address stands for."""
    found: dict[str, str] = {}
    first: dict[str, str] = {}  # the first address a name was proved for
    for resource, names in _names(trace).items():
        known = [first[name] for name in sorted(names) if name in first]
        found[resource] = found[known[0]] if known else resource
        for name in names:
            first.setdefault(name, resource)
    return found


@once_per_trace
def wishes_by_user(trace: Trace) -> dict[str, list[Wish]]:
    """Every wish in order, by the user it concerns."""
    found: dict[str, list[Wish]] = {}
    for wish in sorted(wishes(trace), key=lambda w: w.request.number):
        found.setdefault(user_of(trace, wish.subscription), []).append(wish)
    return found


@once_per_trace
def subscriptions_by_user(trace: Trace) -> dict[str, list[Subscription]]:
    """The subscriptions of each user."""
    found: dict[str, list[Subscription]] = {}
    for subscription in trace.subscriptions_to(EVENT):
        found.setdefault(user_of(trace, subscription), []).append(subscription)
    return found


def asked_by_user(trace: Trace, wish: Wish) -> list[Wish]:
    """Every wish of a wish's user, his own included."""
    return wishes_by_user(trace).get(user_of(trace, wish.subscription), [])
