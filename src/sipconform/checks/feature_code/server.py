"""What a server does with a code: the right thing, once, for the right user (feature sync sheet §4)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sipconform.checks.catalogue import MUST, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import seconds
from sipconform.checks.feature_code.course import (
    SETTLED,
    SHAPED,
    Book,
    Dialled,
    believed,
    book,
    dialled,
    intents,
    told_to_answer,
)
from sipconform.features.feature_code import Action
from sipconform.trace.trace import Trace, WireMessage

KEYS = ("dnd", "cfu", "cfb", "cfna")
UNKNOWN = (404, 416, 484, 485, 604)
FORMS = {"tel:": "tel", ";user=dialstring": "dialstring", ";user=phone": "phone"}
PATIENCE = 10.0  # seconds after which a phone that hangs up has waited for the server to do it


def _known(trace: Trace) -> Iterator[tuple[Book, Dialled, WireMessage]]:
    """Calls to codes of the table, with their final answers, where the server was left to answer as it does."""
    known = book(trace)
    for call in dialled(trace) if known else ():
        free = not _barred(trace, call) and told_to_answer(trace, call.began_ns) == "prompt"
        if known and call.match is not None and call.final is not None and free:
            yield known, call, call.final


def _barred(trace: Trace, call: Dialled) -> bool:
    barred = intents(trace, "refuse_changes")
    return any(when <= call.began_ns and what.get("user") == call.user for when, _, what in barred)


def _escaped(request: WireMessage) -> bool:
    return "%" in request.request_uri


def _stored(trace: Trace, user: str, key: str, at_ns: int) -> object:
    """What the server's books say of a user's feature at a moment, `...` where nobody can tell."""
    return believed(trace, "server", f"{user}.{key}", at_ns)


def _changes(trace: Trace, user: str, since_ns: int, until_ns: int) -> dict[str, list[object]]:
    """What the server's books said of a user in a span of time, by feature."""
    found: dict[str, list[object]] = {}
    for seen in trace.observations:
        if seen.kind == "belief" and seen.who == "server" and since_ns <= seen.time_ns <= until_ns:
            for key in KEYS:
                if f"{user}.{key}" in seen.what:
                    found.setdefault(key, []).append(seen.what[f"{user}.{key}"])
    return found


def _until(trace: Trace, call: Dialled, final: WireMessage) -> int | None:
    """The moment until which a change can come of this call alone: half a second after its answer, or when something
    else began that changes features. None when something else was under way beside it."""
    answered = final.packet.time_ns
    portal = [when for verb in ("set_dnd", "forward") for when, _, _ in intents(trace, verb, "server")]
    wished = [r.packet.time_ns for method in ("SUBSCRIBE", "INFO") for r in trace.requests(method) if r.body]
    calls = [c for c in dialled(trace) if c.request.call_id != call.request.call_id]
    if any(call.began_ns <= when <= answered for when in (*portal, *wished)):
        return None
    if any(c.began_ns <= answered and (c.final or c.request).packet.time_ns >= call.began_ns for c in calls):
        return None
    later = [when - 1 for when in (*portal, *wished, *(c.began_ns for c in calls)) if when > answered]
    return min([answered + SETTLED, *later])


@check(
    "FC-020", level=MUST, on=SERVER, clause="feature sync sheet §4.1; 3GPP TS 24.238 Annex A",
    asks="a code of the system is taken, does what it means, and the server ends the call",
)  # fmt: skip
def code_is_carried_out(trace: Trace) -> Iterator[Finding]:
    """Taken with 200, or with 183 and then any final. Busy or declined is a server's right. That it took effect is
    asked where the server's books are open; that it says BYE, when the phone has waited 10 s in vain.
    """
    for _, call, final in _known(trace):
        if not _escaped(call.request):
            announced = any(r.status == 183 for r in call.last.provisional)
            ok = final.status not in UNKNOWN or announced
            seen = f"{final.status} {final.reason}"
            yield finding(final, ok, expected="200 to a code of the system", observed=seen, also=[call.request])
        if call.accepted is not None:
            yield from _took_effect(trace, call, final)
            yield from _ended(trace, call, final)


