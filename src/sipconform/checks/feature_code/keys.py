"""From the key to the call: each press is dialled, once, as the code that means it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, pairwise
from typing import NamedTuple

from sipconform.checks.catalogue import MUST, PHONE, SHOULD, Finding, Verdict, check, finding
from sipconform.checks.evidence import once_per_trace, seconds
from sipconform.checks.feature_code.course import Book, Dialled, Press, book, by_hand, dialled, presses, was_shown
from sipconform.features.feature_code import Action, Feature, dialled_string
from sipconform.sip.uri import SipUri
from sipconform.trace.trace import Trace, WireMessage

SOON = 5.0  # seconds within which something dialled is taken for what a press led to
MISSED = 10.0  # seconds after which a press that led to nothing has been forgotten


class Pressed(NamedTuple):
    """A press, the calls that meant it, and what else its phone dialled at that time."""

    press: Press
    calls: list[Dialled]
    strays: list[WireMessage]


@once_per_trace
def pressed(trace: Trace) -> tuple[Pressed, ...]:
    """Every press with what came of it, where it is known which codes are in force. A call belongs to the first press
    before it that it means and that has not had its way yet, or to the last press of all; one that means no such press
    is a stray of the last. What somebody dialled by hand is no press's."""
    known = book(trace)
    result = tuple(Pressed(press, [], []) for press in (presses(trace, known) if known else ()))
    hands = _Hands(by_hand(trace))
    calls = {call.request.call_id: call for call in dialled(trace)}
    for request in trace.requests("INVITE"):
        if request.to_tag:
            continue
        place, now = str(trace.party(request.source)), request.packet.time_ns
        mine = [p for p in result if p.press.address == place and p.press.time_ns <= now]
        call = calls.get(request.call_id)
        if call is not None and any(c.request.call_id == call.request.call_id for p in mine for c in p.calls):
            continue  # the same call, with credentials
        meant = [p for p in mine if call is not None and _means(call, p.press)]
        waiting = [p for p in meant if not any(c.accepted for c in p.calls)] or [p for p in mine[-1:] if p in meant]
        if call is not None and mine and hands.dialled(call, (waiting or mine)[0].press):
            continue
        if waiting and call is not None:
            waiting[0].calls.append(call)
        elif mine and not hands.busy(mine[-1].press, now) and _is_odd(request, call, mine[-1].press):
            mine[-1].strays.append(request)
    return result


def _means(call: Dialled, press: Press) -> bool:
    """Whether a code is a way to say what a press wished for: its own, a toggle, or the one that ends every forward."""
    match = call.match
    on = press.value is True or (isinstance(press.value, str) and press.value != "")
    if match is None:
        return False
    if match.feature == press.feature:
        return match.action in (Action.ON if on else Action.OFF, Action.TOGGLE)
    return match.feature is Feature.ANY and match.action is Action.OFF and not on and press.feature != "dnd"


class _Hands:
    """What was dialled by hand, each taken for one call."""

    def __init__(self, dialled: Sequence[tuple[int, str, str]]) -> None:
        self._dialled = dialled
        self._calls: dict[int, str] = {}  # which of them -> the Call-ID it led to

    def dialled(self, call: Dialled, press: Press) -> bool:
        """Whether a call was made by hand, after a press that it could mean."""
        if call.request.call_id in self._calls.values():
            return True
        for number, (when, who, code) in enumerate(self._dialled):
            mine = who == press.who and code == call.string and press.time_ns <= when <= call.began_ns
            if mine and number not in self._calls:
                self._calls[number] = call.request.call_id
                return True
        return False

    def busy(self, press: Press, now: int) -> bool:
        """Whether anything was dialled by hand between a press and a moment."""
        return any(who == press.who and press.time_ns <= when <= now for when, who, _ in self._dialled)


def _is_odd(request: WireMessage, call: Dialled | None, press: Press) -> bool:
    """Whether a call that means no press may have come of one all the same: to a code, to one with something before
    or behind it, or to nobody at all."""
    return call is not None or is_to_nobody(request) or _holds(dialled_string(request.request_uri) or "", press)


def _holds(string: str, press: Press) -> bool:
    core = press.code.strip("#")
    return bool(core) and core in string


