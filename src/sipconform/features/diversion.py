"""Who forwarded a call, and why: read from and written to History-Info (RFC 7044) and Diversion (RFC 5806)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sipconform.features.feature_state import ForwardType
from sipconform.sip.fault import Fault
from sipconform.sip.grammar import quote
from sipconform.sip.headers.diversion import Diversion
from sipconform.sip.headers.history_info import HistoryEntry
from sipconform.sip.headers.name_addr import NameAddr
from sipconform.sip.message import Message

UNKNOWN = "unknown"

# Diversion's words and the causes of RFC 4458, as RFC 7544 maps them. Of several causes the first is written.
CAUSES: Mapping[str, tuple[int, ...]] = {
    "unconditional": (302,),
    "user-busy": (486,),
    "no-answer": (408,),
    "deflection": (480, 487),
    "unavailable": (503,),
    UNKNOWN: (404,),
}
REASONS: Mapping[int, str] = {cause: reason for reason, causes in CAUSES.items() for cause in causes}

FORWARD_REASONS: Mapping[ForwardType, str] = {
    ForwardType.IMMEDIATE: "unconditional",
    ForwardType.BUSY: "user-busy",
    ForwardType.NO_ANSWER: "no-answer",
}


@dataclass(frozen=True, slots=True)
class ForwardedBy:
    """The party that forwarded a call last. `reason` is Diversion's word for why, "unknown" when not said."""

    party: NameAddr
    reason: str
    source: Literal["History-Info", "Diversion"]
    private: bool = False  # its identity is not to be shown


def forwarded_by(message: Message) -> ForwardedBy | None:
    """The party a request says it was forwarded by; History-Info counts before Diversion (RFC 7544)."""
    history = [entry for entry in message.history_info if not isinstance(entry, Fault)]
    diversions = [entry for entry in message.diversion if not isinstance(entry, Fault)]
    return by_history(history) or by_diversion(diversions)


def by_diversion(entries: Sequence[Diversion]) -> ForwardedBy | None:
    """The topmost entry is the latest (RFC 5806)."""
    if not entries:
        return None
    latest = entries[0]
    private = latest.privacy not in ("", "off")
    return ForwardedBy(latest.address, latest.reason or UNKNOWN, "Diversion", private)


def by_history(entries: Sequence[HistoryEntry]) -> ForwardedBy | None:
    """The entry the last mapped target came from; None when the request only travelled and was not forwarded.

    A mapped target names its origin in `mp` (RFC 7044 §9.1). Older senders (RFC 4244) give only a cause at the
    new target, whose origin is its parent in the tree, or a Reason at the target that was left.
    """
    known = {entry.index: entry for entry in entries}
    for entry in reversed(entries):
        origin = entry.address.params.get("mp")
        cause = entry.cause
        if origin is None and isinstance(cause, int):
            origin = entry.index.rpartition(".")[0]
        if origin in known:
            return _forwarder(known[origin], cause)
    left = [entry for entry in entries[:-1] if _left_because(entry) in REASONS]
    return _forwarder(left[-1], _left_because(left[-1])) if left else None


def _left_because(entry: HistoryEntry) -> int | Fault | None:
    reasons = [reason for reason in entry.reasons if not isinstance(reason, Fault)]
    return reasons[0].cause if reasons else None


def _forwarder(origin: HistoryEntry, cause: int | Fault | None) -> ForwardedBy:
    reason = REASONS.get(cause, UNKNOWN) if isinstance(cause, int) else UNKNOWN
    return ForwardedBy(origin.address, reason, "History-Info", "history" in origin.privacy.lower())


def write_diversion(uri: str, reason: str, display: str = "", counter: int = 1) -> str:
    """A Diversion value, to be put on top of those already there; line breaks in the name become blanks."""
    name = f"{quote(' '.join(display.split()))} " if display else ""
    return f"{name}<{uri}>;reason={reason};counter={counter};privacy=off;screen=no"


def write_history(origin: str, target: str, reason: str, before: Sequence[HistoryEntry] = ()) -> list[str]:
    """All History-Info values after a SIP URI was forwarded to another: those of `before` and the new entry.

    Without entries before, the tree begins with the origin. The new target gets the cause (RFC 4458) and `mp`.
    """
    entries = [str(entry) for entry in before] or [f"<{origin}>;index=1"]
    parent = before[-1].index if before else "1"
    cause = CAUSES.get(reason, CAUSES[UNKNOWN])[0]
    return [*entries, f"<{target};cause={cause}>;index={parent}.1;mp={parent}"]
