"""How a phone follows a line, and how the server tells it: `Event: call-info`."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PHONE, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, contact, same_uri, seconds, seconds_of, watched
from sipconform.checks.shared_line.course import legs
from sipconform.checks.shared_line.told import ended_at, lines, policies_of, user_of
from sipconform.checks.subscription.course import is_final, requested, state_of
from sipconform.features.appearance import CALL_INFO, read_full_state
from sipconform.sip import digest
from sipconform.sip.fault import Fault
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.trace.trace import Subscription, Trace, Transaction, WireMessage

AT_ONCE = 4.0  # seconds, three lost sendings included
HOUR = 3600


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
    "SCA-011", level=MUST, on=SERVER, clause="RFC 6665 §4.2.1.2, §4.2.2",
    asks="every accepted SUBSCRIBE to a line brings a NOTIFY with its whole state, and nothing in the body",
)  # fmt: skip
def state_is_told_at_once(trace: Trace) -> Iterator[Finding]:
    """At once is 4 s here, and longer while an earlier NOTIFY has no answer. The last NOTIFY may leave the state out.
    A body is only for those who asked for call-park information by Accept.
    """
    for line in lines(trace):
        for subscription in line.subscriptions:
            for transaction in subscription.subscribes:
                request, final = transaction.request, transaction.final
                if request is None or final is None or not 200 <= final.status < 300:
                    continue
                notifies = [t.request for t in subscription.notifies if t.request is not None]
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
    "SCA-012", level=MUST, on=SERVER, clause="RFC 6665 §4.2.1.1, §4.1.2.2",
    asks="a SUBSCRIBE without Expires is given the package's own time, and a refresh keeps the subscription",
)  # fmt: skip
def missing_expires_is_no_end(trace: Trace) -> Iterator[Finding]:
    """An hour is the package's default; any time above zero passes. A refresh that meets 481 although the server
    itself had ended nothing, and no time had run out, is lost.
    """
    for line in lines(trace):
        for subscription in line.subscriptions:
            befores: list[Transaction | None] = [None, *subscription.subscribes]
            for before, transaction in zip(befores, subscription.subscribes, strict=False):
                request, final = transaction.request, transaction.final
                if request is None or final is None:
                    continue
                if requested(transaction) is None and final.status < 300:
                    granted = seconds_of(final.expires) or 0
                    yield finding(final, granted > 0, expected=f"Expires: {HOUR}", observed=f"Expires: {granted}")
                elif request.to_tag and before is not None and before.final is not None:
                    left = (seconds_of(before.final.expires) or 0) - seconds(request, before.final)
                    told_end = any(is_final(t.request) for t in subscription.notifies)
                    if left > 1 and not told_end and requested(before) != 0 and final.status not in (401, 407):
                        lost = final.status == 481 and _all_answered(subscription)
                        yield finding(final, not lost, expected="2xx", observed=f"{final.status}", also=[request])


def _all_answered(subscription: Subscription) -> bool:
    return all(t.final is not None and t.final.status < 300 for t in subscription.notifies)


@check(
    "SCA-013", level=MUST, on=SERVER, clause="RFC 6665 §4.1.2.3, §4.4.1",
    asks="a SUBSCRIBE with Expires 0 brings the last NOTIFY, and none after it",
)  # fmt: skip
def unsubscribing_ends_it(trace: Trace) -> Iterator[Finding]:
    """A NOTIFY that was already under way is not counted: what comes after `terminated` is. Repetitions are none."""
    for line in lines(trace):
        for subscription in line.subscriptions:
            ending = next((t for t in subscription.subscribes if requested(t) == 0 and t.succeeded), None)
            if ending is None or ending.final is None:
                continue
            notifies = [t.request for t in subscription.notifies if t.request is not None]
            last = next((n for n in notifies if is_final(n)), None)
            if last is None:
                if watched(trace, ending.final) > GIVE_UP:
                    yield finding(ending.final, False, expected="a NOTIFY terminated", observed="none")
                continue
            after = [n for n in notifies if n.cseq_number > last.cseq_number]
            first = after[0] if after else last
            yield finding(first, not after, expected="no NOTIFY after the last", observed="another", also=[last])


@check(
    "SCA-014", level=MUST, on=SERVER, clause="RFC 3261 §25.1; call-info grammar (sheet 2.2)",
    asks="Call-Info of a NOTIFY is well-formed: one index a value, each once, one of nine states, * only with idle",
)  # fmt: skip
def state_is_well_formed(trace: Trace) -> Iterator[Finding]:
    """Any order of parameters, commas or repeated rows, and parameters nobody knows are all right."""
    for line in lines(trace):
        for told in line.told:
            faults = told.state.faults
            seen = faults[0].rule if faults else ""
            observed = told.notify.text("Call-Info") if faults else ""
            yield finding(told.notify, not faults, expected=seen, observed=observed, at="Call-Info")


@check(
    "SCA-016", level=MUST, on=SERVER, clause="RFC 3261 §12.2.1.1; RFC 6665 §4.4",
    asks="NOTIFYs of a line go to the phone's latest Contact, with numbers that grow",
)  # fmt: skip
def notify_is_in_dialog(trace: Trace) -> Iterator[Finding]:
    """Numbers may leave gaps. The Contact is that of the latest SUBSCRIBE answered with a 2xx before the NOTIFY."""
    for line in lines(trace):
        for subscription in line.subscriptions:
            highest = -1
            for told in line.told_to(subscription):
                notify = told.notify
                yield finding(
                    notify, notify.cseq_number > highest,
                    expected=f"CSeq above {highest}", observed=f"CSeq: {notify.cseq_number}", at="CSeq",
                )  # fmt: skip
                highest = max(highest, notify.cseq_number)
                target = next(
                    (
                        contact(t.request)
                        for t in reversed(subscription.subscribes)
                        if t.final is not None and t.succeeded and t.final.number < notify.number
                    ),
                    "",
                )
                if target and not notify.has("Route"):
                    ok = same_uri(notify.request_uri, target)
                    yield finding(notify, ok, expected=f"Request-URI {target}", observed=notify.request_uri)


@check(
    "SCA-024", level=MUST, on=PHONE, clause="RFC 6665 §4.1.2.2, §4.1.3",
    asks="a phone whose call-info SUBSCRIBE fails does not storm the server",
)  # fmt: skip
def failing_phone_waits(trace: Trace) -> Iterator[Finding]:
    """Three beginnings within five seconds of each other are a storm. A phone that restarts, or is told that its
    dialog is gone, may begin again at once.
    """
    beginnings: dict[object, list[float]] = {}
    for subscription in trace.subscriptions_to(CALL_INFO):
        initial = subscription.initial
        if initial is None or initial.request is None:
            continue
        began = beginnings.setdefault((subscription.subscriber, subscription.resource), [])
        began.append(initial.request.time)
        storm = len(began) > 2 and began[-1] - began[-3] < 5
        seen = f"three in {began[-1] - began[-3]:.1f} s" if storm else ""
        yield finding(initial.request, not storm, expected="a pause between subscriptions", observed=seen)


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
        bye = leg.bye.request if leg.bye is not None and leg.bye.client == leg.phone else None
        if bye is None:
            continue
        asked = any(0 <= bye.packet.time_ns - o.time_ns < 5e9 for o in ending)
        prompted = [
            t for t in line.told if t.subscription.subscriber == leg.phone and 0 <= seconds(bye, t.notify) < 0.05
        ]
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
        told = [t for t in line.told if t.notify.number > leg.request.number and leg.index in t.state.busy]
        over = leg.end.number if leg.end is not None else None
        told = [t for t in told if over is None or t.notify.number < over]
        own = [t for t in told if t.subscription.subscriber == leg.phone]
        others = [t for t in told if t.subscription.subscriber != leg.phone]
        if len(others) > 1 and seconds(others[-1].notify, others[0].notify) > AT_ONCE:
            seen = f"{len(others)} NOTIFYs to others"
            yield finding(others[0].notify, bool(own), expected=f"a NOTIFY to {leg.phone} too", observed=seen)


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


@check(
    "SCA-019", level=SHOULD, on=SERVER, clause="call-info: a phone that begins anew (Kamailio c0fb2a67a6)",
    asks="a phone that has lost its power and subscribes again has no calls left on its slots",
)  # fmt: skip
def restarted_phone_has_no_calls(trace: Trace) -> Iterator[Finding]:
    """A second subscription outside any dialog from the same Contact, while the first had not ended and no answer to it
    was missing. Its calls are then ended by the server within 32 s.
    """
    for line in lines(trace):
        for at, subscription in enumerate(line.subscriptions):
            initial = subscription.initial
            earlier = [s for s in line.subscriptions[:at] if s.subscriber == subscription.subscriber]
            if initial is None or initial.request is None or not earlier or ended_at(earlier[-1]) is not None:
                continue
            same = earlier[-1].initial
            if same is None or contact(same.request) != contact(initial.request) or not _all_answered(earlier[-1]):
                continue
            for known, leg in legs(trace):
                own = known is line and leg.phone == subscription.subscriber and leg.talks(initial.request)
                if own and (leg.end is not None or watched(trace, initial.request) > GIVE_UP):
                    freed = leg.end is not None and seconds(leg.end, initial.request) < GIVE_UP
                    seen = "the call of the phone before it restarted goes on"
                    yield finding(initial.request, freed, expected="BYE", observed=seen, party=line.server)
