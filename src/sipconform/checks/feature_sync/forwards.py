"""What becomes of a forward that a phone asks for (BroadSoft 11-BD5196)."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, PASSED, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import author, seconds
from sipconform.checks.feature_sync.changes import granted, rivals, told_in_time
from sipconform.checks.feature_sync.others import is_meddled
from sipconform.checks.feature_sync.told import (
    Value,
    Wish,
    before,
    confirmation,
    documents,
    feature,
    requests,
    states,
    user_in,
    wishes,
)
from sipconform.checks.feature_sync.users import asked_by_user
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


def answer_to(trace: Trace, wish: Wish) -> tuple[WireMessage, ForwardingEvent] | None:
    """The NOTIFY that answers a wish for a forward, with its event; None where somebody else's may be meant."""
    others = asked_by_user(trace, wish)
    elsewhere = [w for w in others if w.subscription is not wish.subscription]
    told = None if rivals(wish, elsewhere) else confirmation(wish, others)
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
    number by telling the old state (where that was not seen, off is inconclusive); it may not tell another one, nor a
    document that cannot be read.
    """
    for wish, document, final in forwards(trace):
        if not document.on or not is_special(document.to or ""):
            continue
        broken = next((n for n in notifications(wish.subscription) if _is_broken(n, final)), None)
        told = answer_to(trace, wish)
        expected = f"forwardTo {document.to}"
        if broken is not None and (told is None or broken.number < told[0].number):
            yield finding(broken, False, expected=expected, observed="not readable", also=[wish.request])
        elif told is not None:
            event = told[1]
            old = before(wish.subscription, wish.request, wish.feature)
            ok = event.to == document.to or states(told[0])[wish.feature] == old
            verdict = Verdict.INCONCLUSIVE if old is None and not event.on else Verdict.FAIL
            seen, also = f"forwardTo {event.to}", [wish.request]
            yield finding(told[0], ok, expected=expected, observed=seen, also=also, verdict=verdict)


def _is_broken(notify: WireMessage, final: WireMessage) -> bool:
    late = notify.number < final.number or seconds(notify, final) > DEADLINE
    return not late and any(isinstance(told.document, Fault) for told in documents(notify))


@check(
    "FS-014", level=SHOULD, on=SERVER, clause="BroadSoft 11-BD5196",
    asks="a forward that is off and has no number is told without an invented one",
)  # fmt: skip
def no_number_is_invented(trace: Trace) -> Iterator[Finding]:
    """Phones offer the number to the user. The last number used is right, nothing is right; `0`, a blank and the word
    of a boolean are placeholders of some programs, unless somebody has really forwarded there.
    """
    used = {w.value[1] for w in wishes(trace)}
    for notify in requests(trace, "NOTIFY"):
        used |= {to for on, to in states(notify).values() if on}
        for told in documents(notify):
            if isinstance(told.document, ForwardingEvent) and told.document.facts and not told.document.on:
                raw, party = told.document.facts.texts.get("forwardTo", ""), author(notify)
                word = raw.strip()
                ok = word not in INVENTED - used and (not raw or bool(word))
                seen, expected = f"forwardTo {raw!r}", "no forwardTo, or a number"
                yield finding(notify, ok, expected=expected, observed=seen, at=told.span, party=party)


@check(
    "FS-020", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196",
    asks="a forward that is accepted is told with its type, its state and its number",
)  # fmt: skip
def forward_is_confirmed(trace: Trace) -> Iterator[Finding]:
    """A server may refuse by telling the old value: that is inconclusive, unless the record says what it has
    stored, and so is off where the old value was not seen. It may write the number in another form: the same user in a
    URI passes, a longer number with these digits at its end is inconclusive. If somebody else asked for a change within
    a second, nothing is said.
    """
    for wish, _, final in forwards(trace):
        others = asked_by_user(trace, wish)
        told = confirmation(wish, others)
        if told is None or rivals(wish, others) or seconds(told, final) > DEADLINE:
            continue
        now, old = states(told)[wish.feature], before(wish.subscription, wish.request, wish.feature)
        kept = stored(trace, wish, told)
        ok = now in (wish.value, kept) or _means_the_same(now, wish.value)
        refused = (now == old or (old is None and not now[0])) and kept != wish.value
        doubtful = refused or _may_mean_the_same(now, wish.value)
        verdict = Verdict.INCONCLUSIVE if doubtful else Verdict.FAIL
        expected, seen = _told(wish.feature, *wish.value), _told(wish.feature, *now)
        yield finding(told, ok, expected=expected, observed=seen, also=[wish.request], verdict=verdict)


def _means_the_same(told: Value, asked: Value) -> bool:
    """Whether two values differ in how the number is written at most; where none was asked for the stored one
    counts."""
    return told[0] == asked[0] and (not asked[1] or number_in(told[1]) == number_in(asked[1]))


def _may_mean_the_same(told: Value, asked: Value) -> bool:
    """Whether the number told may be the one asked for, with a prefix of the server's."""
    short = number_in(asked[1])
    return told[0] == asked[0] and len(short) > 2 and number_in(told[1]).endswith(short)


