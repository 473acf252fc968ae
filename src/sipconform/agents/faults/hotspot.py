"""Faults of hotspots: who rings and has the call, whose identity goes out, what numbers mean, who is served."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sipconform.agents.call import Leg
from sipconform.agents.endpoint import ServerRequest
from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, tamper_answers, tamper_requests
from sipconform.agents.hotspot.devices import Device
from sipconform.agents.server.hunt_group import second_answer
from sipconform.features.hotspot import Discovery, RingMode
from sipconform.sip.compose import Draft
from sipconform.trace.packet import Address

PBX = Address("10.0.0.1", 5060)  # on the simulated network


def in_every_call(agent: Any, name: str, decide: Callable[..., Any]) -> None:
    """Replaces one decision of every call that goes through a host."""

    def altered(make: Callable[..., Any], *given: Any, **more: Any) -> Any:
        session = make(*given, **more)
        instead_of(session, name, lambda original, *args: decide(session, original, *args))
        return session

    instead_of(agent.exchange, "_session", altered)


# -- finding each other -----------------------------------------------------------------------------------------


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
    instead_of(agent.devices, "join", lambda join, told: join(told) and _first(agent))


def _first(agent: Any) -> Device:
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


# -- ringing ----------------------------------------------------------------------------------------------------


@fault("HS10", on="host", kills={"HOT-020"}, scenarios=["every_room"])
def last_client_is_left_out(agent: Any) -> None:
    """One client is not rung."""
    instead_of(agent.exchange, "targets", lambda targets, devices: targets(devices)[:1])


@fault("HS11", on="host", kills={"HOT-020"}, scenarios=["every_room"])
def host_stays_silent(agent: Any) -> None:
    """The host rings its clients and not itself."""
    agent.exchange.ring_mode = RingMode.EXTENSIONS


@fault("HS12", on="host", kills={"HOT-021"}, scenarios=["ring_mode"])
def ring_mode_is_ignored(agent: Any) -> None:
    """Everybody rings, whatever the ring mode says."""
    ring = agent.exchange._ring

    def all_ring(_: Callable[..., Any], request: ServerRequest) -> None:
        ring(request, agent.line, agent.devices.known.values(), here=True)

    instead_of(agent.exchange, "from_outside", all_ring)
    agent.line.serve("INVITE", agent.exchange.from_outside)


@fault("HS13", on="host", kills={"HOT-022"}, scenarios=["every_room"])
def others_ring_on(agent: Any) -> None:
    """Nobody stops ringing when one has answered."""
    tamper_requests(agent, "CANCEL", lambda _: None)


@fault("HS14", on="host", kills={"HOT-022"}, scenarios=["every_room[client_b]"])
def caller_hears_two(agent: Any) -> None:
    """The caller gets a second call, as from a forking proxy."""

    def both(session: Any, won: Callable[..., Any], branch: Leg) -> None:
        won(branch)
        second_answer(session.caller, session.caller.invite)

    in_every_call(agent, "_won", both)


@fault("HS15", on="host", kills={"HOT-023"}, scenarios=["two_answer"])
def second_answer_stays(agent: Any) -> None:
    """The second of two who answer keeps a call nobody else is in."""
    tamper_requests(agent, "BYE", lambda _: None)


@fault("HS16", on="host", kills={"HOT-024"}, scenarios=["caller_gives_up"])
def phones_ring_for_nobody(agent: Any) -> None:
    """The clients ring on when the caller has given up."""
    tamper_requests(agent, "CANCEL", lambda _: None)


@fault("HS17", on="host", kills={"HOT-025"}, scenarios=["one_refuses"])
def one_refusal_for_all(agent: Any) -> None:
    """The first client that refuses refuses for everybody."""

    def ends_all(session: Any, lost: Callable[..., Any], branch: Leg) -> None:
        session.rings_here = False
        session.caller.reject(branch.status)

    in_every_call(agent, "_lost", ends_all)


@fault("HS18", on="host", kills={"HOT-032"}, scenarios=["second_call"])
def second_call_is_an_error(agent: Any) -> None:
    """A second call is answered with an error of the server."""
    taken = agent.exchange.from_outside

    def once(request: ServerRequest) -> None:
        if agent.exchange.sessions:
            request.respond(500)
        else:
            taken(request)

    agent.line.serve("INVITE", once)


# -- calls out --------------------------------------------------------------------------------------------------


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


# -- calls within -----------------------------------------------------------------------------------------------


@fault("HS23", on="host", kills={"HOT-040"}, scenarios=["everybody_calls_everybody"])
def zero_is_nobody(agent: Any) -> None:
    """The host has no number of its own."""
    _refuse_number(agent, "0")


@fault("HS24", on="host", kills={"HOT-040"}, scenarios=["everybody_calls_everybody"])
def numbers_are_mixed_up(agent: Any) -> None:
    """Whichever client is dialled, the first one rings."""
    instead_of(agent.devices, "with_extension", lambda found, number: found(number) and _first(agent))


@fault("HS25", on="host", kills={"HOT-041"}, scenarios=["everybody_calls_everybody[8]"])
def extension_is_dialled_outside(agent: Any) -> None:
    """Numbers with the prefix are dialled at the PBX."""
    lead_out = agent.exchange._lead_out

    def outside(request: ServerRequest) -> None:
        lead_out(request, request.message.request_uri.partition(":")[2].partition("@")[0])

    agent.inner.serve("INVITE", outside)


@fault("HS26", on="host", kills={"HOT-042"}, scenarios=["group"])
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


# -- managing ---------------------------------------------------------------------------------------------------


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


# -- switching off ----------------------------------------------------------------------------------------------


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


# -- small edits ------------------------------------------------------------------------------------------------


def _refuse_number(agent: Any, number: str) -> None:
    taken = agent.exchange.from_inside

    def refused(request: ServerRequest) -> None:
        if request.message.request_uri.startswith(f"sip:{number}@"):
            request.respond(404)
        else:
            taken(request)

    agent.inner.serve("INVITE", refused)


def _aimed(draft: Draft, uri: str) -> Draft:
    method, _, version = draft.start_line.split(" ", 2)
    draft.start_line = f"{method} {uri} {version}"
    return draft


def _status(draft: Draft, status: str) -> Draft:
    draft.start_line = f"SIP/2.0 {status}"
    return draft


def _replaced(draft: Draft, name: str, old: str, new: str) -> Draft:
    return draft.set(name, draft.get(name).replace(old, new))


def _from_extension(draft: Draft, extension: str) -> Draft:
    return _replaced(draft, "From", "sip:2301@", f"sip:{extension}@")
