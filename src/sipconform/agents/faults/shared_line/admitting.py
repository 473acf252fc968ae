"""A line server that minds neither what its administrator has set nor how an address may be spelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of


@fault("L80", on="server", kills={"SCA-006"}, scenarios=["one_call_at_a_time"])
def calls_are_side_by_side(agent: Any) -> None:
    """A second phone may call while the first talks, though that is switched off."""
    for line in agent.lines.lines.values():
        line.taken_by_others = lambda device: False


@fault("L81", on="server", kills={"SCA-048"}, scenarios=["may_not_call"])
def ban_is_not_minded(agent: Any) -> None:
    """A place from which nobody may call gets a slot."""
    instead_of(agent.lines, "_refusal", lambda original, *given: 0 if original(*given) == 403 else original(*given))


@fault("L82", on="server", kills={"SCA-038"}, scenarios=["does_not_follow"])
def anybody_seizes(agent: Any) -> None:
    """A phone that does not follow the line gets a slot, though that is switched off."""
    agent.lines._follows = lambda line, device: True


@fault("L83", on="server", kills={"SCA-057"}, seen="Kamailio 27d02adf7b", scenarios=["spelled_otherwise"])
def spelling_hides_the_line(agent: Any) -> None:
    """A line whose address is written with parameters or an escape is not found."""

    def found(original: Callable[..., Any], request: Any, device: Any) -> Any:
        user, _, host = request.message.request_uri.partition("@")
        if not request.message.to_tag and ("%" in user or ";" in host):
            request.respond(404)
            return None
        return original(request, device)

    instead_of(agent.lines, "_line_for", found)


@fault("L84", on="server", kills={"SCA-040"}, scenarios=["seizure_is_refreshed"])
def seizure_is_not_found(agent: Any) -> None:
    """The refresh of a seizure is looked for under another address and not found."""
    agent.lines.line_seize.resubscribed = lambda request, subscription: request.respond(481)


@fault("L85", on="server", kills={"SCA-040"}, scenarios=["seizure_is_refreshed"])
def seizure_is_not_prolonged(agent: Any) -> None:
    """The refresh of a seizure is accepted, and the seizure runs out when it first would have."""

    def refreshed(original: Callable[..., None], request: Any, subscription: Any) -> None:
        if request.message.expires:
            request.respond(200, headers=[("Contact", agent.agent.contact), ("Expires", "15")])
            agent.lines.line_seize.tell(subscription)
        else:
            original(request, subscription)

    instead_of(agent.lines.line_seize, "resubscribed", refreshed)
