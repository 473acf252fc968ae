"""A line server that gets its subscriptions wrong: who is told, for how long, by which way, and of what else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.shared_line.retelling import is_state
from sipconform.agents.faults.tampering import instead_of, is_request, tamper, tamper_answers
from sipconform.features import call_park


def after_accepting(agent: Any, alter: Callable[[Any], None]) -> None:
    """Passes every subscription to call-info through `alter` once it was granted."""

    def accept(original: Callable[..., None], request: Any, subscription: Any, seconds: int) -> None:
        original(request, subscription, seconds)
        alter(subscription)

    instead_of(agent.lines.call_info, "_accepted", accept)


@fault("L71", on="server", kills={"SCA-017"}, scenarios=["no_longer_refreshes"])
def nothing_runs_out(agent: Any) -> None:
    """A subscription that is not refreshed goes on for ever."""
    after_accepting(agent, lambda subscription: subscription._expiry.cancel())


@fault("L72", on="server", kills={"SCA-017"}, scenarios=["no_longer_refreshes"])
def wrong_reason_is_told(agent: Any) -> None:
    """A subscription that runs out is ended as if it had been rejected."""
    tamper(
        agent, lambda d: is_request(d, "NOTIFY") and d.get("Event") == "call-info",
        lambda d: d.set("Subscription-State", d.get("Subscription-State").replace("=timeout", "=rejected")),
    )  # fmt: skip


@fault("L73", on="server", kills={"SCA-018"}, scenarios=["lost_its_subscription"])
def refusal_is_not_heard(agent: Any) -> None:
    """A phone that answers 481 is told on and on."""
    after_accepting(agent, lambda subscription: setattr(subscription, "_answered", lambda answer: None))


@fault("L74", on="server", kills={"SCA-018"}, scenarios=["lost_its_subscription"])
def refusal_ends_all(agent: Any) -> None:
    """A phone that answers 481 ends the subscriptions of all."""

    def answered(answer: Any) -> None:
        if answer is not None and answer.status == 481:
            for subscription in list(agent.lines.call_info.subscriptions):
                subscription.end("deactivated")

    after_accepting(agent, lambda subscription: setattr(subscription, "_answered", answered))


@fault("L75", on="server", kills={"SCA-020"}, scenarios=["package_that_nobody_knows"])
def packages_are_not_named(agent: Any) -> None:
    """489 names other packages than those of shared lines."""
    tamper_answers(agent, "SUBSCRIBE", [489], lambda d: d.set("Allow-Events", "presence"))


@fault("L76", on="server", kills={"SCA-028"}, scenarios=["caller_is_parked"])
def park_document_is_cut(agent: Any) -> None:
    """The call-park document is cut off."""
    parks = call_park.CONTENT_TYPE
    tamper(
        agent, lambda d: is_request(d, "NOTIFY") and d.get("Content-Type") == parks,
        lambda d: d.with_body(parks, d.body[:-9]),
    )  # fmt: skip


class _Everybody(set[tuple[str, str]]):
    def __contains__(self, key: object) -> bool:
        return True


@fault("L77", on="server", kills={"SCA-028"}, scenarios=["caller_is_parked"])
def parks_are_told_to_all(agent: Any) -> None:
    """Who is parked is told to phones too that did not ask for it."""
    agent.lines._told_of_parks = _Everybody()


@fault("L78", on="server", kills={"SCA-016"}, seen="Kamailio pull request 3571", scenarios=["proxy_stays"])
def recorded_route_is_not_taken(agent: Any) -> None:
    """NOTIFYs go straight to the phone, whatever proxy has recorded its route."""
    tamper(agent, is_state, lambda d: d.remove("Route"))
