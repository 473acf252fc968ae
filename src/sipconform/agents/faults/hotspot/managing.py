"""Faults of managing and switching: who is served, who takes orders, which lines stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of
from sipconform.agents.hotspot.devices import Device
from sipconform.features.hotspot import Discovery


@fault("HS33", on="host", kills={"HOT-050"}, scenarios=["listed_devices"])
def everybody_is_served(agent: Any) -> None:
    """The managed mode is ignored: any device gets a line."""

    def anyone(join: Callable[..., Any], told: Discovery) -> Device | None:
        agent.devices.only_managed = False
        device: Device | None = join(told)
        return device

    instead_of(agent.devices, "join", anyone)


@fault("HS34", on="host", kills={"HOT-051"}, scenarios=["orders_reach"])
def orders_for_everybody(agent: Any) -> None:
    """Devices that are not managed get orders too."""

    def unasked(_: Callable[..., Any], kind: Any, mac: str, url: str = "") -> bool:
        agent._order(kind, mac, url, 3)
        return True

    instead_of(agent, "order", unasked)


@fault("HS35", on="client", kills={"HOT-051"}, scenarios=["orders_reach"])
def firmware_is_fetched_twice(agent: Any) -> None:
    """The client fetches what it is ordered to fetch twice."""
    instead_of(agent, "upgrade", lambda upgrade, url: [upgrade(url), upgrade(url)])


@fault("HS36", on="client", kills={"HOT-052"}, scenarios=["only_the_host"])
def client_obeys_anybody(agent: Any) -> None:
    """The client takes orders from whoever gives them."""
    instead_of(agent, "obeys", lambda obeys, source: True)


@fault("HS37", on="client", kills={"HOT-062"}, scenarios=["client_is_switched_off"])
def line_survives_the_client(agent: Any) -> None:
    """The client keeps its line, and keeps it registered, when its hotspot is switched off."""

    async def only_deaf(_: Callable[..., Any]) -> None:
        agent.meeting.close()

    instead_of(agent, "stop", only_deaf)


@fault("HS38", on="host", kills={"HOT-062"}, scenarios=["host_is_switched_off"])
def host_loses_its_line_too(agent: Any) -> None:
    """Switching the hotspot off takes the host's own registration with it."""

    async def everything(switch: Callable[..., Any], *, on: bool) -> None:
        await switch(on=on)
        if not on:
            await agent.registration.unregister()

    instead_of(agent, "switch", everything)


@fault("HS39", on="client", kills={"HOT-064"}, scenarios=["host_vanishes"])
def line_always_looks_up(agent: Any) -> None:
    """The client's line key shows a line that is long gone."""

    async def believed(register: Callable[..., Any]) -> int:
        granted = agent.registration.granted
        await register()
        agent.registration.status, agent.registration.granted, agent.registration.lost = 200, granted or 120, False
        agent.registration.on_change()
        return 200

    instead_of(agent.registration, "register", believed)
