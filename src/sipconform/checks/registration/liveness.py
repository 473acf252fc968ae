"""Whether a phone keeps itself registered, notices when it is not, and comes back without a storm."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.bindings import (
    Account,
    Line,
    account,
    aor,
    contacts,
    lifetime,
    line,
    refreshes,
    registers,
)
from sipconform.checks.catalogue import INFO, MUST, PHONE, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import GIVE_UP, SLACK, author, once_per_trace, same_uri, seconds
from sipconform.checks.told import belief_after, intents, is_ours, knows, places, seconds_left, timing
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri
from sipconform.trace.packet import Address, Observation
from sipconform.trace.trace import Trace, Transaction, WireMessage

SHOWN_SLACK = 2.0  # seconds
BACK_WITHIN = 30.0  # seconds from the link's return to a registration
SIGNED_OFF_WITHIN = 5.0
AGAIN_AT_ONCE = 1.0
GUIDE = "Bright Pattern, softphones"


@check(
    "REG-014", level=SHOULD, on=PHONE, clause=GUIDE,
    asks="a phone that has lost its server, or was never registered, says so in the time its dialect promises",
)  # fmt: skip
def loss_is_shown(trace: Trace) -> Iterator[Finding]:
    """Within 15 s (and two of grace) after the link was cut: that is the next refresh, so a phone that then waits
    for Timer F (32 s) is too late. Told by the phone's display; nothing is guessed where nobody tells it.
    """
    limit = timing(trace, "loss_detect_max")
    for cut in intents(trace, "lose_link"):
        if limit is not None and knows(trace, cut.who, "registered"):
            yield from _shown_in_time(trace, cut, limit + SHOWN_SLACK)
    actors = {address: name for name, address in places(trace).items()}
    for transaction, request in registers(trace):
        final, who = transaction.final, actors.get(str(transaction.client))
        if who is None or final is None or not knows(trace, who, "lost") or not refreshes(request):
            continue
        if final.status < 400 or final.status == 423 or _tried_again(trace, transaction, request):
            continue
        if aor(request) != _own_number(request):
            continue
        after = belief_after(trace, who, "lost", True, final.packet.time_ns)
        ok = after is not None and after < SHOWN_SLACK
        seen, party = "a display that says nothing of it", transaction.client
        if ok or seconds_left(trace, final.packet.time_ns) > SHOWN_SLACK:
            yield finding(final, ok, expected="no connection shown", observed=seen, also=[request], party=party)


def _own_number(request: WireMessage) -> str:
    """The address-of-record of whoever registers: another in To is no registration of the phone's own."""
    sender = request.from_
    return sender.uri.aor() if isinstance(sender, NameAddr) and isinstance(sender.uri, SipUri) else ""


def _shown_in_time(trace: Trace, cut: Observation, limit: float) -> Iterator[Finding]:
    back = next((o for o in intents(trace, "regain_link") if o.who == cut.who and o.time_ns > cut.time_ns), None)
    watched = seconds_left(trace, cut.time_ns) if back is None else (back.time_ns - cut.time_ns) / 1e9
    if watched < limit:
        return
    after = belief_after(trace, cut.who, "registered", False, cut.time_ns)
    last = _last_register(trace, places(trace).get(cut.who, ""), cut.time_ns)
    ok = after is not None and after <= limit
    seen = "never" if after is None else f"after {after:.1f} s"
    party = trace.party(last.source) if last is not None else None
    yield finding(last, ok, expected=f"the loss shown within {limit:g} s", observed=seen, party=party)


def _last_register(trace: Trace, address: str, before_ns: int) -> WireMessage | None:
    sent = [r for t, r in registers(trace) if str(t.client) == address and r.packet.time_ns <= before_ns]
    return sent[-1] if sent else None


def _tried_again(trace: Trace, refused: Transaction, request: WireMessage) -> bool:
    """Whether a refusal was a question (a challenge, a too brief time) that was answered by another REGISTER."""
    return any(
        line(t, r) == line(refused, request) and r.number > request.number and seconds(r, request) < GIVE_UP
        for t, r in registers(trace)
    )


@check(
    "REG-015", level=SHOULD, on=PHONE, clause="RFC 3261 §10.2, §10.2.7; RFC 5626 §4.5",
    asks="a phone whose registrar is silent waits for the end of one REGISTER before the next, and then a while",
)  # fmt: skip
def silence_is_not_stormed(trace: Trace) -> Iterator[Finding]:
    """One that asks for another Contact meanwhile breaks a MUST NOT; the same Contact again is only unwise. After a
    timeout the phone should not ask the same registrar at once. Signing off and asking are left out, and so are
    streams: a phone may know that its connection is dead. A new Call-ID makes no difference; a registrar that is never
    heard in a stranger's capture may speak where nobody listens.
    """
    last: dict[Line | Account, tuple[Transaction, WireMessage]] = {}
    unheard: set[Account] = set()  # said once
    for transaction, request in registers(trace):
        if not refreshes(request) or request.transport != "udp":
            continue
        keys = (line(transaction, request), account(trace, transaction, request))
        known = [last[key] for key in keys if key in last]
        if known:
            before = max(known, key=lambda pair: pair[1].number)
            if _is_silent(before[0], request) and keys[1] not in unheard:
                yield from _waits(trace, before, request)
                if not _is_seen(trace, transaction):
                    unheard.add(keys[1])
        last.update((key, (transaction, request)) for key in keys)


