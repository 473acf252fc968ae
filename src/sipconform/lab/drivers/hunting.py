"""The intents that concern a hunt group of our own server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sipconform.agents.server.hunt_group import REASONS, HuntGroups
from sipconform.lab.actor import NotSupportedError

Verb = Callable[..., Awaitable[Any]]


def hunting_verbs(hunting: HuntGroups) -> dict[str, Verb]:
    """By name."""

    async def group_tells(reason: str = "", telling: str = "", alert_info: str = "") -> None:
        if reason and reason not in REASONS:
            raise NotSupportedError(f"our server knows no reason {reason!r}; there are {', '.join(REASONS)}")
        hunting.reason = reason or hunting.reason
        hunting.telling = telling or hunting.telling  # type: ignore[assignment]
        hunting.alert_info = alert_info or hunting.alert_info

    async def behave_as_proxy() -> None:
        hunting.as_proxy = True

    return {"group_tells": group_tells, "behave_as_proxy": behave_as_proxy}
