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
    Verdict,
    check,
    finding,
)
from sipconform.checks.evidence import author
from sipconform.checks.feature_sync.told import Told, documents, envelope, is_feature, requests
from sipconform.checks.feature_sync.witness import ignores_switch
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
    boolean,
    parse_document,
)
from sipconform.features.schema import validate
from sipconform.features.xml_body import UNKNOWN_CHARSET
from sipconform.sip.fault import Fault, Span
from sipconform.sip.multipart import Multipart
from sipconform.trace.trace import Trace, WireMessage

MANDATORY = {
    "DoNotDisturbEvent": ("doNotDisturbOn",),
    "ForwardingEvent": ("forwardingType", "forwardStatus"),
    "SetDoNotDisturb": ("doNotDisturbOn",),
    "SetForwarding": ("forwardingType", "activateForward"),
}
ORDER = {kind.__name__: tuple(kind.elements) for kind in
         (DoNotDisturbEvent, ForwardingEvent, SetDoNotDisturb, SetForwarding)}  # fmt: skip
# What ECMA-323 allows in these documents and the package makes no use of.
ANYWHERE = frozenset(
    {"extensions", "monitorCrossRefID", "forwardDefault", "ringDuration", "callOrigination", "callingDeviceList"}
)
BOOLEANS = ("doNotDisturbOn", "forwardStatus", "activateForward")
FORWARDS = frozenset({"forwardImmediate", "forwardBusy", "forwardNoAns"})


@check(
    "FS-008", level=MUST, on=SERVER, clause="RFC 2046 §5.1",
    asks="a multipart body has legal delimiters, a closing one, and one document of the right type in each part",
)  # fmt: skip
def multipart_is_legal(trace: Trace) -> Iterator[Finding]:
    """Phones cut the body at the delimiters, and some stop at the first document they find. Preamble, epilogue,
    further header fields of parts and parts of other kinds are legal. Lines that end in LF only are read by most and
    so a warning, and so is a Content-Length that counts such a line end. Each rule is told once for a body.
    """
    for notify in requests(trace, "NOTIFY"):
        kind = notify.content_type
        if isinstance(kind, Fault) or not kind.type.startswith("multipart/"):
            yield from _unwrapped(trace, notify)
            continue
        broken: dict[tuple[Level, str], list[Span]] = {}
        for level, rule, span in _packing(envelope(notify, kind)):
            broken.setdefault((level, rule), []).append(span)
        if not broken:
            yield PASSED
        for (level, rule), spans in broken.items():
            seen = "not so here" if len(spans) == 1 else f"not so here, nor in {len(spans) - 1} more places"
            party = author(notify)
            yield finding(notify, False, expected=rule, observed=seen, at=spans[0], party=party, level=level)


def _packing(read: Multipart) -> Iterator[tuple[Level, str, Span]]:
    """What is wrong with a multipart body, each with its level and its place."""
    for fault in read.faults:
        yield (SHOULD if "CRLF" in fault.rule else MUST), fault.rule, fault.span
    for part in read.parts:
        if part.line_end == b"\n":
            yield SHOULD, "CRLF before a delimiter", part.span
        if not is_feature(part.content_type) and is_document(part.body):
            yield MUST, f"Content-Type {CONTENT_TYPE} of a feature document", part.span
    if read.parts and not any(is_feature(part.content_type) for part in read.parts):
        yield MUST, f"a part of Content-Type {CONTENT_TYPE}", read.parts[0].span


def is_document(content: bytes) -> bool:
    """Whether octets are a document of the package, whatever they are called."""
    read = parse_document(content) if b"<" in content[:LONGEST_START] else None
    return isinstance(read, DoNotDisturbEvent | ForwardingEvent) and read.facts is not None and read.facts.is_csta


LONGEST_START = 64  # octets before the first tag of anything that may be XML


def _unwrapped(trace: Trace, notify: WireMessage) -> Iterator[Finding]:
    """Two documents in a body that is no multipart: the second one is lost on many phones. And a document by another
    name is lost on all that have not asked for that, save with makes of which no paper says what they use.
    """
    if not notify.body:
        return
    ok, at = notify.content.count(b"<?xml") < 2, Span(notify.body_start, len(notify.raw))
    seen, expected, party = "several documents without multipart", "one document, or multipart/mixed", author(notify)
    yield finding(notify, ok, expected=expected, observed=seen, at=at, party=party)
    kind = notify.content_type
    if not is_feature(kind) and is_document(notify.content) and not ignores_switch(trace):
        asked = notify.subscription.initial if notify.subscription is not None else None
        taken = [a.type for a in asked.request.accept if not isinstance(a, Fault)] if asked and asked.request else []
        ok = not isinstance(kind, Fault) and kind.type in taken
        seen, expected = f"Content-Type: {notify.text('Content-Type') or 'none'}", f"Content-Type: {CONTENT_TYPE}"
        yield finding(notify, ok, expected=expected, observed=seen, at="Content-Type", party=party)


@check(
    "FS-009", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196; XML 1.0 §2.1, §4.3.3",
    asks="every document is well-formed XML in its declared charset and in the namespace of CSTA edition 3",
)  # fmt: skip
def documents_are_readable(trace: Trace) -> Iterator[Finding]:
    """Some phones restart on a document without namespace. Any charset will do if it is the one declared, here or in
    the Content-Type; one that cannot be read here is inconclusive.
    """
    for notify in requests(trace, "NOTIFY"):
        for told in documents(notify):
            yield _readable(notify, told)


