"""Why an exchange may be in one story only: the rule that ignores it, where there is one."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from sipconform.compare.rules import CROSSED_S, PACE, REFRESH_LATER_S, SELDOM_S
from sipconform.compare.story import Conversation, Exchange, Story
from sipconform.compare.timing import lifetime_of
from sipconform.trace.trace import WireMessage

REFRESHED = frozenset({"REGISTER", "SUBSCRIBE", "PUBLISH"})
State = Callable[[Exchange], Hashable]
"""What an exchange reports, whatever its numbers and identifiers."""


class Excuses:
    """Of two conversations laid side by side. `partners`: of an exchange the one beside it."""

    def __init__(self, run: Story, state: State, overtaken: set[Exchange], partners: dict[Exchange, Exchange]) -> None:
        self._run, self._state, self._overtaken, self._partners = run, state, overtaken, partners

    def why(self, lone: Exchange, other: Conversation) -> str | None:
        """The rule by which an exchange may be in one only; None where it counts."""
        before = lone.before
        if before is not None and self._state(before) == self._state(lone) and self._may_repeat(before, lone, other):
            return None if self._is_owed(lone, other) else "repeat"
        if lone in self._overtaken:
            return "overtaken"
        if _has_crossed(lone):
            return "crossed"
        if lone.final is not None and lone.final.status in (401, 407) and _is_stale(lone.final):
            return "stale"
        if not other.began_here and lone is lone.conversation.exchanges[0]:
            return "before-the-capture"
        return "keep-alive" if lone.method == "OPTIONS" and before is None else None

    def _may_repeat(self, before: Exchange, lone: Exchange, other: Conversation) -> bool:
        """A report may be repeated; a request that failed may not, nor a refresh long before it is due, nor anything
        that does something each time."""
        final, request, earlier = lone.final, lone.request, before.request
        if lone.method == "NOTIFY":
            return True
        if lone.method == "INFO":  # an event of a uaCSTA session
            return lone.subject.partition(" ")[0].endswith("Event")
        if final is None or final.status >= 300 or request is None or earlier is None:
            return False
        if lone.method == "OPTIONS":
            return True
        waited = request.time - earlier.time
        if lone.method in ("INVITE", "UPDATE"):
            interval = _interval(final) or _interval(request)
            return waited >= interval / 4 if interval else self._is_seldom(lone, waited, other)
        lifetime = final.expires if isinstance(final.expires, int) else request.expires
        return lone.method in REFRESHED and (not isinstance(lifetime, int) or waited >= lifetime / 4)

    def _is_seldom(self, lone: Exchange, waited: float, other: Conversation) -> bool:
        """Whether a session without a timer is kept fresh no oftener than in the reference, or seldom enough."""
        if lone.conversation.story is not self._run:
            return True
        again = (
            e for e in other.exchanges if e.before is not None and (e.method, e.client) == (lone.method, lone.client)
        )
        gaps = [_apart(e.before, e) for e in again if e.before is not None and self._state(e.before) == self._state(e)]
        return waited >= min([SELDOM_S, *(PACE * gap for gap in gaps)])

    def _is_owed(self, lone: Exchange, other: Conversation) -> bool:
        """Whether the run lacks what changes nothing and is due all the same: a refresh before the end, the report that
        answers a subscription (RFC 6665 §4.2.1.2)."""
        if lone.conversation.story is self._run:
            return False
        if lone.method == "NOTIFY":
            granting = self._partners.get(lone.granting) if lone.granting is not None else None
            told = [e for e in other.exchanges if e.method == "NOTIFY" and e.granting is granting]
            return granting is not None and not told
        asked = [e for e in other.exchanges if (e.method, e.client) == (lone.method, lone.client)]
        return lone.method in REFRESHED and bool(asked) and _has_lapsed(asked[-1])


def _has_lapsed(last: Exchange) -> bool:
    """Whether what was granted last ran out while the capture went on."""
    granted = last.final
    lifetime = lifetime_of(granted) if granted is not None and granted.status < 300 else 0
    if granted is None or not lifetime:
        return False
    return last.conversation.story.trace.end_ns / 1e9 > granted.time + lifetime + REFRESH_LATER_S


def _apart(earlier: Exchange, later: Exchange) -> float:
    return later.request.time - earlier.request.time if later.request and earlier.request else 0.0


def _interval(message: WireMessage) -> int:
    """Seconds of the session timer, 0 for none (RFC 4028 §4)."""
    digits = message.text("Session-Expires").partition(";")[0].strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < len("1234567890") else 0


def _has_crossed(lone: Exchange) -> bool:
    """Whether a CANCEL was under way when its INVITE was answered otherwise."""
    invite = lone.transaction.invite
    if invite is None or invite.final is None or invite.final.status == 487:
        return False
    final = invite.final.time
    return any(request.time >= final - CROSSED_S for request in lone.transaction.requests)


def _is_stale(response: WireMessage) -> bool:
    texts = response.texts("WWW-Authenticate") + response.texts("Proxy-Authenticate")
    return "stale=true" in "".join(texts).replace(" ", "").replace('"', "").lower()
