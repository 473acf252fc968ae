"""What a phone makes of the answer on the wire: it proves itself, hears the prompt out, and goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sipconform.checks.catalogue import MUST, PHONE, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import SLACK, once_per_trace, seconds, watched
from sipconform.checks.feature_code.course import Dialled, book, dialled, intents
from sipconform.checks.feature_code.keys import pressed
from sipconform.sip.digest import Challenge, parse_challenge, parse_credentials
from sipconform.sip.fault import Fault
from sipconform.sip.sdp import Sdp
from sipconform.trace.packet import Address
from sipconform.trace.trace import Dialog, Trace, Transaction, WireMessage

LONGEST = 30.0  # seconds a phone listens to a prompt that does not end
PROVES_WITHIN = 5.0
REPEATS_LOST = 4.0  # seconds a first sending, and two more, may have been lost


@check(
    "FC-008", level=MUST, on=PHONE, clause="RFC 3261 §15.1.2; feature sync sheet §7.4",
    asks="the phone takes the server's BYE, and hangs up itself when none comes in 30 s",
)  # fmt: skip
def call_to_code_ends(trace: Trace) -> Iterator[Finding]:
    """A call nobody hears and nobody ends blocks a line for good. A session timer would end it no sooner. That it
    hangs up is asked of calls that came of a key: what is dialled by hand, a mailbox or a call picked up, is listened
    to for as long as its user likes.
    """
    unheard = {call.request.call_id for of in pressed(trace) for call in of.calls}
    for call in dialled(trace):
        accepted = call.accepted
        dialog = accepted.dialog if accepted is not None else None
        if accepted is None or dialog is None:
            continue
        byes = [t for t in dialog.transactions if t.method == "BYE" and t.request is not None]
        for bye in byes:
            theirs = trace.party(bye.client) == trace.party(call.last.server)
            if theirs and bye.final is not None and bye.request is not None:
                seen = f"{bye.final.status} {bye.final.reason}"
                crossed = any(trace.party(other.client) == trace.party(call.last.client) for other in byes)
                ok = bye.final.status < 300 or (crossed and bye.final.status == 481)
                yield finding(bye.final, ok, expected="200", observed=seen, also=[bye.request])
        if call.request.call_id in unheard:
            yield from _hung_up(trace, call, accepted, byes)


def _hung_up(trace: Trace, call: Dialled, accepted: WireMessage, byes: list[Transaction]) -> Iterator[Finding]:
    limit = LONGEST + SLACK + REPEATS_LOST
    first = min((t.request for t in byes if t.request is not None), key=lambda r: r.number, default=None)
    expected, party = "BYE within 30 s of the answer", call.last.client
    if first is not None and trace.party(first.source) == trace.party(call.last.client):
        after = seconds(first, accepted)
        yield finding(first, after <= limit, expected=expected, observed=f"after {after:.0f} s", also=[accepted])
    elif first is None and watched(trace, accepted) > limit:
        seen = f"none in {watched(trace, accepted):.0f} s"
        yield finding(accepted, False, expected=expected, observed=seen, also=[call.request], party=party)
    elif first is not None and seconds(first, accepted) > limit:
        seen = f"the server hung up after {seconds(first, accepted):.0f} s"
        yield finding(accepted, False, expected=expected, observed=seen, also=[first], party=party)


@check(
    "FC-009", level=MUST, on=PHONE, clause="RFC 3261 §22.2, §22.3",
    asks="a call to a code that is challenged is made again with credentials",
)  # fmt: skip
def challenge_is_met(trace: Trace) -> Iterator[Finding]:
    """As any other call, where the phone can: by Digest with MD5, or with an algorithm it has used elsewhere. That it
    has a password for the realm is known where it has given one for it. Credentials that were there and did not please
    are another matter.
    """
    for call in dialled(trace):
        for number, attempt in enumerate(call.attempts):
            final, request = attempt.final, attempt.request
            if final is None or request is None or final.status not in (401, 407):
                continue
            proven = request.has("Authorization") or request.has("Proxy-Authorization")
            if number + 1 < len(call.attempts):
                yield finding(call.attempts[number + 1].request, True)
            elif not proven and watched(trace, final) > PROVES_WITHIN + REPEATS_LOST and _heard(trace, call, attempt):
                yield from _unmet(trace, attempt, final)


def _unmet(trace: Trace, attempt: Transaction, final: WireMessage) -> Iterator[Finding]:
    """A challenge after which nothing came, as far as the phone could have met it."""
    given = _given(trace).get(str(trace.party(attempt.client)), {})
    known = {"MD5"}.union(*given.values())
    asked = [challenge for challenge in _challenges(final) if _can_be_met(challenge, known)]
    if asked:
        verdict = Verdict.FAIL if any(c.realm in given for c in asked) else Verdict.INCONCLUSIVE
        seen, expected = f"nothing in {watched(trace, final):.0f} s", "the call with credentials"
        yield finding(final, False, expected=expected, observed=seen, party=attempt.client, verdict=verdict)


def _challenges(final: WireMessage) -> Iterator[Challenge]:
    for text in (*final.texts("WWW-Authenticate"), *final.texts("Proxy-Authenticate")):
        challenge = parse_challenge(text)
        if not isinstance(challenge, Fault):
            yield challenge


def _can_be_met(challenge: Challenge, algorithms: set[str]) -> bool:
    digest = challenge.scheme.lower() == "digest" and challenge.algorithm in algorithms
    return digest and (not challenge.qop or "auth" in challenge.qop)


@once_per_trace
def _given(trace: Trace) -> Mapping[str, Mapping[str, set[str]]]:
    """For which realms each phone has given credentials, and by which algorithms."""
    found: dict[str, dict[str, set[str]]] = {}
    for request in trace.requests():
        for text in (*request.texts("Authorization"), *request.texts("Proxy-Authorization")):
            credentials = parse_credentials(text)
            if not isinstance(credentials, Fault):
                realms = found.setdefault(str(trace.party(request.source)), {})
                realms.setdefault(credentials.realm, set()).add(credentials.algorithm)
    return found


def _heard(trace: Trace, call: Dialled, challenged: Transaction) -> bool:
    """Whether the phone is known to have heard the challenge, still wants the call, and has not tried again under
    another Call-ID."""
    again = [r for r in trace.requests("INVITE") if r.request_uri == call.request.request_uri and r is not call.request]
    elsewhere = any(r.source == call.last.client and r.number > call.request.number for r in again)
    given_up = any(r.call_id == call.request.call_id for r in trace.requests("CANCEL"))
    return bool(challenged.acks) and not elsewhere and not given_up


@check(
    "FC-013", level=SHOULD, on=PHONE, clause="feature sync sheet §7.4",
    asks="a code is dialled without touching a running call",
)  # fmt: skip
def running_call_is_left_alone(trace: Trace) -> Iterator[Finding]:
    """Nobody pressed hold. Asked where the lab noted what was pressed: a re-INVITE that holds, or a BYE, in another
    call of the phone, from a second before dialling to two after.
    """
    known = book(trace)
    if known is None or not any(True for _ in intents(trace, "start")):
        return
    pressed = [when for verb in ("hold", "hang_up", "resume") for when, _, _ in intents(trace, verb)]
    for call in dialled(trace):
        for dialog in _running(trace, call):
            touched = _touched(dialog, call.last.client, call.request)
            if touched is None:
                yield finding(call.request, True)
            elif not any(0 <= touched.packet.time_ns - when < 3e9 for when in pressed):
                seen = f"{touched.method} in another call"
                yield finding(touched, False, expected="nothing in it", observed=seen, also=[call.request])


def _running(trace: Trace, call: Dialled) -> Iterator[Dialog]:
    """Calls of the same phone that were up when it dialled."""
    for dialog in trace.dialogs:
        invite = dialog.invite
        ours = call.last.client in dialog.parties and dialog.call_id != call.request.call_id
        if not ours or invite is None or invite.final is None or invite.final.number > call.request.number:
            continue
        ended = any(m.method == "BYE" and m.number < call.request.number for m in dialog.messages)
        if invite.succeeded and not ended:
            yield dialog


def _touched(dialog: Dialog, phone: Address, dialling: WireMessage) -> WireMessage | None:
    for message in (m for m in dialog.messages if m.is_request and m.source == phone):
        holds = message.method == "INVITE" and Sdp(message.content).is_hold
        soon = -1.0 <= seconds(message, dialling) <= 2.0
        if soon and (holds or message.method == "BYE"):
            return message
    return None
