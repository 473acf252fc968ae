"""How a phone comes to a line: signing in, and the first SUBSCRIBE to `Event: call-info`."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PHONE, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import contact, seconds_of
from sipconform.checks.shared_line.told import lines, policies_of, user_of
from sipconform.checks.subscription.course import requested
from sipconform.features.appearance import CALL_INFO, read_full_state
from sipconform.sip import digest
from sipconform.sip.fault import Fault
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.trace import Trace


@check(
    "SCA-001", level=MUST, on=SERVER, clause="RFC 3261 §10.3; SCA: registration of a location (sheet 1.2, 1.6)",
    asks="every place of a line can register with the primary's name and password",
)  # fmt: skip
def every_place_registers(trace: Trace) -> Iterator[Finding]:
    """Judged where the lab says which places there are, of REGISTERs that carry the primary's name. Another challenge
    is no refusal, nor are 423, 500 and what comes of an overload; 403 and 404 are.
    """
    policies = policies_of(trace)
    users, primary = set(policies.get("locations") or ()), policies.get("user")
    for transaction in (t for t in trace.transactions if t.method == "REGISTER"):
        request, final = transaction.request, transaction.final
        to = request.to if request is not None else None
        if request is None or final is None or not isinstance(to, NameAddr) or user_of(to.uri_text) not in users:
            continue
        given = [digest.parse_credentials(text) for text in request.texts("Authorization")]
        if any(not isinstance(g, Fault) and g.username == primary for g in given):
            ok = final.status not in (403, 404)
            yield finding(final, ok, expected="200", observed=str(final.status), also=[request])


@check(
    "SCA-004", level=MUST, on=PHONE, clause="BroadWorks SCA guide: registration of a location",
    asks="a phone on a place of its own signs in with the primary's name, and registers its own address",
)  # fmt: skip
def location_signs_in_as_primary(trace: Trace) -> Iterator[Finding]:
    """Judged where the lab says which places a line has and that each has an address of its own. What else the phone
    registers is not looked at.
    """
    for line in lines(trace)[:1]:
        primary, users = line.policies.get("user"), set(line.policies.get("locations") or ())
        if line.policies.get("aor") != "own":
            return
        for request in trace.requests("REGISTER"):
            to = request.to
            user = user_of(to.uri_text) if isinstance(to, NameAddr) else ""
            for text in request.texts("Authorization") if user in users else ():
                given = digest.parse_credentials(text)
                if not isinstance(given, Fault):
                    seen = f"username {given.username!r}"
                    yield finding(request, given.username == primary, expected=f"username {primary!r}", observed=seen)


@check(
    "SCA-005", level=MUST, on=PHONE, clause="Becke SCA guide: a private line",
    asks="a phone on which the shared line is off takes no part in it",
)  # fmt: skip
def private_line_is_silent(trace: Trace) -> Iterator[Finding]:
    """A phone that never subscribed to call-info in the evidence, and whose every INVITE and answer is seen from its
    registration on, ought not to speak of slots. One that speaks of them and is not subscribed is either switched off
    or has lost its subscription; only the first is wrong, so this looks at phones that registered here.
    """
    subscribed = {s.subscriber for s in trace.subscriptions_to(CALL_INFO)}
    registered = {trace.party(r.source) for r in trace.requests("REGISTER")}
    for message in trace.requests("INVITE"):
        party = trace.party(message.source)
        if party in registered and party not in subscribed and party not in trace.servers:
            said = "appearance-index" in message.text("Call-Info")
            yield finding(message, not said, expected="no appearance-index", observed=message.text("Call-Info"))


@check(
    "SCA-010", level=MUST, on=SERVER, clause="RFC 6665 §4.2.1.1",
    asks="an accepted SUBSCRIBE to a line is answered with a tag, a Contact and at most the time asked for",
)  # fmt: skip
def acceptance_is_complete(trace: Trace) -> Iterator[Finding]:
    """200 and 202 are equally good. Granting less than was asked for is the server's right."""
    for line in lines(trace):
        for transaction in (t for s in (*line.subscriptions, *line.seizures) for t in s.subscribes):
            final, request = transaction.final, transaction.request
            if final is None or request is None or not 200 <= final.status < 300:
                continue
            granted, asked = seconds_of(final.expires), requested(transaction)
            missing = [n for n, there in (("To tag", final.to_tag), ("Contact", contact(final))) if not there]
            missing += ["Expires"] if granted is None else []
            too_long = granted is not None and asked is not None and granted > asked
            seen = f"no {' and no '.join(missing)}" if missing else f"Expires: {granted}"
            expected = "To tag, Contact and Expires" if missing else f"Expires: {asked} or less"
            yield finding(final, not missing and not too_long, expected=expected, observed=seen, also=[request])


@check(
    "SCA-003", level=SHOULD, on=SERVER, clause="call-info of a line that is not shared (Kamailio 97653df1d9)",
    asks="a user who has no shared line is never told of slots in use",
)  # fmt: skip
def no_phantom_slots(trace: Trace) -> Iterator[Finding]:
    """403, 404 and 489 are answers; so is a subscription that tells of idle slots only. Judged where the lab says
    which lines there are, of subscriptions to all others.
    """
    known = set(policies_of(trace).get("locations") or ())
    for subscription in trace.subscriptions_to(CALL_INFO) if known else ():
        if user_of(subscription.resource) in known:
            continue
        refusal = next((t.final for t in subscription.subscribes if t.final and t.final.status > 402), None)
        told = [t.request for t in subscription.notifies if t.request is not None]
        if refusal is not None and not told:
            yield finding(refusal, True)
        for notify in told:
            busy = read_full_state(notify.texts("Call-Info")).busy
            yield finding(notify, not busy, expected="all idle", observed=f"slots {busy} in use")
