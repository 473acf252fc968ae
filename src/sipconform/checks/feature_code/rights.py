"""What a server must not do with a code: one it does not have, for somebody else, or for who may not."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, SERVER, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.feature_code.books import KEYS, alone_until, changes, is_barred, spelled, stored
from sipconform.checks.feature_code.course import SHAPED, book, by_hand, dialled
from sipconform.trace.trace import Trace


@check(
    "FC-023", level=MUST, on=SERVER, clause="RFC 3261 §21.4.5, §21.4.20",
    asks="a code the system does not have is refused and changes nothing",
)  # fmt: skip
def unknown_code_is_refused(trace: Trace) -> Iterator[Finding]:
    """404 or 484, or any other refusal. A 200 with a prompt that says so is bad manners and no more; a change is not
    to be forgiven. A profile lists the codes of some features, and a system has many more: asked of codes that were
    dialled by hand for their being unknown. A change by any other is inconclusive, and codes that are said to mean
    something else there are left alone.
    """
    known, chosen = book(trace), {code for _, _, code in by_hand(trace)}
    for call in dialled(trace) if known and known.table.codes else ():
        final = call.final
        if known is None or call.match is not None or final is None or known.means_something_else(call.string):
            continue
        if not SHAPED.fullmatch(call.string):
            continue
        if call.string in chosen:
            ok, seen = final.status >= 300, f"{final.status} {final.reason}"
            yield finding(final, ok, expected="404 or 484", observed=seen, also=[call.request], level=SHOULD)
        until = alone_until(trace, call, final)
        if until is not None:
            made, also = changes(trace, call.user or call.sender, call.began_ns, until), [call.request]
            verdict = Verdict.FAIL if call.string in chosen else Verdict.INCONCLUSIVE
            yield finding(final, not made, expected="no change", observed=spelled(made), also=also, verdict=verdict)


@check(
    "FC-024", level=MUST, on=SERVER, clause="RFC 3261 §22.1; feature sync sheet §7.4",
    asks="a code acts for whoever proved himself, not for whom From names",
)  # fmt: skip
def code_acts_for_who_proved_himself(trace: Trace) -> Iterator[Finding]:
    """Else anybody with a password forwards anybody's calls. Asked where the server's books are open. Whose name
    it is that was proved may be unknown: then it is inconclusive.
    """
    known = book(trace)
    for call in dialled(trace) if known else ():
        final = call.final
        if final is None or call.match is None or call.user == call.sender or not call.sender:
            continue
        until = alone_until(trace, call, final)
        if until is not None and any(stored(trace, call.sender, key, until) is not ... for key in KEYS):
            made = changes(trace, call.sender, call.began_ns, until)
            seen = f"{call.sender}: {spelled(made)}"
            expected = f"no change for {call.sender}: {call.user or 'another name'} proved himself"
            verdict, also = Verdict.FAIL if call.user else Verdict.INCONCLUSIVE, [call.request]
            yield finding(final, not made, expected=expected, observed=seen, also=also, verdict=verdict)


@check(
    "FC-027", level=MUST, on=SERVER, clause="feature sync sheet §7.4",
    asks="what a user may not is refused and not done",
)  # fmt: skip
def barred_is_refused(trace: Trace) -> Iterator[Finding]:
    """Asked where the lab noted that the user was barred."""
    known = book(trace)
    for call in dialled(trace) if known else ():
        final = call.final
        if final is None or call.match is None or not is_barred(trace, call):
            continue
        seen = f"{final.status} {final.reason}"
        yield finding(final, final.status >= 300, expected="a refusal", observed=seen, also=[call.request])
        until = alone_until(trace, call, final)
        made = changes(trace, call.user or call.sender, call.began_ns, until) if until is not None else {}
        yield finding(final, not made, expected="no change", observed=spelled(made), also=[call.request])
