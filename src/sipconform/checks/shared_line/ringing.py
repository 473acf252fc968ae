"""Calls that come in for a line: who rings, who is told what, who answers and who is let off."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import INFO, MUST, PHONE, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, seconds, watched
from sipconform.checks.forks import pending
from sipconform.checks.shared_line.course import Leg, legs
from sipconform.checks.shared_line.told import QUIET, UNDER_WAY_NS, Line, index_of, lines, names_of, user_of
from sipconform.checks.shared_line.truth import is_named, judged
from sipconform.features.appearance import State
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.trace import Trace, WireMessage

IDLE, ACTIVE = frozenset({State.IDLE}), frozenset({State.ACTIVE})
HALF = 0.45  # seconds that messages of one event may lie apart: somebody has to be waited for
SAME_BREATH = 0.005  # seconds between two messages of one event
TOGETHER = 2.0  # seconds between the first and the last INVITE of one incoming call


@check(
    "SCA-002", level=MUST, on=SERVER, clause="SCA: who is alerted (sheet 1.11)",
    asks="a call to the line rings every phone of it, at the same time",
)  # fmt: skip
def everybody_rings(trace: Trace) -> Iterator[Finding]:
    """Every phone with a live subscription, for only of those is it certain that they are there, and whose place may
    have calls. A phone that has switched the line off or whose INVITE is not seen because it is busy is not asked for:
    nothing is said of a call that rings only one phone, for that may be a call to that phone.
    """
    for line in lines(trace):
        for group in incoming(trace, line):
            rung = {leg.phone for leg in group}
            first = group[0].request
            there = {
                s.subscriber for s in line.subscriptions
                if line.live(s, first) and (i := s.initial) and i.final and i.final.number < first.number
                and line.policies.place(user_of(s.resource), "terminates")
            }  # fmt: skip
            if len(rung) > 1 and watched(trace, first) > TOGETHER:
                seen = f"{len(rung & there)} of {len(there)} phones rung"
                yield finding(first, there <= rung, expected="every phone of the line", observed=seen)


def incoming(trace: Trace, line: Line) -> list[list[Leg]]:
    """The legs of each incoming call: INVITEs of the server from one caller, close together, with one index."""
    groups: list[list[Leg]] = []
    for known, leg in legs(trace):
        if known is not line or leg.calls:
            continue
        same = [
            g for g in groups
            if seconds(leg.request, g[0].request) <= TOGETHER and _caller(g[0].request) == _caller(leg.request)
            and leg.phone not in {other.phone for other in g}
            and not (g[0].settled and g[0].settled.number < leg.request.number)
        ]  # fmt: skip
        if same:
            same[-1].append(leg)
        else:
            groups.append([leg])
    return groups


def _caller(invite: WireMessage) -> str:
    return invite.from_.uri_text if isinstance(invite.from_, NameAddr) else ""


@check(
    "SCA-060", level=MUST, on=SERVER, clause="SCA: a call that comes in (sheet 4.4)",
    asks="all phones that ring for one call are given the same slot, and it is the one that is told",
)  # fmt: skip
def one_slot_for_all_forks(trace: Trace) -> Iterator[Finding]:
    """A server that names none lets the phones choose; then this is not asked."""
    for line in lines(trace):
        for group in incoming(trace, line):
            named = [(leg.request, i) for leg in group if (i := index_of(leg.request)) is not None]
            if not named:
                continue
            indexes = sorted({index for _, index in named})
            seen = f"slots {indexes}"
            yield finding(
                named[-1][0], len(indexes) == 1, expected="one slot", observed=seen, also=[m for m, _ in named]
            )
            answered = next((leg for leg in group if leg.settled is not None), None)
            if answered is not None and answered.settled is not None and len(indexes) == 1:
                end = answered.end
                told = [
                    t for t in line.told
                    if t.notify.number > answered.settled.number and (end is None or t.notify.number < end.number)
                ]  # fmt: skip
                alone = [leg for known, leg in legs(trace) if known is line and leg.settled]
                for each in told if len(alone) == 1 else ():
                    wrong = [i for i in each.state.busy if i != indexes[0]]
                    yield finding(each.notify, not wrong, expected=f"slot {indexes[0]}", observed=f"slots {wrong}")


@check(
    "SCA-061", level=INFO, on=SERVER, clause="SCA: alerting is told first (sheet 2.21)",
    asks="phones are told that a call alerts before or as it reaches them",
)  # fmt: skip
def alerting_is_told_first(trace: Trace) -> Iterator[Finding]:
    """BroadWorks does so; Kamailio tells nothing until the answer. Only where the profile says that it is told, and
    while every phone has answered what it was told before.
    """
    for line in lines(trace):
        if line.policies.can("alerting") != "yes":
            continue
        for group in incoming(trace, line):
            first, index = group[0].request, index_of(group[0].request)
            if index is None or _is_behind(line, first, index):
                continue
            near = [
                t for t in line.told if abs(seconds(t.notify, first)) < 1 and t.state.state(index) == State.ALERTING
            ]
            early = [t for t in near if t.notify.number < first.number or seconds(t.notify, first) < HALF]
            seen = "told later" if near else "not told"
            yield finding(first, bool(early), expected="alerting before the INVITE", observed=seen)


def _is_behind(line: Line, invite: WireMessage, index: int) -> bool:
    """Whether a phone had still to answer what it was told before the call, so that this had to wait."""
    for told in line.told:
        transaction = told.notify.transaction
        final = transaction.final if transaction is not None else None
        repeated = transaction is not None and any(r.number > invite.number for r in transaction.requests)
        earlier = seconds(invite, told.notify) > SAME_BREATH and told.state.state(index) != State.ALERTING
        if earlier and (repeated or final is None or final.number > invite.number):
            return True
    return False


@check(
    "SCA-062", level=MUST, on=PHONE, clause="SCA: answers of a phone (sheet 4.5)",
    asks="a phone names the slot of the call in its ringing and its answer",
)  # fmt: skip
def answer_names_the_slot(trace: Trace) -> Iterator[Finding]:
    """The INVITE's, or where that names none a slot of the phone's choice, the same in both. Phones on which the line
    is switched off are not asked: they have no subscription; nor is one that was told to leave it out.
    """
    silent = {o.who for o in trace.observations if o.kind == "intent" and o.what.get("names_slot") is False}
    for line, leg in legs(trace):
        if silent & names_of(trace, leg.phone):
            continue
        if leg.calls or not any(s.subscriber == leg.phone and line.live(s, leg.request) for s in line.subscriptions):
            continue
        wanted = index_of(leg.request)
        for answer in (leg.ringing, leg.answer):
            if answer is not None:
                said = index_of(answer)
                ok = said is not None and wanted in (None, said)
                expected = f"index {wanted}" if wanted else "an index"
                yield finding(answer, ok, expected=expected, observed=f"index {said}", also=[leg.request])


@check(
    "SCA-063", level=MUST, on=SERVER, clause="SCA: one answers (sheet 2.22)",
    asks="when one phone answers the others stop ringing, and what they are told last comes after their CANCEL",
)  # fmt: skip
def answered_call_stops_the_others(trace: Trace) -> Iterator[Finding]:
    """Some phones forget the lamp when they are cancelled; so `active` that came before the CANCEL and was not said
    again is lost on them. A phone that refuses the call itself, or whose ringing the server may not have heard, need
    not be cancelled: no CANCEL may be sent before a provisional answer (RFC 3261 §9.1). What is told before a CANCEL
    that had to wait for one is left out, too.
    """
    for line in lines(trace):
        for group in incoming(trace, line):
            won = next((leg for leg in group if leg.settled is not None), None)
            for leg in group if won is not None else ():
                if leg is not won and won is not None:
                    yield from _let_off(trace, line, leg, won)


def _let_off(trace: Trace, line: Line, leg: Leg, won: Leg) -> Iterator[Finding]:
    """What became of a phone that rang when another answered."""
    if won.settled is None or (rang := pending(leg.invite, won.settled)) is None:
        return
    final = leg.invite.final
    refused = final is not None and final.status >= 300 and seconds(final, won.settled) < QUIET
    if leg.cancel is not None:
        yield from _told_after(line, leg, won, leg.cancel)
    elif leg.answer is None and not refused and watched(trace, won.settled) > GIVE_UP:
        yield finding(rang, False, expected="CANCEL", observed="no CANCEL", also=[won.settled], party=line.server)


def _told_after(line: Line, leg: Leg, won: Leg, cancel: WireMessage) -> Iterator[Finding]:
    """Whether `active` was told after the CANCEL, where that could be sent as soon as somebody had answered."""
    answer, rang = won.answer, leg.invite.responses[0]
    if answer is None or won.index is None or answer.packet.time_ns - rang.packet.time_ns < UNDER_WAY_NS:
        return
    told = [
        t for t in line.told_between(answer.number)
        if t.subscription.subscriber == leg.phone and t.state.state(won.index) == State.ACTIVE
    ]  # fmt: skip
    if told:
        late = [t for t in told if t.notify.number > cancel.number or seconds(t.notify, answer) > HALF]
        seen = "active before the CANCEL, and not again"
        yield finding(told[-1].notify, bool(late), expected="active after the CANCEL", observed=seen, also=[cancel])


@check(
    "SCA-064", level=MUST, on=SERVER, clause="SCA: one phone rejects (sheet 1.13)",
    asks="a phone that rejects silences only itself",
)  # fmt: skip
def rejecting_silences_one(trace: Trace) -> Iterator[Finding]:
    """Whatever the code: 486, 480 and 603 of a place of the line mean that place. The others are cancelled only when
    one answered, when the caller gave up or after more than five seconds. A proxy, whose forks are all one call, has to
    let a 6xx end them all (RFC 3261 §16.7 step 5).
    """
    for line in lines(trace):
        for group in incoming(trace, line):
            proxied = len({leg.request.call_id for leg in group}) == 1
            for leg in group:
                final = leg.invite.final
                if final is None or final.status not in (480, 486, 600, 603) or len(group) < 2:
                    continue
                if proxied and final.status >= 600:
                    continue
                cancels = [c for o in group if o is not leg and (c := o.cancel) is not None]
                quick = [c for c in cancels if 0 < seconds(c, final) < 1]
                answered = [o for o in group if o.answer is not None]
                gave_up = [
                    t for t in trace.transactions_of("CANCEL")
                    if t.server == line.server and t.request
                    and -1 < seconds(t.request, final) < 2
                ]  # fmt: skip
                ended = [m for m in trace.responses("INVITE") if m.source == line.server and abs(seconds(m, final)) < 1]
                ended = [m for m in ended if m.status == 487]
                bad = quick if not (answered or gave_up or ended) else []
                of = bad[0] if bad else final
                yield finding(of, not bad, expected="the others ring on", observed="CANCEL", also=[final])


@check(
    "SCA-066", level=MUST, on=SERVER, clause="SCA: nobody answers (sheet 2.4)",
    asks="the slot of a call that nobody answered is idle again",
)  # fmt: skip
def unanswered_call_is_idle(trace: Trace) -> Iterator[Finding]:
    """Whether the caller gave up, all rejected or the time ran out; within 4 s, and this slot, not another's."""
    yield from judged(trace, "ring failed", wanted=IDLE)


