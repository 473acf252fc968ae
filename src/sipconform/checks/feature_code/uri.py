"""How a code stands in a Request-URI (RFC 3261 §19.1, §25.1; RFC 4967; RFC 3966; 3GPP TS 24.238)."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, SLACK, same_uri, watched
from sipconform.checks.feature_code.course import Dialled, book, dialled
from sipconform.features.feature_code import LEGAL_SECONDS
from sipconform.sip.fault import Fault, Span
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.sdp import LINE_ENDS
from sipconform.sip.uri import SipUri, TelUri, parse_uri, unescape
from sipconform.trace.trace import Trace, WireMessage

UNHEARD = 5  # sendings of a 2xx that show that no ACK has come, by whatever way it would have gone


def _uri_span(request: WireMessage) -> Span:
    start = len(request.method) + 1
    return Span(start, start + len(request.request_uri.encode("utf-8", "surrogateescape")))


@check(
    "FC-003", level=MUST, on=PHONE, clause="RFC 3261 §19.1.1, §25.1",
    asks="a hash goes out as %23, and To says the same as the Request-URI",
)  # fmt: skip
def hash_is_escaped(trace: Trace) -> Iterator[Finding]:
    """A raw `#` ends the URI for whoever reads it by the book; the grammar of local numbers in a tel URI has it, and
    the rules of URIs have not (RFC 3966 §3), so that there it is a SHOULD. A star needs no escape; `%2A` is the same
    and is noted, for some servers do not undo it.
    """
    for call in dialled(trace):
        request = call.request
        text, at, level = request.request_uri, _uri_span(request), SHOULD if isinstance(request.uri, TelUri) else MUST
        yield finding(request, "#" not in text, expected=text.replace("#", "%23"), observed=text, at=at, level=level)
        starred = "%2a" in text.lower()
        yield finding(request, not starred, expected="* as it is", observed=text, at=at, level=SHOULD)
        to = request.to
        if isinstance(to, NameAddr) and not isinstance(request.uri, Fault):
            ok = same_uri(to.uri_text, text) or _callee(to.uri_text) == _callee(text)
            yield finding(request, ok, expected=text, observed=to.uri_text, at="To", level=SHOULD)


def _callee(text: str) -> tuple[str, str] | str:
    """Who a URI calls, wherever it says to be sent: without its parameters and port."""
    uri = parse_uri(text)
    if isinstance(uri, SipUri):
        return unescape(uri.user).partition(";")[0], uri.host.lower()
    return text.partition(";")[0]


@check(
    "FC-007", level=MUST, on=PHONE, clause="RFC 3261 §13.2.1; RFC 3264 §5",
    asks="the call to a code makes a legible offer, and goes on when the server takes no audio",
)  # fmt: skip
def offer_is_legible(trace: Trace) -> Iterator[Finding]:
    """The server plays a prompt into it. A call without an offer, or one of no audio, is legal but surprises servers: a
    SHOULD, and so are line feeds alone, which RFC 8866 §5 asks readers to take. The offer may be one part of a body of
    several. A 2xx that refuses the stream, or does not speak of it, is acknowledged like any other: it is only the
    prompt that is lost.
    """
    for call in dialled(trace):
        request = call.request
        offer = request.sdp if request.content else None
        yield from _goes_on(trace, call)
        if offer is None:
            seen = request.text("Content-Type") if request.content else "no body"
            yield finding(request, False, expected="an offer", observed=seen, level=SHOULD)
            continue
        broken = [fault.rule for fault in offer.faults if fault.rule != LINE_ENDS]
        yield finding(request, not broken, expected="a legible offer", observed="; ".join(broken[:2]))
        if not broken:
            seen, whole = "line feeds alone", not offer.faults
            yield finding(request, whole, expected="CRLF at the end of each line", observed=seen, level=SHOULD)
            seen, audible = "no audio stream", offer.audio is not None
            yield finding(request, audible, expected="an audio offer", observed=seen, level=SHOULD)


def _goes_on(trace: Trace, call: Dialled) -> Iterator[Finding]:
    accepted = call.accepted
    if accepted is None or accepted.dialog is None or (accepted.sdp is not None and accepted.sdp.audio is not None):
        return
    acknowledged = any(m.method == "ACK" and m.number > accepted.number for m in accepted.dialog.messages)
    repeated = sum(response.status == accepted.status for response in call.last.responses)
    if acknowledged or (repeated >= UNHEARD and watched(trace, accepted) > GIVE_UP + SLACK):
        seen = f"none, the answer was repeated {repeated - 1} times"
        party = call.last.client
        yield finding(accepted, acknowledged, expected="ACK", observed=seen, also=[call.request], party=party)


@check(
    "FC-014", level=SHOULD, on=PHONE, clause="3GPP TS 22.030 Annex B",
    asks="the timer of a forward on no answer is 5 to 30 seconds in steps of 5",
)  # fmt: skip
def timer_is_legal(trace: Trace) -> Iterator[Finding]:
    """Networks refuse any other, or round it to what nobody asked for."""
    for call in dialled(trace):
        if call.match is not None and call.match.seconds is not None:
            ok, seen = call.match.seconds in LEGAL_SECONDS, f"{call.match.seconds} s"
            at = _uri_span(call.request)
            yield finding(call.request, ok, expected="5, 10 … 30 s", observed=seen, at=at)


@check(
    "FC-015", level=MUST, on=PHONE, clause="RFC 4967 §3; 3GPP TS 24.238 §4.2",
    asks="a dial string says in which context it was dialled, before the @",
)  # fmt: skip
def dial_string_has_context(trace: Trace) -> Iterator[Finding]:
    """A string of digits means something only where it is dialled."""
    for call in dialled(trace):
        uri = call.request.uri
        if isinstance(uri, SipUri) and (uri.params.get("user") or "").lower() == "dialstring":
            ok, seen = ";phone-context=" in uri.user.lower(), uri.user
            at = _uri_span(call.request)
            yield finding(call.request, ok, expected=";phone-context=… before the @", observed=seen, at=at)


@check(
    "FC-016", level=SHOULD, on=PHONE, clause="RFC 4967 §1; RFC 3261 §19.1.6",
    asks="user=phone is not said of a string with * or #",
)  # fmt: skip
def code_is_no_telephone_number(trace: Trace) -> Iterator[Finding]:
    """Such a string is no telephone number. Where the system asks for that form, as IMS may, it is right."""
    known = book(trace)
    for call in dialled(trace):
        uri = call.request.uri
        if isinstance(uri, SipUri) and "user" in uri.params and not (known and "phone" in known.forms):
            ok, seen = (uri.params.get("user") or "").lower() != "phone", "user=phone"
            expected, at = "user=dialstring, or none", _uri_span(call.request)
            yield finding(call.request, ok, expected=expected, observed=seen, at=at)
