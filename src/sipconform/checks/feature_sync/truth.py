"""Whether what a server tells is the whole truth, to those entitled to it, and only once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import islice, pairwise, takewhile

from sipconform.checks.catalogue import MUST, PASSED, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.credentials import username
from sipconform.checks.evidence import SLACK, seconds
from sipconform.checks.feature_sync.changes import granted, rivals
from sipconform.checks.feature_sync.told import Value, Wish, before, burst, states, told_first, wishes
from sipconform.checks.feature_sync.users import asked_by_user, user_of, wishes_by_user
from sipconform.checks.feature_sync.witness import is_driven, is_restarted, said
from sipconform.checks.subscription.course import is_final, notifications, requested
from sipconform.checks.subscription.notifying import immediate_notify
from sipconform.features.feature_event import EVENT
from sipconform.trace.packet import Address
from sipconform.trace.trace import Subscription, Trace, WireMessage

CLOSE = 2.0  # seconds within which two events may have changed places
SETTLED = 5.0  # seconds without a change after which everybody has been told
BOUND = 8  # subscriptions one contact may reasonably have to one user's features


@check(
    "FS-001b", level=MUST, on=SERVER, clause="RFC 3261 §8.1.1.5; RFC 6665 §4.2.1",
    asks="a subscription that begins with another CSeq number than 1 is as good as any",
)  # fmt: skip
def any_number_begins(trace: Trace) -> Iterator[Finding]:
    """Phones that were challenged begin with 2, others anywhere. 481 means that the server took it for a refresh;
    other refusals have other reasons.
    """
    for subscription in trace.subscriptions_to(EVENT):
        initial = subscription.initial
        request = initial.request if initial is not None else None
        if initial is None or request is None or initial.final is None or request.cseq_number == 1:
            continue
        final = initial.final
        if final.status < 300 and requested(initial) != 0:
            yield from immediate_notify(trace, subscription, initial)
        elif final.status == 481:
            seen = f"{final.status} to CSeq {request.cseq_number} without To tag"
            yield finding(final, False, expected="a new subscription", observed=seen, also=[request])


@check(
    "FS-021", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196 §2.1",
    asks="nothing changes without being told",
)  # fmt: skip
def every_change_is_told(trace: Trace) -> Iterator[Finding]:
    """One feature may switch another off, but then that is a change of its own. Shown by a refresh whose full state
    differs from what was told last, all NOTIFYs having been taken and none, by their numbers, having missed the tap;
    changes asked for, or made at the server, within 2 s of the refresh are left alone.
    """
    for subscription in trace.subscriptions_to(EVENT):
        if not all(t.succeeded for t in subscription.notifies) or _has_gaps(subscription):
            continue
        for transaction in subscription.subscribes:
            request = transaction.request
            if request is None or not request.to_tag or request.body or not transaction.succeeded:
                continue
            told = burst(subscription, request)
            if told and requested(transaction) != 0 and not _is_busy(trace, subscription, request):
                yield _same_as_told(subscription, request, told)


def _has_gaps(subscription: Subscription) -> bool:
    """Whether a NOTIFY is missing between others."""
    numbers = sorted(n.cseq_number for n in notifications(subscription))
    return any(b - a > 1 for a, b in pairwise(numbers))


def _same_as_told(subscription: Subscription, request: WireMessage, told: list[WireMessage]) -> Finding:
    for name, (notify, value) in told_first(told).items():
        old = before(subscription, request, name)
        if old is not None and old != value:
            expected, seen = f"{name} {old[0]} {old[1]}".strip(), f"{name} {value[0]} {value[1]}".strip()
            return finding(notify, False, expected=expected, observed=seen, also=[request])
    return PASSED


def _is_busy(trace: Trace, subscription: Subscription, moment: WireMessage) -> bool:
    """Whether somebody was changing the user's features just then."""
    asked = wishes_by_user(trace).get(user_of(trace, subscription), ())
    if any(abs(seconds(w.request, moment)) <= CLOSE for w in asked):
        return True
    changes = (o for o in said(trace, "intent") if o.what.get("do") in ("set_dnd", "forward"))
    return any(abs(o.time_ns - moment.packet.time_ns) <= CLOSE * 1e9 for o in changes)