def number_in(text: str) -> str:
    """The number a forward is told by, without what a URI puts around it and what makes it legible."""
    return "".join(c for c in user_in(text) if c not in "-. ()")


def _told(name: str, on: bool | None, to: str) -> str:
    return f"{name} {'to ' + to if on else 'off'}"


@check(
    "FS-022", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196",
    asks="a forward is switched off whether the request names its number, an empty one or none",
)  # fmt: skip
def off_needs_no_number(trace: Trace) -> Iterator[Finding]:
    """Phones send all three. Still on afterwards is a failure if the same server has switched the forward off for a
    request in another form and never for one in this; else it may be a refusal: inconclusive.
    """
    taken: dict[tuple[str, str], set[str]] = {}
    doubtful: list[tuple[Wish, str, WireMessage]] = []
    for wish, document, _ in forwards(trace):
        told = answer_to(trace, wish) if document.on is False else None
        old, form = before(wish.subscription, wish.request, wish.feature), _form(document)
        if told is None or old is None or not old[0]:
            continue
        if is_meddled(trace, wish.subscription, wish.request, told[0], just_before=0):
            continue
        if told[1].on is False:
            taken.setdefault((wish.subscription.resource, wish.feature), set()).add(form)
            yield PASSED
        else:
            doubtful.append((wish, form, told[0]))
    for wish, form, notify in doubtful:
        known = taken.get((wish.subscription.resource, wish.feature), set())
        verdict = Verdict.FAIL if known and form not in known else Verdict.INCONCLUSIVE
        expected, seen = f"{wish.feature} off", f"on, for a request with {form}"
        yield finding(notify, False, expected=expected, observed=seen, also=[wish.request], verdict=verdict)


def _form(document: SetForwarding) -> str:
    return "no number" if document.to is None else "a number" if document.to else "an empty number"


@check(
    "FS-023", level=MUST, on=SERVER, clause="BroadSoft 11-BD5196",
    asks="the ring count comes back as it was set, with a forward on no answer and no other",
)  # fmt: skip
def ring_count_comes_back(trace: Trace) -> Iterator[Finding]:
    """A server may limit the count to its own range, so another legal count is inconclusive; none at all is not. An
    empty ringCount says nothing, and passes in any forward.
    """
    for notify in requests(trace, "NOTIFY"):
        for part in documents(notify):
            if isinstance(part.document, ForwardingEvent) and part.document.type not in (None, ForwardType.NO_ANSWER):
                facts, party = part.document.facts, author(notify)
                stray = bool(facts and facts.texts.get("ringCount", "").strip())
                expected, seen = "no ringCount", f"ringCount in {part.document.type}"
                yield finding(notify, not stray, expected=expected, observed=seen, at=part.span, party=party)
    for wish, document, _ in forwards(trace):
        told = answer_to(trace, wish)
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
    """Absent, empty, 0, 101 or a word: keeping the old count, a default or a refusal are all right. No NOTIFY is not,
    as FS-016, nor is a count outside 1 to 100.
    """
    for wish, document, final in forwards(trace):
        if document.type is not ForwardType.NO_ANSWER or document.rings is not None:
            continue
        told = answer_to(trace, wish)
        raw = document.facts.texts.get("ringCount", "none") if document.facts else "none"
        if told is None:
            yield told_in_time(trace, wish, final)
        else:
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
        others = asked_by_user(trace, wish)
        told = None if rivals(wish, others) else confirmation(wish, others)
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
