"""Calls that come in for a line: who rings, on which slot, and who is told what of it."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from sipconform.checks.bindings import owner_of, present
from sipconform.checks.catalogue import INFO, MUST, PHONE, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import same_place, seconds, watched
from sipconform.checks.forks import Fork, forks
from sipconform.checks.names import name_of, user_of
from sipconform.checks.shared_line.course import Slot, slots_of
from sipconform.checks.shared_line.joining import TOGETHER, caller_of
from sipconform.checks.shared_line.legs import Leg, legs, legs_of
from sipconform.checks.shared_line.line import Line, Told, index_of
from sipconform.checks.shared_line.lines import lines
from sipconform.checks.shared_line.owning import NOBODY
from sipconform.checks.shared_line.phones import Phone, contact_of
from sipconform.checks.shared_line.policies import names_of
from sipconform.features.appearance import State
from sipconform.sip.headers import name_addr
from sipconform.trace.trace import Subscription, Trace, WireMessage

HALF = 0.45  # seconds that messages of one event may lie apart: somebody has to be waited for
SAME_BREATH = 0.005  # seconds between two messages of one event


@check(
    "SCA-002", level=MUST, on=SERVER, clause="SCA: who is alerted (sheet 1.11)",
    asks="a call to the line rings every phone of it, at the same time",
)  # fmt: skip
def everybody_rings(trace: Trace) -> Iterator[Finding]:
    """Every phone that is there beyond doubt: it follows the line and has answered what it was told last, it has
    registered in the evidence, for longer than until the call, and its place may have calls. Whether it may only an
    administrator knows: where the lab does not say it is noted. Nothing is said of a call that rings only one phone,
    for that may be a call to that phone.
    """
    for line in lines(trace):
        for group in incoming(trace, line):
            first = group[0].request
            there = set(_are_there(trace, line, first))
            rung = {leg.phone for leg in group}
            if len(rung) > 1 and there and watched(trace, first) > TOGETHER:
                missing = [phone for phone in there if not any(phone.may_be(other) for other in rung)]
                seen = f"{len(there) - len(missing)} of {len(there)} phones rung"
                level = None if line.policies.known else INFO
                yield finding(first, not missing, expected="every phone of the line", observed=seen, level=level)


def _are_there(trace: Trace, line: Line, at: WireMessage) -> Iterator[Phone]:
    for subscription in line.subscriptions:
        initial = subscription.initial
        begun = initial is not None and initial.final is not None and initial.final.number < at.number
        wanted = line.policies.place(user_of(subscription.resource), "terminates")
        told = [t for t in subscription.notifies if t.request is not None and t.request.number < at.number]
        follows = begun and line.live(subscription, at) and bool(told) and all(t.succeeded for t in told)
        if wanted and follows and _is_registered(trace, line, subscription, at):
            yield line.phone_of(subscription)


def _is_registered(trace: Trace, line: Line, subscription: Subscription, at: WireMessage) -> bool:
    """Whether the Contact by which a phone follows the line has a binding that lasts, and is not to be tried later than
    others (RFC 3261 §20.10)."""
    known = present(trace, owner_of(trace, line.server, subscription.resource), at)
    mine = (grant.contact for grant in known if same_place(grant.uri, contact_of(subscription)))
    return any(found.params.get("q") in (None, "1", "1.0") for found in mine)


def incoming(trace: Trace, line: Line) -> list[list[Leg]]:
    """The legs of each incoming call: INVITEs of the server from one caller, close together, with one index."""
    groups: list[list[Leg]] = []
    for leg in (leg for leg in legs_of(trace, line) if not leg.calls):
        same = [
            g for g in groups
            if seconds(leg.request, g[0].request) <= TOGETHER and caller_of(g[0].request) == caller_of(leg.request)
            and not any(leg.phone.is_surely(other.phone) for other in g)
            and not (g[0].settled and g[0].settled.number < leg.request.number)
        ]  # fmt: skip
        if same:
            same[-1].append(leg)
        else:
            groups.append([leg])
    return groups


@check(
    "SCA-060", level=MUST, on=SERVER, clause="SCA: a call that comes in (sheet 4.4)",
    asks="all phones that ring for one call are given the same slot, and it is the one that is told",
)  # fmt: skip
def one_slot_for_all_forks(trace: Trace) -> Iterator[Finding]:
    """A server that names none lets the phones choose; then this is not asked. Told is another slot if the one that was
    given is said to be idle while the answered call lasts, and one where nobody has a call is told in use.
    """
    for line in lines(trace):
        for group in incoming(trace, line):
            named = [(leg.request, i) for leg in group if (i := index_of(leg.request)) is not None]
            indexes = sorted({index for _, index in named})
            if not named:
                continue
            also, seen = [m for m, _ in named], f"slots {indexes}"
            yield finding(named[-1][0], len(indexes) == 1, expected="one slot", observed=seen, also=also)
            answered = next((leg for leg in group if leg.settled is not None), None)
            if answered is not None and len(indexes) == 1:
                yield from _told_elsewhere(trace, line, answered, indexes[0])


def _told_elsewhere(trace: Trace, line: Line, leg: Leg, index: int) -> Iterator[Finding]:
    mine = {slot.index: slot for slot in slots_of(trace, line)}
    last = leg.leaving.number if leg.leaving is not None else inf
    for told in line.told_between(leg.settled.number if leg.settled is not None else -1, last):
        wrong = [i for i in told.state.busy if i != index and _shows(line, told, i, leg, mine.get(i))]
        ok = not wrong or told.state.is_busy(index)
        yield finding(told.notify, ok, expected=f"slot {index}", observed=f"slots {wrong}", also=[leg.request])


def _shows(line: Line, told: Told, index: int, leg: Leg, slot: Slot | None) -> bool:
    """Whether a slot without a call is told in use: any, where all phones are in the evidence, else one with the caller
    of a call that is on another."""
    if slot is not None and any(not other.over(told.notify) for other in slot.legs):
        return False
    shown = name_of(told.state.slots[index].far_party)
    return line.whole or (shown not in NOBODY and shown == name_of(leg.request.from_))


@check(
    "SCA-061", level=SHOULD, on=SERVER, clause="SCA: alerting is told first (sheet 2.21)",
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
            followed = any(line.live(s, first) for s in line.subscriptions)
            if index is None or not followed or _is_behind(line, first, index):
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
        if leg.calls or silent & names_of(trace, leg.phone.address) or not line.follows(leg.phone, leg.request):
            continue
        wanted = index_of(leg.request)
        for answer in (leg.ringing, leg.answer):
            if answer is not None:
                said = index_of(answer)
                ok = said is not None and wanted in (None, said)
                expected = f"index {wanted}" if wanted else "an index"
                yield finding(answer, ok, expected=expected, observed=f"index {said}", also=[leg.request])
                wanted = wanted or said


@check(
    "SCA-107", level=SHOULD, on=SERVER, clause="RFC 3323 §4.2; SCA: a caller who is not known (sheet 6.12)",
    asks="a caller who wishes to stay unknown is not told to the phones",
)  # fmt: skip
def anonymous_stays_anonymous(trace: Trace) -> Iterator[Finding]:
    """A call to the line with Privacy: id, user or header. Who it is stands in From or P-Asserted-Identity; neither is
    to be told with the slot that the call was given, as long as it is there.
    """
    calls = {id(leg.invite): (line, leg) for line, leg in legs(trace) if not leg.calls and leg.index is not None}
    for fork in forks(trace):
        wishes = {w.strip().lower() for value in fork.invite.values("Privacy") for w in value.split(";")}
        hidden = set(_identities(fork.invite)) - set(NOBODY) if wishes & {"id", "user", "header"} else set()
        rung = [calls[id(branch)] for branch in fork.branches if id(branch) in calls]
        for line, index in {(line, leg.index) for line, leg in rung} if hidden else ():
            yield from _shown(line, index or 0, fork, [leg for _, leg in rung], hidden)


def _identities(invite: WireMessage) -> Iterator[str]:
    """The users by whom a call says it is."""
    yield name_of(invite.from_)
    for value in invite.values("P-Asserted-Identity"):
        yield name_of(name_addr.parse(value))


def _shown(line: Line, index: int, fork: Fork, rung: list[Leg], hidden: set[str]) -> Iterator[Finding]:
    ends = [leg.end.number for leg in rung if leg.end is not None]
    last = max(ends) if len(ends) == len(rung) else inf
    for told in line.told_between(fork.invite.number, last):
        value = told.state.slots.get(index)
        shown = name_of(value.far_party) if value is not None else ""
        yield finding(told.notify, shown not in hidden, expected="no identity", observed=shown, also=[fork.invite])


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
