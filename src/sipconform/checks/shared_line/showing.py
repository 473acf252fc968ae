"""What phones show of a line, and how often and how late they are told."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import INFO, MUST, PHONE, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import seconds
from sipconform.checks.shared_line.course import legs, slots
from sipconform.checks.shared_line.told import QUIET, Told, caught_up, lines, user_of
from sipconform.features.appearance import State, known_state
from sipconform.features.lamp import TABLES, lamp
from sipconform.sip.fault import Fault
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.packet import Observation
from sipconform.trace.trace import Trace

LAGS = 1.0  # seconds a display may need


def _names(trace: Trace, address: object) -> set[str]:
    lab = [o.what.get("actors") for o in trace.observations if o.kind == "lab"]
    return {n for actors in lab if isinstance(actors, dict) for n, a in actors.items() if a == str(address)}


def _shown(trace: Trace, names: set[str], key: str, moment: int) -> Observation | None:
    told = [o for o in trace.observations if o.kind == "belief" and o.who in names and key in o.what]
    return next((o for o in reversed(told) if o.time_ns <= moment), None)


def _compared(trace: Trace) -> Iterator[tuple[Told, int, str, str]]:
    """A NOTIFY after which its phone was told nothing for a while, a slot that is not the phone's own, what the
    NOTIFY says of it, and what the phone shows.
    """
    for line in lines(trace):
        for subscription in line.subscriptions:
            names = _names(trace, subscription.subscriber)
            history = line.told_to(subscription)
            for at, told in enumerate(history):
                following = history[at + 1].notify.packet.time_ns if at + 1 < len(history) else trace.end_ns
                transaction = told.notify.transaction
                answer = transaction.final if transaction is not None and transaction.succeeded else None
                if not names or answer is None or not line.live(subscription, told.notify):
                    continue
                moment = answer.packet.time_ns + round(LAGS * 1e9)  # a busy phone reads late what has long come
                if following < moment:
                    continue
                own = {
                    leg.index
                    for known, leg in legs(trace)
                    if known is line and leg.phone == subscription.subscriber and not leg.over(told.notify)
                }
                for index in sorted({*told.state.slots, *range(1, 5)} - own):
                    shown = _shown(trace, names, f"line.{index}", moment)
                    if shown is not None and not str(shown.what[f"line.{index}"]).endswith("mine"):
                        yield told, index, told.state.state(index), str(shown.what[f"line.{index}"])


@check(
    "SCA-022", level=MUST, on=PHONE, clause="RFC 3261 §7.3.1; call-info grammar (sheet 2.2)",
    asks="a phone understands what a NOTIFY says of slots in use, however it is written",
)  # fmt: skip
def phone_follows_the_line(trace: Trace) -> Iterator[Finding]:
    """Repeated rows are a list, parameters come in any order, values about other things are passed over, and a state
    nobody knows means in use. Compared a second after the phone's answer with what the phone says it shows, for slots
    on which it has no call of its own.
    """
    for told, index, state, shown in _compared(trace):
        if state not in (State.IDLE, "") and known_state(state):
            seen = f"slot {index} shown as {shown}"
            ok = shown.startswith(f"{state},")
            yield finding(told.notify, ok, expected=f"{state}", observed=seen, party=told.subscription.subscriber)


@check(
    "SCA-023", level=MUST, on=PHONE, clause="call-info: * means all others (sheet 2.15, 2.17)",
    asks="slots that a NOTIFY does not list are idle when it says so with *",
)  # fmt: skip
def unlisted_slots_go_out(trace: Trace) -> Iterator[Finding]:
    """And a slot that is listed as idle is idle too. Compared as for SCA-022."""
    for told, index, state, shown in _compared(trace):
        if state == State.IDLE:
            ok = shown.startswith("idle,")
            seen = f"slot {index} shown as {shown}"
            yield finding(told.notify, ok, expected="idle", observed=seen, party=told.subscription.subscriber)


@check(
    "SCA-105", level=MUST, on=PHONE, clause="the lamp table of the make (sheet §7)",
    asks="a line key shines as the guide of its make says",
)  # fmt: skip
def lamps_follow_the_table(trace: Trace) -> Iterator[Finding]:
    """Where the phone tells both what it shows and which lamp it lights, and the profile names its table. A state the
    table is silent about is not judged.
    """
    for line in lines(trace):
        table = line.policies.get("lamps")
        if table not in TABLES:
            continue
        for subscription in line.subscriptions:
            names = _names(trace, subscription.subscriber)
            states: dict[str, str] = {}
            for told in (o for o in trace.observations if o.kind == "belief" and o.who in names):
                states |= {key[5:]: str(value) for key, value in told.what.items() if key.startswith("line.")}
                for index in (key[5:] for key in told.what if key.startswith("lamp.") and key[5:] in states):
                    word, _, whose = states[index].partition(", ")
                    lit = lamp(word, whose == "mine", table)
                    if lit is not None and line.told:
                        seen, near = str(told.what[f"lamp.{index}"]), _nearest(line.told, told.time_ns)
                        party, expected = subscription.subscriber, f"{lit} for {word} ({whose})"
                        yield finding(near.notify, seen == str(lit), expected=expected, observed=seen, party=party)


def _nearest(told: list[Told], time_ns: int) -> Told:
    earlier = [t for t in told if t.notify.packet.time_ns <= time_ns]
    return earlier[-1] if earlier else told[0]


@check(
    "SCA-106", level=MUST, on=SERVER, clause="RFC 3261 §25.1: quoted-string; call-info (sheet 2.2)",
    asks="the far party's address can be read back from what phones are told",
)  # fmt: skip
def far_party_is_readable(trace: Trace) -> Iterator[Finding]:
    """Quotes and backslashes in a name are escaped, once for the name and once for the parameter. A name without its
    own quotes is understood too.
    """
    for line in lines(trace):
        for told in line.told:
            for value in told.state.slots.values():
                if value.party:
                    party = value.far_party
                    ok = isinstance(party, NameAddr) and not isinstance(party.uri, Fault)
                    expected = "a name and an address"
                    yield finding(told.notify, ok, expected=expected, observed=value.party, at="Call-Info")


@check(
    "SCA-108", level=SHOULD, on=SERVER, clause="call-info: one NOTIFY a change (Kamailio 765b6e06fe)",
    asks="a phone is not told the same again and again",
)  # fmt: skip
def no_storm(trace: Trace) -> Iterator[Finding]:
    """Three NOTIFYs in a row within two seconds that say exactly the same, none of them asked for by a SUBSCRIBE.
    Once again is common; servers do so for every message of a call.
    """
    for line in lines(trace):
        for subscription in line.subscriptions:
            history = line.told_to(subscription)
            asked = [t.request.time for t in subscription.subscribes if t.request is not None]
            for first, second, third in zip(history, history[1:], history[2:], strict=False):
                same = first.state.same_as(second.state) and second.state.same_as(third.state)
                quick = seconds(third.notify, first.notify) < 2
                prompted = any(first.notify.time <= at < third.notify.time for at in asked)
                seen = "the same state three times in two seconds"
                ok = not (same and quick) or prompted
                yield finding(third.notify, ok, expected="one NOTIFY a change", observed=seen, also=[first.notify])


@check(
    "SCA-109", level=MUST, on=SERVER, clause="RFC 6665 §4.2.2: the latest state",
    asks="what a phone is told last is true, however quickly the state changed before",
)  # fmt: skip
def last_word_is_true(trace: Trace) -> Iterator[Finding]:
    """At the end of the evidence, for slots to which nothing happened for four seconds, and phones that had answered
    every NOTIFY.
    """
    for slot in slots(trace):
        if not slot.moves or (trace.end_ns - slot.moves[-1].at.packet.time_ns) / 1e9 < QUIET:
            continue
        last_move = slot.moves[-1].at
        truth = slot.expected(trace.messages[-1])
        if truth <= {State.SEIZED}:
            continue
        for subscription in slot.line.subscriptions:
            told = slot.line.told_to(subscription)
            ended = slot.line.end_of(subscription)
            if not told or ended is not None or not caught_up(subscription, trace.end_ns):
                continue
            changed = [t for t in told if t.notify.number > last_move.number]
            state = told[-1].state.state(slot.index)
            if len(changed) > 0 or state not in truth:
                seen = f"slot {slot.index} {state}"
                yield finding(
                    told[-1].notify, state in truth,
                    expected=" or ".join(sorted(truth)), observed=seen, also=[last_move], party=slot.line.server,
                )  # fmt: skip


@check(
    "SCA-110", level=INFO, on=SERVER, clause="SCA: ordinary phones (sheet 4.7)",
    asks="what the server says of slots stays on the line",
)  # fmt: skip
def slots_stay_on_the_line(trace: Trace) -> Iterator[Finding]:
    """Call-Info with an index toward somebody outside the line is ignored there; a server that adds it is not wrong."""
    for line in lines(trace):
        for request in trace.requests("INVITE"):
            if trace.party(request.source) == line.server and trace.party(request.destination) not in line.phones:
                said = request.text("Call-Info")
                to = request.to
                outside = isinstance(to, NameAddr) and user_of(to.uri_text) not in line.users
                if outside and not request.to_tag:
                    yield finding(request, "appearance-index" not in said, expected="no index", observed=said)


@check(
    "SCA-059", level=SHOULD, on=SERVER, clause="SCA: what is the line's stays there (sheet 4.3)",
    asks="the phone's Call-Info is not passed on to the far party",
)  # fmt: skip
def call_info_is_stripped(trace: Trace) -> Iterator[Finding]:
    """Looked at: INVITEs of the server from one of the line's addresses to somebody who is no phone of it."""
    for line in lines(trace):
        for request in trace.requests("INVITE"):
            sender = request.from_
            ours = isinstance(sender, NameAddr) and user_of(sender.uri_text) in line.users
            if (
                ours
                and trace.party(request.source) == line.server
                and (
                    trace.party(request.destination) not in line.phones
                    and user_of(request.request_uri) not in line.users
                )
            ):
                said = request.text("Call-Info")
                ok = "appearance-index" not in said
                yield finding(request, ok, expected="no appearance-index", observed=said)
