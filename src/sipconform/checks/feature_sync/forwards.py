"""What becomes of a forward that a phone asks for (BroadSoft 11-BD5196)."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PASSED, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import seconds, watched
from sipconform.checks.feature_sync.changes import granted, rivals, wishes_by_user
from sipconform.checks.feature_sync.told import (
    Wish,
    after,
    before,
    confirmation,
    documents,
    feature,
    requests,
    states,
    wishes,
    wishes_of,
)
from sipconform.checks.feature_sync.witness import stored
from sipconform.checks.subscription.course import DEADLINE, notifications
from sipconform.features.feature_event import ForwardingEvent, SetForwarding
from sipconform.features.feature_state import LEGAL_RINGS, ForwardType
from sipconform.sip.fault import Fault
from sipconform.trace.trace import Trace, WireMessage

SPECIAL = frozenset("&<>\"'")
INVENTED = frozenset({"0", "true", "false", "null", "none"})


def forwards(trace: Trace) -> Iterator[tuple[Wish, SetForwarding, WireMessage]]:
    """Accepted wishes for a forward, with the document and the 2xx."""
    for wish, final in granted(trace):
        document = documents(wish.request)[0].document
        if isinstance(document, SetForwarding):
            yield wish, document, final


def answer_to(wish: Wish) -> tuple[WireMessage, ForwardingEvent] | None:
    """The NOTIFY that answers a wish for a forward, with its event."""
    told = confirmation(wish, list(wishes_of(wish.subscription)))
    for part in documents(told) if told is not None else ():
        if isinstance(part.document, ForwardingEvent) and feature(part.document) == wish.feature and told is not None:
            return told, part.document
    return None


def is_special(number: str) -> bool:
    """Whether a number has characters that XML or a charset treats in a way of its own."""
    return bool(SPECIAL & set(number)) or not number.isascii()


@check(
    "FS-012", level=MUST, on=SERVER, clause="XML 1.0 §2.4, §4.3.3",
    asks="a number with characters special to XML, or beyond ASCII, comes back equal",
)  # fmt: skip
def special_numbers_come_back(trace: Trace) -> Iterator[Finding]:
    """Written raw into the document they break it, and then the phone shows nothing. A server may refuse such a
    number by telling the old state; it may not tell another one, nor a document that cannot be read.
    """
    for wish, document, final in forwards(trace):
        if not document.on or not is_special(document.to or ""):
            continue
        broken = next((n for n in notifications(wish.subscription) if _is_broken(n, final)), None)
        told = answer_to(wish)
        expected = f"forwardTo {document.to}"
        if broken is not None and (told is None or broken.number < told[0].number):
            yield finding(broken, False, expected=expected, observed="not readable", also=[wish.request])
        elif told is not None:
            event = told[1]
            old = before(wish.subscription, wish.request, wish.feature)
            ok = event.to == document.to or states(told[0])[wish.feature] == old
            yield finding(told[0], ok, expected=expected, observed=f"forwardTo {event.to}", also=[wish.request])


def _is_broken(notify: WireMessage, final: WireMessage) -> bool:
    late = notify.number < final.number or seconds(notify, final) > DEADLINE
    return not late and any(isinstance(told.document, Fault) for told in documents(notify))


@check(
    "FS-014", level=SHOULD, on=SERVER, clause="BroadSoft 11-BD5196",
    asks="a forward that is off and has no number is told without an invented one",
)  # fmt: skip
def no_number_is_invented(trace: Trace) -> Iterator[Finding]:
    """Phones offer the number to the user. The last number used is right, nothing is right; `0`, a blank and the word
    of a boolean are placeholders of some programs.
    """
    for notify in requests(trace, "NOTIFY"):
        for told in documents(notify):
            if isinstance(told.document, ForwardingEvent) and told.document.facts and not told.document.on:
                raw = told.document.facts.texts.get("forwardTo", "")
                ok = raw.strip() not in INVENTED and (not raw or bool(raw.strip()))
                seen = f"forwardTo {raw!r}"
                yield finding(notify, ok, expected="no forwardTo, or a number", observed=seen, at=told.span)


@check(
    "FS-020", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196",
    asks="a forward that is accepted is told with its type, its state and its number",
)  # fmt: skip
def forward_is_confirmed(trace: Trace) -> Iterator[Finding]:
    """A server may refuse by telling the old value: that is inconclusive, unless the record says what it has
    stored. If somebody else asked for a change within a second, nothing is said.
    """
    everybody = wishes_by_user(trace)
    for wish, _, final in forwards(trace):
        others = everybody[wish.subscription.resource]
        told = confirmation(wish, others)
        if told is None or rivals(wish, others) or seconds(told, final) > DEADLINE:
            continue
        now, old = states(told)[wish.feature], before(wish.subscription, wish.request, wish.feature)
        kept = stored(trace, wish, told)
        verdict = Verdict.INCONCLUSIVE if now in (old, None) and kept != wish.value else Verdict.FAIL
        expected, seen = _told(wish.feature, *wish.value), _told(wish.feature, *now)
        ok = now in (wish.value, kept)
        yield finding(told, ok, expected=expected, observed=seen, also=[wish.request], verdict=verdict)


def _told(name: str, on: bool | None, to: str) -> str:
    return f"{name} {'to ' + to if on else 'off'}"


@check(
    "FS-022", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196",
    asks="a forward is switched off whether the request names its number, an empty one or none",
)  # fmt: skip
def off_needs_no_number(trace: Trace) -> Iterator[Finding]:
    """Phones send all three. Still on afterwards is a failure if the same server has switched the forward off for a
    request in another form, else it may be a refusal: inconclusive.
    """
    seen_off: set[tuple[str, str]] = set()
    doubtful: list[tuple[Wish, WireMessage]] = []
    for wish, document, _ in forwards(trace):
        told = answer_to(wish) if document.on is False else None
        old = before(wish.subscription, wish.request, wish.feature)
        if told is None or old is None or not old[0]:
            continue
        if told[1].on is False:
            seen_off.add((wish.subscription.resource, wish.feature))
            yield PASSED
        else:
            doubtful.append((wish, told[0]))
    for wish, notify in doubtful:
        able = (wish.subscription.resource, wish.feature) in seen_off
        verdict = Verdict.FAIL if able else Verdict.INCONCLUSIVE
        expected = f"{wish.feature} off"
        yield finding(notify, False, expected=expected, observed="on", also=[wish.request], verdict=verdict)


@check(
    "FS-023", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196",
    asks="the ring count comes back as it was set, with a forward on no answer and no other",
)  # fmt: skip
def ring_count_comes_back(trace: Trace) -> Iterator[Finding]:
    """A server may limit the count to its own range, so another legal count is inconclusive; none at all is not."""
    for notify in requests(trace, "NOTIFY"):
        for part in documents(notify):
            if isinstance(part.document, ForwardingEvent) and part.document.type not in (None, ForwardType.NO_ANSWER):
                stray = "ringCount" in (part.document.facts.elements if part.document.facts else ())
                expected, seen = "no ringCount", f"ringCount in {part.document.type}"
                yield finding(notify, not stray, expected=expected, observed=seen, at=part.span)
    for wish, document, _ in forwards(trace):
        told = answer_to(wish)
        if document.type is ForwardType.NO_ANSWER and document.on and document.rings and told is not None:
            if states(told[0])[wish.feature] != wish.value:
                continue  # the whole change was refused
            rings = told[1].rings
            verdict = Verdict.FAIL if rings is None else Verdict.INCONCLUSIVE
            expected, seen = f"ringCount {document.rings}", f"ringCount {rings}"
            ok = rings == document.rings
            yield finding(told[0], ok, expected=expected, observed=seen, also=[wish.request], verdict=verdict)


@check(
    "FS-024", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196; RFC 6665 §4.2.1.2",
    asks="whatever stands for a ring count, the state stays legal and is told",
)  # fmt: skip
def odd_ring_count_is_survived(trace: Trace) -> Iterator[Finding]:
    """Absent, empty, 0, 101 or a word: keeping the old count, a default or a refusal are all right. No NOTIFY within
    64*T1 and 1 s is not, nor is a count outside 1 to 100.
    """
    for wish, document, final in forwards(trace):
        if document.type is not ForwardType.NO_ANSWER or document.rings is not None:
            continue
        told = answer_to(wish)
        raw = document.facts.texts.get("ringCount", "none") if document.facts else "none"
        if told is None and watched(trace, final) > DEADLINE:
            seen = f"no NOTIFY after ringCount {raw!r}"
            yield finding(final, False, expected="a NOTIFY", observed=seen, also=[wish.request])
        elif told is not None:
            text = told[1].facts.texts.get("ringCount", "").strip() if told[1].facts else ""
            ok = not text or (text.isascii() and text.isdigit() and len(text) < 4 and int(text) in LEGAL_RINGS)
            seen = f"ringCount {text!r} after {raw!r}"
            yield finding(told[0], ok, expected="a ringCount of 1 to 100", observed=seen, also=[wish.request])


@check(
    "FS-025", level=SHOULD, on=SERVER, clause="XML 1.0; Namespaces in XML §4",
    asks="a request with reordered elements, comments, white space or a namespace prefix is understood",
)  # fmt: skip
def odd_but_equal_xml(trace: Trace) -> Iterator[Finding]:
    """To an XML reader it is the same document. Refusing it as unreadable (400, 415, 489), or telling an old value
    where the change was wanted, is a warning; other refusals may be policy.
    """
    for wish in wishes(trace):
        final, content = wish.transaction.final, wish.request.content
        if final is None or not _is_oddly_written(content):
            continue
        told = after(wish.subscription, wish.request, wish.feature)
        if final.status in (400, 415, 489):
            seen = f"{final.status} {final.reason}"
            yield finding(final, False, expected="200", observed=seen, also=[wish.request])
        elif final.status < 300 and told is not None:
            now = states(told)[wish.feature]
            expected, seen = f"{wish.feature} {wish.value}", f"{wish.feature} {now}"
            yield finding(told, now == wish.value, expected=expected, observed=seen, also=[wish.request])


def _is_oddly_written(content: bytes) -> bool:
    order = [content.find(name) for name in (b"device", b"activateForward", b"forwardingType", b"forwardDN")]
    there = [place for place in order if place >= 0]
    prefixed = b":SetDoNotDisturb" in content or b":SetForwarding" in content
    return b"<!--" in content or prefixed or (b"SetForwarding" in content and there != sorted(there))
