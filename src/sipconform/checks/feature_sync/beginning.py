"""How a phone begins to follow its features (BroadSoft 11-BD5196 §2.1.1; RFC 6665 §4.1.2.1)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sipconform.checks.catalogue import MUST, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, is_relayed, same_place
from sipconform.checks.feature_sync.witness import fact, ignores_switch, name_of, obeys_switch, said
from sipconform.checks.subscription.course import expiry_ns, is_final, notifications, requested
from sipconform.features.feature_event import CONTENT_TYPE, EVENT
from sipconform.sip.fault import Fault
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.packet import Observation
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

SOON = 2 * GIVE_UP  # seconds after the 200 to REGISTER, which the phone may have had to ask for again


@check(
    "FS-101", level=MUST, on=PHONE, clause="BroadSoft 11-BD5196 §2.1.1; RFC 6665 §3.1.3",
    asks="the phone subscribes to its own address once it is registered, with an empty SUBSCRIBE, once for each line",
)  # fmt: skip
def phone_subscribes(trace: Trace) -> Iterator[Finding]:
    """An empty body asks for the whole state. No Accept means the package's default, so its lack, or a list
    without the type, is a warning; so are a Request-URI other than the AOR, for outbound proxies and registrars
    are addressed too, and Expires 0, for a phone may fetch.

    From the record of a run it is known when a phone was started with synchronisation on. Then it subscribes within a
    minute of its registration, not before that, and it keeps no second subscription of the line alive.
    """
    for subscription in trace.subscriptions_to(EVENT):
        initial = subscription.initial
        request = initial.request if initial is not None else None
        if initial is not None and request is not None and not is_relayed(request):
            yield from _opening(initial, request)
    for intent in said(trace, "intent", do="start"):
        registered = _registered(trace, intent) if _follows(trace, intent) else None
        if registered is not None:
            yield from _begun(trace, intent, registered)
    yield from _kept_twice(trace)


def _opening(initial: Transaction, request: WireMessage) -> Iterator[Finding]:
    """Judges how the first SUBSCRIBE is written."""
    own = _own_address(request)
    seen = f"From: {request.text('From')}, To: {request.text('To')}"
    yield finding(request, own, expected="the same address in From and To", observed=seen, at="To")
    seen = f"{len(request.body)} octets of {request.text('Content-Type')}"
    yield finding(request, not request.body, expected="no body", observed=seen)
    types = [a.type for a in request.accept if not isinstance(a, Fault)]
    ok = CONTENT_TYPE in types or "*/*" in types or "application/*" in types
    seen, at = f"Accept: {request.text('Accept') or 'none'}", "Accept"
    yield finding(request, ok, expected=f"Accept: {CONTENT_TYPE}", observed=seen, at=at, level=SHOULD)
    ok = requested(initial) != 0
    yield finding(request, ok, expected="time asked for", observed="Expires: 0", at="Expires", level=SHOULD)


def _own_address(request: WireMessage) -> bool:
    a, b = request.from_, request.to
    if not isinstance(a, NameAddr) or not isinstance(b, NameAddr):
        return False
    return same_place(a.uri_text.partition(";")[0], b.uri_text.partition(";")[0])


# -- by the record of a run ----------------------------------------------------------------------------------


def _follows(trace: Trace, intent: Observation) -> bool:
    """Whether a phone that is started is to subscribe: its make does, and the switch is on or does not matter."""
    sync = fact(trace, "sync")
    if (
        not isinstance(sync, dict)
        or sync.get("mode") != "subscribe"
        or any(True for _ in said(trace, "intent", do="set_mode"))
    ):
        return False
    return ignores_switch(trace) or (bool(obeys_switch(trace)) and bool(intent.what.get("sync")))


def _place(trace: Trace, who: str) -> str:
    return str((fact(trace, "actors") or {}).get(who, ""))


def _registered(trace: Trace, intent: Observation) -> WireMessage | None:
    """The first 2xx to a REGISTER of the phone's own line after it was started."""
    place, user = _place(trace, intent.who), (fact(trace, "users") or {}).get(intent.who)
    for transaction in trace.transactions_of("REGISTER"):
        request, final = transaction.request, transaction.final
        mine = (
            str(trace.party(transaction.client)) == place and request is not None and f":{user}@" in request.text("To")
        )
        if mine and final is not None and final.status < 300 and final.packet.time_ns >= intent.time_ns:
            return final
    return None


def _begun(trace: Trace, intent: Observation, registered: WireMessage) -> Iterator[Finding]:
    """Judges when a phone that was started began its subscription; one that was switched off meanwhile need not."""
    start, until = intent.time_ns, registered.packet.time_ns + round(SOON * 1e9)
    party, stopped = registered.destination, _next_deed(trace, intent)
    if stopped is not None and stopped < until:
        return
    openings = [
        s.subscribes[0].request
        for s in trace.subscriptions_to(EVENT)
        if s.began_here and s.subscribes and name_of(trace, s) == intent.who
    ]
    mine = [o for o in openings if o is not None and start <= o.packet.time_ns <= until]
    if mine:
        ok, seen = mine[0].number > registered.number, "a SUBSCRIBE before the 200 to REGISTER"
        yield finding(mine[0], ok, expected="registration first", observed=seen, also=[registered])
    elif trace.end_ns > until:
        seen = f"none in {SOON:.0f} s"
        yield finding(registered, False, expected="a SUBSCRIBE", observed=seen, party=trace.party(party))


def _next_deed(trace: Trace, intent: Observation) -> int | None:
    """When somebody next did something to the phone that may keep it from subscribing."""
    deeds = ("stop", "power_cycle", "switch_sync", "unplug", "lose_link", "forget_sync", "reboot")
    return min(
        (
            o.time_ns
            for o in said(trace, "intent", intent.who)
            if o.time_ns > intent.time_ns and o.what.get("do") in deeds
        ),
        default=None,
    )


def _kept_twice(trace: Trace) -> Iterator[Finding]:
    """Judges that no phone of the record refreshes an older subscription of a line beside a newer one."""
    kept: dict[tuple[str, str], list[Subscription]] = {}
    for subscription in trace.subscriptions_to(EVENT):
        who = name_of(trace, subscription)
        if who and subscription.began_here and notifications(subscription) and not _is_tried(trace, subscription):
            kept.setdefault((who, subscription.resource), []).append(subscription)
    for several in kept.values():
        for older, newer in pairwise(several):
            again = next((r for r in _refreshes(older) if _lives(newer, r)), None)
            if again is not None:
                seen = f"refreshed beside {newer.call_id}, begun later"
                yield finding(again, False, expected="one subscription", observed=seen, also=[notifications(newer)[0]])


def _is_tried(trace: Trace, subscription: Subscription) -> bool:
    """Whether the suite itself began a subscription, on purpose."""
    request = subscription.subscribes[0].request if subscription.subscribes else None
    names = (request.call_id, request.branch) if request is not None else None
    return any((o.what.get("call_id"), o.what.get("branch")) == names for o in said(trace, "stimulus"))


def _refreshes(subscription: Subscription) -> Iterator[WireMessage]:
    asked = (t for t in subscription.subscribes if requested(t) != 0 and t.succeeded)
    return (t.request for t in asked if t.request is not None and t.request.to_tag)


def _lives(subscription: Subscription, moment: WireMessage) -> bool:
    """Whether a subscription was there and had time left at a message."""
    told, until = notifications(subscription), expiry_ns(subscription)
    ended = any(is_final(n) and n.number < moment.number for n in told)
    return told[0].number < moment.number and not ended and until is not None and until > moment.packet.time_ns
