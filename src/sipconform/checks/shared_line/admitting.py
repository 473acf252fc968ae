"""Who may have a slot of a line, and how he must name it."""

from __future__ import annotations

from collections.abc import Iterator

from sipconform.checks.catalogue import MUST, SERVER, SHOULD, Finding, check, finding
from sipconform.checks.shared_line.told import index_of, lines, seizures, user_of
from sipconform.features.appearance import LINE_SEIZE, Appearance, State, appearance_of
from sipconform.trace.trace import Trace


@check(
    "SCA-033", level=SHOULD, on=SERVER, clause="line-seize without a slot (sheet 3.5)",
    asks="a line-seize SUBSCRIBE that names no slot is refused",
)  # fmt: skip
def nameless_seizure_is_refused(trace: Trace) -> Iterator[Finding]:
    """400 is right and 480 passes, as any 4xx does. A server may not pick a slot for a phone that asked for none, for
    the phone would not know which lamp is its own.
    """
    yield from _refused(trace, missing=True)


@check(
    "SCA-101", level=MUST, on=SERVER, clause="call-info grammar (sheet 2.2)",
    asks="an index that is no number from 1 makes no slot",
)  # fmt: skip
def odd_index_makes_no_slot(trace: Trace) -> Iterator[Finding]:
    """0, negative numbers, words, nothing, and * in a request: refused with 4xx."""
    yield from _refused(trace, missing=False)


def _refused(trace: Trace, *, missing: bool) -> Iterator[Finding]:
    for line in lines(trace):
        for seizure in seizures(line):
            said = appearance_of(seizure.request.texts("Call-Info"))
            if isinstance(said, Appearance) or (said is None) is not missing:
                continue
            seen = f"{seizure.final.status} to Call-Info: {seizure.request.text('Call-Info') or 'none'}"
            ok = 400 <= seizure.final.status < 700
            yield finding(seizure.final, ok, expected="400", observed=seen, also=[seizure.request])


@check(
    "SCA-103", level=MUST, on=SERVER, clause="shared lines: who may (sheet 1.8)",
    asks="nobody who is not on a line can seize its slots or follow it",
)  # fmt: skip
def strangers_are_refused(trace: Trace) -> Iterator[Finding]:
    """A stranger is who asks for a place of the line while calling himself none of its places, by From. 403 and 404
    are the answers to expect; any refusal passes.
    """
    for line in lines(trace):
        users = set(line.policies.get("locations") or line.users)
        for transaction in trace.transactions:
            request, final = transaction.request, transaction.final
            if transaction.method != "SUBSCRIBE" or request is None or final is None or request.to_tag:
                continue
            event = request.event
            package = event.package if event and hasattr(event, "package") else ""
            sender = request.from_
            stranger = user_of(sender.uri_text) not in users if sender else False
            if package in (LINE_SEIZE, "call-info") and stranger and user_of(request.request_uri) in users:
                ok = final.status >= 300
                yield finding(final, ok, expected="403", observed=str(final.status), also=[request])


@check(
    "SCA-100", level=MUST, on=SERVER, clause="Call-Info says other things too (sheet 2.2)",
    asks="the slot is found among other values of Call-Info",
)  # fmt: skip
def slot_is_found_among_others(trace: Trace) -> Iterator[Finding]:
    """A line-seize whose Call-Info has values that name no slot, or parameters nobody knows, beside one that does.
    The slot must have been told idle before, or the refusal may mean something else.
    """
    for line in lines(trace):
        for seizure in seizures(line):
            text = ", ".join(seizure.request.texts("Call-Info"))
            plain = text.count(";") == 1 and "," not in text and "appearance-index=" in text
            idle = seizure.slot is not None and line.last_told(seizure.slot, seizure.request) == State.IDLE
            if not plain and idle and index_of(seizure.request) is not None:
                ok = seizure.final.status not in range(400, 480)
                seen = f"{seizure.final.status} to Call-Info: {text}"
                yield finding(seizure.final, ok, expected="200", observed=seen, also=[seizure.request])
