"""How long a phone follows a line: refreshing, leaving, running out, being forgotten, beginning anew."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PHONE, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, contact, seconds, seconds_of, watched
from sipconform.checks.names import aor_of
from sipconform.checks.shared_line.legs import legs_of
from sipconform.checks.shared_line.line import ended_at
from sipconform.checks.shared_line.lines import lines
from sipconform.checks.subscription.course import DEADLINE, is_final, requested, state_of
from sipconform.checks.subscription.ending import drops
from sipconform.features.appearance import CALL_INFO
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

HOUR = 3600


@check(
    "SCA-012", level=MUST, on=SERVER, clause="RFC 6665 §4.2.1.1, §4.1.2.2",
    asks="a SUBSCRIBE without Expires is given the package's own time, and a refresh keeps the subscription",
)  # fmt: skip
def missing_expires_is_no_end(trace: Trace) -> Iterator[Finding]:
    """An hour is the package's default; any time above zero passes. A refresh that meets 481 although the server
    itself had ended nothing, and no time had run out, is lost.
    """
    for line in lines(trace):
        for subscription in line.subscriptions:
            befores: list[Transaction | None] = [None, *subscription.subscribes]
            for before, transaction in zip(befores, subscription.subscribes, strict=False):
                request, final = transaction.request, transaction.final
                if request is None or final is None:
                    continue
                if requested(transaction) is None and final.status < 300:
                    granted = seconds_of(final.expires) or 0
                    yield finding(final, granted > 0, expected=f"Expires: {HOUR}", observed=f"Expires: {granted}")
                elif request.to_tag and before is not None and before.final is not None:
                    left = (seconds_of(before.final.expires) or 0) - seconds(request, before.final)
                    told_end = any(is_final(t.request) for t in subscription.notifies)
                    if left > 1 and not told_end and requested(before) != 0 and final.status not in (401, 407):
                        lost = final.status == 481 and _all_answered(subscription)
                        yield finding(final, not lost, expected="2xx", observed=f"{final.status}", also=[request])


def _all_answered(subscription: Subscription) -> bool:
    return all(t.final is not None and t.final.status < 300 for t in subscription.notifies)


@check(
    "SCA-013", level=MUST, on=SERVER, clause="RFC 6665 §4.1.2.3, §4.4.1",
    asks="a SUBSCRIBE with Expires 0 brings the last NOTIFY, and none after it",
)  # fmt: skip
def unsubscribing_ends_it(trace: Trace) -> Iterator[Finding]:
    """A NOTIFY that was already under way is not counted: what comes after `terminated` is. Repetitions are none."""
    for line in lines(trace):
        for subscription in line.subscriptions:
            ending = next((t for t in subscription.subscribes if requested(t) == 0 and t.succeeded), None)
            if ending is None or ending.final is None:
                continue
            notifies = [t.request for t in subscription.notifies if t.request is not None]
            last = next((n for n in notifies if is_final(n)), None)
            if last is None:
                if watched(trace, ending.final) > GIVE_UP:
                    yield finding(ending.final, False, expected="a NOTIFY terminated", observed="none")
                continue
            after = [n for n in notifies if n.cseq_number > last.cseq_number]
            first = after[0] if after else last
            yield finding(first, not after, expected="no NOTIFY after the last", observed="another", also=[last])


@check(
    "SCA-024", level=MUST, on=PHONE, clause="RFC 6665 §4.1.2.2, §4.1.3",
    asks="a phone whose call-info SUBSCRIBE fails does not storm the server",
)  # fmt: skip
def failing_phone_waits(trace: Trace) -> Iterator[Finding]:
    """Three beginnings of one Contact within five seconds of each other are a storm. A phone that restarts, or is told
    that its dialog is gone, may begin again at once.
    """
    beginnings: dict[object, list[float]] = {}
    for subscription in trace.subscriptions_to(CALL_INFO):
        initial = subscription.initial
        if initial is None or initial.request is None:
            continue
        phone = (subscription.subscriber, aor_of(contact(initial.request)), subscription.resource)
        began = beginnings.setdefault(phone, [])
        began.append(initial.request.time)
        storm = len(began) > 2 and began[-1] - began[-3] < 5
        seen = f"three in {began[-1] - began[-3]:.1f} s" if storm else ""
        yield finding(initial.request, not storm, expected="a pause between subscriptions", observed=seen)


@check(
    "SCA-019", level=SHOULD, on=SERVER, clause="call-info: a phone that begins anew (Kamailio c0fb2a67a6)",
    asks="a phone that has lost its power and subscribes again has no calls left on its slots",
)  # fmt: skip
def restarted_phone_has_no_calls(trace: Trace) -> Iterator[Finding]:
    """A second subscription outside any dialog from the same Contact, while the first had not ended and no answer to it
    was missing. Its calls are then ended by the server within 32 s.
    """
    for line in lines(trace):
        for at, subscription in enumerate(line.subscriptions):
            initial = subscription.initial
            phone = line.phone_of(subscription)
            earlier = [s for s in line.subscriptions[:at] if line.phone_of(s).is_surely(phone)]
            if initial is None or initial.request is None or not earlier or ended_at(earlier[-1]) is not None:
                continue
            same = earlier[-1].initial
            if same is None or contact(same.request) != contact(initial.request) or not _all_answered(earlier[-1]):
                continue
            for leg in legs_of(trace, line):
                own = leg.phone.is_surely(phone) and leg.talks(initial.request)
                if own and (leg.end is not None or watched(trace, initial.request) > GIVE_UP):
                    freed = leg.end is not None and seconds(leg.end, initial.request) < GIVE_UP
                    seen = "the call of the phone before it restarted goes on"
                    yield finding(initial.request, freed, expected="BYE", observed=seen, party=line.server)


@check(
    "SCA-017", level=MUST, on=SERVER, clause="RFC 6665 §4.2.2: a subscription that runs out",
    asks="a phone that no longer refreshes is told the end, for the reason timeout, and nothing later",
)  # fmt: skip
def silent_phone_is_let_go(trace: Trace) -> Iterator[Finding]:
    """That the end is told at all SUB-015 asks. Another reason than timeout, or none, is a warning. A server that
    sweeps now and then has 33 s for it, in which it may go on telling.
    """
    for line in lines(trace):
        for subscription in line.subscriptions:
            if any(requested(t) == 0 for t in subscription.subscribes):
                continue
            for transaction, due in _due(subscription):
                late = _told_between(subscription, due, transaction)
                ending = next((n for n in late if is_final(n)), None)
                living = [n for n in late if n.packet.time_ns > due + DEADLINE * 1e9 and not _promises(n)]
                for notify in living[:1]:
                    seen = f"{(notify.packet.time_ns - due) / 1e9:.0f} s after the time granted"
                    yield finding(notify, False, expected="no NOTIFY any more", observed=seen)
                state = state_of(ending)
                if ending is not None and state is not None:
                    seen = f"reason={state.reason or 'none'}"
                    ok = state.reason == "timeout"
                    yield finding(ending, ok, expected="reason=timeout", observed=seen, level=SHOULD)


def _due(subscription: Subscription) -> Iterator[tuple[Transaction | None, int]]:
    """Every granted time after which nothing was asked for in time: the SUBSCRIBE that came later, and when it ran out
    in nanoseconds."""
    granted = [(t, t.final) for t in subscription.subscribes if t.final is not None and t.succeeded]
    for at, (_, final) in enumerate(granted):
        following = granted[at + 1][0] if at + 1 < len(granted) else None
        time = seconds_of(final.expires)
        if time:
            due = final.packet.time_ns + time * 1_000_000_000
            again = following.request if following is not None else None
            if again is None or again.packet.time_ns > due:
                yield following, due


def _promises(notify: WireMessage) -> bool:
    """Whether a NOTIFY is the last, or gives more time: then a refresh may have gone unseen (else SUB-008 asks)."""
    state = state_of(notify)
    return is_final(notify) or (state is not None and (seconds_of(state.expires) or 0) > 0)


def _told_between(subscription: Subscription, due: int, until: Transaction | None) -> list[WireMessage]:
    """NOTIFYs from a time on, until a SUBSCRIBE that began anew."""
    again = until.request if until is not None else None
    told = (t.request for t in subscription.notifies if t.request is not None)
    return [n for n in told if n.packet.time_ns > due - 1e9 and (again is None or n.number < again.number)]


@check(
    "SCA-018", level=MUST, on=SERVER, clause="RFC 6665 §4.2.2; RFC 5057 §5.1",
    asks="a phone that answers 481 to a NOTIFY of its line is told nothing more, and all others still are",
)  # fmt: skip
def lost_phone_is_let_go(trace: Trace) -> Iterator[Finding]:
    """What was on its way, a second, is left alone. The others' subscriptions go on: none of them is ended within a
    second of the refusal, unless its phone had asked for that.
    """
    for line in lines(trace):
        yield from drops(line.subscriptions)
        told = [t for s in line.subscriptions for t in s.notifies if t.final is not None and not is_final(t.request)]
        for refusal in (t.final for t in told if t.final is not None and t.final.status == 481):
            for other in line.subscriptions:
                if refusal.subscription is other or not line.live(other, refusal):
                    continue
                end = next((t.request for t in other.notifies if is_final(t.request)), None)
                quick = end is not None and 0 <= seconds(end, refusal) < 1 and not _is_due(other, end)
                yield finding(
                    end or refusal, not quick, expected="the other phones are told", observed="terminated",
                    also=[refusal], party=line.server,
                )  # fmt: skip


def _is_due(subscription: Subscription, end: WireMessage) -> bool:
    """Whether a subscription had run out or been given up when it ended."""
    state = state_of(end)
    return any(requested(t) == 0 for t in subscription.subscribes) or (state is not None and state.reason == "timeout")
