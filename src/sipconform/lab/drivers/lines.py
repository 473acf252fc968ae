"""The intents that concern the shared line of our own server: what its portal would set, and a parked caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sipconform.agents.server.line_server import LineServer
from sipconform.agents.server.lines import Line, Location, Rules
from sipconform.features.call_park import NOBODY, Parked
from sipconform.lab.actor import CouldNotRunError, NotSupportedError

Verb = Callable[..., Awaitable[Any]]


def server_line_verbs(server: LineServer) -> dict[str, Verb]:
    """By name."""

    def line() -> Line:
        for known in server.lines.values():
            return known
        raise CouldNotRunError("the server has no shared line")

    async def line_rules(**rules: Any) -> None:
        if unknown := rules.keys() - Rules.__dataclass_fields__.keys():
            raise NotSupportedError(f"our server has no rule {', '.join(sorted(unknown))} for its lines")
        line().rule(**rules)

    async def line_place(user: str, **flags: bool) -> None:
        place = line().locations.get(user)
        if place is None:
            raise CouldNotRunError(f"{user} is no place of the line")
        for name, on in flags.items():
            if name not in ("active", "originates", "terminates"):
                raise NotSupportedError(f"our server knows no {name!r} of a place")
            setattr(place, name, on)

    async def share_line(user: str) -> None:
        if user in server.lines:
            raise CouldNotRunError(f"{user} has a shared line")
        server.add(user, [Location(user)])

    async def park(uri: str = "", display: str = "") -> None:
        server.park(line(), Parked(uri, display) if uri else NOBODY)

    return {"line_rules": line_rules, "line_place": line_place, "share_line": share_line, "park": park}
