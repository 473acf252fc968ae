"""What the evidence says of codes: which are in force, who dialled one, who pressed what, who believed what."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sipconform.checks.evidence import is_relayed, once_per_trace
from sipconform.checks.feature_code.proven import proven
from sipconform.checks.names import caller
from sipconform.features.feature_code import FORWARDS, Action, Code, CodeTable, Feature, Match, dialled_string
from sipconform.trace.trace import Trace, Transaction, WireMessage

SHAPED = re.compile(r"[*#][0-9*#]+")
KINDS = {kind.value: feature.value for feature, kind in FORWARDS.items()}


class Book(NamedTuple):
    """The codes the lab says are in force. `mode`: how phones send their wishes."""

    table: CodeTable
    others: tuple[Code, ...]
    forms: tuple[str, ...]
    mode: str

    def means_something_else(self, dialled: str) -> bool:
        """Whether it is a code of another service of the system."""
        return any(code.whole.fullmatch(dialled) for code in self.others)


class Dialled(NamedTuple):
    """One call to a code: `attempts` are its INVITEs, more than one after a challenge. `user` proved himself, as far
    as can be seen ("": under a name nobody knows), `sender` is who From names."""

    attempts: tuple[Transaction, ...]
    request: WireMessage
    string: str
    match: Match | None
    user: str
    sender: str

    @property
    def last(self) -> Transaction:
        return self.attempts[-1]

    @property
    def final(self) -> WireMessage | None:
        """The answer, challenges left out."""
        final = self.last.final
        return None if final is None or final.status in (401, 407) else final

    @property
    def accepted(self) -> WireMessage | None:
        """The 2xx, None when there was none."""
        final = self.final
        return final if final is not None and final.status < 300 else None

    @property
    def began_ns(self) -> int:
        return self.request.packet.time_ns

    @property
    def wanted(self) -> bool | str | None:
        """The value its feature has after it: as beliefs tell it; None when it does not say."""
        match = self.match
        if match is None or match.action not in (Action.ON, Action.OFF) or match.feature is Feature.ANY:
            return None
        on = match.action is Action.ON
        if match.feature is Feature.DND:
            return on
        return (match.number or None) if on else ""


@once_per_trace
def book(trace: Trace) -> Book | None:
    """The codes in force; None where nobody said. Codes set by an administrator replace the profile's."""
    facts: Mapping[str, Any] = {}
    rows: object = None
    for seen in trace.observations:
        if seen.kind == "lab" and "codes" in seen.what:
            facts = seen.what
        elif seen.kind == "intent" and seen.who == "server" and seen.what.get("do") == "set_codes":
            rows = seen.what.get("rows")
    table = _table(rows if rows is not None else facts.get("codes"))
    if table is None:
        return None
    others = tuple(Code(Feature.ANY, Action.QUERY, str(text)) for text in facts.get("other_codes", ()))
    return Book(table, others, tuple(map(str, facts.get("code_forms", ()))), str(facts.get("mode", "")))


def _table(rows: object) -> CodeTable | None:
    try:
        return CodeTable.of((str(feature), str(action), str(code)) for feature, action, code in rows)  # type: ignore[attr-defined]
    except (TypeError, ValueError):  # a record from elsewhere may hold anything
        return None


@once_per_trace
def dialled(trace: Trace) -> tuple[Dialled, ...]:
    """Calls to codes, and to what looks like one, on the hop of whoever dialled, in order."""
    known = book(trace)
    attempted: dict[tuple[str, str], list[Transaction]] = {}
    for transaction in trace.transactions_of("INVITE"):
        request = transaction.request
        if request is not None and not request.to_tag and not is_relayed(request):
            attempted.setdefault((request.call_id, request.request_uri), []).append(transaction)
    found: list[Dialled] = []
    for attempts in attempted.values():
        request, last = attempts[0].request, attempts[-1].request
        string = dialled_string(request.request_uri) if request is not None else None
        if request is None or last is None or string is None:
            continue
        match = known.table.match(string) if known else None
        if match is not None or SHAPED.fullmatch(string):
            found.append(Dialled(tuple(attempts), request, string, match, proven(trace, last), caller(request)))
    return tuple(found)


# -- what was said beside the wire ------------------------------------------------------------------------------


class Press(NamedTuple):
    """Somebody at a phone wished for something; `code` is what that is to be dialled as, "" when no code says it."""

    who: str
    address: str
    time_ns: int
    feature: str
    value: bool | str
    code: str


