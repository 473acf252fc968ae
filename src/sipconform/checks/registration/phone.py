"""How a phone registers (RFC 3261 §10.2)."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.bindings import (
    Line,
    aor,
    contacts,
    granted,
    lifetime,
    line,
    refreshes,
    registers,
)
from sipconform.checks.catalogue import INFO, MUST, PASSED, PHONE, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import GIVE_UP, SLACK, author, is_relayed, seconds, seconds_of
from sipconform.sip.fault import Span
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri
from sipconform.trace.trace import Trace, WireMessage

LATE = 2.0  # seconds of slack for a refresh, twice the way


@check(
    "REG-001", level=MUST, on=PHONE, clause="RFC 3261 §10.2",
    asks="the Request-URI of REGISTER is the domain without a user, To is the address-of-record, Call-ID stays",
)  # fmt: skip
def register_form(trace: Trace) -> Iterator[Finding]:
    """The domain names the location service. A Call-ID may change with a restart, so only a phone that has
    three in a row for one Contact is told, as SHOULD.
    """
    calls: dict[tuple[str, str], list[WireMessage]] = {}
    for transaction, request in registers(trace):
        uri, to = request.uri, request.to
        at = Span(0, len(request.start_line))
        if isinstance(uri, SipUri) and (uri.user or "@" in request.request_uri):
            expected, seen = "a Request-URI without user part", request.request_uri
            yield finding(request, False, expected=expected, observed=seen, at=at, party=author(request))
        elif not isinstance(to, NameAddr) or not isinstance(to.uri, SipUri):
            seen, party = f"To: {request.text('To')}", author(request)
            yield finding(request, False, expected="a SIP URI in To", observed=seen, at="To", party=party)
        else:
            yield PASSED
        asked = contacts(request)
        if asked and refreshes(request) and transaction.succeeded:
            calls.setdefault((aor(request), asked[0].uri_text), []).append(request)
    for series in calls.values():
        yield from _stable_call_id(series)


def _stable_call_id(series: list[WireMessage]) -> Iterator[Finding]:
    for first, second, third in zip(series, series[1:], series[2:], strict=False):
        ids = {first.call_id, second.call_id, third.call_id}
        seen = "three Call-IDs in three registrations"
        at = "Call-ID"
        yield finding(
            third, len(ids) < 3, expected="one Call-ID", observed=seen, at=at, also=[first, second], level=SHOULD,
            party=author(third),
        )  # fmt: skip


@check(
    "REG-002", level=MUST, on=PHONE, clause="RFC 3261 §10.2, §22.2",
    asks="CSeq rises with every REGISTER of a Call-ID, after a challenge too",
)  # fmt: skip
def register_cseq_rises(trace: Trace) -> Iterator[Finding]:
    """The registrar drops what is not newer. By UDP a lower number that was not seen before may be a late
    repetition, so it is blamed only after 32 s + 1 s; gaps are left alone.
    """
    highest: dict[Line, WireMessage] = {}
    numbers: dict[Line, set[int]] = {}
    for transaction, request in registers(trace):
        key = line(transaction, request)
        top, known = highest.get(key), numbers.setdefault(key, set())
        if top is not None and request.cseq_number <= top.cseq_number:
            repeated = request.cseq_number in known
            proven = repeated or request.transport != "udp" or seconds(request, top) > GIVE_UP + SLACK
            expected, seen = f"CSeq above {top.cseq_number}", f"CSeq: {request.text('CSeq')}"
            at, also, party = "CSeq", [top], author(request)
            yield finding(request, not proven, expected=expected, observed=seen, at=at, also=also, party=party)
        else:
            highest[key] = request
            yield PASSED
        known.add(request.cseq_number)


@check(
    "REG-003", level=MUST, on=PHONE, clause="RFC 3261 §10.2.4",
    asks="a binding is refreshed before the time granted is over",
)  # fmt: skip
def refresh_comes_in_time(trace: Trace) -> Iterator[Finding]:
    """Else the phone is not called in between. Slack 2 s.

    Judged between two REGISTERs with adjoining CSeq numbers, so no attempt was missed; by UDP the later one's
    first sendings may have been lost for up to 32 s, so a delay below that counts only when it happens again. A
    refresh in the last tenth of the time is noted as INFO.
    """
    before: dict[Line, tuple[WireMessage, WireMessage]] = {}
    late: dict[Line, int] = {}
    for transaction, request in registers(trace):
        key = line(transaction, request)
        known = before.get(key)
        if known is not None and request.cseq_number == known[0].cseq_number + 1 and refreshes(request):
            time = granted(*known)
            if time:
                judged = _in_time(request, known[1], time, late.get(key, 0))
                late[key] = late.get(key, 0) + (judged.verdict is not Verdict.PASS and judged.level is None)
                yield judged
        if transaction.succeeded and transaction.final is not None:
            before[key] = (request, transaction.final)


def _in_time(request: WireMessage, answer: WireMessage, time: int, times_late: int) -> Finding:
    after = seconds(request, answer)
    expected, seen = f"a refresh within {time} s", f"after {after:.1f} s"
    if after < time + LATE:
        ok = after <= 0.9 * time
        return finding(request, ok, expected=expected, observed=seen, also=[answer], level=INFO)
    proven = request.transport != "udp" or after > time + GIVE_UP + LATE or times_late
    verdict = Verdict.FAIL if proven else Verdict.INCONCLUSIVE
    return finding(request, False, expected=expected, observed=seen, also=[answer], verdict=verdict)


@check(
    "REG-006", level=SHOULD, on=PHONE, clause="RFC 3261 §10.2.8",
    asks="after 423 the phone asks for at least Min-Expires, or for nothing more",
)  # fmt: skip
def too_brief_is_heeded(trace: Trace) -> Iterator[Finding]:
    """Asking for the same again is a loop. Not registering any more is the phone's right; a removal passes."""
    refused: dict[Line, WireMessage] = {}
    for transaction, request in registers(trace):
        key = line(transaction, request)
        final = refused.pop(key, None)
        if final is not None and refreshes(request) and not is_relayed(request):
            least, asked = seconds_of(final.min_expires), lifetime(request, contacts(request)[0])
            ok = least is None or asked is None or asked >= least
            expected, seen = f"{least} s or more", f"asked for {asked} s"
            yield finding(request, ok, expected=expected, observed=seen, at="Expires", also=[final])
        if transaction.final is not None and transaction.final.status == 423:
            refused[key] = transaction.final
