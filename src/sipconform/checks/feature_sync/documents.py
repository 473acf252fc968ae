"""How feature documents are written and packed (BroadSoft 11-BD5196; RFC 2046 §5.1)."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import (
    EITHER,
    INFO,
    MUST,
    PASSED,
    PHONE,
    SERVER,
    SHOULD,
    Finding,
    Level,
    check,
    finding,
)
from sipconform.checks.feature_sync.told import Told, documents, envelope, requests
from sipconform.features.feature_event import (
    CONTENT_TYPE,
    NAMESPACE,
    Device,
    DoNotDisturbEvent,
    Facts,
    ForwardingEvent,
    SetDoNotDisturb,
    SetForwarding,
    UnknownDocument,
)
from sipconform.features.schema import validate
from sipconform.sip.fault import Fault, Span
from sipconform.trace.trace import Trace, WireMessage

MANDATORY = {
    "DoNotDisturbEvent": ("doNotDisturbOn",),
    "ForwardingEvent": ("forwardingType", "forwardStatus"),
    "SetDoNotDisturb": ("doNotDisturbOn",),
    "SetForwarding": ("forwardingType", "activateForward"),
}
ORDER = {kind.__name__: tuple(kind.elements) for kind in
         (DoNotDisturbEvent, ForwardingEvent, SetDoNotDisturb, SetForwarding)}  # fmt: skip
ANYWHERE = frozenset({"extensions"})  # a CSTA document may carry private data at its end
BOOLEANS = ("doNotDisturbOn", "forwardStatus", "activateForward")
FORWARDS = frozenset({"forwardImmediate", "forwardBusy", "forwardNoAns"})


@check(
    "FS-008", level=MUST, on=SERVER, clause="RFC 2046 §5.1",
    asks="a multipart body has legal delimiters, a closing one, and one document of the right type in each part",
)  # fmt: skip
def multipart_is_legal(trace: Trace) -> Iterator[Finding]:
    """Phones cut the body at the delimiters, and some stop at the first document they find. Preamble, epilogue
    and further header fields of parts are legal. Lines that end in LF only are read by most and so a warning.
    """
    for notify in requests(trace, "NOTIFY"):
        kind = notify.content_type
        if isinstance(kind, Fault) or not kind.type.startswith("multipart/"):
            yield from _unwrapped(notify)
            continue
        read = envelope(notify, kind)
        faults = [_delimiter(f) for f in read.faults]
        lone = (p.span for p in read.parts if not _ends_with_crlf(notify, p.span))
        faults += [(SHOULD, "CRLF before a delimiter", span) for span in lone]
        faults += [
            (MUST, f"Content-Type {CONTENT_TYPE} in each part", p.span)
            for p in read.parts
            if isinstance(p.content_type, Fault) or p.content_type.type != CONTENT_TYPE
        ]
        if not faults:
            yield PASSED
        for level, rule, span in faults:
            yield finding(notify, False, expected=rule, observed="not so here", at=span, level=level)


def _delimiter(fault: Fault) -> tuple[Level, str, Span]:
    return (SHOULD if "CRLF" in fault.rule else MUST), fault.rule, fault.span


def _ends_with_crlf(notify: WireMessage, part: Span) -> bool:
    rest = notify.raw[part.end : part.end + 2]
    return rest == b"\r\n" or not rest


def _unwrapped(notify: WireMessage) -> Iterator[Finding]:
    """Two documents in a body that is no multipart: the second one is lost on many phones."""
    if notify.body:
        ok = notify.content.count(b"<?xml") < 2
        at = Span(notify.body_start, len(notify.raw))
        seen = "several documents without multipart"
        yield finding(notify, ok, expected="one document, or multipart/mixed", observed=seen, at=at)


@check(
    "FS-009", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196; XML 1.0 §2.1, §4.3.3",
    asks="every document is well-formed XML in its declared charset and in the namespace of CSTA edition 3",
)  # fmt: skip
def documents_are_readable(trace: Trace) -> Iterator[Finding]:
    """Some phones restart on a document without namespace. Any charset will do if it is the one declared."""
    for notify in requests(trace, "NOTIFY"):
        for told in documents(notify):
            yield _readable(notify, told)


def _readable(message: WireMessage, told: Told) -> Finding:
    if isinstance(told.document, Fault):
        return finding(message, False, expected=told.document.rule, observed="not so here", at=told.span)
    facts = facts_of(told)
    if facts is None or facts.namespace == NAMESPACE or facts.root not in ORDER:
        return PASSED
    expected, seen = f'xmlns="{NAMESPACE}"', f'xmlns="{facts.namespace}"'
    return finding(message, False, expected=expected, observed=seen, at=told.span)


def facts_of(told: Told) -> Facts | None:
    """What a document really says, None when it cannot be read."""
    return None if isinstance(told.document, Fault) else told.document.facts


@check(
    "FS-010", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196",
    asks="events have the elements of their kind, and in their order",
)  # fmt: skip
def event_elements(trace: Trace) -> Iterator[Finding]:
    """Receivers look elements up by name, so another order is a warning. Documents of another kind (agent
    state) are to be ignored and are not judged; private data behind `extensions` is allowed.
    """
    for notify in requests(trace, "NOTIFY"):
        for told in documents(notify):
            yield from _elements(notify, told)


def _elements(message: WireMessage, told: Told) -> Iterator[Finding]:
    facts = facts_of(told)
    if facts is None or isinstance(told.document, UnknownDocument):
        return
    allowed, there = ORDER[facts.root], [name for name in facts.elements if name not in ANYWHERE]
    missing = [name for name in MANDATORY[facts.root] if name not in there]
    strange = [name for name in there if name not in allowed]
    kind = facts.texts.get("forwardingType", "forwardBusy").strip()
    if missing or strange or kind not in FORWARDS:
        seen = f"{facts.root} with {', '.join(there)}" if missing or strange else f"forwardingType {kind}"
        expected = f"{', '.join(missing or allowed)} in {facts.root}"
        yield finding(message, False, expected=expected, observed=seen, at=told.span)
    else:
        ok = there == [name for name in allowed if name in there]
        seen = f"order {', '.join(there)}"
        expected = f"order {', '.join(allowed)}"
        yield finding(message, ok, expected=expected, observed=seen, at=told.span, level=SHOULD)


@check(
    "FS-011", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196 §3.1.2",
    asks="an event has a device element, and a request needs none with a name in it",
)  # fmt: skip
def event_names_device(trace: Trace) -> Iterator[Finding]:
    """Its value is used by nobody, so text, nothing and <notKnown/> are all alike. One known server leaves the element
    out of its events, and phones live with it: a warning. Refusing a request for it is a failure, shown by a server
    that takes the same request with a name in it; else the refusal may have another reason.
    """
    yield from _refused_for_its_device(trace)
    for notify in requests(trace, "NOTIFY"):
        for told in documents(notify):
            if isinstance(told.document, DoNotDisturbEvent | ForwardingEvent) and told.document.facts is not None:
                ok = told.document.facts.device is not Device.ABSENT
                yield finding(notify, ok, expected="a device element", observed="none", at=told.span, level=SHOULD)


def _refused_for_its_device(trace: Trace) -> Iterator[Finding]:
    """A Set is kept by server and root; of the forms its device was taken in, one name is enough."""
    taken: set[tuple[object, ...]] = set()
    refused: list[tuple[tuple[object, ...], WireMessage, WireMessage]] = []
    for request in requests(trace, "SUBSCRIBE"):
        final = request.transaction.final if request.transaction is not None else None
        for told in documents(request) if final is not None else ():
            facts = facts_of(told)
            if facts is None or final is None or facts.root not in ORDER:
                continue
            key: tuple[object, ...] = (request.destination, facts.root)
            if final.status < 300 and facts.device is Device.TEXT:
                taken.add(key)
            elif final.status < 300:
                yield PASSED
            elif final.status in (400, 415, 489) and facts.device is not Device.TEXT:
                refused.append((key, request, final))
    for key, request, final in refused:
        if key in taken:
            seen = f"{final.status} to a request without a device's name"
            yield finding(final, False, expected="200", observed=seen, also=[request])


@check(
    "FS-013", level=MUST, on=SERVER, clause="ECMA-323; XML Schema Part 2 §3.2.2",
    asks="booleans are written true or false",
)  # fmt: skip
def booleans_are_words(trace: Trace) -> Iterator[Finding]:
    """Servers and phones compare the word. White space around it passes; 1 and 0 are legal XML Schema but
    unknown in this package: a warning.
    """
    for notify in requests(trace, "NOTIFY"):
        for told in documents(notify):
            yield from _booleans(notify, told)


def _booleans(message: WireMessage, told: Told) -> Iterator[Finding]:
    facts = facts_of(told)
    for name in BOOLEANS if facts is not None and facts.root in ORDER else ():
        text = facts.texts.get(name) if facts is not None else None
        if text is not None:
            word = text.strip()
            level = SHOULD if word in ("0", "1") else None
            ok = word in ("true", "false")
            expected, seen = f"{name} true or false", f"{name} {word!r}"
            yield finding(message, ok, expected=expected, observed=seen, at=told.span, level=level)


@check(
    "FS-110", level=MUST, on=PHONE, clause="BroadSoft 11-BD5196",
    asks="a Set document is well-formed, in the right namespace, complete, with a device element and true or false",
)  # fmt: skip
def set_is_valid(trace: Trace) -> Iterator[Finding]:
    """Servers refuse or ignore what they cannot read, and then the key does nothing. The device may be empty;
    the order of elements is a warning.
    """
    for request in requests(trace, "SUBSCRIBE"):
        for told in documents(request):
            yield _readable(request, told)
            yield from _elements(request, told)
            yield from _booleans(request, told)
            facts = facts_of(told)
            if facts is not None and facts.root in ORDER:
                ok = facts.device is not Device.ABSENT
                yield finding(request, ok, expected="a device element", observed="none", at=told.span)
            if not isinstance(told.document, Fault | SetDoNotDisturb | SetForwarding) and facts is not None:
                expected = "SetDoNotDisturb or SetForwarding"
                ok = isinstance(told.document, UnknownDocument)  # agent state and its kin travel the same way
                yield finding(request, ok, expected=expected, observed=facts.root, at=told.span)


@check(
    "FS-305", level=INFO, on=EITHER, clause="ECMA-323; XML Schema Part 1",
    asks="documents are valid by the schema of the package",
)  # fmt: skip
def documents_are_valid(trace: Trace) -> Iterator[Finding]:
    """The schema is of our own writing and stricter than any receiver: names, order, values and namespace. What it
    minds is noted; what breaks receivers is judged by FS-009 … FS-013 and FS-110. Other kinds of document are left out.
    """
    for method in ("NOTIFY", "SUBSCRIBE"):
        for message in requests(trace, method):
            for told in documents(message):
                facts = facts_of(told)
                if facts is not None and facts.root in ORDER:
                    faults = validate(message.raw[told.span.start : told.span.end])
                    seen = faults[0].rule if faults else ""
                    yield finding(message, not faults, expected="a valid document", observed=seen, at=told.span)