@check(
    "FS-038", level=MUST, on=SERVER, clause="RFC 3261 §17.2.3",
    asks="a change that arrives twice is carried out once",
)  # fmt: skip
def repeated_request_counts_once(trace: Trace) -> Iterator[Finding]:
    """The second copy of a datagram belongs to the same transaction. Two NOTIFYs that say the same, and tell that
    value, for one request that was repeated show that it did not; so does an answer of another kind to the copy. One
    NOTIFY for the change and one for the full state are two different ones, and so is one that had to wait for the
    answer to another. A server that restarted in between has forgotten the first: not judged where the record tells of
    it, and inconclusive where nobody recorded what was done.
    """
    for wish, final in granted(trace):
        transaction = wish.transaction
        if len(transaction.requests) < 2 and len(transaction.responses) < 2:
            continue
        others = [r for r in transaction.responses if r.status >= 200 and r.status != final.status]
        last = transaction.responses[-1].packet.time_ns
        if is_restarted(trace, wish.request.packet.time_ns, last):
            yield PASSED
        elif others:
            forgotten = others[0].status == 481 and not is_driven(trace)
            verdict = Verdict.INCONCLUSIVE if forgotten else Verdict.FAIL
            seen, also = f"answers {final.status} and {others[0].status}", [wish.request]
            yield finding(final, False, expected=ONCE, observed=seen, also=also, verdict=verdict)
        else:
            told = _effects(trace, wish)
            twice = len(told) > 1 and not rivals(wish, asked_by_user(trace, wish)) and not _has_waited(wish)
            seen, of = f"{len(told)} NOTIFYs for one request", told[-1] if twice else final
            yield finding(of, not twice, expected=ONCE, observed=seen, also=[wish.request])


ONCE = "one effect, one answer"


def _has_waited(wish: Wish) -> bool:
    """Whether a NOTIFY was on its way when a request came: what had to wait for its answer is told after the request,
    and not for it."""
    came = wish.request.packet.time_ns - round(SLACK * 1e9)
    known = (n for n in notifications(wish.subscription) if n.number < wish.request.number)
    underway = (n.transaction for n in known if n.transaction is not None)
    return any(m.packet.time_ns > came for t in underway for m in (*t.requests, *t.responses))


def _effects(trace: Trace, wish: Wish) -> list[WireMessage]:
    """The NOTIFYs soon after a Set, and before the next SUBSCRIBE, that tell its value and say the same."""
    later = (t.request.number for t in wish.subscription.subscribes if t.request is not None)
    end = min((number for number in later if number > wish.request.number), default=len(trace.messages))
    told = [n for n in notifications(wish.subscription) if wish.request.number < n.number < end]
    told = [n for n in told if states(n).get(wish.feature) == wish.value and seconds(n, wish.request) <= SETTLED]
    return [n for n in told if states(n) == states(told[0])]


@check(
    "FS-040", level=MUST, on=SERVER, clause="RFC 3261 §22.1, §26.2.3; RFC 6665 §4.2.1.3",
    asks="nobody subscribes to, or changes, another user's features with his own password",
)  # fmt: skip
def features_are_the_users_own(trace: Trace) -> Iterator[Finding]:
    """Whose a password is, is known from registrations that were accepted. Neither To, the features he asks for, nor
    From may be another's. Some servers let an assistant act for another, so without the suite having tried it on
    purpose a 2xx is inconclusive. A server that looks at To and the password alone, and never at From, does no harm: a
    foreign From that is accepted is a warning, unless the other user is told the change.
    """
    owner = _owners(trace)
    tried = {(o.what.get("call_id"), o.what.get("branch")) for o in said(trace, "stimulus")}
    for subscription in trace.subscriptions_to(EVENT):
        for transaction in subscription.subscribes:
            request, final = transaction.request, transaction.final
            name = username(request) if request is not None else ""
            if request is None or final is None or name not in owner or not subscription.resource:
                continue
            sender = _address(request.text("From"))
            foreign = next((a for a in (subscription.resource, sender) if a not in owner[name]), "")
            sure = (request.call_id, request.branch) in tried
            if foreign or sure:
                hit = foreign == subscription.resource or _is_hit(trace, request, foreign)
                verdict = Verdict.FAIL if sure else Verdict.INCONCLUSIVE
                ok, seen = final.status >= 300 or not foreign, f"{final.status} for {name} as {foreign}"
                also, level = [request], MUST if hit else SHOULD
                yield finding(final, ok, expected="403", observed=seen, also=also, verdict=verdict, level=level)


def _is_hit(trace: Trace, request: WireMessage, victim: str) -> bool:
    """Whether another user is told, soon, what a request asked for: his features were changed."""
    wish = next((w for w in wishes(trace) if w.request is request), None)
    for subscription in trace.subscriptions_to(EVENT) if wish is not None else ():
        for notify in notifications(subscription) if subscription.resource == victim else ():
            soon = notify.number > request.number and seconds(notify, request) <= SETTLED
            if wish is not None and soon and states(notify).get(wish.feature) == wish.value:
                return True
    return False


