"""A server whose calls do not go by the features it tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of


def routes_by(agent: Any, change: Any) -> None:
    """Routes calls as if the user's features were others."""

    def route(original: Any, incoming: Any, name: str) -> Any:
        user = agent.directory.find(name)
        if user is None:
            return original(incoming, name)
        features, user.features = user.features, change(user.features)
        try:
            return original(incoming, name)
        finally:
            user.features = features

    instead_of(agent.calls, "route", route)


@fault("FX301", on="server", kills={"FS-301"}, scenarios=["disturb_refuses_calls"])
def dnd_in_name_only(agent: Any) -> None:
    """Calls reach a phone that is told not to be disturbed."""
    routes_by(agent, lambda features: features.with_dnd(False))


@fault("FX302", on="server", kills={"FS-302"}, scenarios=["takes_every_call"])
def forward_in_name_only(agent: Any) -> None:
    """Calls reach a phone whose forward is told as on."""
    routes_by(agent, lambda features: replace(features, forwards={}))


@fault("FX303", on="server", kills={"FS-303"}, scenarios=["takes_every_call"])
def forwarder_not_named(agent: Any) -> None:
    """A forwarded call does not say who forwarded it."""
    agent.calls.diversion = "none"


@fault("FX304", on="server", kills={"FS-304"}, scenarios=["calls_when_busy"])
def busy_is_the_end(agent: Any) -> None:
    """A call refused as busy is not forwarded."""
    instead_of(agent.calls, "_forward_failed", lambda *_: ())
