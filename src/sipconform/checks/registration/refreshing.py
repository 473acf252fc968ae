"""When a phone registers again: before its time is over, at the period it promises, for as long as it was told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from sipconform.checks.bindings import (
    Account,
    Line,
    account,
    contacts,
    granted,
    lifetime,
    line,
    refreshes,
    registers,
    same_binding,
    takes_away,
)
from sipconform.checks.catalogue import INFO, MUST, PHONE, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import GIVE_UP, SLACK, author, is_relayed, said_by, seconds, seconds_of
from sipconform.checks.told import is_ours, timing
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.trace import Trace, Transaction, WireMessage

LATE = 2.0  # seconds of slack for a refresh, twice the way
PERIOD_SLACK = 2.0  # seconds
STREAM_HOLDS = 1000.0  # seconds: TCP repeats for about a quarter of an hour
T2 = 4.0
GUIDE = "Bright Pattern, softphones"


class Renewal(NamedTuple):
    """A REGISTER that refreshes a binding, the one before it that was granted, and for how many seconds."""

    request: WireMessage
    contact: NameAddr
    before: Transaction
    answer: WireMessage
    time: int


@dataclass(slots=True)
class _Lives:
    """The bindings one Call-ID has made, and the numbers it has used."""

    granted: list[tuple[NameAddr, Transaction]] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)

    def taken(self, contact: NameAddr) -> Transaction | None:
        """The last REGISTER that was granted for a Contact; it is asked for once."""
        for place, (known, transaction) in enumerate(self.granted):
            if same_binding(known, contact):
                del self.granted[place]
                return transaction
        return None


def renewals(trace: Trace) -> Iterator[Renewal]:
    """Every binding's next REGISTER after one that was granted, where none can have been missed in between."""
    lives: dict[Line, _Lives] = {}
    for transaction, request in registers(trace):
        own = lives.setdefault(line(transaction, request), _Lives())
        for contact in contacts(request):
            before = own.taken(contact)
            if before is not None and not takes_away(request, contact):
                yield from _renewal(own, before, request, contact)
        if request.contact_star:
            own.granted.clear()
        own.numbers.add(request.cseq_number)
        if transaction.succeeded:
            own.granted += [(c, transaction) for c in contacts(request) if not takes_away(request, c)]


def _renewal(own: _Lives, before: Transaction, request: WireMessage, contact: NameAddr) -> Iterator[Renewal]:
    first, answer = before.request, before.final
    if first is None or answer is None:
        return
    between = range(first.cseq_number + 1, request.cseq_number)
    time = granted(answer, contact)
    if time and request.cseq_number > first.cseq_number and len(between) < 1000 and own.numbers.issuperset(between):
        yield Renewal(request, contact, before, answer, time)


@check(
    "REG-003", level=MUST, on=PHONE, clause="RFC 3261 §10.2.4",
    asks="a binding is refreshed before the time granted is over",
)  # fmt: skip
def refresh_comes_in_time(trace: Trace) -> Iterator[Finding]:
    """Else the phone is not called in between. Slack 2 s. Judged for each Contact, and for each flow of it (RFC 5626).

    No attempt must have been missed, so all CSeq numbers in between are in the capture. By UDP the later one's first
    sendings may have been lost for up to 32 s, and a stream may have stood still before the tap for a quarter of an
    hour: such a delay counts when it happens again, or when the connection carried something else meanwhile, or the
    tap sits in the phone. A refresh in the last tenth of the time is noted as INFO.
    """
    late: dict[tuple[Line, str], int] = {}
    for renewal in renewals(trace):
        key = (line(renewal.before, renewal.request), renewal.contact.uri_text)
        judged = _in_time(trace, renewal, late.get(key, 0))
        late[key] = late.get(key, 0) + (judged.verdict is not Verdict.PASS and judged.level is None)
        yield judged


def _in_time(trace: Trace, renewal: Renewal, times_late: int) -> Finding:
    request, answer, time = renewal.request, renewal.answer, renewal.time
    after, party = seconds(request, answer), author(request)
    expected, seen = f"a refresh within {time} s", f"after {after:.1f} s"
    if after < time + LATE:
        ok = after <= 0.9 * time
        return finding(request, ok, expected=expected, observed=seen, also=[answer], level=INFO, party=party)
    proven = bool(times_late) or is_ours(trace, trace.party(party)) or _was_not_held_up(trace, renewal, after)
    verdict = Verdict.FAIL if proven else Verdict.INCONCLUSIVE
    return finding(request, False, expected=expected, observed=seen, also=[answer], verdict=verdict, party=party)