def _owners(trace: Trace) -> dict[str, set[str]]:
    """The addresses each user name has registered."""
    owners: dict[str, set[str]] = {}
    for transaction in trace.transactions_of("REGISTER"):
        request = transaction.request
        if transaction.succeeded and request is not None and (name := username(request)):
            owners.setdefault(name, set()).add(_address(request.text("To")))
    return owners


def _address(text: str) -> str:
    """The bare URI of a From or To."""
    uri = text.partition("<")[2].partition(">")[0] if "<" in text else text
    return uri.partition(";")[0].strip()


@check(
    "FS-042", level=SHOULD, on=SERVER, clause="RFC 6665 §4.2.2",
    asks="one contact does not pile up subscriptions",
)  # fmt: skip
def subscriptions_are_bounded(trace: Trace) -> Iterator[Finding]:
    """A phone that restarts often leaves subscriptions behind. One change told to the same address in more than 8
    dialogs within 2 s shows that they are kept although nobody answers for them.
    """
    told: dict[tuple[Address, str], list[WireMessage]] = {}
    for subscription in trace.subscriptions_to(EVENT):
        asked = sorted(t.request.packet.time_ns for t in subscription.subscribes if t.request is not None)
        for notify in notifications(subscription):
            own = bisect_left(asked, notify.packet.time_ns - CLOSE * 1e9) < bisect_right(asked, notify.packet.time_ns)
            if states(notify) and not is_final(notify) and not own:
                told.setdefault((subscription.subscriber, subscription.resource), []).append(notify)
    for notifies in told.values():
        notifies.sort(key=lambda n: n.number)
        crowd = max((_at_once(notifies, place) for place in range(len(notifies))), key=len)
        seen = f"{len(crowd)} dialogs told within {CLOSE:.0f} s"
        yield finding(crowd[-1], len(crowd) <= BOUND, expected=f"{BOUND} or fewer", observed=seen)


def _at_once(notifies: list[WireMessage], first: int) -> list[WireMessage]:
    close = takewhile(lambda n: seconds(n, notifies[first]) <= CLOSE, islice(notifies, first, None))
    return list({n.call_id: n for n in close}.values())


@check(
    "FS-044", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196; RFC 6665 §4.1.2.2",
    asks="a subscription that was lost is answered 481, and the new one is told the state as it was",
)  # fmt: skip
def state_outlives_a_restart(trace: Trace) -> Iterator[Finding]:
    """Users do not set their forwards again because a server restarted. Compared with what the phone was told last; a
    change in between, asked for or made at the server, is left alone. Where nobody recorded what was done at the
    server, a difference is inconclusive.
    """
    for subscription in trace.subscriptions_to(EVENT):
        lost = next((t.final for t in subscription.subscribes if t.final and t.final.status == 481), None)
        if lost is None or not subscription.began_here:
            continue
        anew = _begun_after(trace, subscription, lost)
        if anew is None or anew.initial is None or anew.initial.request is None:
            continue
        for notify in burst(anew, anew.initial.request):
            yield _as_before(trace, subscription, lost, notify)


def _begun_after(trace: Trace, subscription: Subscription, lost: WireMessage) -> Subscription | None:
    for other in trace.subscriptions_to(EVENT):
        opening = other.initial.request if other.initial is not None else None
        same = (other.subscriber, other.resource) == (subscription.subscriber, subscription.resource)
        if same and opening is not None and opening.number > lost.number:
            return other
    return None


def _as_before(trace: Trace, subscription: Subscription, lost: WireMessage, notify: WireMessage) -> Finding:
    for name, value in states(notify).items():
        old: Value | None = before(subscription, lost, name)
        if old is None or old == value:
            continue
        last = [n for n in notifications(subscription) if n.number < lost.number][-1]
        changes = (o for o in said(trace, "intent", "server") if o.what.get("do") in ("set_dnd", "forward", "assign"))
        touched = any(o.time_ns >= last.packet.time_ns for o in changes)
        asked = (w.request for w in wishes(trace) if w.transaction.succeeded)
        touched |= any(last.number < request.number < notify.number for request in asked)
        if not touched:
            verdict = Verdict.FAIL if is_driven(trace) else Verdict.INCONCLUSIVE
            expected, seen = f"{name} {old[0]} {old[1]}".strip(), f"{name} {value[0]} {value[1]}".strip()
            return finding(notify, False, expected=expected, observed=seen, also=[last, lost], verdict=verdict)
    return PASSED
