"""Faults of calls from outside: who rings, who stops, who is left with the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipconform.agents.call import Leg
from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, tamper_requests
from sipconform.agents.requests import ServerRequest
from sipconform.agents.server.hunt_group import second_answer
from sipconform.features.hotspot import RingMode


def in_every_call(agent: Any, name: str, decide: Callable[..., Any]) -> None:
    """Replaces one decision of every call that goes through a host."""

    def altered(make: Callable[..., Any], *given: Any, **more: Any) -> Any:
        session = make(*given, **more)
        instead_of(session, name, lambda original, *args: decide(session, original, *args))
        return session

    instead_of(agent.exchange, "_session", altered)


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
