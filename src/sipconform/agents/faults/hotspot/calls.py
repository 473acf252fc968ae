"""Faults of calls out and within: whose identity they carry, and which number means whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sipconform.agents.call import Leg
from sipconform.agents.faults import fault
from sipconform.agents.faults.hotspot.finding_hosts import first_device
from sipconform.agents.faults.tampering import instead_of, tamper_answers, tamper_requests
from sipconform.agents.requests import ServerRequest
from sipconform.sip.compose import Draft
from sipconform.trace.packet import Address

PBX = Address("10.0.0.1", 5060)  # on the simulated network


@fault("HS19", on="host", kills={"HOT-030"}, scenarios=["client_calls_out"])
def extension_leaks(agent: Any) -> None:
    """A call out carries the client's extension as its From."""
    tamper_requests(agent, "INVITE", lambda d: _from_extension(d, "1"))


@fault("HS20", on="host", kills={"HOT-030"}, scenarios=["client_calls_out"])
def extension_in_contact(agent: Any) -> None:
    """The Contact of a call out names the client's extension."""
    tamper_requests(agent, "INVITE", lambda d: _replaced(d, "Contact", "sip:2301@", "sip:1@"))


@fault("HS21", on="client", kills={"HOT-031"}, scenarios=["client_calls_out"])
def client_goes_past_its_host(agent: Any) -> None:
    """The client sends its calls to the PBX."""

    def past(hop: Callable[..., Address], draft: Draft) -> Address:
        return PBX if draft.start_line.startswith("INVITE") else hop(draft)

    instead_of(agent.agent, "next_hop", past)


@fault("HS22", on="host", kills={"HOT-063"}, scenarios=["loses_its_registration"])
def call_out_is_left_hanging(agent: Any) -> None:
    """Without a line, calls out are not answered at all."""
    tamper_answers(agent, "INVITE", [503], lambda _: None)


@fault("HS23", on="host", kills={"HOT-040"}, scenarios=["everybody_calls_everybody"])
def zero_is_nobody(agent: Any) -> None:
    """The host has no number of its own."""
    _refuse_number(agent, "0")


@fault("HS24", on="host", kills={"HOT-040"}, scenarios=["everybody_calls_everybody"])
def numbers_are_mixed_up(agent: Any) -> None:
    """Whichever client is dialled, the first one rings."""
    instead_of(agent.devices, "with_extension", lambda found, number: found(number) and first_device(agent))


@fault("HS25", on="host", kills={"HOT-041"}, scenarios=["everybody_calls_everybody[8]"])
def extension_is_dialled_outside(agent: Any) -> None:
    """Numbers with the prefix are dialled at the PBX."""
    lead_out = agent.exchange._lead_out

    def outside(request: ServerRequest) -> None:
        lead_out(request, request.message.request_uri.partition(":")[2].partition("@")[0])

    agent.inner.serve("INVITE", outside)


@fault("HS26", on="host", kills={"HOT-042"}, scenarios=["in_the_group"])
def first_member_only(agent: Any) -> None:
    """Only the first member of a group rings."""
    instead_of(agent.devices, "members", lambda members, group: members(group)[:1])


@fault("HS27", on="host", kills={"HOT-042"}, scenarios=["rings_its_members", "in_the_group"])
def group_is_everybody(agent: Any) -> None:
    """A group's number rings every client there is."""
    instead_of(agent.devices, "members", lambda members, group: list(agent.devices.known.values()))
    instead_of(agent.exchange, "targets", lambda targets, _: targets(agent.devices.known.values()))


@fault("HS28", on="host", kills={"HOT-060"}, scenarios=["transfers_a_call"])
def caller_is_dropped_first(agent: Any) -> None:
    """Handing a call over, the host hangs up on the caller before the client has answered."""

    async def dropped(transfer: Callable[..., Any], leg: Leg, number: str) -> int:
        asyncio.get_running_loop().call_later(0.0005, leg.hang_up)
        status: int = await transfer(leg, number)
        return status

    instead_of(agent.exchange, "transfer", dropped)


@fault("HS29", on="host", kills={"HOT-060"}, scenarios=["cannot_transfer"])
def client_may_transfer(agent: Any) -> None:
    """The host accepts a client's REFER."""
    tamper_answers(agent, "REFER", [], lambda d: _status(d, "202 Accepted"))


@fault("HS30", on="host", kills={"HOT-061"}, scenarios=["without_registration"])
def nothing_without_registration(agent: Any) -> None:
    """Without a registration no call is put through at all."""
    taken = agent.exchange.from_inside

    def only_with_a_line(request: ServerRequest) -> None:
        if agent.registration.registered:
            taken(request)
        else:
            request.respond(503)

    agent.inner.serve("INVITE", only_with_a_line)


@fault("HS31", on="host", kills={"HOT-061"}, scenarios=["without_registration"])
def registers_all_the_same(agent: Any) -> None:
    """The host registers although it is told not to."""

    async def registered(start: Callable[..., Any]) -> int:
        await agent.registration.register()
        status: int = await start()
        return status

    instead_of(agent, "start", registered)


@fault("HS32", on="host", kills={"HOT-061"}, scenarios=["without_registration"])
def calls_clients_unasked(agent: Any) -> None:
    """The host calls its clients without a registration although that is not allowed."""
    agent.exchange.usable = lambda: True


def _refuse_number(agent: Any, number: str) -> None:
    taken = agent.exchange.from_inside

    def refused(request: ServerRequest) -> None:
        if request.message.request_uri.startswith(f"sip:{number}@"):
            request.respond(404)
        else:
            taken(request)

    agent.inner.serve("INVITE", refused)


def _status(draft: Draft, status: str) -> Draft:
    draft.start_line = f"SIP/2.0 {status}"
    return draft


def _replaced(draft: Draft, name: str, old: str, new: str) -> Draft:
    return draft.set(name, draft.get(name).replace(old, new))


def _from_extension(draft: Draft, extension: str) -> Draft:
    return _replaced(draft, "From", "sip:2301@", f"sip:{extension}@")
