"""A change by code is a change: who subscribes to the feature state is told of it."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, SERVER, Finding, Verdict, check, finding
from sipconform.checks.evidence import seconds, watched
from sipconform.checks.feature_code.books import SETTLED, stored
from sipconform.checks.feature_code.course import KINDS, Dialled, dialled
from sipconform.checks.feature_sync.others import is_alive
from sipconform.checks.feature_sync.told import Value, after, before, states
from sipconform.checks.names import user_of
from sipconform.checks.subscription.course import DEADLINE
from sipconform.features.feature_event import EVENT
from sipconform.trace.trace import Subscription, Trace, WireMessage

EVENT_NAMES = {feature: kind for kind, feature in KINDS.items()} | {"dnd": "dnd"}


@check(
    "FC-026", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196 §2.1; feature sync sheet §1.1",
    asks="a change by code is told to every phone of the user that subscribes to the feature state",
)  # fmt: skip
def change_by_code_is_told(trace: Trace) -> Iterator[Finding]:
    """Asked of codes that were accepted and mean another value than the phone was last told, and of subscriptions
    alive by all that was seen. Deadline 64*T1 and 1 s. A 200 may carry a prompt that says no, so silence is a fault
    only where the change can be seen to have happened.
    """
    for call in dialled(trace):
        accepted, wanted = call.accepted, _value(call)
        if accepted is None or wanted is None or call.user != call.sender or call.match is None:
            continue
        name = EVENT_NAMES[call.match.feature]
        for subscription in trace.subscriptions_to(EVENT):
            known = before(subscription, call.request, name)
            if _of(subscription, call.user) and known not in (None, wanted) and is_alive(subscription, call.request):
                yield from _told(trace, call, accepted, subscription, name)


def _value(call: Dialled) -> Value | None:
    wanted = call.wanted
    if wanted is None:
        return None
    return (bool(wanted), wanted if isinstance(wanted, str) else "")


def _of(subscription: Subscription, user: str) -> bool:
    return user_of(subscription.resource) == user != ""


def _told(
    trace: Trace, call: Dialled, accepted: WireMessage, subscription: Subscription, name: str
) -> Iterator[Finding]:
    told, wanted = after(subscription, call.request, name), _value(call)
    expected = f"a NOTIFY to {subscription.subscriber} that tells {name} {call.wanted!r}"
    also = [call.request, accepted]
    if told is not None and seconds(told, accepted) <= DEADLINE:
        seen = f"{name} {states(told)[name]}"
        doubt = Verdict.INCONCLUSIVE  # the prompt may have said that it was not done
        yield finding(told, states(told)[name] == wanted, expected=expected, observed=seen, also=also, verdict=doubt)
    elif watched(trace, accepted) > DEADLINE:
        seen = f"none in {watched(trace, accepted):.0f} s"
        verdict = Verdict.FAIL if _took_effect(trace, call, accepted, subscription) else Verdict.INCONCLUSIVE
        yield finding(accepted, False, expected=expected, observed=seen, also=also[:1], verdict=verdict)


def _took_effect(trace: Trace, call: Dialled, accepted: WireMessage, untold: Subscription) -> bool:
    """Whether the server's books say so, or it told another phone of it in the time it had."""
    if call.match is None:
        return False
    found = stored(trace, call.user, call.match.feature, accepted.packet.time_ns + SETTLED)
    name, wanted = EVENT_NAMES[call.match.feature], _value(call)
    others = [s for s in trace.subscriptions_to(EVENT) if s is not untold and _of(s, call.user)]
    told = [t.request for s in others for t in s.notifies if t.request and t.request.number > accepted.number]
    soon = [notify for notify in told if seconds(notify, accepted) <= DEADLINE]
    return found == call.wanted or any(states(notify).get(name) == wanted for notify in soon)
