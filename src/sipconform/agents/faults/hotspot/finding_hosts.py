"""Faults of finding each other: who says what at the meeting place, and who takes whom for his host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, tamper_requests
from sipconform.agents.hotspot.devices import Device
from sipconform.features.hotspot import Discovery
from sipconform.sip.compose import Draft


@fault("HS01", on="host", kills={"HOT-001"}, scenarios=["silent_hotspot", "host_is_switched_off"])
def offers_although_off(agent: Any) -> None:
    """The host goes on offering itself when its hotspot is switched off."""

    async def only_the_rest(switch: Callable[..., Any], *, on: bool) -> None:
        if on:
            await switch(on=True)
        else:
            agent.exchange.on = False

    instead_of(agent, "switch", only_the_rest)


@fault("HS02", on="host", kills={"HOT-002"}, scenarios=["finds_its_host"])
def another_default_port(agent: Any) -> None:
    """A host nobody has touched is set to a port of its own."""
    agent.place.port += 1


@fault("HS03", on="client", kills={"HOT-003"}, scenarios=["different_settings"])
def client_listens_where_the_host_is(agent: Any) -> None:
    """The client does not care how it is set, and meets the host where that is."""
    instead_of(agent.meeting, "open", lambda open_at, place: open_at(_first_multicast(place)))


@fault("HS04", on="client", kills={"HOT-065"}, scenarios=["do_not_mix"])
def client_joins_any_hotspot(agent: Any) -> None:
    """The client does not care how it is set, and joins the first hotspot there is."""
    instead_of(agent.meeting, "open", lambda open_at, place: open_at(_first_multicast(place)))


def _first_multicast(place: Any) -> Any:
    return type(place)("multicast", "224.0.2.0", place.port)


@fault("HS05", on="host", kills={"HOT-004"}, scenarios=["finds_its_host"])
def offers_without_end(agent: Any) -> None:
    """The host says everything a hundred times over."""
    instead_of(agent.meeting, "say", lambda say, told: [say(told) for _ in range(100)])


@fault("HS06", on="client", kills={"HOT-010"}, scenarios=["finds_its_host"])
def client_registers_by_another_name(agent: Any) -> None:
    """The client's line has the PBX's domain as its server, not the host's address."""
    tamper_requests(agent, "REGISTER", lambda d: _aimed(d, "sip:pbx.example.com"))


@fault("HS07", on="client", kills={"HOT-011"}, scenarios=["client_calls_out"])
def client_never_signs_in(agent: Any) -> None:
    """The client takes its line for granted and calls without a REGISTER."""

    async def granted(_: Callable[..., Any]) -> int:
        agent.registration.status, agent.registration.granted = 200, 120
        return 200

    instead_of(agent.registration, "register", granted)


@fault("HS08", on="host", kills={"HOT-012"}, scenarios=["everybody_calls", "every_room"])
def one_extension_for_all(agent: Any) -> None:
    """Every client is given the first client's number."""
    instead_of(agent.devices, "join", lambda join, told: join(told) and first_device(agent))


def first_device(agent: Any) -> Device:
    """The first device of a host's table."""
    found: Device = next(iter(agent.devices.known.values()))
    return found


@fault("HS09", on="host", kills={"HOT-012"}, scenarios=["everybody_calls", "every_room"])
def table_stays_empty(agent: Any) -> None:
    """The host's table does not list its clients."""

    def joined(join: Callable[..., Any], told: Discovery) -> Device | None:
        device: Device | None = join(told)
        agent.devices.known.pop(told.mac)
        return device

    instead_of(agent.devices, "join", joined)


def _aimed(draft: Draft, uri: str) -> Draft:
    method, _, version = draft.start_line.split(" ", 2)
    draft.start_line = f"{method} {uri} {version}"
    return draft
