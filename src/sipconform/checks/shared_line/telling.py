"""What a call-info NOTIFY is: when it comes, what it says, and that it is told to everybody."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import inf

from sipconform.checks.catalogue import MUST, PHONE, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, contact, points_to, same_place, same_uri, seconds, watched
from sipconform.checks.shared_line.course import KINDS, Move, Slot, slots_of
from sipconform.checks.shared_line.legs import legs
from sipconform.checks.shared_line.line import QUIET, Line, Told, answer_that_arrived
from sipconform.checks.shared_line.lines import lines
from sipconform.checks.shared_line.truth import judged
from sipconform.checks.subscription.course import all_notifications, expiry_ns, in_sight, state_of
from sipconform.features.appearance import State
from sipconform.sip.headers import name_addr
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.trace import Subscription, Trace, WireMessage

CROWD = 10  # slots from which on a line is crowded
AT_ONCE = 4.0  # seconds, three lost sendings included


@check(
    "SCA-011", level=MUST, on=SERVER, clause="RFC 6665 §4.2.1.2, §4.2.2",
    asks="every accepted SUBSCRIBE to a line brings a NOTIFY with its whole state, and nothing in the body",
)  # fmt: skip
def state_is_told_at_once(trace: Trace) -> Iterator[Finding]:
    """At once is 4 s here, and longer while an earlier NOTIFY has no answer. The last NOTIFY may leave the state out.
    A body is only for those who asked for call-park information by Accept. A server may tell from another of its
    addresses than it was asked at.
    """
    for line in lines(trace):
        for subscription in line.subscriptions:
            notifies = all_notifications(trace, subscription)
            for transaction in subscription.subscribes if in_sight(trace, subscription) else ():
                request, final = transaction.request, transaction.final
                if request is None or final is None or not 200 <= final.status < 300:
                    continue
                since = [n for n in notifies if n.number > request.number]
                due = AT_ONCE if len(since) == len(notifies) else GIVE_UP
                if not since and watched(trace, final) > due and trace.party(request.source) not in trace.servers:
                    yield finding(final, False, expected="a NOTIFY", observed=f"none for {watched(trace, final):.0f} s")
                elif since:
                    yield _whole(since[0], parks=request.has("Accept"))


def _whole(notify: WireMessage, *, parks: bool) -> Finding:
    state = state_of(notify)
    last = state is not None and state.state == "terminated"
    if not notify.has("Call-Info") and not last:
        return finding(notify, False, expected="Call-Info with the whole state", observed="no Call-Info")
    ok = parks or not notify.body
    return finding(notify, ok, expected="no body", observed=f"{len(notify.body)} octets of body")


@check(
    "SCA-015", level=MUST, on=SERVER, clause="SCA: the full state, never a change alone (sheet 2.15)",
    asks="every phone is told the whole line, whenever it subscribed",
)  # fmt: skip
def every_notify_is_whole(trace: Trace) -> Iterator[Finding]:
    """Compared each time nothing was told for four seconds: what each phone that is there was told last, and had
    answered four seconds before the next is told, is the same. At the evidence's end INV-004 asks so.
    """
    for line in lines(trace):
        latest: dict[int, Told] = {}
        for told, following in pairwise(line.told):
            latest[id(told.subscription)] = told
            if seconds(following.notify, told.notify) > QUIET:
                yield from _all_alike(line, latest, told, following.notify)


def _all_alike(line: Line, latest: dict[int, Told], newest: Told, until: WireMessage) -> Iterator[Finding]:
    if not _is_there(line, newest, until):
        return
    for told in latest.values():
        if told is not newest and _is_there(line, told, until):
            ok = told.state.same_as(newest.state)
            seen = f"slots {told.state.busy} in use, others are told {newest.state.busy}"
            yield finding(told.notify, ok, expected="the whole line", observed=seen, also=[newest.notify])


def _is_there(line: Line, told: Told, until: WireMessage) -> bool:
    """Whether a phone followed the line all the time up to a message, and had taken what it was told last."""
    transaction = told.notify.transaction
    answer = answer_that_arrived(transaction) if transaction is not None and transaction.succeeded else None
    if answer is None or seconds(until, answer) < QUIET or not line.live(told.subscription, until):
        return False
    runs_out = expiry_ns(told.subscription)
    return runs_out is None or runs_out > until.packet.time_ns


@check(
    "SCA-016", level=MUST, on=SERVER, clause="RFC 3261 §12.2.1.1; RFC 6665 §4.4",
    asks="NOTIFYs of a line go to the phone's latest Contact by the recorded route, with numbers that grow",
)  # fmt: skip
def notify_is_in_dialog(trace: Trace) -> Iterator[Finding]:
    """Numbers may leave gaps, and a lower one may come late, as long as it can be a repetition of what was lost on its
    way to the evidence: 32 s. The Contact is that of the latest SUBSCRIBE answered with a 2xx before the NOTIFY; to a
    phone whose Contact is not where it speaks from, as behind a translator of addresses, the server may write as it
    sees it. Where the SUBSCRIBE recorded a route the NOTIFY takes it, row by row.
    """
    for line in lines(trace):
        for subscription in line.subscriptions:
            notifies = [t.request for t in subscription.notifies if t.request is not None]
            yield from _numbers_grow(notifies)
            for notify in (notify for notify in notifies if notify.has("Call-Info")):
                yield from _goes_its_way(subscription, notify)


def _numbers_grow(notifies: list[WireMessage]) -> Iterator[Finding]:
    highest: WireMessage | None = None
    used: set[int] = set()
    for notify in notifies:
        number = notify.cseq_number
        late = highest is not None and number < highest.cseq_number and seconds(notify, highest) < GIVE_UP
        above = highest.cseq_number if highest is not None else -1
        ok = number not in used and (number > above or late)
        yield finding(notify, ok, expected=f"CSeq above {above}", observed=f"CSeq: {number}", at="CSeq")
        used.add(number)
        highest = notify if number > above else highest


def _goes_its_way(subscription: Subscription, notify: WireMessage) -> Iterator[Finding]:
    """Whether a NOTIFY takes the recorded route, and without one goes to the Contact."""
    recorded = _recorded(subscription)
    if recorded:
        taken = notify.values("Route")
        ok = len(taken) == len(recorded) and all(map(_same_hop, taken, recorded))
        expected, seen = f"Route: {', '.join(recorded)}", f"Route: {', '.join(taken) or 'none'}"
        yield finding(notify, ok, expected=expected, observed=seen)
        return
    accepted = (t for t in reversed(subscription.subscribes) if t.final is not None and t.succeeded)
    before = (t.request for t in accepted if t.final is not None and t.final.number < notify.number)
    target = next((contact(request) for request in before), "")
    hidden = not points_to(target, subscription.subscriber)
    if target and not notify.has("Route"):
        ok = same_uri(notify.request_uri, target) or (hidden and points_to(notify.request_uri, notify.destination))
        yield finding(notify, ok, expected=f"Request-URI {target}", observed=notify.request_uri)


def _same_hop(one: str, other: str) -> bool:
    hops = [name_addr.parse(text) for text in (one, other)]
    uris = [hop.uri_text for hop in hops if isinstance(hop, NameAddr)]
    return len(uris) == 2 and same_place(*uris)


def _recorded(subscription: Subscription) -> list[str]:
    """The route its SUBSCRIBE recorded, in the order in which NOTIFYs take it (RFC 3261 §12.1.1)."""
    initial = subscription.initial
    return initial.request.values("Record-Route") if initial is not None and initial.request is not None else []


@check(
    "SCA-026", level=MUST, on=PHONE, clause="BroadWorks SCA: state is told, calls are made by INVITE (sheet 2.12)",
    asks="what a NOTIFY says neither ends nor begins a call at a phone",
)  # fmt: skip
def notify_moves_no_call(trace: Trace) -> Iterator[Finding]:
    """Looked at: a BYE that a phone sends within 50 ms of a NOTIFY that tells its slot idle or held elsewhere, with
    nothing asked of the phone in between and the call not ended by the other side. Without the record of what the
    phone was asked to do nothing is judged.
    """
    intents = [o for o in trace.observations if o.kind == "intent"]
    ending = [
        o for o in intents if str(o.what.get("do")).startswith(("hang_up", "stop", "reject", "restart", "call_on"))
    ]
    if not intents:
        return
    for line, leg in legs(trace):
        bye = leg.bye.request if leg.bye is not None and leg.ended_by_phone else None
        if bye is None:
            continue
        asked = any(0 <= bye.packet.time_ns - o.time_ns < 5e9 for o in ending)
        prompted = [t for t in line.told if t.phone.is_surely(leg.phone) and 0 <= seconds(bye, t.notify) < 0.05]
        yield finding(bye, asked or not prompted, expected="no BYE", observed="BYE", also=[t.notify for t in prompted])


@check(
    "SCA-027", level=SHOULD, on=SERVER, clause="call-info (sheet 2.14)",
    asks="the phone that caused a change is told of it like all others",
)  # fmt: skip
def acting_phone_is_told(trace: Trace) -> Iterator[Finding]:
    """Judged per call: was the phone that has it told of its slot at all, while others were?"""
    for line, leg in legs(trace):
        if leg.index is None or leg.settled is None:
            continue
        over = leg.end.number if leg.end is not None else inf
        told = [t for t in line.told_between(leg.request.number, over) if t.state.is_busy(leg.index)]
        own = [t for t in told if t.phone.may_be(leg.phone)]
        others = [t for t in told if t.phone.is_other_than(leg.phone)]
        if len(others) > 1 and seconds(others[-1].notify, others[0].notify) > AT_ONCE:
            seen = f"{len(others)} NOTIFYs to others"
            yield finding(others[0].notify, bool(own), expected=f"a NOTIFY to {leg.phone.address} too", observed=seen)


@check(
    "SCA-102", level=MUST, on=SERVER, clause="SCA: many slots at once (sheet 2.18)",
    asks="what is told stays right when many slots are in use, and slots with two digits",
)  # fmt: skip
def crowded_line_is_told(trace: Trace) -> Iterator[Finding]:
    """Ten or more slots in use at once, or one from 10 on: within four seconds every phone is told the truth of it, if
    need be in a NOTIFY of more than 4 KB.
    """
    crowds = {id(line) for line in lines(trace) if _may_crowd(trace, line)}
    if crowds:
        yield from judged(
            trace, *KINDS, where=lambda slot, move: id(slot.line) in crowds and _is_crowded(trace, slot, move)
        )


def _may_crowd(trace: Trace, line: Line) -> bool:
    mine = [slot.index for slot in slots_of(trace, line)]
    return len(mine) >= CROWD or max(mine, default=0) >= CROWD


def _is_crowded(trace: Trace, slot: Slot, move: Move) -> bool:
    mine = slots_of(trace, slot.line)
    return slot.index >= CROWD or sum(State.IDLE not in other.seen(move.at) for other in mine) >= CROWD


@check(
    "SCA-108", level=SHOULD, on=SERVER, clause="call-info: one NOTIFY a change (Kamailio 765b6e06fe)",
    asks="a phone is not told the same again and again",
)  # fmt: skip
def no_storm(trace: Trace) -> Iterator[Finding]:
    """Three NOTIFYs in a row within two seconds that say exactly the same, none of them asked for by a SUBSCRIBE.
    Once again is common; servers do so for every message of a call. The state may
    also have gone and come again while a NOTIFY waited.
    """
    for line in lines(trace):
        for subscription in line.subscriptions:
            history = line.told_to(subscription)
            asked = [t.request.time for t in subscription.subscribes if t.request is not None]
            for first, second, third in zip(history, history[1:], history[2:], strict=False):
                storm = (
                    seconds(third.notify, first.notify) < 2
                    and first.state.same_as(second.state)
                    and second.state.same_as(third.state)
                    and first.notify.body == second.notify.body == third.notify.body  # who is parked
                )
                seen = "the same state three times in two seconds"
                asked_for = any(first.notify.time <= at < third.notify.time for at in asked)
                ok = not storm or asked_for or _came_back(trace, line, first, third)
                yield finding(third.notify, ok, expected="one NOTIFY a change", observed=seen, also=[first.notify])


def _came_back(trace: Trace, line: Line, first: Told, last: Told) -> bool:
    """Whether a slot was something else between two NOTIFYs than both tell."""
    return any(
        first.state.state(slot.index) not in slot.seen(move.at)
        for slot in slots_of(trace, line)
        for move in slot.moves
        if first.notify.number < move.at.number < last.notify.number
    )


@check(
    "SCA-109", level=MUST, on=SERVER, clause="RFC 6665 §4.2.2: the latest state",
    asks="what a phone is told last is true, however quickly the state changed before",
)  # fmt: skip
def last_word_is_true(trace: Trace) -> Iterator[Finding]:
    """Where the truth of a slot changed eight times or more within two seconds, and then not for four: what it was in
    between nobody has to be told, what it is at last everybody. Of slower changes the checks of what happened ask.
    """
    yield from judged(trace, *KINDS, burst=True)
