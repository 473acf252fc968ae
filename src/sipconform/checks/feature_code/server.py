"""What a server does with a code: the right thing, once, in every form it may be dialled (feature sync sheet §4)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sipconform.checks.catalogue import INFO, MUST, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import SLACK, seconds, watched
from sipconform.checks.feature_code.books import alone_until, changes, is_barred, is_settled, stored
from sipconform.checks.feature_code.course import Book, Dialled, book, dialled, told_to_answer
from sipconform.features.feature_code import Action
from sipconform.trace.trace import Trace, WireMessage

UNKNOWN = (404, 416, 484, 485, 604)
FORMS = {"tel:": "tel", ";user=dialstring": "dialstring", ";user=phone": "phone"}
PATIENCE = 10.0  # seconds after which a phone that hangs up may have waited for the server to do it
LONGEST = 30.0  # … and after which the server is sure not to do it: no phone need listen longer (FC-008)
ASKS = (Action.PROMPT, Action.QUERY)  # codes that begin a conversation


def _answered(trace: Trace) -> Iterator[tuple[Book, Dialled, WireMessage]]:
    """Calls to codes of the table, with their final answers, where the server was left to answer as it does."""
    known = book(trace)
    for call in dialled(trace) if known else ():
        free = not is_barred(trace, call) and told_to_answer(trace, call.began_ns) == "prompt"
        if known and call.match is not None and call.final is not None and free:
            yield known, call, call.final


def _escaped(request: WireMessage) -> bool:
    return "%" in request.request_uri


@check(
    "FC-020", level=MUST, on=SERVER, clause="feature sync sheet §4.1; 3GPP TS 24.238 Annex A",
    asks="a code of the system is taken, does what it means, and the server ends the call",
)  # fmt: skip
def code_is_carried_out(trace: Trace) -> Iterator[Finding]:
    """Taken with 200, or with 183 and then any final. Busy or declined is a server's right. That it took effect is
    asked where the server's books are open. How long a prompt lasts is the server's affair: that it says BYE is
    asked when nobody has in 30 s, and noted when the phone has hung up after 10; not of codes that ask for a number or
    are asked themselves.
    """
    for _, call, final in _answered(trace):
        if not _escaped(call.request):
            seen = f"{final.status} {final.reason}"
            expected, ok = "200 to a code of the system", _is_taken(call, final)
            yield finding(final, ok, expected=expected, observed=seen, also=[call.request])
        if call.accepted is not None:
            yield from _took_effect(trace, call, final)
            if call.match is not None and call.match.action not in ASKS:
                yield from _ended(trace, call, final)


def _is_taken(call: Dialled, final: WireMessage) -> bool:
    announced = any(r.status == 183 for r in call.last.provisional)
    return final.status not in UNKNOWN or announced


def _took_effect(trace: Trace, call: Dialled, final: WireMessage) -> Iterator[Finding]:
    match, until = call.match, alone_until(trace, call, final)
    if match is None or until is None or call.wanted is None or call.user not in (call.sender, ""):
        return
    found = stored(trace, call.sender, match.feature, until)
    if found not in (..., None):
        expected, seen = f"{match.feature} {call.wanted!r}", f"{match.feature} {found!r}"
        sure = bool(call.user) and is_settled(trace, final, until)
        verdict, ok = Verdict.FAIL if sure else Verdict.INCONCLUSIVE, found == call.wanted
        yield finding(final, ok, expected=expected, observed=seen, also=[call.request], verdict=verdict)


def _ended(trace: Trace, call: Dialled, final: WireMessage) -> Iterator[Finding]:
    byes = [t.request for t in final.dialog.transactions if t.method == "BYE" and t.request] if final.dialog else []
    first = min(byes, key=lambda bye: bye.number, default=None)
    limit, expected = LONGEST + SLACK, "BYE from the server"
    if first is not None:
        after = seconds(first, final)
        ok = trace.party(first.source) != trace.party(call.last.client) or after < PATIENCE
        level, seen = MUST if after > limit else INFO, f"the phone had to, after {after:.0f} s"
        yield finding(final, ok, expected=expected, observed=seen, also=[first], level=level)
    elif watched(trace, final) > limit:
        seen = f"none in {watched(trace, final):.0f} s"
        yield finding(final, False, expected=expected, observed=seen, also=[call.request])


@check(
    "FC-021", level=MUST, on=SERVER, clause="RFC 3261 §19.1.2, §19.1.4",
    asks="%23 is the same as #, %2A the same as *, whatever the case of the digits",
)  # fmt: skip
def escapes_are_undone(trace: Trace) -> Iterator[Finding]:
    """Before a code is looked up its escapes are undone."""
    for _, call, final in _answered(trace):
        if _escaped(call.request):
            seen, expected = f"{final.status} to {call.request.request_uri}", f"what {call.string} means"
            ok = _is_taken(call, final)
            yield finding(final, ok, expected=expected, observed=seen, also=[call.request])


@check(
    "FC-022", level=MUST, on=SERVER, clause="feature sync sheet §7.4",
    asks="of several codes the one that fits whole is meant",
)  # fmt: skip
def longest_code_is_meant(trace: Trace) -> Iterator[Finding]:
    """`*72` is one thing and `*72` with a number another, and so are `*07` and `*071`. Asked where the server's books
    are open: no other feature than the code's may change, and none at all by a code that only asks.
    """
    for known, call, final in _answered(trace):
        match, until = call.match, alone_until(trace, call, final)
        if match is None or until is None or not _ambiguous(known, call.string) or call.user != call.sender:
            continue
        made = changes(trace, call.user, call.began_ns, until)
        silent = match.action in ASKS
        wrong = [key for key in made if match.feature != "any" and (key != match.feature or silent)]
        seen = ", ".join(f"{key} {made[key][-1]!r}" for key in wrong)
        expected = f"{match.feature} {match.action}"
        yield finding(final, not wrong, expected=expected, observed=seen, also=[call.request])


def _ambiguous(known: Book, string: str) -> bool:
    """Whether a string is one code and the beginning of another, or the other way round."""
    codes = known.table.codes
    return sum(bool(c.begun.fullmatch(string)) or string.startswith(c.pattern) for c in codes) > 1


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
        until = alone_until(trace, call, final) if final is not None and call.match is not None else None
        if final is None or call.match is None or until is None:
            continue
        values = changes(trace, call.user or call.sender, call.began_ns, until).get(call.match.feature, [])
        expected, seen = "one change at most", " then ".join(map(repr, values))
        taken_back = final.status == 487 and len(values) == 2
        verdict = Verdict.INCONCLUSIVE if taken_back else Verdict.FAIL
        ok = len(values) <= 1
        yield finding(final, ok, expected=expected, observed=seen, also=[call.request], verdict=verdict)


@check(
    "FC-028", level=SHOULD, on=SERVER, clause="3GPP TS 24.238 §4; RFC 4967; RFC 3966",
    asks="an IMS takes codes as dial string, as telephone number with context, and as tel URI",
)  # fmt: skip
def every_form_is_taken(trace: Trace) -> Iterator[Finding]:
    """Asked only of systems that are said to take the form."""
    for known, call, final in _answered(trace):
        text = call.request.request_uri.lower()
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
    for (_, first, _), (_, second, final) in pairwise(_answered(trace)):
        same = first.string == second.string and first.user == second.user == second.sender
        until = alone_until(trace, second, final)
        both = first.accepted is not None and second.accepted is not None
        if not same or not both or until is None or second.wanted is None or second.match is None:
            continue
        found = stored(trace, second.user, second.match.feature, until)
        if found not in (..., None) and is_settled(trace, final, until):
            expected, seen = f"{second.match.feature} {second.wanted!r}", f"{found!r} after the second"
            also = [first.request, second.request]
            yield finding(final, found == second.wanted, expected=expected, observed=seen, also=also)
