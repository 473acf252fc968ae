"""The shared lines of a trace. A line is what the lab says it is, else everything subscribed at one address-of-record,
and several addresses where what happens on them shows that they are one."""

from __future__ import annotations

from collections.abc import Iterable

from sipconform.checks.evidence import once_per_trace
from sipconform.checks.names import name_of, user_of
from sipconform.checks.shared_line.joining import joined
from sipconform.checks.shared_line.line import Line
from sipconform.checks.shared_line.owning import NOBODY
from sipconform.checks.shared_line.policies import Policies, policies_of
from sipconform.checks.told import places
from sipconform.features.appearance import CALL_INFO, LINE_SEIZE
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.packet import Address
from sipconform.trace.trace import Subscription, Trace


@once_per_trace
def lines(trace: Trace) -> list[Line]:
    """Every line of the trace, in order of the first subscription."""
    policies = policies_of(trace)
    found: dict[tuple[Address, object], Line] = {}
    for subscription in trace.subscriptions_to(CALL_INFO):
        if any(t.succeeded for t in subscription.subscribes) or subscription.notifies:
            line = found.setdefault(_key(subscription, policies), _new(subscription, policies))
            line.subscriptions.append(subscription)
    for line in found.values():
        line.listen()
        line.members |= _who_follow(line, found.values())
    complete = list(found.values()) if policies.known else joined(trace, list(found.values()))
    for line in complete:
        line.whole = _is_whole(trace, line)
        line.seizing = [s for s in trace.subscriptions_to(LINE_SEIZE) if _seizes(s, line)]
    return complete


def _key(subscription: Subscription, policies: Policies) -> tuple[Address, object]:
    user = _user(subscription)
    known = policies.get("locations") or ()
    return subscription.notifier, ("line",) if user in known else user


def _new(subscription: Subscription, policies: Policies) -> Line:
    user = _user(subscription)
    known = policies.get("locations") or ()
    users = frozenset(known if user in known else (user,))
    return Line(users, subscription.notifier, policies, members=users)


def _user(subscription: Subscription) -> str:
    """Whose line it is; where the SUBSCRIBE came before the evidence, whoever the NOTIFYs are from."""
    notifies = (t.request for t in subscription.notifies if t.request is not None)
    sender = next((n.from_ for n in notifies if isinstance(n.from_, NameAddr)), None)
    return user_of(subscription.resource) or (user_of(sender.uri_text) if sender else "")


def _seizes(subscription: Subscription, line: Line) -> bool:
    return subscription.notifier == line.server and _user(subscription) in line.users


def _who_follow(line: Line, others: Iterable[Line]) -> frozenset[str]:
    """Those who follow a line under another name than its own, and no line of that name: they may be places of it."""
    requests = (t.request for s in line.subscriptions for t in s.subscribes if t.succeeded and t.request is not None)
    names = {name_of(request.from_) for request in requests} - {*NOBODY}
    lines_of_others = {user for other in others if other is not line for user in other.users}
    return frozenset(names - lines_of_others)


def _is_whole(trace: Trace, line: Line) -> bool:
    """Whether every phone of a line passes the tap, as far as the lab knows where its phones are."""
    known = {*(line.policies.get("locations") or ()), *(line.policies.get("others") or ())}
    return line.users <= known and all(at in _seen(trace) for at in _desks(trace, line.users))


def _desks(trace: Trace, users: frozenset[str]) -> list[str]:
    """The addresses of the lab's actors, without those of whom it is known that they are no place of a line."""
    told = (o.what.get("users") for o in trace.observations if o.kind == "lab")
    elsewhere = {name for named in told if isinstance(named, dict) for name, user in named.items() if user not in users}
    return [address for name, address in places(trace).items() if name not in elsewhere]


@once_per_trace
def _seen(trace: Trace) -> set[str]:
    """Everybody who said something."""
    return {str(trace.party(message.source)) for message in trace.messages}
