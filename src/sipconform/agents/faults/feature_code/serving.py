"""What a server makes of a code: whose it is, what it does, how often, and who is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sipconform.agents.call import Leg
from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of
from sipconform.agents.server.code_server import SHAPES
from sipconform.features.feature_code import Feature, apply_code


@fault("M48", on="server", kills={"FC-021"}, seen="linphone-android issue 662", scenarios=["huawei_ims_dnd"])
def escapes_are_not_undone(agent: Any) -> None:
    """A code is looked up as it stands in the Request-URI, %23 and all."""

    def take(original: Callable[[Any], bool], incoming: Any) -> bool:
        user = incoming.request.message.request_uri.partition(":")[2].partition("@")[0]
        if "%" in user:
            incoming.request.respond(404)
            return True
        return original(incoming)

    _takes(agent, take)


def _takes(agent: Any, decide: Callable[[Callable[[Any], bool], Any], bool]) -> None:
    """Puts a decision before that of the code server."""
    takes = agent.calls._interceptors
    original = agent.codes._take
    takes[takes.index(original)] = lambda incoming: decide(original, incoming)


@fault("M52", on="server", kills={"FC-026"}, seen="FusionPBX issue 5698", scenarios=["reaches_phones"])
def subscribers_are_not_told(agent: Any) -> None:
    """A code changes the database, and nobody who subscribes hears of it."""

    async def serve(original: Callable[..., Awaitable[None]], leg: Leg, incoming: Any, match: Any, shape: Any) -> None:
        of, agent.features.notifier.of = agent.features.notifier.of, lambda user: iter(())
        agent.features.change(incoming.caller, apply_code(incoming.caller.features, match))
        agent.features.notifier.of = of
        await original(leg, incoming, match, shape._replace(applies=False))

    instead_of(agent.codes, "_serve", serve)


@fault("FC20", on="server", kills={"FC-020"}, scenarios=["broadworks_dnd"])
def own_codes_are_unknown(agent: Any) -> None:
    """The server does not know its own code for do not disturb."""

    def take(original: Callable[[Any], bool], incoming: Any) -> bool:
        if incoming.dialled == "*78":
            incoming.request.respond(404)
            return True
        return original(incoming)

    _takes(agent, take)


@fault("FC20b", on="server", kills={"FC-020"}, scenarios=["broadworks_dnd"])
def says_done_and_does_nothing(agent: Any) -> None:
    """The prompt says that it is done; nothing is."""
    _does(agent, lambda state, match: state)


@fault("FC20c", on="server", kills={"FC-020"}, scenarios=["ends_the_call"])
def never_says_goodbye(agent: Any) -> None:
    """The server never ends a call to a code."""
    agent.codes.shape = "endless"


def _does(agent: Any, decide: Callable[[Any, Any], Any]) -> None:
    """Carries codes out another way: `decide` gives the state after one."""

    async def serve(original: Callable[..., Awaitable[None]], leg: Leg, incoming: Any, match: Any, shape: Any) -> None:
        user = incoming.caller
        agent.features.change(user, decide(user.features, match))
        await original(leg, incoming, match, shape._replace(applies=False))

    instead_of(agent.codes, "_serve", serve)


@fault("FC22", on="server", kills={"FC-022"}, scenarios=["longest_code"])
def shortest_code_wins(agent: Any) -> None:
    """`*72` with a number is taken for something shorter: it switches do not disturb."""
    _does(agent, lambda state, match: state.with_dnd(True))


@fault("FC23", on="server", kills={"FC-023"}, scenarios=["nobody_knows"])
def every_code_is_known(agent: Any) -> None:
    """An unknown code is accepted, and switches do not disturb on."""

    def take(original: Callable[[Any], bool], incoming: Any) -> bool:
        if agent.codes.table.match(incoming.dialled) is None and incoming.dialled.startswith("*"):
            leg = Leg.offered(agent.agent, incoming.request)
            leg.spawn(agent.codes._serve(leg, incoming, agent.codes.table.match("*78"), SHAPES["prompt"]))
            return True
        return original(incoming)

    _takes(agent, take)


@fault("FC24", on="server", kills={"FC-024"}, scenarios=["proves_to_send"])
def from_is_believed(agent: Any) -> None:
    """A code acts for whoever From names."""

    def take(original: Callable[[Any], bool], incoming: Any) -> bool:
        name = incoming.identity.partition(":")[2].partition("@")[0]
        incoming.caller = agent.directory.users.get(name, incoming.caller)
        return original(incoming)

    _takes(agent, take)


@fault("FC25", on="server", kills={"FC-025"}, scenarios=["broadworks_dnd"])
def carried_out_again(agent: Any) -> None:
    """A code is carried out, taken back and carried out again, once for each time its call was seen."""

    async def serve(original: Callable[..., Awaitable[None]], leg: Leg, incoming: Any, *rest: Any) -> None:
        for on in (True, False):
            agent.features.set_dnd(incoming.caller, on)
        await original(leg, incoming, *rest)

    instead_of(agent.codes, "_serve", serve)


@fault("FC25b", on="server", kills={"FC-025"}, scenarios=["given_up"])
def given_up_and_done_again(agent: Any) -> None:
    """A call that is given up takes its code back, and what is left of its script carries it out anew."""

    async def serve(original: Callable[..., Awaitable[None]], leg: Leg, incoming: Any, *rest: Any) -> None:
        await original(leg, incoming, *rest)
        for on in (False, True) if leg.status == 487 else ():
            agent.features.set_dnd(incoming.caller, on)

    instead_of(agent.codes, "_serve", serve)


@fault("FC27", on="server", kills={"FC-027"}, scenarios=["may_not"])
def nobody_is_barred(agent: Any) -> None:
    """What the administrator forbade is done all the same."""

    def take(original: Callable[[Any], bool], incoming: Any) -> bool:
        incoming.caller.barred = False
        return original(incoming)

    _takes(agent, take)


@fault("FC28", on="server", kills={"FC-028"}, scenarios=["every_form"])
def plain_form_only(agent: Any) -> None:
    """A code is known in a plain SIP URI and in no other form."""

    def take(original: Callable[[Any], bool], incoming: Any) -> bool:
        uri = incoming.request.message.request_uri
        if uri.startswith("tel:") or "user=" in uri:
            incoming.request.respond(404)
            return True
        return original(incoming)

    _takes(agent, take)


@fault("FC29", on="server", kills={"FC-029"}, scenarios=["twice_changes_nothing"])
def every_code_is_a_toggle(agent: Any) -> None:
    """The code for on, dialled again, switches off."""
    _does(agent, lambda state, match: state.with_dnd(not state.dnd) if match.feature is Feature.DND else state)