def is_to_nobody(request: WireMessage) -> bool:
    """Whether a call has no user to call."""
    return isinstance(request.uri, SipUri) and not request.uri.user


def _soon(of: Pressed, request: WireMessage) -> bool:
    return request.packet.time_ns - of.press.time_ns <= SOON * 1e9


@check(
    "FC-001", level=MUST, on=PHONE, clause="feature sync sheet §4.1; RFC 3261 §8.1",
    asks="a key press is one call to its code",
)  # fmt: skip
def press_is_one_call(trace: Trace) -> Iterator[Finding]:
    """None at all, and the feature cannot be switched; a second one after the first was accepted may undo it where
    the code is a toggle. Some makes push one key to all accounts of a phone: one call for each. Further tries after a
    refusal are FC-012's affair, another code than the right one is FC-002's, a press that has no code FC-006's.
    Whether a press of what is shown already must be dialled nobody says.
    """
    for of in pressed(trace):
        if not of.press.code:
            continue
        for calls in by_account(of):
            accepted = next((call for call in calls if call.accepted is not None), None)
            again = [c for c in calls if accepted is not None and c.began_ns > accepted.began_ns]
            of_, seen, expected = (again or calls)[0].request, f"{len(calls)} calls", f"one call to {of.press.code}"
            yield finding(of_, not again, expected=expected, observed=seen)
        if not of.calls and not of.strays:
            yield from _nothing(trace, of)


def by_account(of: Pressed) -> list[list[Dialled]]:
    """The calls of a press, those of each account by themselves."""
    found: dict[str, list[Dialled]] = {}
    for call in of.calls:
        found.setdefault(call.sender, []).append(call)
    return list(found.values())


def _nothing(trace: Trace, of: Pressed) -> Iterator[Finding]:
    watched = (trace.end_ns - of.press.time_ns) / 1e9
    alive = [m for m in trace.messages if str(trace.party(m.source)) == of.press.address]
    idle = was_shown(trace, of.press.who, of.press.feature, of.press.value, of.press.time_ns)
    if alive:
        verdict = Verdict.FAIL if watched > MISSED and not idle else Verdict.INCONCLUSIVE
        seen = f"nothing was dialled in {watched:.0f} s"
        yield finding(alive[-1], False, expected=f"a call to {of.press.code}", observed=seen, verdict=verdict)


@check(
    "FC-002", level=MUST, on=PHONE, clause="feature sync sheet §4.2",
    asks="each key dials its own code and no other's",
)  # fmt: skip
def key_dials_its_own_code(trace: Trace) -> Iterator[Finding]:
    """Tables get mixed up: a forward on busy that dials the code of another forward, a do not disturb that forwards.
    The system's toggle of a feature is a code of its own too, and so is the one that ends every forward.
    """
    calls = {call.request.number: call for call in dialled(trace)}
    for of in pressed(trace):
        for call in of.calls:
            yield finding(call.request, True)
        for request in of.strays if not of.calls else ():
            stray = calls.get(request.number)
            if stray is not None and stray.match is not None and _soon(of, request):
                seen = f"{stray.string} ({stray.match.feature} {stray.match.action})"
                yield finding(request, False, expected=of.press.code or "no call", observed=seen, at="To")


@check(
    "FC-004", level=MUST, on=PHONE, clause="feature sync sheet §4.1",
    asks="the number stands in the code as entered, separators taken out",
)  # fmt: skip
def number_is_as_entered(trace: Trace) -> Iterator[Finding]:
    """Blanks and dashes people write are no digits; anything else left out or put in calls somebody else."""
    for of in pressed(trace):
        for call in of.calls:
            match = call.match
            if of.press.value and isinstance(of.press.value, str) and match is not None and match.action is Action.ON:
                ok, seen = match.number == of.press.value, match.number
                yield finding(call.request, ok, expected=of.press.value, observed=seen, at="To")


@check(
    "FC-005", level=MUST, on=PHONE, clause="feature sync sheet §4.2; 3GPP TS 22.030 §6.5",
    asks="a code with a suffix is dialled to its end",
)  # fmt: skip
def code_is_whole(trace: Trace) -> Iterator[Finding]:
    """`*57*2050` without its `#` waits for more digits for ever."""
    known = book(trace)
    for of in pressed(trace):
        if known and of.press.code.endswith("#"):
            yield from _spoiled(of, partial(_is_cut_short, known, of.press))


