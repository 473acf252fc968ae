"""A line server that carries calls wrongly: who is rung, let in, cancelled and hung up on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, is_request, tamper, tamper_answers, tamper_requests
from sipconform.features.appearance import State
from sipconform.sip.compose import Draft


class AlteredRings(dict[Any, Any]):
    """Passes every ring through `alter` as it is begun."""

    def __init__(self, alter: Callable[[Any], None]) -> None:
        super().__init__()
        self._alter = alter

    def __setitem__(self, slot: Any, ring: Any) -> None:
        self._alter(ring)
        super().__setitem__(slot, ring)


def in_every_ring(agent: Any, alter: Callable[[Any], None]) -> None:
    agent.lines.line_calls.rings = AlteredRings(alter)


def never_hold_back(agent: Any) -> None:
    """What happens is told at once, whatever is still under way."""
    for publication in agent.lines._publications.values():
        publication.hold_back = lambda: None
        publication.release = lambda after=(), publication=publication: publication.publish()


def press(agent: Any, decide: Callable[..., int]) -> None:
    """Replaces the decision on a pressed key: it is given the honest status and the slot."""
    instead_of(
        agent.lines.line_calls, "_press_refused", lambda original, line, slot: decide(original(line, slot), slot)
    )


@fault("F15", on="server", kills={"SCA-079"}, seen="Kamailio e565748048", scenarios=["holds_privately"])
def private_call_is_given_away(agent: Any) -> None:
    """A privately held call is given to whoever presses its key."""
    press(agent, lambda status, slot: 0 if slot is not None and slot.state is State.HELD_PRIVATE else status)


@fault("F16", on="server", kills={"SCA-070"}, seen="Kamailio 1ef4587612", scenarios=["ways_to_hold"])
def hold_in_ack_is_missed(agent: Any) -> None:
    """A hold that only the ACK tells is missed."""

    def offers(original: Callable[..., None], slot: Any, talker: Any, request: Any) -> None:
        original(slot, talker, request)
        request.on_acknowledged = lambda _: None

    instead_of(agent.lines.line_calls, "_talker_offers", offers)


@fault("F19", on="server", kills={"SCA-075"}, seen="FreeSWITCH FS-9685", scenarios=["ways_to_retrieve"])
def extra_words_spoil_the_retrieve(agent: Any) -> None:
    """A retrieve that says appearance-state too is refused."""
    take = agent.lines.line_calls.take

    def altered(incoming: Any) -> bool:
        if "appearance-state" in incoming.request.message.text("Call-Info"):
            incoming.request.respond(480)
            return True
        return bool(take(incoming))

    agent.calls._interceptors = [altered if t == take else t for t in agent.calls._interceptors]


@fault("F20", on="server", kills={"SCA-075"}, seen="FreeSWITCH FS-10183", scenarios=["ways_to_retrieve"])
def codecs_spoil_the_retrieve(agent: Any) -> None:
    """A retrieve fails for want of a common codec that is there."""
    press(agent, lambda status, slot: 488 if slot is not None and slot.state is State.HELD else status)


@fault("F21", on="server", kills={"SCA-074"}, seen="FreeSWITCH issue 1909", scenarios=["ways_to_retrieve"])
def retrieve_is_a_conference(agent: Any) -> None:
    """Whoever retrieves a call joins its old owner instead of taking over."""

    def let_in(original: Callable[..., None], line: Any, slot: Any, talker: Any) -> None:
        old, slot.talkers = slot.talkers, []
        original(line, slot, talker)
        slot.talkers = [*old, *slot.talkers]

    instead_of(agent.lines.line_calls, "_let_in", let_in)


@fault("F25", on="server", kills={"SCA-068"}, seen="Kamailio ef9b12d213", scenarios=["two_answer"])
def second_answer_is_kept(agent: Any) -> None:
    """Of two phones that answer at once both keep their call."""
    tamper_requests(agent, "BYE", lambda d: None if "sip:2100" in d.start_line else d)


@fault("F26", on="server", kills={"SCA-063"}, seen="Kamailio 7d80fd2b6f", scenarios=["answered_elsewhere"])
def active_before_the_cancel(agent: Any) -> None:
    """The others are told of the answer first and cancelled afterwards."""
    never_hold_back(agent)

    def alter(ring: Any) -> None:
        later = asyncio.get_running_loop().call_later
        instead_of(ring, "stop", lambda stop, *given: later(0.2, stop, *given))

    in_every_ring(agent, alter)


@fault("F27", on="server", kills={"SCA-108"}, seen="Kamailio 765b6e06fe", scenarios=["answered_elsewhere"])
def every_branch_is_told(agent: Any) -> None:
    """The state is told once more for every answer of every branch."""

    def alter(ring: Any) -> None:
        def progressed(original: Callable[..., None], *given: Any) -> None:
            original(*given)
            for subscription in agent.lines.call_info.subscriptions:
                subscription.notify(*agent.lines.call_info.content(subscription))

        instead_of(ring, "_progressed", progressed)

    in_every_ring(agent, alter)


@fault("F49", on="server", kills={"SCA-051"}, seen="OpenSIPS b2b_sca", scenarios=["out_of_step"])
def another_slot_in_silence(agent: Any) -> None:
    """A call on a slot of another phone is put on a free one without a word."""
    choose = "_slot_to_call_on"
    instead_of(
        agent.lines.line_calls, choose, lambda original, line, *rest: original(line, *rest) or line.lowest_free()
    )
    tamper_answers(agent, "INVITE", (), lambda d: d.remove("Call-Info"))


@fault("F53", on="server", kills={"SCA-074"}, seen="PhreakNet", scenarios=["ways_to_retrieve"])
def active_before_the_bye(agent: Any) -> None:
    """The old owner of a retrieved call is told of it before its own call is ended."""
    never_hold_back(agent)

    def let_in(original: Callable[..., None], line: Any, slot: Any, talker: Any) -> None:
        for old in slot.talkers:
            instead_of(old.leg, "_end", lambda end, *given, old=old: _vanish(slot, old))
            instead_of(old.leg, "_bye", _slowly)
        original(line, slot, talker)

    instead_of(agent.lines.line_calls, "_let_in", let_in)


def _vanish(slot: Any, talker: Any) -> None:
    if talker in slot.talkers:
        slot.talkers.remove(talker)
    talker.leg.state = "ended"


async def _slowly(bye: Callable[..., Any], *given: Any) -> None:
    await asyncio.sleep(0.3)
    await bye(*given)


@fault("F62", on="server", kills={"SCA-092"}, scenarios=["first_owner"])
def leaving_ends_the_call(agent: Any) -> None:
    """The first phone that leaves a bridge ends it for all."""
    left = "_left"

    def leave(original: Callable[..., None], line: Any, slot: Any, talker: Any) -> None:
        bridged = len(slot.talkers) > 1
        original(line, slot, talker)
        if bridged:
            agent.lines.line_calls._clear(line, slot)

    instead_of(agent.lines.line_calls, left, leave)


@fault("L30", on="server", kills={"SCA-002"}, scenarios=["three_phones", "two_retrieve"])
def one_phone_is_not_rung(agent: Any) -> None:
    """One phone of the line is never rung."""
    instead_of(agent.lines.line_calls, "_phones", lambda original, *given: original(*given)[:-1])


@fault("L31", on="server", kills={"SCA-059"}, scenarios=["calls_out"])
def slot_is_passed_on(agent: Any) -> None:
    """What the phone says of its slot goes on to the far party."""

    def call_out(original: Callable[..., Any], line: Any, slot: Any, targets: Any, give_up: float) -> Any:
        said = ("Call-Info", slot.caller.invite.message.text("Call-Info"))
        return original(line, slot, [replace(t, headers=(*t.headers, said)) for t in targets], give_up)

    instead_of(agent.lines.line_calls, "_call_out", call_out)


@fault("L32", on="server", kills={"SCA-110"}, scenarios=["calls_out"])
def slots_are_told_to_strangers(agent: Any) -> None:
    """An ordinary phone is called with the slot of the line."""
    value = "<sip:line>;appearance-index=1"
    tamper(agent, lambda d: is_request(d, "INVITE") and not d.has("Call-Info"), lambda d: d.add("Call-Info", value))


@fault("L33", on="server", kills={"SCA-064"}, scenarios=["everybody_rejects"])
def one_rejection_ends_all(agent: Any) -> None:
    """A phone that declines ends the ringing of all."""

    def alter(ring: Any) -> None:
        def changed(original: Callable[..., None], branch: Any) -> None:
            original(branch)
            if branch.state == "ended" and branch.status >= 600:
                for other in ring.branches:
                    other.hang_up()

        instead_of(ring, "_changed", changed)

    in_every_ring(agent, alter)


@fault("L34", on="server", kills={"SCA-063"}, scenarios=["answered_elsewhere"])
def losers_ring_on(agent: Any) -> None:
    """The other phones ring on when one has answered."""
    tamper_requests(agent, "CANCEL", lambda _: None)


@fault("L35", on="server", kills={"SCA-085"}, scenarios=["free_key"])
def empty_slot_is_given(agent: Any) -> None:
    """A key without a call is connected to nobody."""

    def altered(incoming: Any) -> bool:
        incoming.request.respond(200, headers=[("Contact", agent.agent.contact)])
        return True

    take = agent.lines.line_calls.take
    pressed = agent.lines.line_calls._is_press
    line = next(iter(agent.lines.lines.values()))

    def chosen(incoming: Any) -> bool:
        return altered(incoming) if pressed(line, incoming) else bool(take(incoming))

    agent.calls._interceptors = [chosen if t == take else t for t in agent.calls._interceptors]


@fault("L36", on="server", kills={"SCA-091"}, scenarios=["bridging_is_off"])
def bridging_is_never_off(agent: Any) -> None:
    """Whoever presses the key of a call joins it, though bridging is off."""
    press(agent, lambda status, slot: 0 if status == 403 else status)


@fault("L37", on="server", kills={"SCA-090"}, scenarios=["customer_leaves"])
def nobody_may_join(agent: Any) -> None:
    """Whoever presses the key of a call is refused, though bridging is on."""
    press(agent, lambda status, slot: 403 if slot is not None and slot.talkers else status)


@fault("L38", on="server", kills={"SCA-096"}, scenarios=["customer_leaves"])
def joining_needs_an_extension(agent: Any) -> None:
    """A phone that joins without asking for an extension is refused 421."""
    press(agent, lambda status, slot: 421 if slot is not None and slot.talkers else status)


@fault("L39", on="server", kills={"SCA-094"}, scenarios=["customer_leaves"])
def one_phone_is_left(agent: Any) -> None:
    """When the far party hangs up one phone of the bridge is left."""
    ended: list[Draft] = []

    def edit(draft: Draft) -> Draft | None:
        ended.append(draft)
        return draft if len(ended) == 1 else None

    tamper_requests(agent, "BYE", edit)


@fault("L40", on="server", kills={"SCA-107"}, scenarios=["unknown"])
def anonymous_is_told(agent: Any) -> None:
    """A caller who wishes to stay unknown is told to every phone."""

    def terminate(original: Callable[..., bool], line: Any, incoming: Any) -> bool:
        taken = original(line, incoming)
        for slot in line.slots.values():
            slot.party = incoming.identity if slot.far is not None else slot.party
        return taken

    instead_of(agent.lines.line_calls, "_terminate", terminate)


@fault("L97", on="server", kills={"SCA-112"}, scenarios=["answered_elsewhere"])
def call_comes_on_slot_zero(agent: Any) -> None:
    """A call is offered on slot 0."""
    tamper(
        agent, lambda d: is_request(d, "INVITE") and d.has("Call-Info"),
        lambda d: d.set("Call-Info", d.get("Call-Info").replace("index=1", "index=0")),
    )  # fmt: skip


@fault("L41", on="server", kills={"SCA-111"}, scenarios=["answered_elsewhere"])
def option_tag_is_required(agent: Any) -> None:
    """Calls to the line ask for an extension that does not exist."""
    tamper_requests(agent, "INVITE", lambda d: d.add("Require", "sca"))


@fault("L42", on="server", kills={"SCA-076"}, seen="FreeSWITCH, PhreakNet", scenarios=["ways_to_retrieve[True]"])
def only_the_usual_form(agent: Any) -> None:
    """A retrieve whose Request-URI names the server alone is refused."""
    take = agent.lines.line_calls.take

    def altered(incoming: Any) -> bool:
        if not incoming.dialled:
            incoming.request.respond(480)
            return True
        return bool(take(incoming))

    agent.calls._interceptors = [altered if t == take else t for t in agent.calls._interceptors]


@fault("L43", on="server", kills={"SCA-077"}, scenarios=["two_retrieve"])
def two_are_one_too_many(agent: Any) -> None:
    """Of two phones that ask for one held call neither gets it."""
    press(agent, lambda status, slot: 480 if slot is not None and slot.state is State.HELD else status)


@fault("L44", on="server", kills={"SCA-095"}, scenarios=["tone_warns"])
def nobody_is_warned(agent: Any) -> None:
    """No tone tells of a phone that joins, whatever was set."""

    def let_in(original: Callable[..., None], line: Any, slot: Any, talker: Any) -> None:
        if slot.conference is not None:
            slot.conference.warn = lambda again=False: None
        original(line, slot, talker)

    instead_of(agent.lines.line_calls, "_let_in", let_in)
