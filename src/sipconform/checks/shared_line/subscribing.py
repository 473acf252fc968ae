"""How a phone comes to a line: signing in, and the first SUBSCRIBE to `Event: call-info`."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import INFO, MUST, PHONE, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import contact, seconds_of
from sipconform.checks.names import user_of
from sipconform.checks.shared_line.lines import lines
from sipconform.checks.shared_line.policies import names_of, policies_of
from sipconform.checks.subscription.course import requested
from sipconform.checks.subscription.notifying import early_notify_is_taken
from sipconform.checks.subscription.subscribing import strays
from sipconform.features.appearance import CALL_INFO, LINE_SEIZE, read_full_state
from sipconform.sip import digest
from sipconform.sip.fault import Fault
from sipconform.sip.headers.event import Event
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
    for transaction in trace.transactions_of("REGISTER"):
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
    """Known from the record of a run: a phone whose user was never asked to switch the shared line on, and which has
    not subscribed to call-info, does not speak of slots. Where nobody says, it may have subscribed before the evidence.
    """
    subscribed = {s.subscriber for s in trace.subscriptions_to(CALL_INFO)}
    intents = [o for o in trace.observations if o.kind == "intent"]
    joined = {o.who for o in intents if o.what.get("do") == "join_line"}
    for message in trace.requests("INVITE") if intents else ():
        party = trace.party(message.source)
        names = names_of(trace, party)
        if names and not names & joined and party not in subscribed and party not in trace.servers:
            said = "appearance-index" in message.text("Call-Info")
            yield finding(message, not said, expected="no appearance-index", observed=message.text("Call-Info"))


@check(
    "SCA-010", level=MUST, on=SERVER, clause="RFC 6665 §4.2.1.1",
    asks="an accepted SUBSCRIBE to a line is answered with a tag, a Contact and at most the time asked for",
)  # fmt: skip
def acceptance_is_complete(trace: Trace) -> Iterator[Finding]:
    """200 and 202 are equally good. Granting less than was asked for is the server's right."""
    for line in lines(trace):
        for transaction in (t for s in (*line.subscriptions, *line.seizing) for t in s.subscribes):
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
    policies = policies_of(trace)
    known = {*(policies.get("locations") or ()), *(policies.get("others") or ())}
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


@check(
    "SCA-020", level=MUST, on=SERVER, clause="RFC 6665 §8.3.2, §8.2.2, §4.2.1.1",
    asks="a line server asked for a package that it does not know answers 489 and names those of shared lines",
)  # fmt: skip
def unknown_package_is_named(trace: Trace) -> Iterator[Finding]:
    """So that a phone can tell a package nobody has from a line that is not there. A package is unknown if the server
    accepted none of its SUBSCRIBEs. Allow-Events belongs into a 489; that it lists the two is a warning, for other
    users may have other packages. 400 may mean something else, and is only noted.
    """
    servers = {line.server: bool(line.seizing) for line in lines(trace)}
    known = {(s.notifier, s.package) for s in trace.subscriptions if any(t.succeeded for t in s.subscribes)}
    for transaction in trace.transactions_of("SUBSCRIBE") if servers else ():
        request, final = transaction.request, transaction.final
        if request is None or final is None or final.status not in (400, 489) or transaction.server not in servers:
            continue
        event = request.event
        package = event.package if isinstance(event, Event) else ""
        if not package or (transaction.server, package) in known or package in (CALL_INFO, LINE_SEIZE):
            continue
        wanted = {CALL_INFO, LINE_SEIZE} if servers[transaction.server] else {CALL_INFO}
        listed = wanted <= set(final.allow_events)
        seen = f"{final.status}, Allow-Events: {', '.join(final.texts('Allow-Events')) or 'none'}"
        expected = f"489, Allow-Events: {', '.join(sorted(wanted))}"
        ok = final.status == 489 and listed
        level = INFO if final.status == 400 else SHOULD if final.allow_events else None
        yield finding(final, ok, expected=expected, observed=seen, also=[request], level=level)


@check(
    "SCA-021", level=MUST, on=PHONE, clause="RFC 6665 §4.1.2.4, §8.3.1",
    asks="a phone takes 202 for 200, and what it is told of its line before either",
)  # fmt: skip
def any_acceptance_is_taken(trace: Trace) -> Iterator[Finding]:
    """RFC 6665 gave 202 up, and servers go on sending it: the phone must take the NOTIFYs that follow. What overtook
    the answer it takes too.
    """
    for line in lines(trace):
        for subscription in (*line.subscriptions, *line.seizing):
            initial = subscription.initial
            accepted = initial.final if initial is not None else None
            if initial is None or accepted is None or initial.request is None or not initial.succeeded:
                continue
            told = [t for t in subscription.notifies if t.request is not None and t.final is not None]
            early = [t for t in told if t.request and initial.request.number < t.request.number < accepted.number]
            yield from early_notify_is_taken(early)
            first = next((t.final for t in told if t not in early), None)
            if accepted.status == 202 and first is not None:
                seen = f"{first.status} after a 202"
                yield finding(first, first.status != 481, expected="200", observed=seen, also=[accepted])


@check(
    "SCA-025", level=MUST, on=PHONE, clause="RFC 6665 §4.1.3, §4.4.1",
    asks="a phone refuses to be told of a line by somebody it has not asked",
)  # fmt: skip
def stray_state_is_refused(trace: Trace) -> Iterator[Finding]:
    """Else anybody could light its lamps. A NOTIFY of call-info or line-seize without a To tag belongs to no
    subscription: 481 is right, and any refusal passes.
    """
    packages = (CALL_INFO, LINE_SEIZE)
    told = trace.requests("NOTIFY")
    yield from strays(n for n in told if isinstance(event := n.event, Event) and event.package in packages)