def _waits(trace: Trace, before: tuple[Transaction, WireMessage], request: WireMessage) -> Iterator[Finding]:
    """Whether a REGISTER comes late enough after one that nobody has answered."""
    transaction, earlier = before
    after, party = seconds(request, earlier), author(request)
    same = same_uri(contacts(request)[0].uri_text, contacts(earlier)[0].uri_text)
    expected, seen = f"no REGISTER within {GIVE_UP:g} s of an unanswered one", f"one after {after:.1f} s"
    level = None if same else MUST
    verdict = Verdict.FAIL if _is_seen(trace, transaction) else Verdict.INCONCLUSIVE
    ok, also = after > GIVE_UP - SLACK, [earlier]
    yield finding(
        request, ok, expected=expected, observed=seen, also=also, level=level, party=party, verdict=verdict
    )  # fmt: skip
    if ok:
        seen = f"{after - GIVE_UP:.1f} s after the timeout"
        ok = after >= GIVE_UP + AGAIN_AT_ONCE
        yield finding(request, ok, expected="a pause", observed=seen, also=also, party=party, verdict=verdict)


def _is_seen(trace: Trace, transaction: Transaction) -> bool:
    """Whether the registrar's answers pass the tap at all: a capture may hold one direction only."""
    client, server = transaction.client, transaction.server
    return is_ours(trace, client) or is_ours(trace, server) or (server, client) in _spoken(trace)


@once_per_trace
def _spoken(trace: Trace) -> frozenset[tuple[Address, Address]]:
    """Who has said anything to whom."""
    return frozenset((trace.party(m.source), trace.party(m.destination)) for m in trace.messages)


def _is_silent(transaction: Transaction, later: WireMessage) -> bool:
    """Whether nothing had answered when `later` left. An answer that passes the tap a moment after it may have been
    overtaken on its way to the tap, and been with the phone before."""
    return not any(seconds(response, later) <= SLACK for response in transaction.responses)


@check(
    "REG-016", level=SHOULD, on=PHONE, clause=f"{GUIDE} (inferred)",
    asks="once the link is back the phone registers within half a minute",
)  # fmt: skip
def phone_comes_back(trace: Trace) -> Iterator[Finding]:
    """Only for profiles with a promised period; others may wait as long as RFC 5626 §4.5 lets them."""
    if timing(trace, "register_refresh") is None:
        return
    for back in intents(trace, "regain_link"):
        address = places(trace).get(back.who, "")
        if seconds_left(trace, back.time_ns) < BACK_WITHIN or _was_never_away(trace, back):
            continue
        made = [
            t.final for t, r in registers(trace)
            if str(t.client) == address and t.succeeded and t.final is not None and refreshes(r)
        ]  # fmt: skip
        after = [(f.packet.time_ns - back.time_ns) / 1e9 for f in made if f.packet.time_ns > back.time_ns]
        ok = bool(after) and after[0] <= BACK_WITHIN
        last = _last_register(trace, address, trace.end_ns)
        expected, seen = f"registered within {BACK_WITHIN:g} s", f"after {after[0]:.0f} s" if after else "never"
        party = author(last) if last is not None else None
        yield finding(last, ok, expected=expected, observed=seen, party=party)


def _was_never_away(trace: Trace, back: Observation) -> bool:
    """Whether the phone fell silent for good in the meantime, or the link was cut again."""
    later = (o for o in intents(trace, "unplug", "stop", "lose_link") if o.who == back.who and o.time_ns > back.time_ns)
    return any((o.time_ns - back.time_ns) / 1e9 < BACK_WITHIN for o in later)


@check(
    "REG-020", level=INFO, on=PHONE, clause="RFC 3261 §10.2.2",
    asks="a phone that is switched off in good order takes its binding away",
)  # fmt: skip
def phone_signs_off(trace: Trace) -> Iterator[Finding]:
    """Else it is called until its time is over. No clause asks for it; it is recorded."""
    for stop in intents(trace, "stop"):
        address = places(trace).get(stop.who, "")
        own = [(t, r) for t, r in registers(trace) if str(t.client) == address]
        if seconds_left(trace, stop.time_ns) < SIGNED_OFF_WITHIN or not any(t.succeeded for t, _ in own):
            continue
        late = [r for _, r in own if r.packet.time_ns >= stop.time_ns and _removes(r)]
        last = own[-1][1]
        seen = "no REGISTER with expires 0"
        yield finding(last, bool(late), expected="the binding taken away", observed=seen, party=last.source)


def _removes(request: WireMessage) -> bool:
    return request.contact_star or any(lifetime(request, c) == 0 for c in contacts(request))
