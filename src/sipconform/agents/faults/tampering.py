"""The two tools faults are made with: changing what leaves an agent, and replacing one of its decisions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from sipconform.agents.endpoint import Endpoint
from sipconform.sip.compose import Draft

Edit = Callable[[Draft], "Draft | bytes | Iterable[Draft | bytes] | None"]


def later(endpoint: Endpoint, seconds: float, act: Callable[[], object]) -> None:
    """Does something after a while, unless the agent has fallen silent by then."""

    def unless_silent() -> None:
        if endpoint.transports:
            act()

    asyncio.get_running_loop().call_later(seconds, unless_silent)


def is_request(draft: Draft, *methods: str) -> bool:
    """Whether a draft is a request, of one of these methods if any are named."""
    method = draft.start_line.partition(" ")[0]
    return method != "SIP/2.0" and (not methods or method in methods)


def is_answer(draft: Draft, method: str = "", statuses: Iterable[int] = ()) -> bool:
    """Whether a draft is an answer, to a method and with one of the statuses if these are given."""
    if not draft.start_line.startswith("SIP/2.0 "):
        return False
    status = int(draft.start_line.split(" ")[1])
    return (not method or draft.get("CSeq").endswith(f" {method}")) and (not statuses or status in statuses)


def tamper(agent: Any, matches: Callable[[Draft], bool], edit: Edit) -> None:
    """Passes every leaving message that matches through `edit`. What `edit` gives leaves instead: a draft, bytes,
    several of them in order, or nothing at all for None."""

    def tampered(draft: Draft) -> Iterable[Draft | bytes]:
        if not matches(draft):
            return [draft]
        instead = edit(draft)
        if instead is None:
            return []
        return [instead] if isinstance(instead, Draft | bytes) else instead

    agent.endpoint.tampers.append(tampered)


def tamper_requests(agent: Any, method: str, edit: Edit) -> None:
    """Tampers with requests of one method ("" for all)."""
    tamper(agent, lambda draft: is_request(draft, *([method] if method else [])), edit)


def tamper_answers(agent: Any, method: str, statuses: Iterable[int], edit: Edit) -> None:
    """Tampers with answers to one method ("" for all) with one of the statuses (empty for all)."""
    wanted = tuple(statuses)
    tamper(agent, lambda draft: is_answer(draft, method, wanted), edit)


def instead_of(owner: Any, name: str, decide: Callable[..., Any]) -> None:
    """Replaces one decision: `decide` is called with the original and then whatever the original is called with."""
    original = getattr(owner, name)
    setattr(owner, name, lambda *args, **kwargs: decide(original, *args, **kwargs))


def nth(number: int, edit: Edit) -> Edit:
    """The edit on the n-th matching message only, counted from 1."""
    seen = 0

    def edit_nth(draft: Draft) -> Draft | bytes | Iterable[Draft | bytes] | None:
        nonlocal seen
        seen += 1
        return edit(draft) if seen == number else draft

    return edit_nth
