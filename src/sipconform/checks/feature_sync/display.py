"""What a phone makes of a NOTIFY, by the word of its display (known in live runs, not in captures)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import takewhile

from sipconform.checks.catalogue import MUST, PASSED, PHONE, SHOULD, Finding, check, finding
from sipconform.checks.evidence import GIVE_UP, seconds
from sipconform.checks.feature_sync.reading import (
    LAG,
    Seen,
    following,
    keeps,
    readings,
    seen,
    shows,
    still_there,
    values,
)
from sipconform.checks.feature_sync.told import Feature, documents, envelope, states, wishes_of
from sipconform.checks.feature_sync.witness import KEYS, name_of, shown
from sipconform.features.feature_event import EVENT, Device, ForwardingEvent, UnknownDocument
from sipconform.sip.fault import Fault
from sipconform.trace.trace import Subscription, Trace, WireMessage

# -- how the body is packed ----------------------------------------------------------------------------------


def _is_multipart(notify: WireMessage) -> bool:
    kind = notify.content_type
    return not isinstance(kind, Fault) and kind.type.startswith("multipart/")


def _is_odd(notify: WireMessage) -> bool:
    """Whether a multipart body makes use of a freedom RFC 2046 leaves."""
    kind = notify.content_type
    if isinstance(kind, Fault) or not kind.type.startswith("multipart/"):
        return False
    read = envelope(notify, kind)
    more = any(len(part.fields) > 1 for part in read.parts)
    quoted = 'boundary="' in notify.text("Content-Type")
    return bool(read.preamble.strip() or read.epilogue.strip() or more or not quoted or _bare_line_feed(notify))


def _bare_line_feed(notify: WireMessage) -> bool:
    return b"\n--" in notify.content.replace(b"\r\n--", b"")


@check(
    "FS-105", level=MUST, on=PHONE, clause="BroadSoft 11-BD5196 §2.1.1; RFC 2046 §5.1",
    asks="of a multipart state every part is shown",
)  # fmt: skip
def every_part_is_shown(trace: Trace) -> Iterator[Finding]:
    """Phones that stop at the first part show one feature and keep three."""
    yield from shows(trace, lambda s: _is_multipart(s.reading.notify) and not _is_odd(s.reading.notify))


@check(
    "FS-106", level=MUST, on=PHONE, clause="BroadSoft 11-BD5196",
    asks="a state told by single documents, one NOTIFY each, is shown",
)  # fmt: skip
def single_documents_are_shown(trace: Trace) -> Iterator[Finding]:
    """Changes come so, and from some servers the full state too."""
    yield from shows(trace, lambda s: not _is_multipart(s.reading.notify))


@check(
    "FS-107", level=MUST, on=PHONE, clause="RFC 2046 §5.1",
    asks="a multipart body is understood with its boundary unquoted, with preamble, epilogue and more part headers",
)  # fmt: skip
def odd_packing_is_understood(trace: Trace) -> Iterator[Finding]:
    """All of it is legal. Delimiters after a line feed alone are not, but servers write them: a warning."""
    odd = [s for s in seen(trace) if _is_odd(s.reading.notify)]
    numbers = {s.reading.notify.number for s in odd if not _bare_line_feed(s.reading.notify)}
    yield from shows(trace, lambda s: s.reading.notify.number in numbers)
    bare = {s.reading.notify.number for s in odd} - numbers
    yield from shows(trace, lambda s: s.reading.notify.number in bare, SHOULD)


# -- what the documents say ----------------------------------------------------------------------------------


@check(
    "FS-111", level=MUST, on=PHONE, clause="BroadSoft 11-BD5196",
    asks="where the server tells another value than was asked for, the phone shows the server's",
)  # fmt: skip
def server_is_believed(trace: Trace) -> Iterator[Finding]:
    """The server may refuse, or have a better number. What the user typed is only a wish."""

    def differs(item: Seen) -> bool:
        notify, asked = item.reading.notify, wishes_of(item.reading.subscription)
        at = bisect_left(asked, notify.number, key=lambda w: w.request.number)
        backwards = (asked[place] for place in range(at - 1, -1, -1))
        recent = takewhile(lambda w: seconds(notify, w.request) <= GIVE_UP, backwards)
        last = next((w for w in recent if w.feature == item.name), None)
        return last is not None and last.value != states(notify).get(item.name)

    yield from shows(trace, differs)


@check(
    "FS-119", level=MUST, on=PHONE, clause="BroadSoft 11-BD5196",
    asks="a document of an unknown kind is ignored, and those beside it are not",
)  # fmt: skip
def unknown_kind_is_ignored(trace: Trace) -> Iterator[Finding]:
    """Agent state travels in the same package. The NOTIFY must be answered 2xx, and its other parts count."""

    def strange(notify: WireMessage) -> bool:
        return any(isinstance(told.document, UnknownDocument) for told in documents(notify))

    for reading in readings(trace):
        final = reading.transaction.final
        if strange(reading.notify) and final is not None:
            ok = final.status < 300 or final.status in (401, 407, 481, 500)
            observed = f"{final.status} {final.reason}"
            yield finding(final, ok, expected="200", observed=observed, also=[reading.notify])
    yield from shows(trace, lambda s: strange(s.reading.notify))


@check(
    "FS-120", level=MUST, on=PHONE, clause="Namespaces in XML; ECMA-323",
    asks="a document in a foreign namespace changes nothing",
)  # fmt: skip
def foreign_namespace_is_ignored(trace: Trace) -> Iterator[Finding]:
    """It says something else in the same words. Any edition of CSTA is taken for ours."""

    def foreign(notify: WireMessage) -> bool:
        told = [t.document.facts for t in documents(notify) if not isinstance(t.document, Fault)]
        return bool(told) and all(f is not None and f.namespace and not f.is_csta for f in told)

    yield from keeps(trace, foreign)


@check(
    "FS-121", level=MUST, on=PHONE, clause="XML 1.0; robustness",
    asks="a document without namespace, a broken one, and an empty body are survived",
)  # fmt: skip
def broken_document_is_survived(trace: Trace) -> Iterator[Finding]:
    """Answered 200 or 400, with the state kept, and the next NOTIFY answered as ever. Broken documents must not change
    anything; one without namespace may be understood by its local names, so there only the answers count.
    """

    def broken(notify: WireMessage) -> bool:
        told = documents(notify)
        return bool(told) and all(isinstance(t.document, Fault) for t in told)

    def bare(notify: WireMessage) -> bool:
        facts = [t.document.facts for t in documents(notify) if not isinstance(t.document, Fault)]
        return any(f is not None and not f.namespace for f in facts)

    yield from keeps(trace, broken)
    for reading in readings(trace):
        if bare(reading.notify):
            found = list(still_there(trace, reading, following(trace, reading)))
            yield from found or [PASSED]


@check(
    "FS-122", level=MUST, on=PHONE, clause="BroadSoft 11-BD5196",
    asks="a forward that is off is shown as off, whatever number comes with it",
)  # fmt: skip
def off_is_off(trace: Trace) -> Iterator[Finding]:
    """The number may be absent, empty, or the last one used."""
    yield from shows(trace, lambda s: isinstance(s.event, ForwardingEvent) and s.event.on is False)


@check(
    "FS-123", level=MUST, on=PHONE, clause="BroadSoft 11-BD5196 §3.1.2; ECMA-323",
    asks="the device element is not needed: absent, empty or <notKnown/>, the event counts",
)  # fmt: skip
def device_does_not_matter(trace: Trace) -> Iterator[Finding]:
    """Nobody uses its value, and one known server leaves the element out."""
    yield from shows(trace, lambda s: s.event.facts is not None and s.event.facts.device is not Device.TEXT)


@check(
    "FS-126", level=SHOULD, on=PHONE, clause="BroadSoft 11-BD5196",
    asks="the ring count that is told is the one shown",
)  # fmt: skip
def rings_are_shown(trace: Trace) -> Iterator[Finding]:
    """In rings, not seconds. Asked only of phones that show one."""
    for item in seen(trace):
        rings = item.event.rings if isinstance(item.event, ForwardingEvent) else None
        if rings is None or not item.event.on:
            continue
        reading = item.reading
        counts = values(trace, reading.who, "rings", reading.notify.packet.time_ns, reading.until_ns)
        if counts:
            ok, party = rings in counts, reading.subscription.subscriber
            observed = f"{counts[-1]} rings"
            yield finding(reading.notify, ok, expected=f"{rings} rings shown", observed=observed, party=party)


@check(
    "FS-127", level=SHOULD, on=PHONE, clause="BroadSoft 11-BD5196",
    asks="a number in any form is shown so that the user knows it again",
)  # fmt: skip
def numbers_are_shown(trace: Trace) -> Iterator[Finding]:
    """E.164, sip: and tel: URIs. A phone may show a URI's user part alone; losing a digit or the plus is not that."""
    for item in seen(trace):
        number = str(item.expected)
        if item.name == "dnd" or not number or number.isdigit() or not number.isascii():
            continue
        user = number.partition(":")[2].partition("@")[0] if ":" in number.partition("@")[0] else number
        ok = item.ok or user in str(item.observed)
        party = item.reading.subscription.subscriber
        expected, observed = f"{user} shown", repr(item.observed)
        yield finding(item.reading.notify, ok, expected=expected, observed=observed, party=party)