def _was_not_held_up(trace: Trace, renewal: Renewal, after: float) -> bool:
    """Whether the REGISTER left when it passed the tap, and had not been sent in vain, or stuck, before."""
    request, answer, time = renewal.request, renewal.answer, renewal.time
    if after > time + LATE + (GIVE_UP if request.transport == "udp" else STREAM_HOLDS):
        return True
    if request.transport == "udp":
        return False
    said = (m for m in said_by(trace, trace.party(request.source)) if m.source == request.source)
    return any(m.number < request.number and seconds(m, answer) > time + LATE for m in said)


@check(
    "REG-005", level=SHOULD, on=PHONE, clause=GUIDE,
    asks="the phone refreshes its registration at the period its dialect promises",
)  # fmt: skip
def refresh_period(trace: Trace) -> Iterator[Finding]:
    """Every 15 s where the binding lives 30 s. Only for a profile that names a period, and where the registrar grants
    the life that goes with it; two seconds either way, and only between a REGISTER that was granted and the next one.
    A link that was cut in between excuses.
    """
    period, life = timing(trace, "register_refresh"), timing(trace, "register_expires")
    for renewal in renewals(trace) if period is not None else ():
        before = _last_copy(renewal.before, renewal.request)
        if before is None or period is None or life not in (None, renewal.time):
            continue
        if not _disturbed(trace, before, renewal.request):
            after = seconds(renewal.request, before)
            expected, seen = f"a refresh after {period:g} ± {PERIOD_SLACK:g} s", f"after {after:.1f} s"
            ok, party = abs(after - period) <= PERIOD_SLACK, author(renewal.request)
            yield finding(renewal.request, ok, expected=expected, observed=seen, also=[before], party=party)


def _last_copy(transaction: Transaction, before: WireMessage) -> WireMessage | None:
    """The last sending of the answer: the first ones may have been lost behind the tap. None when the last one may
    have been too, because the phone's patience was over before it would have asked once more."""
    if transaction.request is None:
        return None
    sent = [r for r in transaction.responses if 200 <= r.status < 300 and r.number < before.number]
    in_time = sent and seconds(sent[-1], transaction.request) < GIVE_UP - T2 - SLACK
    return sent[-1] if in_time else None


def _disturbed(trace: Trace, first: WireMessage, second: WireMessage) -> bool:
    """Whether somebody asked for something in between, which may itself be the reason for a REGISTER."""
    span = range(first.packet.time_ns, second.packet.time_ns + 1)
    wishes = (o for o in trace.observations if o.kind == "intent" and o.time_ns in span)
    return any(wish.what.get("do") not in _HARMLESS for wish in wishes)


_HARMLESS = ("dial", "answer", "hang_up", "expire_nonces", "stop", "query_bindings")


@check(
    "REG-006", level=SHOULD, on=PHONE, clause="RFC 3261 §10.2.8",
    asks="after 423 the phone asks for at least Min-Expires, or for nothing more",
)  # fmt: skip
def too_brief_is_heeded(trace: Trace) -> Iterator[Finding]:
    """Asking for the same again is a loop, with another Call-ID too. Not registering any more is the phone's right; a
    removal passes, and so does what left before the 423 came.
    """
    refused: dict[Account, WireMessage] = {}
    for transaction, request in registers(trace):
        key = account(trace, transaction, request)
        final = refused.get(key)
        if final is not None and final.number < request.number:
            del refused[key]
            if refreshes(request) and not is_relayed(request):
                yield _asks_for_enough(request, final)
        if transaction.final is not None and transaction.final.status == 423:
            refused[key] = transaction.final


def _asks_for_enough(request: WireMessage, final: WireMessage) -> Finding:
    least, asked = seconds_of(final.min_expires), lifetime(request, contacts(request)[0])
    ok = least is None or asked is None or asked >= least or asked == 0
    expected, seen = f"{least} s or more", f"asked for {asked} s"
    return finding(request, ok, expected=expected, observed=seen, at="Expires", also=[final])
