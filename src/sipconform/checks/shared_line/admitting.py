"""Who may have a slot of a line, and how he must name it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sipconform.checks.catalogue import INFO, MUST, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import contact, seconds, seconds_of
from sipconform.checks.names import name_of, user_of
from sipconform.checks.shared_line.course import slots_of
from sipconform.checks.shared_line.legs import legs_of
from sipconform.checks.shared_line.line import Line, Seizure
from sipconform.checks.shared_line.lines import lines
from sipconform.checks.shared_line.phones import Phone
from sipconform.checks.subscription.course import requested
from sipconform.features.appearance import CALL_INFO, LINE_SEIZE, Appearance, State, appearance_of
from sipconform.sip.headers.event import Event
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.uri import SipUri, parse_uri
from sipconform.trace.packet import Address
from sipconform.trace.trace import Subscription, Trace, WireMessage


@check(
    "SCA-033", level=SHOULD, on=SERVER, clause="line-seize without a slot (sheet 3.5)",
    asks="a line-seize SUBSCRIBE that names no slot is refused",
)  # fmt: skip
def nameless_seizure_is_refused(trace: Trace) -> Iterator[Finding]:
    """400 is right and 480 passes, as any 4xx does. A server may not pick a slot for a phone that asked for none, for
    the phone would not know which lamp is its own.
    """
    yield from _refused(trace, missing=True)


@check(
    "SCA-101", level=MUST, on=SERVER, clause="call-info grammar (sheet 2.2)",
    asks="an index that is no number from 1 makes no slot",
)  # fmt: skip
def odd_index_makes_no_slot(trace: Trace) -> Iterator[Finding]:
    """0, negative numbers, words, nothing, and * in a request: refused with 4xx."""
    yield from _refused(trace, missing=False)


def _refused(trace: Trace, *, missing: bool) -> Iterator[Finding]:
    for line in lines(trace):
        for seizure in line.seizures:
            said = appearance_of(seizure.request.texts("Call-Info"))
            if isinstance(said, Appearance) or (said is None) is not missing:
                continue
            seen = f"{seizure.final.status} to Call-Info: {seizure.request.text('Call-Info') or 'none'}"
            ok = 400 <= seizure.final.status < 700
            yield finding(seizure.final, ok, expected="400", observed=seen, also=[seizure.request])


@check(
    "SCA-103", level=MUST, on=SERVER, clause="shared lines: who may (sheet 1.8)",
    asks="nobody who is not on a line can seize its slots or follow it",
)  # fmt: skip
def strangers_are_refused(trace: Trace) -> Iterator[Finding]:
    """A stranger is who asks for a place of the line while calling himself none of its places, by From. 403 and 404
    are the answers to expect; any refusal passes. Which places there are only the lab knows: elsewhere a place may well
    follow the line at its owner's address, and what looks like a stranger is noted.
    """
    for line in lines(trace):
        known = bool(line.policies.get("locations"))
        for transaction in trace.transactions_of("SUBSCRIBE"):
            request, final = transaction.request, transaction.final
            if request is None or final is None or request.to_tag or transaction.server != line.server:
                continue
            event, sender = request.event, name_of(request.from_)
            asks = isinstance(event, Event) and event.package in (LINE_SEIZE, CALL_INFO)
            if asks and sender not in line.users and user_of(request.request_uri) in line.users:
                ok, level = final.status >= 300, None if known else INFO
                seen, also = str(final.status), [request]
                yield finding(final, ok, expected="403", observed=seen, also=also, level=level)


@check(
    "SCA-100", level=MUST, on=SERVER, clause="Call-Info says other things too (sheet 2.2)",
    asks="the slot is found among other values of Call-Info",
)  # fmt: skip
def slot_is_found_among_others(trace: Trace) -> Iterator[Finding]:
    """A line-seize whose Call-Info has values that name no slot, or parameters nobody knows, beside one that does.
    400 says that the server could not read it; any other refusal may have other reasons, and so may that of a slot that
    had not been told idle.
    """
    for line in lines(trace):
        for seizure in line.seizures:
            text = ", ".join(seizure.request.texts("Call-Info"))
            plain = text.count(";") == 1 and "," not in text and "appearance-index=" in text
            idle = seizure.slot is not None and line.last_told(seizure.slot, seizure.request) == State.IDLE
            if not plain and idle:
                ok, seen = seizure.final.status != 400, f"{seizure.final.status} to Call-Info: {text}"
                yield finding(seizure.final, ok, expected="200", observed=seen, also=[seizure.request])


@check(
    "SCA-006", level=MUST, on=SERVER, clause="SCA: Multiple Call Arrangement is off (sheet 1.15)",
    asks="where calls may not be side by side, no phone gets a slot or a call while another talks",
)  # fmt: skip
def one_phone_at_a_time(trace: Trace) -> Iterator[Finding]:
    """Only where the profile or the story says so; any 4xx or 6xx passes. Who retrieves or joins makes no call."""
    for line in (known for known in lines(trace) if known.policies.get("multiple_call_arrangement") is False):
        level = line.policies.level("multiple_call_arrangement")
        for phone, request, final in _wishes(trace, line):
            others = [
                leg for slot in slots_of(trace, line) for leg in slot.legs
                if leg.phone.is_other_than(phone) and leg.lasts(request, final)
            ]  # fmt: skip
            if others:
                ok, seen = final.status >= 300, f"{final.status} while {others[0].phone.address} talks"
                yield finding(final, ok, expected="a refusal", observed=seen, also=[request], level=level)


@check(
    "SCA-048", level=SHOULD, on=SERVER, clause="SCA: a place that may not call (sheet 1.2, 3.7)",
    asks="a place of the line from which nobody may call is given no slot and no call",
)  # fmt: skip
def banned_place_is_refused(trace: Trace) -> Iterator[Finding]:
    """Known where the story says what was set of the place. 403 is to be expected, any refusal passes."""
    for line in (known for known in lines(trace) if known.policies.get("places")):
        for _, request, final in _wishes(trace, line):
            user = user_of(request.from_.uri_text) if isinstance(request.from_, NameAddr) else ""
            if not line.policies.place(user, "originates"):
                ok, seen = final.status >= 300, str(final.status)
                yield finding(final, ok, expected="403", observed=seen, also=[request])


def _wishes(trace: Trace, line: Line) -> Iterator[tuple[Phone, WireMessage, WireMessage]]:
    """Every seizure and every call out, with the phone it is from and its final answer."""
    for seizure in line.seizures:
        yield seizure.phone, seizure.request, seizure.final
    for leg in legs_of(trace, line):
        if leg.calls and not leg.press and leg.invite.final is not None:
            yield leg.phone, leg.request, leg.invite.final


@check(
    "SCA-038", level=MUST, on=SERVER, clause="line-seize of a phone that does not follow the line (sheet 3.6)",
    asks="a phone that does not follow the line seizes none of its slots, where that is the rule",
)  # fmt: skip
def followers_only(trace: Trace) -> Iterator[Finding]:
    """One server has that rule and another has not, so it is asked only where the profile or the story says so: 480."""
    for line in (known for known in lines(trace) if known.policies.get("seizes_unsubscribed") is False):
        for seizure in line.seizures:
            own = [s for s in line.subscriptions if line.phone_of(s).may_be(seizure.phone)]
            if not any(line.live(s, seizure.request) for s in own):
                level, also = line.policies.level("seizes_unsubscribed"), [seizure.request]
                ok, seen = not seizure.granted, str(seizure.final.status)
                yield finding(seizure.final, ok, expected="480", observed=seen, also=also, level=level)


@check(
    "SCA-057", level=MUST, on=SERVER, clause="RFC 3261 §10.3, §19.1.4: one address (Kamailio issue 103)",
    asks="a line is found however its address is spelled",
)  # fmt: skip
def line_is_found_by_any_spelling(trace: Trace) -> Iterator[Finding]:
    """Parameters, an escaped character in the user, capitals in the host: not to be answered 404 or 416 when a phone of
    the line subscribes to it or asks for one of its calls. Parameters a registrar must leave out of an address, others
    should (a warning); with another port it is another address, and nothing is asked.
    """
    for line in lines(trace):
        for transaction in (*trace.transactions_of("SUBSCRIBE"), *trace.transactions_of("INVITE")):
            request, final = transaction.request, transaction.final
            if transaction.server != line.server or request is None or final is None or request.to_tag:
                continue
            if _is_odd(request.request_uri) and user_of(request.request_uri) in line.users and _is_own(line, request):
                ok, seen = final.status not in (404, 416), f"{final.status} to {request.request_uri}"
                level = SHOULD if ";" in request.request_uri else None
                yield finding(final, ok, expected="the line is found", observed=seen, also=[request], level=level)


def _is_odd(uri_text: str) -> bool:
    user, _, rest = uri_text.partition("@")
    host, _, parameters = rest.partition(";")
    return ("%" in user or bool(parameters) or host != host.lower()) and ":" not in host.rpartition("]")[2]


def _is_own(line: Line, request: WireMessage) -> bool:
    """Whether a request comes from a place of the line and is about the line."""
    said = [address for address in (request.from_, request.to) if isinstance(address, NameAddr)]
    return len(said) == 2 and all(user_of(address.uri_text) in line.users for address in said)


@check(
    "SCA-104", level=SHOULD, on=SERVER, clause="SCA: phones behind one address (sheet 2.11)",
    asks="phones that share an address and differ by port alone are told apart",
)  # fmt: skip
def ports_tell_phones_apart(trace: Trace) -> Iterator[Finding]:
    """What one of them has seized the other is refused. The hosts are those of their Contacts."""
    for line in lines(trace):
        hosts = _shared_hosts(line)
        if not hosts:
            continue
        held: dict[int | None, list[Seizure]] = {}
        for seizure in line.seizures:
            living = [s for s in held.get(seizure.slot, ()) if _lives(s, seizure.final)]
            for other in (o for o in living if _are_neighbours(hosts, o.subscription, seizure.subscription)):
                ok, seen = not seizure.granted, str(seizure.final.status)
                yield finding(seizure.final, ok, expected="480", observed=seen, also=[other.final])
            held[seizure.slot] = [*living, seizure] if seizure.granted and seizure.slot else living


def _shared_hosts(line: Line) -> dict[Address, str]:
    """The hosts of the phones' Contacts, where two phones or more have the same."""
    hosts: dict[Address, str] = {}
    for subscription in line.subscriptions:
        request = subscription.initial.request if subscription.initial is not None else None
        uri = parse_uri(contact(request))
        if isinstance(uri, SipUri):
            hosts[subscription.subscriber] = uri.host
    count = Counter(hosts.values())
    return {phone: host for phone, host in hosts.items() if count[host] > 1}


def _are_neighbours(hosts: Mapping[Address, str], one: Subscription, other: Subscription) -> bool:
    first, second = one.subscriber, other.subscriber
    return first != second and first in hosts and hosts[first] == hosts.get(second)


def _lives(seizure: Seizure, at: WireMessage) -> bool:
    """Whether a seizure that was granted had surely not ended when another asked."""
    if seizure.final.number > at.number or seconds(at, seizure.final) > (seconds_of(seizure.final.expires) or 0) - 1:
        return False
    end = seizure.end
    given_up = any(requested(t) == 0 and t.request is not None for t in seizure.subscription.subscribes)
    return not given_up and (end is None or end.number > at.number)