@check(
    "FS-134", level=SHOULD, on=PHONE, clause="XML 1.0 §4.3.3",
    asks="letters beyond ASCII are shown as the declared charset means them",
)  # fmt: skip
def letters_are_kept(trace: Trace) -> Iterator[Finding]:
    """Documents declare ISO-8859-1 or UTF-8; reading one as the other spoils names."""
    yield from shows(trace, lambda s: not str(s.expected).isascii())


@check(
    "FS-133", level=SHOULD, on=PHONE, clause="RFC 6665 §4.1.2.2, §4.2.1.2",
    asks="a body in the 2xx to SUBSCRIBE is not taken for the state",
)  # fmt: skip
def body_in_the_answer_is_ignored(trace: Trace) -> Iterator[Finding]:
    """The state comes by NOTIFY. Shown where the answer's document says what no NOTIFY had told before, or tells within
    5 s, and the display follows it.
    """
    for subscription in trace.subscriptions_to(EVENT):
        who = name_of(trace, subscription)
        for transaction in subscription.subscribes if who else ():
            final = transaction.final
            if final is None or final.status >= 300 or not final.body:
                continue
            for name, said_ in states(final).items():
                yield _not_followed(trace, subscription, final, name, shown(said_, name))


def _not_followed(
    trace: Trace, subscription: Subscription, final: WireMessage, name: Feature, claimed: object
) -> Finding:
    who, start = name_of(trace, subscription), final.packet.time_ns
    told = [n for n in (t.request for t in subscription.notifies) if n is not None and name in states(n)]
    meant = any(shown(states(n)[name], name) == claimed for n in told if seconds(n, final) <= LAG)
    ok = meant or claimed not in values(trace, who, KEYS[name], start, start + round(LAG * 1e9))
    expected, observed = f"{KEYS[name]} as NOTIFY tells it", f"{KEYS[name]} {claimed!r}"
    return finding(final, ok, expected=expected, observed=observed, party=subscription.subscriber)