@check(
    "SCA-067", level=MUST, on=SERVER, clause="SCA: an answer that names no slot (sheet 4.5; Kamailio 92bbfd0b04)",
    asks="a call that is answered without a word of its slot is told as active on the slot it was given",
)  # fmt: skip
def assigned_slot_is_used(trace: Trace) -> Iterator[Finding]:
    """Some phones leave Call-Info out of their answers; the server knows which slot it gave the call. Within 4 s."""
    yield from judged(trace, "ring answered", wanted=ACTIVE, where=lambda slot, move: not is_named(slot, move))


@check(
    "SCA-068", level=MUST, on=SERVER, clause="RFC 3261 §13.2.2.4; SCA: two answer at once",
    asks="of two phones that answer one call at once only one keeps it",
)  # fmt: skip
def one_answer_wins(trace: Trace) -> Iterator[Finding]:
    """The other's 2xx is acknowledged and its call ended with BYE, in 32 s here."""
    for line in lines(trace):
        for group in incoming(trace, line):
            answered = [leg for leg in group if leg.answer is not None]
            if len(answered) < 2 or answered[-1].answer is None:
                continue
            last = answered[-1].answer
            kept = [leg for leg in answered if leg.bye is None]
            if watched(trace, last) > GIVE_UP:
                seen = f"{len(kept)} of {len(answered)} calls kept"
                yield finding(last, len(kept) <= 1, expected="one call kept", observed=seen, party=line.server)