def _took_effect(trace: Trace, call: Dialled, final: WireMessage) -> Iterator[Finding]:
    match, settled = call.match, _until(trace, call, final)
    if match is None or settled is None or call.wanted is None or call.user != call.sender:
        return
    stored = _stored(trace, call.user, match.feature, settled)
    if stored not in (..., None):
        expected, seen = f"{match.feature} {call.wanted!r}", f"{match.feature} {stored!r}"
        yield finding(final, stored == call.wanted, expected=expected, observed=seen, also=[call.request])


def _ended(trace: Trace, call: Dialled, final: WireMessage) -> Iterator[Finding]:
    byes = [t.request for t in final.dialog.transactions if t.method == "BYE" and t.request] if final.dialog else []
    if byes:
        first = min(byes, key=lambda bye: bye.number)
        theirs = trace.party(first.source) != trace.party(call.last.client)
        ok = theirs or seconds(first, final) < PATIENCE
        seen = f"the phone had to, after {seconds(first, final):.0f} s"
        yield finding(final, ok, expected="BYE from the server", observed=seen, also=[first])


@check(
    "FC-021", level=MUST, on=SERVER, clause="RFC 3261 §19.1.2, §19.1.4",
    asks="%23 is the same as #, %2A the same as *, whatever the case of the digits",
)  # fmt: skip
def escapes_are_undone(trace: Trace) -> Iterator[Finding]:
    """Before a code is looked up its escapes are undone."""
    for _, call, final in _known(trace):
        if _escaped(call.request):
            ok = final.status not in UNKNOWN
            seen = f"{final.status} to {call.request.request_uri}"
            expected = f"what {call.string} means"
            yield finding(final, ok, expected=expected, observed=seen, also=[call.request])


@check(
    "FC-022", level=MUST, on=SERVER, clause="feature sync sheet §7.4",
    asks="of several codes the one that fits whole is meant",
)  # fmt: skip
def longest_code_is_meant(trace: Trace) -> Iterator[Finding]:
    """`*72` is one thing and `*72` with a number another, and so are `*07` and `*071`. Asked where the server's books
    are open: no other feature than the code's may change, and none at all by a code that only asks.
    """
    for known, call, final in _known(trace):
        match, until = call.match, _until(trace, call, final)
        if match is None or until is None or not _ambiguous(known, call.string) or call.user != call.sender:
            continue
        changes = _changes(trace, call.user, call.began_ns, until)
        silent = match.action in (Action.PROMPT, Action.QUERY)
        wrong = [key for key in changes if match.feature != "any" and (key != match.feature or silent)]
        seen = ", ".join(f"{key} {changes[key][-1]!r}" for key in wrong)
        expected = f"{match.feature} {match.action}"
        yield finding(final, not wrong, expected=expected, observed=seen, also=[call.request])


def _ambiguous(known: Book, string: str) -> bool:
    """Whether a string is one code and the beginning of another, or the other way round."""
    codes = known.table.codes
    return sum(bool(c.begun.fullmatch(string)) or string.startswith(c.pattern) for c in codes) > 1


@check(
    "FC-023", level=MUST, on=SERVER, clause="RFC 3261 §21.4.5, §21.4.20",
    asks="a code the system does not have is refused and changes nothing",
)  # fmt: skip
def unknown_code_is_refused(trace: Trace) -> Iterator[Finding]:
    """404 or 484, or any other refusal. A 200 with a prompt that says so is bad manners and no more; a change is not
    to be forgiven. Codes that mean something else there are left alone.
    """
    known = book(trace)
    for call in dialled(trace) if known and known.table.codes else ():
        final = call.final
        if known is None or call.match is not None or final is None or known.means_something_else(call.string):
            continue
        if not SHAPED.fullmatch(call.string):
            continue
        seen = f"{final.status} {final.reason}"
        ok = final.status >= 300
        yield finding(final, ok, expected="404 or 484", observed=seen, also=[call.request], level=SHOULD)
        until = _until(trace, call, final)
        if until is not None:
            changes = _changes(trace, call.user, call.began_ns, until)
            seen = ", ".join(f"{key} {values[-1]!r}" for key, values in changes.items())
            yield finding(final, not changes, expected="no change", observed=seen, also=[call.request])


