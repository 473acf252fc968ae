"""What a live peer may leave out although the recorded one sent it: a report that says what the one before it said,
and a request of a call that is up which only a proxy passes on."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from sipconform.replay.script import Step
from sipconform.sip.fault import Fault
from sipconform.sip.message import Message
from sipconform.trace.trace import Transaction

PASSED_ON = frozenset({"INVITE", "UPDATE"})
"""Inside a dialog: a back-to-back user agent may answer these itself. It ends a call on both sides all the same."""


def may_be_left_out(steps: Sequence[Step]) -> dict[Transaction, Transaction | None]:
    """The recorded transactions of the live peer's that need not come: None beside one that repeats a report, beside
    one that was passed on the transaction of ours of which it is a copy."""
    told: dict[tuple[object, str], Hashable] = {}
    asked: dict[Hashable, Transaction] = {}
    found: dict[Transaction, Transaction | None] = {}
    for step in steps:
        message = step.message
        if not message.is_request:
            continue
        if step.ours:
            asked[_copy_of(message)] = step.transaction
        elif message.method == "NOTIFY":
            dialog = step.us, message.call_id
            if told.get(dialog) == report(message):
                found[step.transaction] = None
            told[dialog] = report(message)
        elif _is_inside(message) and _copy_of(message) in asked:
            found[step.transaction] = asked[_copy_of(message)]
    return found


def _is_inside(request: Message) -> bool:
    """Whether it changes a call that is up; one that replaces it is asked for outside of its dialog (RFC 3891)."""
    return request.method in PASSED_ON and (bool(request.to_tag) or request.has("Replaces"))


def report(notify: Message) -> Hashable:
    """What a NOTIFY reports, without the time that is left."""
    state = notify.subscription_state
    word = notify.text("Subscription-State") if state is None or isinstance(state, Fault) else state.state
    return word, tuple(notify.values("Call-Info")), notify.body


def _copy_of(request: Message) -> Hashable:
    """What a request and its copy behind a proxy have in common."""
    return request.method, request.call_id, request.cseq_number, request.from_tag
