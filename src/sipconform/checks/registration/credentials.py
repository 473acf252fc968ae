"""What a phone makes of a registrar, or a proxy before it, that does not take its credentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sipconform.checks.bindings import Account, Line, account, aor, line, registers
from sipconform.checks.catalogue import MUST, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, author, seconds
from sipconform.checks.told import seconds_left
from sipconform.sip import digest
from sipconform.sip.fault import Fault
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, WireMessage

GIVEN = {401: "Authorization", 407: "Proxy-Authorization", 403: "Authorization"}
ASKED = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}


class Refusal(NamedTuple):
    """A REGISTER with credentials, and the answer that did not take them."""

    request: WireMessage
    final: WireMessage

    @property
    def given(self) -> list[str]:
        return self.request.texts(GIVEN[self.final.status])

    def repeats(self, earlier: Refusal) -> bool:
        return self.final.status == earlier.final.status and self.given == earlier.given


@check(
    "REG-017", level=MUST, on=PHONE, clause="RFC 3261 §22.1, §21.4.4; RFC 7616 §3.3",
    asks="credentials that were refused are not sent again, unless only the nonce was stale",
)  # fmt: skip
def refused_credentials_rest(trace: Trace) -> Iterator[Finding]:
    """Two refusals of credentials within 32 s, neither of them stale, can still be a user who types; the third is a
    loop, or somebody who guesses: SHOULD, for the password behind another nonce is not to be seen. The very same
    header field again is the same password; after a 403 that is a SHOULD NOT only, for it may speak of something else
    than the password. A stale nonce is no refusal: the phone that gives up there is unregistered for nothing (SHOULD).
    """
    refused: dict[Account, list[Refusal]] = {}
    for transaction, request in registers(trace):
        final = transaction.final
        if final is None or _is_stale(final):
            continue
        key = account(trace, transaction, request)
        if _is_refused(request, final):
            now = Refusal(request, final)
            recent = [r for r in refused.get(key, []) if seconds(request, r.final) < GIVE_UP]
            refused[key] = [*recent, now]
            yield from _again(now, [r for r in recent if r.final.number < request.number])
        elif final.status < 300:
            refused.pop(key, None)
    yield from _stale_nonces(trace)


def _is_refused(request: WireMessage, final: WireMessage) -> bool:
    """Whether the answer refuses the request's credentials, and does not ask for those of another realm."""
    if not request.has(GIVEN.get(final.status, "")):
        return False
    credentials = [digest.parse_credentials(text) for text in request.texts(GIVEN[final.status])]
    known = {c.realm for c in credentials if c and not isinstance(c, Fault)} - {""}
    challenges = [digest.parse_challenge(text) for text in final.texts(ASKED.get(final.status, ""))]
    wanted = {c.realm for c in challenges if c and not isinstance(c, Fault)} - {""}
    return not known or not wanted or bool(known & wanted)


def _again(now: Refusal, known: list[Refusal]) -> Iterator[Finding]:
    party, expected, finals = author(now.request), "no more credentials", [r.final for r in known]
    seen = f"{len(known) + 1} times within {GIVE_UP:g} s"
    yield finding(
        now.request, len(known) < 2, expected=expected, observed=seen, also=finals, level=SHOULD, party=party
    )  # fmt: skip
    same = [r for r in known if now.repeats(r)]
    level = SHOULD if now.final.status == 403 else None
    also = [*(r.request for r in same), *finals]
    seen = "the same credentials"
    yield finding(now.request, not same, expected=expected, observed=seen, also=also, party=party, level=level)


def _is_stale(answer: WireMessage) -> bool:
    """Whether credentials were refused for their nonce alone."""
    challenges = [digest.parse_challenge(text) for text in answer.texts(ASKED.get(answer.status, ""))]
    return any(not isinstance(c, Fault) and c is not None and c.stale for c in challenges)


def _stale_nonces(trace: Trace) -> Iterator[Finding]:
    """Whether a phone comes again, with credentials, when its nonce was stale."""
    waiting: dict[Line, WireMessage] = {}
    last: dict[tuple[str, Address], WireMessage] = {}
    for transaction, request in registers(trace):
        key, final = line(transaction, request), transaction.final
        last[aor(request), author(request)] = request
        asked = waiting.get(key)
        if asked is not None and asked.number < request.number:
            del waiting[key]
            answered = request.has(GIVEN[asked.status])
            seen, party = "a REGISTER without credentials", author(request)
            expected, also = "credentials for the new nonce", [asked]
            yield finding(request, answered, expected=expected, observed=seen, also=also, level=SHOULD, party=party)
        if final is not None and _is_stale(final) and request.has(GIVEN[final.status]):
            waiting[key] = final
    for answer in waiting.values():
        refused = answer.transaction.request if answer.transaction is not None else None
        if refused is None or last[aor(refused), author(refused)].number > answer.number:
            continue  # he has come again by another Call-ID
        if seconds_left(trace, answer.packet.time_ns) > GIVE_UP:
            expected, party = "another try with the new nonce", author(refused)
            yield finding(answer, False, expected=expected, observed="nothing", party=party, level=SHOULD)