@check(
    "FC-024", level=MUST, on=SERVER, clause="RFC 3261 §22.1; feature sync sheet §7.4",
    asks="a code acts for whoever proved himself, not for whom From names",
)  # fmt: skip
def code_acts_for_who_proved_himself(trace: Trace) -> Iterator[Finding]:
    """Else anybody with a password forwards anybody's calls. Asked where the server's books are open."""
    known = book(trace)
    for call in dialled(trace) if known else ():
        final = call.final
        if final is None or call.match is None or call.user == call.sender or not call.sender:
            continue
        until = _until(trace, call, final)
        if until is not None and any(_stored(trace, call.sender, key, until) is not ... for key in KEYS):
            changes = _changes(trace, call.sender, call.began_ns, until)
            seen = f"{call.sender}: " + ", ".join(f"{key} {values[-1]!r}" for key, values in changes.items())
            expected = f"no change for {call.sender}: {call.user} proved himself"
            yield finding(final, not changes, expected=expected, observed=seen, also=[call.request])


@check(
    "FC-025", level=SHOULD, on=SERVER, clause="RFC 3261 §17.2.1, §9.2",
    asks="a code is carried out once, however often its call is repeated, lost or given up",
)  # fmt: skip
def code_is_carried_out_once(trace: Trace) -> Iterator[Finding]:
    """A toggle carried out twice is no toggle. Asked where the server's books are open, however the call was answered.
    A server that takes back what it did for a caller who gave up has a defined state too, but a toggle done twice
    looks the same: that is left open.
    """
    known = book(trace)
    for call in dialled(trace) if known else ():
        final = call.final
        until = _until(trace, call, final) if final is not None and call.match is not None else None
        if final is None or call.match is None or until is None:
            continue
        values = _changes(trace, call.user, call.began_ns, until).get(call.match.feature, [])
        expected, seen = "one change at most", " then ".join(map(repr, values))
        taken_back = final.status == 487 and len(values) == 2
        verdict = Verdict.INCONCLUSIVE if taken_back else Verdict.FAIL
        ok = len(values) <= 1
        yield finding(final, ok, expected=expected, observed=seen, also=[call.request], verdict=verdict)


@check(
    "FC-027", level=MUST, on=SERVER, clause="feature sync sheet §7.4",
    asks="what a user may not is refused and not done",
)  # fmt: skip
def barred_is_refused(trace: Trace) -> Iterator[Finding]:
    """Asked where the lab noted that the user was barred."""
    known = book(trace)
    for call in dialled(trace) if known else ():
        final = call.final
        if final is None or call.match is None or not _barred(trace, call):
            continue
        seen = f"{final.status} {final.reason}"
        yield finding(final, final.status >= 300, expected="a refusal", observed=seen, also=[call.request])
        until = _until(trace, call, final)
        changes = _changes(trace, call.user, call.began_ns, until) if until is not None else {}
        seen = ", ".join(f"{key} {values[-1]!r}" for key, values in changes.items())
        yield finding(final, not changes, expected="no change", observed=seen, also=[call.request])


@check(
    "FC-028", level=SHOULD, on=SERVER, clause="3GPP TS 24.238 §4; RFC 4967; RFC 3966",
    asks="an IMS takes codes as dial string, as telephone number with context, and as tel URI",
)  # fmt: skip
def every_form_is_taken(trace: Trace) -> Iterator[Finding]:
    """Asked only of systems that are said to take the form."""
    for known, call, final in _known(trace):
        text = call.request.request_uri
        form = next((form for mark, form in FORMS.items() if mark in text), "")
        if form and form in known.forms:
            ok, seen = final.status not in (*UNKNOWN, 400), f"{final.status} {final.reason}"
            yield finding(final, ok, expected=f"the {form} form taken", observed=seen, also=[call.request])


@check(
    "FC-029", level=SHOULD, on=SERVER, clause="feature sync sheet §7.4",
    asks="the same code dialled twice leaves what the first one did",
)  # fmt: skip
def same_code_twice_is_once(trace: Trace) -> Iterator[Finding]:
    """Unless it is a toggle, which is said to be one. Asked where the server's books are open."""
    for (_, first, _), (_, second, final) in pairwise(_known(trace)):
        same = first.string == second.string and first.user == second.user == second.sender
        settled = _until(trace, second, final)
        both = first.accepted is not None and second.accepted is not None
        if not same or not both or settled is None or second.wanted is None or second.match is None:
            continue
        stored = _stored(trace, second.user, second.match.feature, settled)
        if stored not in (..., None):
            expected, seen = f"{second.match.feature} {second.wanted!r}", f"{stored!r} after the second"
            also = [first.request, second.request]
            yield finding(final, stored == second.wanted, expected=expected, observed=seen, also=also)