def presses(trace: Trace, known: Book) -> list[Press]:
    """Wishes at phones that dial codes, in order."""
    modes: dict[str, str] = {}
    tables: dict[str, CodeTable] = {}
    places: Mapping[str, Any] = {}
    found: list[Press] = []
    for seen in trace.observations:
        what, who = seen.what, seen.who
        verb = what.get("do") if seen.kind == "intent" else None
        if seen.kind == "lab" and isinstance(what.get("actors"), dict):
            places = what["actors"]  # type: ignore[assignment]
        elif verb == "set_mode":
            modes[who] = str(what.get("mode"))
        elif verb == "set_codes" and (table := _table(what.get("rows"))) is not None:
            tables[who] = table
        elif who in places and modes.get(who, known.mode) == "feature-code":
            wish = _wish(verb, what, tables.get(who, known.table))
            found += [Press(who, str(places[who]), seen.time_ns, *wish)] if wish else []
    return found


def _wish(verb: object, what: Mapping[str, object], table: CodeTable) -> tuple[str, bool | str, str] | None:
    """The feature, the value wished for, and the code to be dialled."""
    if verb == "set_dnd" and "user" not in what:
        action = Action.ON if what.get("on") else Action.OFF
        return "dnd", bool(what.get("on")), table.compose(Feature.DND, action) or ""
    if verb == "forward" and "user" not in what and what.get("kind") in list(Feature):
        feature = Feature(str(what["kind"]))
        if not what.get("active"):
            return feature.value, "", table.compose(feature, Action.OFF) or ""
        code = table.compose(feature, Action.ON, str(what.get("to", ""))) or ""
        match = table.match(code) if code else None
        return feature.value, match.number if match else str(what.get("to", "")), code
    return None


def believed(trace: Trace, who: str, key: str, at_ns: int) -> object:
    """What a party last said of itself at a moment; `...` when it had not said."""
    said = _beliefs(trace).get((who, key), [])
    before = bisect_right(said, at_ns, key=_first)
    return said[before - 1][1] if before else ...


def ever_believed(trace: Trace, who: str, key: str, since_ns: int, until_ns: int) -> list[object]:
    """Everything a party said of itself in a span of time, what it had said before included."""
    said = _beliefs(trace).get((who, key), [])
    first, last = (bisect_right(said, at, key=_first) for at in (since_ns, until_ns))
    return [believed(trace, who, key, since_ns), *(value for _, value in said[first:last])]


def was_shown(trace: Trace, who: str, key: str, value: object, at_ns: int) -> bool:
    """Whether a display showed a value already when a key was pressed: just before, and not anything else since."""
    return all(seen == value for seen in ever_believed(trace, who, key, at_ns - 1, at_ns))


@once_per_trace
def _beliefs(trace: Trace) -> Mapping[tuple[str, str], list[tuple[int, object]]]:
    """What every party said of itself and when, in the order of time, by who and of what."""
    found: dict[tuple[str, str], list[tuple[int, object]]] = {}
    for seen in trace.observations:
        for key, value in seen.what.items() if seen.kind == "belief" else ():
            found.setdefault((seen.who, key), []).append((seen.time_ns, value))
    return {about: sorted(said, key=_first) for about, said in found.items()}


def _first(row: tuple[int, object]) -> int:
    return row[0]


def intents(trace: Trace, verb: str, who: str = "") -> Iterator[tuple[int, str, Mapping[str, object]]]:
    """When somebody was told to do something, who, and how."""
    return (intent for intent in _intents(trace).get(verb, ()) if who in ("", intent[1]))


@once_per_trace
def _intents(trace: Trace) -> Mapping[str, list[tuple[int, str, Mapping[str, object]]]]:
    found: dict[str, list[tuple[int, str, Mapping[str, object]]]] = {}
    for seen in trace.observations:
        if seen.kind == "intent":
            found.setdefault(str(seen.what.get("do")), []).append((seen.time_ns, seen.who, seen.what))
    return found


def by_hand(trace: Trace) -> Sequence[tuple[int, str, str]]:
    """When somebody dialled a string himself, at which phone, and what."""
    return [(when, who, str(what.get("code", ""))) for when, who, what in intents(trace, "dial_code")]


def told_to_answer(trace: Trace, at_ns: int) -> str:
    """The way of answering codes the server had been told to take at a moment, "prompt" by default."""
    shapes = [str(what.get("shape")) for when, _, what in intents(trace, "answer_codes") if when <= at_ns]
    return shapes[-1] if shapes else "prompt"
