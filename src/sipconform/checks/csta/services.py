"""Services the server asks of the phone as switching function (ECMA-269, ECMA-323; ECMA TR/87 §7.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sipconform.checks.catalogue import MUST, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.csta.answers import answered, may_follow, shown
from sipconform.checks.csta.course import Asked, asked, player, pressed
from sipconform.checks.csta.devices import is_foreign, is_own
from sipconform.features.csta import CstaDocument, device_user
from sipconform.features.feature_code import FORWARDS
from sipconform.features.feature_state import Forward, ForwardType
from sipconform.trace.packet import Address
from sipconform.trace.trace import Trace, WireMessage

KINDS = {kind: feature.value for feature, kind in FORWARDS.items()}
MISTAKEN = ("operation", "unspecified")  # categories of an error that may say: not understood


@check(
    "CSTA-003", level=MUST, on=PHONE, clause="ECMA-269 §15.1.2; ECMA TR/87 §7.3",
    asks="MonitorStart is answered with the monitor's cross reference",
)  # fmt: skip
def monitor_has_a_reference(trace: Trace) -> Iterator[Finding]:
    """Without it no event can be told from another."""
    for of in asked(trace):
        if of.document.name == "MonitorStart" and is_own(trace, of):
            yield from answered(trace, of, "MonitorStartResponse")
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
        if of.document.name != "SetDoNotDisturb" or not is_own(trace, of):
            continue
        yield from answered(trace, of, "SetDoNotDisturbResponse")
        who = player(trace, of.session.phone)
        if of.final is None or of.answer is None or of.answer.name == "CSTAErrorCode" or not who:
            continue
        if of.document.on is None:
            continue
        displayed = shown(trace, who, of.request, of.final)
        ok = of.document.on in displayed or displayed[0] is ...
        seen, expected = f"dnd {displayed[-1]!r}", f"dnd {of.document.on!r}"
        yield finding(of.final, ok, expected=expected, observed=seen, also=[of.request])


@check(
    "CSTA-007", level=MUST, on=PHONE, clause="ECMA-269 §22.1.6",
    asks="GetDoNotDisturb tells the state the phone shows",
)  # fmt: skip
def dnd_can_be_read(trace: Trace) -> Iterator[Finding]:
    """Compared with the display where that can be read and did not just change."""
    for of in asked(trace):
        if of.document.name != "GetDoNotDisturb" or not is_own(trace, of):
            continue
        yield from answered(trace, of, "GetDoNotDisturbResponse")
        if of.answer is None or of.final is None or of.answer.name == "CSTAErrorCode":
            continue
        who = player(trace, of.session.phone)
        states = shown(trace, who, of.request, of.final) if who else [...]
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
    """Not every phone has them: an error is an answer. Compared with the display where that can be read and did not
    just change.
    """
    for of in asked(trace):
        if of.document.name not in ("SetForwarding", "GetForwarding") or not is_own(trace, of):
            continue
        yield from answered(trace, of, f"{of.document.name}Response")
        if of.final is not None and of.answer is not None and of.answer.name != "CSTAErrorCode":
            for kind, forward in _told(of, of.answer).items():
                yield from _agrees(trace, of, of.final, kind, forward)


def _told(of: Asked, answer: CstaDocument) -> Mapping[ForwardType, Forward]:
    """What a phone said of its forwards: that it set one as asked, or how all of them are; none that it leaves out is
    on. A number that is not said is the last one, whichever that was."""
    if of.document.name == "GetForwarding":
        return {kind: answer.forwards.get(kind, Forward()) for kind in ForwardType}
    kind, on, to = of.document.forward_type, of.document.on, of.document.forward_to or ""
    return {} if kind is None or on is None or (on and not to) else {kind: Forward(on, to)}


def _agrees(trace: Trace, of: Asked, final: WireMessage, kind: ForwardType, forward: Forward) -> Iterator[Finding]:
    """Whether the display shows a forward, in whatever form it writes the number."""
    who, key = player(trace, of.session.phone), KINDS[kind]
    displayed = shown(trace, who, of.request, final, key) if who else [...]
    if displayed[0] not in (..., None) and not pressed(trace, who, final.packet.time_ns):
        told = device_user(forward.to) if forward.active else ""
        ok = told in [device_user(str(number)) for number in displayed]
        pair = f"{key} {told!r} told", f"{key} {displayed[-1]!r} shown"
        yield finding(final, ok, expected="both alike", observed=" and ".join(pair), also=[of.request])


@check(
    "CSTA-009", level=MUST, on=PHONE, clause="ECMA-323 editions 3 to 5; feature sync sheet §5.1",
    asks="every edition is understood, and answered in one that can be read",
)  # fmt: skip
def editions_are_understood(trace: Trace) -> Iterator[Finding]:
    """They differ in nothing these services use. A service that a phone carried out in one edition and never in
    another is known to it in the one alone; for want of anything else it may refuse one when it likes.
    """
    editions = _editions(trace)
    for of in asked(trace):
        if of.final is None or of.answer is None or not is_own(trace, of) or not of.document.known:
            continue
        refused = of.answer.name == "CSTAErrorCode" and any(name in of.answer.fields for name in MISTAKEN)
        done = editions.get((of.session.phone, of.document.name), set())
        if done and of.document.name != "MonitorStop":
            seen = f"an error to edition {of.document.edition}"
            ok = not refused or of.document.edition in done
            yield finding(of.final, ok, expected="its answer", observed=seen, also=[of.request])
        legible = of.answer.edition is not None
        yield finding(of.final, legible, expected="an edition's namespace", observed="another", also=[of.request])


def _editions(trace: Trace) -> Mapping[tuple[Address, str], set[int | None]]:
    """The editions in which each phone has carried out each service."""
    found: dict[tuple[Address, str], set[int | None]] = {}
    for of in asked(trace):
        if of.answer is not None and of.answer.name == f"{of.document.name}Response":
            found.setdefault((of.session.phone, of.document.name), set()).add(of.document.edition)
    return found


@check(
    "CSTA-011", level=SHOULD, on=PHONE, clause="ECMA-269 §12; ECMA TR/87 §7.2",
    asks="a service the phone does not have is answered 200 with an error document",
)  # fmt: skip
def unknown_service_is_an_error(trace: Trace) -> Iterator[Finding]:
    """The SIP request was understood; it is the service that is not. There are more services than this suite asks
    for, and a phone that has one answers it.
    """
    for of in asked(trace):
        service = not of.document.name.endswith(("Event", "Response")) and of.document.name != "CSTAErrorCode"
        if service and not of.document.known and of.final is not None and not may_follow(trace, of):
            answers = ("CSTAErrorCode", f"{of.document.name}Response")
            ok = of.final.status < 300 and of.answer is not None and of.answer.name in answers
            seen = f"{of.final.status} {of.answer.name if of.answer is not None else 'and no document'}"
            yield finding(of.final, ok, expected="200 CSTAErrorCode", observed=seen, also=[of.request])


@check(
    "CSTA-019", level=SHOULD, on=PHONE, clause="ECMA-269 §22.1.18",
    asks="a change of another device is answered by an error",
)  # fmt: skip
def other_device_is_an_error(trace: Trace) -> Iterator[Finding]:
    """Done all the same, it is done to the wrong phone. A session belongs to one device; asked where it is known which
    users the phone is.
    """
    for of in asked(trace):
        if of.document.name in ("SetDoNotDisturb", "SetForwarding") and is_foreign(trace, of) and of.final is not None:
            if may_follow(trace, of):
                continue
            error = of.answer is not None and of.answer.name == "CSTAErrorCode"
            seen = of.answer.name if of.answer is not None else f"{of.final.status} and no document"
            ok = error or of.final.status >= 300
            yield finding(of.final, ok, expected="CSTAErrorCode", observed=seen, also=[of.request])
