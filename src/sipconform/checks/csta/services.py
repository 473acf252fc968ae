"""Services the server asks of the phone as switching function (ECMA-269, ECMA-323; ECMA TR/87 §7.2)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from sipconform.checks.catalogue import EITHER, INFO, MUST, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.csta.course import (
    Asked,
    asked,
    called,
    player,
    pressed,
    sessions,
    told_not_to_apply,
    user_of,
)
from sipconform.checks.csta.log import is_csta
from sipconform.checks.evidence import watched
from sipconform.checks.feature_code.course import ever_believed
from sipconform.features.csta import DOCUMENTS
from sipconform.features.xml_body import XmlBody, children, local_name, read_xml
from sipconform.sip.fault import Fault
from sipconform.trace.trace import Trace, Transaction, WireMessage

MOMENT = 2_000_000_000  # nanoseconds a display may lag behind the wire
SILENCE = 36.0  # seconds after which an INFO has been given up


def _answered(of: Asked, name: str) -> Iterator[Finding]:
    """Whether a service was answered by its document; an error is an answer too."""
    if of.final is None:
        return
    seen = f"{of.final.status} {of.final.reason}"
    also = [of.request]
    yield finding(of.final, of.final.status < 300, expected="200", observed=seen, also=also)
    if of.final.status < 300:
        ok = of.answer is not None and of.answer.name in (name, "CSTAErrorCode")
        seen = of.answer.name if of.answer is not None else "no document"
        yield finding(of.final, ok, expected=name, observed=seen, also=also)


def _shown(trace: Trace, who: str, request: WireMessage, final: WireMessage) -> list[object]:
    """What a phone showed of do not disturb while it answered a request, and a moment later."""
    since, until = request.packet.time_ns, final.packet.time_ns + MOMENT
    return ever_believed(trace, who, "dnd", since, until)


def _silent(trace: Trace, of: Asked) -> Iterator[Finding]:
    if of.final is None and watched(trace, of.request) > SILENCE and len(of.transaction.requests) > 2:
        seen = f"no answer to {len(of.transaction.requests)} sendings"
        yield finding(of.request, False, expected="an answer", observed=seen, party=of.session.phone)


def _mine(of: Asked) -> bool:
    """Whether a service is asked of the device that is called."""
    return not of.document.device or user_of(of.document.device) == called(of.request)


@check(
    "CSTA-003", level=MUST, on=PHONE, clause="ECMA-269 §15.1.2; ECMA TR/87 §7.3",
    asks="MonitorStart is answered with the monitor's cross reference",
)  # fmt: skip
def monitor_has_a_reference(trace: Trace) -> Iterator[Finding]:
    """Without it no event can be told from another."""
    for of in asked(trace):
        if of.document.name == "MonitorStart" and _mine(of):
            yield from _answered(of, "MonitorStartResponse")
            if of.answer is not None and of.answer.name == "MonitorStartResponse" and of.final is not None:
                ok = bool(of.answer.cross_reference)
                yield finding(of.final, ok, expected="monitorCrossRefID", observed="none", also=[of.request])


@check(
    "CSTA-004", level=MUST, on=PHONE, clause="ECMA-269 §22.1.18; feature sync sheet §5.1",
    asks="SetDoNotDisturb is answered, and the phone does what it said",
)  # fmt: skip
def dnd_can_be_set(trace: Trace) -> Iterator[Finding]:
    """The answer may be an error, or follow in an INFO. A phone that says it was done and shows another state does
    not keep its word; that is asked where the display can be read.
    """
    for of in asked(trace):
        if of.document.name != "SetDoNotDisturb" or not _mine(of):
            continue
        yield from _answered(of, "SetDoNotDisturbResponse")
        yield from _silent(trace, of)
        who = player(trace, of.session.phone)
        if of.final is None or of.answer is None or of.answer.name == "CSTAErrorCode" or not who:
            continue
        shown = _shown(trace, who, of.request, of.final)
        ok = of.document.on in shown or shown[0] is ...
        seen, expected = f"dnd {shown[-1]!r}", f"dnd {of.document.on!r}"
        yield finding(of.final, ok, expected=expected, observed=seen, also=[of.request])


@check(
    "CSTA-007", level=MUST, on=PHONE, clause="ECMA-269 §22.1.6",
    asks="GetDoNotDisturb tells the state the phone shows",
)  # fmt: skip
def dnd_can_be_read(trace: Trace) -> Iterator[Finding]:
    """Compared with the display where that can be read and did not just change."""
    for of in asked(trace):
        if of.document.name != "GetDoNotDisturb" or not _mine(of):
            continue
        yield from _answered(of, "GetDoNotDisturbResponse")
        if of.answer is None or of.final is None or of.answer.name == "CSTAErrorCode":
            continue
        who = player(trace, of.session.phone)
        states = _shown(trace, who, of.request, of.final) if who else [...]
        told = of.answer.on
        yield finding(of.final, told is not None, expected="true or false", observed="neither", also=[of.request])
        ok = told is None or told in states or states[0] in (..., None)
        expected, seen = f"{states[-1]!r}", f"{told!r}"
        yield finding(of.final, ok, expected=expected, observed=seen, also=[of.request])


@check(
    "CSTA-008", level=SHOULD, on=PHONE, clause="ECMA-269 §22.1.7, §22.1.19",
    asks="forwards can be set and read",
)  # fmt: skip
def forwards_can_be_set(trace: Trace) -> Iterator[Finding]:
    """Not every phone has them: an error is an answer."""
    for of in asked(trace):
        if of.document.name in ("SetForwarding", "GetForwarding") and _mine(of):
            yield from _answered(of, f"{of.document.name}Response")


@check(
    "CSTA-009", level=MUST, on=PHONE, clause="ECMA-323 editions 3 to 5; feature sync sheet §5.1",
    asks="every edition is understood, and answered in one that can be read",
)  # fmt: skip
def editions_are_understood(trace: Trace) -> Iterator[Finding]:
    """They differ in nothing these services use. Asked of MonitorStart, and of services the phone has shown to know
    in another edition.
    """
    known = {of.document.name for of in asked(trace) if of.answer is not None and of.answer.name != "CSTAErrorCode"}
    for of in asked(trace):
        if of.final is None or of.answer is None or not _mine(of) or not of.document.known:
            continue
        refused = of.answer.name == "CSTAErrorCode"
        knows = of.document.name == "MonitorStart" or of.document.name in known
        if knows and of.document.name != "MonitorStop":
            seen = f"an error to edition {of.document.edition}"
            yield finding(of.final, not refused, expected="its answer", observed=seen, also=[of.request])
        legible = of.answer.edition is not None
        yield finding(of.final, legible, expected="an edition's namespace", observed="another", also=[of.request])


@check(
    "CSTA-010", level=SHOULD, on=EITHER, clause="feature sync sheet §5.1",
    asks="elements are understood in any order and beside elements nobody knows",
)  # fmt: skip
def order_does_not_matter(trace: Trace) -> Iterator[Finding]:
    """Implementations disagree on it, and later editions add elements."""
    for of in chain(filter(_mine, asked(trace)), asked(trace, by_server=False)):
        if of.final is not None and _is_unusual(of.request, of.document.name):
            ok = of.final.status < 300 and (of.answer is None or of.answer.name != "CSTAErrorCode")
            seen = f"{of.final.status} {of.answer.name if of.answer is not None else ''}".strip()
            yield finding(of.final, ok, expected="its answer", observed=seen, also=[of.request])


def _is_unusual(request: WireMessage, name: str) -> bool:
    """Whether the elements of a known document stand in another order than usual, or there are more of them."""
    usual = [path.partition("/")[0] for path in DOCUMENTS.get(name, ())]
    xml = read_xml(request.content)
    if not usual or not isinstance(xml, XmlBody):
        return False
    found = [local_name(element) for element in children(xml.root)]
    return found != [element for element in usual if element in found]


@check(
    "CSTA-011", level=SHOULD, on=PHONE, clause="ECMA-269 §12; ECMA TR/87 §7.2",
    asks="a service the phone does not have is answered 200 with an error document",
)  # fmt: skip
def unknown_service_is_an_error(trace: Trace) -> Iterator[Finding]:
    """The SIP request was understood; it is the service that is not."""
    for of in asked(trace):
        service = not of.document.name.endswith(("Event", "Response")) and of.document.name != "CSTAErrorCode"
        if service and not of.document.known and of.final is not None:
            ok = of.final.status < 300 and of.answer is not None and of.answer.name == "CSTAErrorCode"
            seen = f"{of.final.status} {of.answer.name if of.answer is not None else 'and no document'}"
            yield finding(of.final, ok, expected="200 CSTAErrorCode", observed=seen, also=[of.request])


def _infos(trace: Trace) -> Iterator[tuple[Transaction, WireMessage, WireMessage]]:
    """Every answered INFO with a body in a session, whatever the body is."""
    for session in sessions(trace):
        for transaction in session.dialog.transactions:
            request, final = transaction.request, transaction.final
            if transaction.method != "INFO" or request is None or final is None:
                continue
            if request.content and not session.log.is_overtaken(transaction):
                yield transaction, request, final


@check(
    "CSTA-012", level=MUST, on=EITHER, clause="RFC 3261 §20.11, §21.4.13",
    asks="a body of an unknown type that must be handled is refused with 415 and Accept",
)  # fmt: skip
def unknown_body_is_refused(trace: Trace) -> Iterator[Finding]:
    """Accepted in silence, the sender believes it was understood."""
    for _, request, final in _infos(trace):
        optional = "handling=optional" in request.text("Content-Disposition").replace(" ", "").lower()
        kind = request.content_type
        odd = isinstance(kind, Fault) or kind.type.startswith(("text/x-", "application/x-nonsense"))
        if not is_csta(request) and not optional and odd:
            seen = f"{final.status} {final.reason}" + ("" if final.has("Accept") else " without Accept")
            ok = final.status == 415 and final.has("Accept")
            yield finding(final, ok, expected="415 with Accept", observed=seen, also=[request])


@check(
    "CSTA-019", level=SHOULD, on=PHONE, clause="ECMA-269 §22.1.18",
    asks="a change of another device is answered by an error",
)  # fmt: skip
def other_device_is_an_error(trace: Trace) -> Iterator[Finding]:
    """Done all the same, it is done to the wrong phone. A session belongs to one device."""
    for of in asked(trace):
        if of.document.name in ("SetDoNotDisturb", "SetForwarding") and not _mine(of) and of.final is not None:
            error = of.answer is not None and of.answer.name == "CSTAErrorCode"
            seen = of.answer.name if of.answer is not None else f"{of.final.status} and no document"
            ok = error or of.final.status >= 300
            yield finding(of.final, ok, expected="CSTAErrorCode", observed=seen, also=[of.request])


@check(
    "CSTA-021", level=SHOULD, on=EITHER, clause="RFC 3261 §7.3.1, §20.15; RFC 7303 §4",
    asks="parameters of the body's type do not make it another type",
)  # fmt: skip
def type_parameters_are_tolerated(trace: Trace) -> Iterator[Finding]:
    """Many say a charset, which is legal for any type. Only a refusal with 415 counts, for it says that the type was
    not understood; whether the charset itself suits the receiver is its own affair."""
    for _, request, final in _infos(trace):
        if is_csta(request) and ";" in request.text("Content-Type"):
            seen = f"{final.status} to {request.text('Content-Type')}"
            yield finding(final, final.status != 415, expected="200", observed=seen, also=[request])


@check(
    "CSTA-005", level=MUST, on=PHONE, clause="feature sync sheet §5.1; RFC 6086 §4.2.2",
    asks="an event is answered, also by a phone that cannot apply it",
)  # fmt: skip
def event_is_answered(trace: Trace) -> Iterator[Finding]:
    """Never silence. 200, or a 4xx where it is refused; 415 would say that a body is unknown which the session is
    made of. That the display follows is noted where it can be read: some phones never do.
    """
    for of in asked(trace):
        if not of.document.name.endswith("Event"):
            continue
        yield from _silent(trace, of)
        if of.final is not None:
            seen = f"{of.final.status} {of.final.reason}"
            ok = of.final.status < 500 and of.final.status not in (405, 415)
            yield finding(of.final, ok, expected="200", observed=seen, also=[of.request])
            yield from _followed(trace, of, of.final)


def _followed(trace: Trace, of: Asked, final: WireMessage) -> Iterator[Finding]:
    who = player(trace, of.session.phone)
    shown = _shown(trace, who, of.request, final) if who else [...]
    odd = told_not_to_apply(trace, who) or pressed(trace, who, final.packet.time_ns)
    told = of.document.name == "DoNotDisturbEvent" and not odd
    if told and shown[0] is not ... and of.document.on not in shown:
        expected, seen = f"dnd {of.document.on!r}", f"dnd {shown[-1]!r}"
        yield finding(final, False, expected=expected, observed=seen, also=[of.request], level=INFO)