@check(
    "SCA-107", level=SHOULD, on=SERVER, clause="RFC 3323 §4.2; SCA: a caller who is not known (sheet 6.12)",
    asks="a caller who wishes to stay unknown is not told to the phones",
)  # fmt: skip
def anonymous_stays_anonymous(trace: Trace) -> Iterator[Finding]:
    """A call to the line with Privacy: id, user or header, and no other call up: the caller's user is not to be found
    in any appearance-uri.
    """
    for line in lines(trace):
        for request in trace.requests("INVITE"):
            wishes = {w.strip().lower() for value in request.values("Privacy") for w in value.split(";")}
            if not wishes & {"id", "user", "header"} or trace.party(request.destination) != line.server:
                continue
            hidden = user_of(_caller(request))
            if not hidden or user_of(request.request_uri) not in line.users:
                continue
            for told in line.told:
                if 0 < seconds(told.notify, request) < GIVE_UP:
                    shown = any(hidden in slot.party for slot in told.state.slots.values())
                    yield finding(told.notify, not shown, expected="no identity", observed=hidden, also=[request])


@check(
    "SCA-111", level=SHOULD, on=SERVER, clause="SCA has no option tag (sheet 4.10)",
    asks="nothing in a line's calls asks for an extension by the name of shared appearances",
)  # fmt: skip
def no_option_tag(trace: Trace) -> Iterator[Finding]:
    """No option tag exists for shared lines, so none may be required. Other tags are other features' business."""
    for _, leg in legs(trace):
        if not leg.calls:
            tags = [tag for tag in leg.request.require if "appearance" in tag or tag == "sca"]
            yield finding(leg.request, not tags, expected="no such tag", observed=", ".join(tags))
