"""How a request is answered (RFC 3261 §8.2, §11.2, §18.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sipconform.checks.catalogue import EITHER, MUST, PASSED, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import COPY, is_relayed, passed_on, seconds
from sipconform.checks.told import is_recorded, restarted
from sipconform.sip.headers.via import Via
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, Transaction, WireMessage

_ADDED = re.compile(r";\s*(?:received|rport)(?:\s*=\s*[^;,\s]*)?", re.IGNORECASE)
MAY_GAIN = frozenset({"received", "rport", "keep", "oc", "oc-validity", "oc-seq", "oc-algo"})
"""Via parameters a server fills in (RFC 3261 §18.2.1, RFC 3581, RFC 6223, RFC 7339)."""

# Option tags registered with IANA; others may not be understood by anybody (RFC 3261 §19.2).
REGISTERED = frozenset((
    "100rel", "199", "answermode", "early-session", "eventlist", "explicitsub", "from-change",
    "geolocation-http", "geolocation-sip", "gin", "gruu", "histinfo", "ice", "join", "multiple-refer",
    "norefersub", "nosub", "outbound", "path", "policy", "precondition", "pref", "privacy",
    "recipient-list-invite", "recipient-list-message", "recipient-list-subscribe", "record-aware", "replaces",
    "resource-priority", "sdp-anat", "sec-agree", "siprec", "tdialog", "timer", "trickle-ice", "uui",
))  # fmt: skip


@check(
    "SIP-012", level=MUST, on=EITHER, clause="RFC 3261 §17.2.1, §17.2.2",
    asks="a request sent again gets the same final answer again",
)  # fmt: skip
def same_answer_again(trace: Trace) -> Iterator[Finding]:
    """A repeated request must not be carried out twice; the server transaction repeats its answer.

    Several 2xx with different tags are the answers of a forked INVITE. A 2xx after an error is a late fork that a
    proxy must pass on. A second final is judged only where the first was not a 2xx or the method is not INVITE.
    A server that restarts in between knows nothing of the first: not judged where the record tells of it, and where
    nobody recorded what was done, 481 after a 2xx is inconclusive.
    """
    for transaction in trace.transactions:
        if len(transaction.responses) < 2:
            continue
        finals = [r for r in transaction.responses if r.status >= 200]
        if len(finals) < 2:
            continue
        first = finals[0]
        forks = transaction.method == "INVITE"
        other = next((r for r in finals[1:] if not _same_answer(first, r, forks)), None)
        if other is None or restarted(trace, first.packet.time_ns, other.packet.time_ns):
            yield PASSED
        else:
            forgotten = other.status == 481 and first.status < 300 and not is_recorded(trace)
            verdict = Verdict.INCONCLUSIVE if forgotten else Verdict.FAIL
            seen = f"{first.status} with tag {first.to_tag}, then {other.status} with tag {other.to_tag}"
            expected = "the same final answer again"
            yield finding(other, False, expected=expected, observed=seen, also=[first], verdict=verdict)


def _same_answer(first: WireMessage, again: WireMessage, forks: bool) -> bool:
    if forks and again.status < 300:
        return True
    return again.status == first.status and again.to_tag == first.to_tag


@check(
    "SIP-017", level=MUST, on=EITHER, clause="RFC 3261 §8.2.6.2, §18.2.2; RFC 3581 §4",
    asks="a response repeats the request's Via and goes back where the request came from",
)  # fmt: skip
def response_finds_its_way(trace: Trace) -> Iterator[Finding]:
    """The Via is the way back. The server may add `received` and `rport` to the top one, and answer `keep` (RFC 6223)
    and `oc` (RFC 7339) in it, and nothing else.

    The address is asked for on UDP with `rport` only; without it a server may use the port in Via or the source's.
    """
    for transaction in trace.transactions:
        request = transaction.request
        if request is None:
            continue
        asked = request.text("Via")
        bare = _ADDED.sub("", asked)
        for response in transaction.responses:
            if response.repeats is not None:
                continue
            told = response.text("Via")
            alike = told == asked or _ADDED.sub("", told) == bare
            yield PASSED if alike and _lower_vias_alike(request, response) else _via_finding(request, response)
    yield from _astray(trace)


def _lower_vias_alike(request: WireMessage, response: WireMessage) -> bool:
    one = request.count("Via") == 1 == response.count("Via")
    return one or request.texts("Via")[1:] == response.texts("Via")[1:]


def _via_finding(request: WireMessage, response: WireMessage) -> Finding:
    wanted, told = [_meaning(v) for v in request.via], [_meaning(v) for v in response.via]
    at = "Via"
    seen = f"Via: {', '.join(response.texts('Via'))}"
    expected = "the request's Via, with received and rport at most"
    return finding(response, wanted == told, expected=expected, observed=seen, at=at, also=[request])


def _meaning(via: object) -> object:
    if not isinstance(via, Via):
        return via
    params = {(n.lower(), v) for n, v in via.params if n.lower() not in MAY_GAIN}
    return via.transport.upper(), via.host.lower(), via.port or 5060, frozenset(params)


def _astray(trace: Trace) -> Iterator[Finding]:
    """Answers to a request that nobody at their destination sent, but somebody else did."""
    lost = [t for t in trace.transactions if t.request is None and t.responses]
    sent = {(t.branch, t.method, t.server): t for t in trace.transactions if t.request is not None} if lost else {}
    for transaction in lost:
        meant = sent.get((transaction.branch, transaction.method, transaction.server))
        request, response = meant.request if meant is not None else None, transaction.responses[0]
        top = request.top_via if request is not None else None
        if request is None or request.transport != "udp" or not isinstance(top, Via) or "rport" not in top.params:
            continue
        expected, seen = f"the answer to go to {request.source}, as rport asks", f"sent to {response.destination}"
        yield finding(response, False, expected=expected, observed=seen, also=[request])


@check(
    "SIP-020", level=MUST, on=EITHER, clause="RFC 3261 §8.2.2.3, §20.40",
    asks="420 names the options it does not support, and an option nobody knows is refused",
)  # fmt: skip
def unknown_option_is_refused(trace: Trace) -> Iterator[Finding]:
    """Require means: do it with these extensions or not at all.

    An option counts as unknown when it is not registered and the answering side lists it nowhere in the evidence. ACK
    and CANCEL are exempt. A proxy that passes the request on does not look at Require.
    """
    able = _abilities(trace) if any(r.has("Require") for r in trace.requests()) else {}
    for transaction in trace.transactions:
        request, final = transaction.request, transaction.final
        if request is None or final is None or request.method in ("ACK", "CANCEL"):
            continue
        if final.status == 420 and not passed_on(trace, final):
            named = bool(final.values("Unsupported"))
            yield finding(final, named, expected="Unsupported in the 420", observed="no Unsupported", also=[request])
        elif final.status < 300 and request.has("Require"):
            known = REGISTERED | able.get(transaction.server, frozenset())
            strange = [option for option in request.require if option not in known]
            if strange and not passed_on(trace, final):
                seen = f"{final.status} to Require: {', '.join(strange)}"
                yield finding(final, False, expected="420 Bad Extension", observed=seen, also=[request])
            else:
                yield PASSED


def _abilities(trace: Trace) -> dict[Address, frozenset[str]]:
    """Every option each party says it supports, in whatever message."""
    found: dict[Address, set[str]] = {}
    for message in trace.messages:
        if message.has("Supported"):
            found.setdefault(trace.party(message.source), set()).update(message.supported)
    return {party: frozenset(options) for party, options in found.items()}


@check(
    "SIP-021", level=MUST, on=EITHER, clause="RFC 3261 §8.2.1, §21.4.6",
    asks="405 lists the methods that are allowed",
)  # fmt: skip
def method_refusal_says_what_is_allowed(trace: Trace) -> Iterator[Finding]:
    """So that the caller need not try them all. 501 instead of 405 is accepted and needs no list."""
    yield from _must_carry(trace, 405, ("Allow",))


@check(
    "SIP-022", level=MUST, on=EITHER, clause="RFC 3261 §8.2.3, §21.4.13",
    asks="415 says which body types, encodings or languages are accepted",
)  # fmt: skip
def body_refusal_says_what_is_accepted(trace: Trace) -> Iterator[Finding]:
    """Any of Accept, Accept-Encoding, Accept-Language will do: which one depends on what was not understood."""
    yield from _must_carry(trace, 415, ("Accept", "Accept-Encoding", "Accept-Language"))


def _must_carry(trace: Trace, status: int, names: tuple[str, ...]) -> Iterator[Finding]:
    for response in trace.responses(status=status):
        if not passed_on(trace, response):
            ok = any(response.has(name) for name in names)
            missing = " or ".join(names)
            yield finding(response, ok, expected=f"{missing} in the {status}", observed=f"no {missing}")


@check(
    "SIP-023", level=SHOULD, on=EITHER, clause="RFC 3261 §8.2.2.2",
    asks="a request that arrives twice over different ways is accepted once, the other time refused with 482",
)  # fmt: skip
def merged_request_is_refused(trace: Trace) -> Iterator[Finding]:
    """A forking proxy upstream may have two ways to one phone; answering both makes two calls of one.

    Judged only where both copies reach the same address outside a dialog and both get a 2xx. A proxy that passes
    them on is not meant.
    """
    first: dict[tuple[str, str, int, Address], Transaction] = {}
    for transaction in trace.transactions:
        request = transaction.request
        if request is None or request.to_tag or request.method in ("ACK", "CANCEL") or not is_relayed(request):
            continue
        key = (request.call_id, request.from_tag, request.cseq_number, transaction.server)
        other = first.setdefault(key, transaction)
        if other is transaction or other.method != transaction.method or other.request is None:
            continue
        final = transaction.final
        if final is not None and seconds(request, other.request) > COPY:
            ok = final.status >= 300 or not other.succeeded or passed_on(trace, final)
            seen = f"{final.status} to both copies"
            yield finding(final, ok, expected="482 Loop Detected", observed=seen, also=[other.request, request])


@check(
    "SIP-031", level=SHOULD, on=EITHER, clause="RFC 3261 §11.2",
    asks="a 200 to OPTIONS says what the device allows, accepts and supports",
)  # fmt: skip
def options_tells_capabilities(trace: Trace) -> Iterator[Finding]:
    """That is what OPTIONS is for; liveness probes get by without, so this never fails a run."""
    for response in trace.responses("OPTIONS"):
        if 200 <= response.status < 300 and not passed_on(trace, response):
            missing = [name for name in ("Allow", "Accept", "Supported") if not response.has(name)]
            seen = f"no {', '.join(missing)}"
            yield finding(response, not missing, expected="Allow, Accept and Supported in the 200", observed=seen)