def _readable(message: WireMessage, told: Told) -> Finding:
    party = author(message)
    if isinstance(told.document, Fault):
        rule, seen = told.document.rule, "not so here"
        verdict = Verdict.INCONCLUSIVE if rule.startswith(UNKNOWN_CHARSET) else Verdict.FAIL
        return finding(message, False, expected=rule, observed=seen, at=told.span, party=party, verdict=verdict)
    facts = facts_of(told)
    if facts is None or facts.namespace == NAMESPACE or facts.root not in ORDER:
        return PASSED
    expected, seen = f'xmlns="{NAMESPACE}"', f'xmlns="{facts.namespace}"'
    return finding(message, False, expected=expected, observed=seen, at=told.span, party=party)


def facts_of(told: Told) -> Facts | None:
    """What a document really says, None when it cannot be read."""
    return None if isinstance(told.document, Fault) else told.document.facts


@check(
    "FS-010", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196",
    asks="events have the elements of their kind, and in their order",
)  # fmt: skip
def event_elements(trace: Trace) -> Iterator[Finding]:
    """Receivers look elements up by name, so another order is a warning. Documents of another kind (agent
    state) are to be ignored and are not judged; what else ECMA-323 puts into these events is allowed, and so is private
    data, behind `extensions` or in a namespace of its own.
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
        expected, party = f"{', '.join(missing or allowed)} in {facts.root}", author(message)
        yield finding(message, False, expected=expected, observed=seen, at=told.span, party=party)
    else:
        ok = there == [name for name in allowed if name in there]
        seen = f"order {', '.join(there)}"
        expected, party = f"order {', '.join(allowed)}", author(message)
        yield finding(message, ok, expected=expected, observed=seen, at=told.span, party=party, level=SHOULD)


@check(
    "FS-011", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196 §3.1.2",
    asks="an event has a device element, and a request needs none with a name in it",
)  # fmt: skip
def event_names_device(trace: Trace) -> Iterator[Finding]:
    """Its value is used by nobody, so text, nothing and <notKnown/> are all alike. One known server leaves the element
    out of its events, and phones live with it: a warning. Refusing a request for it is a failure, shown by a server
    that takes the same request with a name in it; else the refusal may have another reason, as it has where the request
    makes no sense.
    """
    yield from _refused_for_its_device(trace)
    for notify in requests(trace, "NOTIFY"):
        for told in documents(notify):
            if isinstance(told.document, DoNotDisturbEvent | ForwardingEvent) and told.document.facts is not None:
                ok, expected = told.document.facts.device is not Device.ABSENT, "a device element"
                at, party = told.span, author(notify)
                yield finding(notify, ok, expected=expected, observed="none", at=at, party=party, level=SHOULD)


def _refused_for_its_device(trace: Trace) -> Iterator[Finding]:
    """A Set is kept by server and root; of the forms its device was taken in, one name is enough."""
    taken: set[tuple[object, ...]] = set()
    refused: list[tuple[tuple[object, ...], WireMessage, WireMessage]] = []
    for request in requests(trace, "SUBSCRIBE"):
        final = request.transaction.final if request.transaction is not None else None
        for told in documents(request) if final is not None else ():
            facts = facts_of(told)
            if facts is None or final is None or facts.root not in ORDER or is_senseless(told):
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


def is_senseless(told: Told) -> bool:
    """Whether a document asks for nothing anybody could carry out."""
    facts = facts_of(told)
    if facts is None or not isinstance(told.document, SetDoNotDisturb | SetForwarding):
        return True
    if isinstance(told.document, SetDoNotDisturb):
        return boolean(facts.texts.get("doNotDisturbOn")) is None
    kind = facts.texts.get("forwardingType", "").strip()
    return boolean(facts.texts.get("activateForward")) is None or kind not in FORWARDS


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
            expected, seen, party = f"{name} true or false", f"{name} {word!r}", author(message)
            yield finding(message, ok, expected=expected, observed=seen, at=told.span, party=party, level=level)


@check(
    "FS-110", level=MUST, on=PHONE, clause="BroadSoft 11-BD5196",
    asks="a Set document is well-formed, in the right namespace, complete, with a device element and true or false",
)  # fmt: skip
def set_is_valid(trace: Trace) -> Iterator[Finding]:
    """Servers refuse or ignore what they cannot read, and then the key does nothing. The device may be empty;
    the order of elements is a warning.
    """
    for request in requests(trace, "SUBSCRIBE"):
        party = author(request)
        for told in documents(request):
            yield _readable(request, told)
            yield from _elements(request, told)
            yield from _booleans(request, told)
            facts = facts_of(told)
            if facts is not None and facts.root in ORDER:
                ok = facts.device is not Device.ABSENT
                yield finding(request, ok, expected="a device element", observed="none", at=told.span, party=party)
            if not isinstance(told.document, Fault | SetDoNotDisturb | SetForwarding) and facts is not None:
                expected = "SetDoNotDisturb or SetForwarding"
                ok = isinstance(told.document, UnknownDocument)  # agent state and its kin travel the same way
                yield finding(request, ok, expected=expected, observed=facts.root, at=told.span, party=party)


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
                    seen, expected = faults[0].rule if faults else "", "a valid document"
                    at, party = told.span, author(message)
                    yield finding(message, not faults, expected=expected, observed=seen, at=at, party=party)