def _is_cut_short(known: Book, press: Press, string: str) -> bool:
    """Whether a string is the beginning of a press's code, and of no code whole."""
    return known.table.incomplete(string) and press.code.startswith(string)


def _spoiled(of: Pressed, wrong: Callable[[str], bool]) -> Iterator[Finding]:
    """What a press led to, and what was dialled for it that is `wrong`."""
    for call in of.calls:
        yield finding(call.request, True)
    for request in of.strays:
        string = dialled_string(request.request_uri) or ""
        if wrong(string):
            yield finding(request, False, expected=of.press.code, observed=string, at="To")


@check(
    "FC-006", level=MUST, on=PHONE, clause="feature sync sheet §7.4",
    asks="a feature without a code calls nobody",
)  # fmt: skip
def no_code_no_call(trace: Trace) -> Iterator[Finding]:
    """Real phones have called the empty user, or the bare domain."""
    for of in pressed(trace):
        wrong = [r for r in of.strays if _soon(of, r) and (is_to_nobody(r) or not of.press.code)]
        for request in wrong:
            expected, seen = of.press.code or "no call", request.request_uri
            yield finding(request, False, expected=expected, observed=seen)
        if not wrong and not of.press.code and (told := _lives(trace, of)) is not None:
            yield finding(told, True)


def _lives(trace: Trace, of: Pressed) -> WireMessage | None:
    return next((m for m in trace.messages if str(trace.party(m.source)) == of.press.address), None)


@check(
    "FC-012", level=SHOULD, on=PHONE, clause="feature sync sheet §4.1",
    asks="a code that was refused is tried again three times at most, with a pause",
)  # fmt: skip
def repeats_are_few(trace: Trace) -> Iterator[Finding]:
    """Counted per press and account: the first try and three more, each a second after the answer to the one before.
    To follow a redirection is no new try."""
    for calls in chain.from_iterable(map(by_account, pressed(trace))):
        tries = [c for c in calls if not _is_redirected(c)]
        for number, (before, call) in enumerate(pairwise(tries), 2):
            if before.final is None or before.accepted is not None:
                continue
            pause = seconds(call.request, before.final)
            seen = f"try {number}, {pause:.1f} s after {before.final.status}"
            ok = number <= 4 and pause >= 0.9
            yield finding(call.request, ok, expected="at most 4 tries, 1 s apart", observed=seen, also=[before.request])


def _is_redirected(call: Dialled) -> bool:
    return call.final is not None and 300 <= call.final.status < 400


@check(
    "FC-017", level=MUST, on=PHONE, clause="feature sync sheet §7.4",
    asks="the dial plan leaves codes alone",
)  # fmt: skip
def dial_plan_spares_codes(trace: Trace) -> Iterator[Finding]:
    """A prefix for an outside line, or a country code, makes another string of it."""
    known = book(trace)
    for of in pressed(trace):
        if known:
            yield from _spoiled(of, partial(_is_bent, known, of.press))


def _is_bent(known: Book, press: Press, string: str) -> bool:
    """Whether a string holds the code of a press and is another; one that is only not whole is FC-005's affair."""
    return _holds(string, press) and known.table.match(string) is None and not press.code.startswith(string)


@check(
    "FC-018", level=SHOULD, on=PHONE, clause="feature sync sheet §7.4",
    asks="presses in quick order are dialled in that order",
)  # fmt: skip
def presses_keep_their_order(trace: Trace) -> Iterator[Finding]:
    """The last press is the one that counts; dialled first, it is undone. Asked of presses within 5 s."""
    by_key: dict[tuple[str, str], list[Pressed]] = {}
    for of in pressed(trace):
        if of.calls:
            by_key.setdefault((of.press.who, of.press.feature), []).append(of)
    for before, later in chain.from_iterable(map(pairwise, by_key.values())):
        if later.press.time_ns - before.press.time_ns <= SOON * 1e9:
            ok = later.calls[0].request.number > before.calls[0].request.number
            seen = "the later press was dialled first"
            yield finding(later.calls[0].request, ok, expected=before.press.code, observed=seen)
