"""Phones that get shared lines wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sipconform.agents.call import Leg
from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import (
    instead_of,
    is_answer,
    is_request,
    tamper,
    tamper_answers,
)
from sipconform.features.appearance import Appearances
from sipconform.sip.compose import Draft

DIALLING = ["calls_out", "lives_on"]


def reindexed(draft: Draft) -> Draft:
    return draft.set("Call-Info", draft.get("Call-Info").replace("index=1", "index=3"))


def begins(draft: Draft) -> bool:
    """An INVITE outside a dialog."""
    return is_request(draft, "INVITE") and ";tag=" not in draft.get("To")


@fault("F30", on="phone", kills={"SCA-062"}, seen="Yealink 7.70.0.130", scenarios=["answered_elsewhere"])
def answer_without_slot(agent: Any) -> None:
    """The phone's 200 names no slot."""
    tamper_answers(agent, "INVITE", [200], lambda d: d.remove("Call-Info"))


@fault("L98", on="phone", kills={"SCA-112"}, scenarios=["answered_elsewhere"])
def answer_names_every_slot(agent: Any) -> None:
    """The phone answers on slot *."""
    tamper_answers(
        agent, "INVITE", [200], lambda d: d.set("Call-Info", d.get("Call-Info").replace("index=1", "index=*"))
    )


@fault("F56", on="phone", kills={"SCA-083"}, seen="Kamailio SIPR-677", scenarios=["ways_to_retrieve"])
def bye_blanks_the_lamps(agent: Any) -> None:
    """A BYE makes the phone forget what it was told of the line."""

    def blank() -> None:
        agent.line.told = Appearances()
        if agent.line.on_change:
            agent.line.on_change()

    def edit(draft: Draft) -> Draft:
        asyncio.get_running_loop().call_later(0.1, blank)
        return draft

    tamper_answers(agent, "BYE", [200], edit)


@fault("F57", on="phone", kills={"SCA-046"}, seen="Kamailio", scenarios=DIALLING)
def seizes_again(agent: Any) -> None:
    """The phone seizes its slot again when the seizure ends with the call."""
    line, tasks = agent.line, set()

    def told(original: Callable[..., None], seizure: Any, notify: Any) -> None:
        original(seizure, notify)
        state = notify.subscription_state
        if state and state.state == "terminated" and line.legs:
            tasks.add(asyncio.get_running_loop().create_task(line.seize(1)))

    instead_of(line, "_seizure_told", told)


@fault("F63", on="phone", kills={"SCA-023"}, scenarios=["runs_out", "answered_elsewhere"])
def star_is_ignored(agent: Any) -> None:
    """The phone does not know that * means all others."""

    def notified(original: Callable[..., None], notify: Any) -> None:
        before = dict(agent.line.told.slots)
        original(notify)
        now = agent.line.told
        agent.line.told = Appearances({**before, **now.slots}, now.rest)
        agent.line._changed()

    instead_of(agent.line, "_notified", notified)
    agent.line.subscriber.told = agent.line._notified


@fault("L50", on="phone", kills={"SCA-022"}, scenarios=["runs_out", "answered_elsewhere"])
def states_are_misread(agent: Any) -> None:
    """The phone takes every slot in use for one on hold."""

    def notified(original: Callable[..., None], notify: Any) -> None:
        original(notify)
        held = {i: type(s)(i, "held") for i, s in agent.line.told.slots.items()}
        agent.line.told = Appearances(held, agent.line.told.rest)
        agent.line._changed()

    instead_of(agent.line, "_notified", notified)
    agent.line.subscriber.told = agent.line._notified


@fault("L51", on="phone", kills={"SCA-004"}, scenarios=["receiver_is_put_back"])
def signs_in_under_its_own_name(agent: Any) -> None:
    """The phone signs in with the name of its place."""
    if agent.account.auth_user and agent.agent.credentials is not None:
        agent.agent.credentials.user = agent.account.user


@fault("L52", on="phone", kills={"SCA-005"}, scenarios=["private_line"])
def private_phone_speaks_of_slots(agent: Any) -> None:
    """A phone that has no shared line names a slot all the same."""
    value = "<sip:line>;appearance-index=4"
    tamper(agent, lambda d: begins(d) and not d.has("Call-Info"), lambda d: d.add("Call-Info", value))


@fault("L53", on="phone", kills={"SCA-024"}, scenarios=["not_shared", "receiver_is_put_back"])
def subscribes_in_a_storm(agent: Any) -> None:
    """The phone subscribes again and again."""

    async def storm(original: Callable[..., Any]) -> int:
        for _ in range(3):
            await original()
        return int(await original())

    instead_of(agent.line.subscriber, "subscribe", storm)


@fault("L54", on="phone", kills={"SCA-026"}, scenarios=["customer_holds", "private_hold_ends"])
def notify_ends_the_call(agent: Any) -> None:
    """The phone hangs up five seconds into a call at what it is told of its slot."""

    def notified(original: Callable[..., None], notify: Any) -> None:
        original(notify)
        for leg in list(agent.line.legs.values()):
            if leg.state == "active" and agent.line.told.busy:
                leg.hang_up()

    instead_of(agent.line, "_notified", notified)
    agent.line.subscriber.told = agent.line._notified


@fault("F60", on="phone", kills={"SCA-042"}, seen="CSCvw82717", scenarios=DIALLING)
def calls_without_a_slot(agent: Any) -> None:
    """The phone's line-seize never gets out, and it calls all the same."""
    line = agent.line

    async def seize(_: Any, index: int = 0, call_info: str | None = None) -> int:
        line.seized = index or line._lowest_idle()
        return 200

    instead_of(line, "seize", seize)


@fault("L55", on="phone", kills={"SCA-043"}, scenarios=["beside_another"])
def calls_on_a_refused_slot(agent: Any) -> None:
    """The phone asks for the first slot, in use or not, and calls on it though it was refused."""
    line = agent.line
    line._lowest_idle = lambda: 1

    async def seize(original: Callable[..., Any], index: int = 0, call_info: str | None = None) -> int:
        await original(index, call_info)
        line.seized = index or 1
        return 200

    instead_of(line, "seize", seize)


@fault("L56", on="phone", kills={"SCA-044"}, scenarios=["receiver_is_put_back"])
def seizure_is_not_given_up(agent: Any) -> None:
    """The phone puts the receiver back and says nothing."""
    agent.line.release = lambda: asyncio.sleep(0)


@fault("L57", on="phone", kills={"SCA-047"}, scenarios=["beside_another"])
def used_slot_is_asked_for(agent: Any) -> None:
    """The phone always asks for the first slot, in use or not."""
    agent.line._lowest_idle = lambda: 1


@fault("L58", on="phone", kills={"SCA-050"}, scenarios=DIALLING)
def calls_on_another_slot(agent: Any) -> None:
    """The phone calls on another slot than the one it has seized."""
    tamper(agent, lambda d: begins(d) and d.has("Call-Info"), reindexed)


@fault("L59", on="phone", kills={"SCA-065"}, scenarios=["answered_elsewhere"])
def answered_elsewhere_is_missed(agent: Any) -> None:
    """A call that another phone has answered is counted as missed."""
    calls = agent.calls

    def note(original: Callable[..., None], leg: Any) -> None:
        original(leg)
        if leg.invite is not None and leg.invite.cancelled is not None:
            calls.missed.append("somebody")

    instead_of(calls, "_note_missed", note)


@fault("L60", on="phone", kills={"SCA-081"}, scenarios=["private_hold_ends"])
def private_hold_is_not_said(agent: Any) -> None:
    """A private hold is asked for like a public one."""
    tamper(
        agent, lambda d: is_request(d, "INVITE") and "held-private" in d.get("Call-Info"),
        lambda d: d.set("Call-Info", d.get("Call-Info").replace(";appearance-state=held-private", "")),
    )  # fmt: skip


@fault("L61", on="phone", kills={"SCA-082"}, scenarios=["ways_to_retrieve"])
def retrieves_after_seizing(agent: Any) -> None:
    """The phone tries to seize a slot before it asks for its call."""

    async def take(original: Callable[..., Any], index: int) -> int:
        await agent.line.seize(index)
        return int(await original(index))

    instead_of(agent.line, "take", take)


@fault("L62", on="phone", kills={"SCA-083"}, scenarios=["ways_to_retrieve"])
def bye_is_refused(agent: Any) -> None:
    """The old owner of a call refuses to let go."""
    tamper(agent, lambda d: is_answer(d, "BYE", [200]), _as_500)


def _as_500(draft: Draft) -> Draft:
    draft.start_line = "SIP/2.0 500 Server Internal Error"
    return draft


@fault("L63", on="phone", kills={"SCA-098"}, scenarios=["may_not_barge"])
def barges_in_all_the_same(agent: Any) -> None:
    """The phone barges in though that is switched off."""

    async def press(original: Callable[..., Any], index: int) -> int:
        return int(await (original(index) if agent.line._live().get(index) else agent.line.take(index)))

    instead_of(agent.line, "press", press)


@fault("L64", on="phone", kills={"SCA-099"}, scenarios=["bridging_is_off"])
def refusal_is_not_taken(agent: Any) -> None:
    """The phone asks again when it was not let in."""
    _insist(agent)


@fault("L65", on="phone", kills={"SCA-084"}, scenarios=["holds_privately"])
def private_hold_is_not_respected(agent: Any) -> None:
    """The phone asks again for a call that is held privately."""
    _insist(agent)


def _insist(agent: Any) -> None:
    async def take(original: Callable[..., Any], index: int) -> int:
        status = int(await original(index))
        await asyncio.sleep(0.5)
        return status if status < 300 else int(await original(index))

    instead_of(agent.line, "take", take)


@fault("L66", on="phone", kills={"SCA-105"}, scenarios=["answered_elsewhere", "runs_out"])
def lamps_are_mixed_up(agent: Any) -> None:
    """Every lamp that is lit is blue."""
    instead_of(agent.line, "lamp", lambda original, index: "off" if original(index) == "off" else "blue")


@fault("L67", on="phone", kills={"SCA-045"}, scenarios=["dials_too_late"])
def lost_slot_is_called_on(agent: Any) -> None:
    """The phone does not notice that its seizure has run out."""
    agent.line._seizure_told = lambda seizure, notify: None


@fault("L68", on="phone", kills={"SCA-021"}, scenarios=["in_the_old_way"])
def only_200_is_success(agent: Any) -> None:
    """The phone hears of its line only once it has seen a 200."""

    def received(original: Callable[..., None], request: Any) -> None:
        if agent.line.subscriber.status == 200:
            original(request)
        else:
            request.respond(481)

    instead_of(agent.line.subscriber, "received", received)


@fault("L69", on="phone", kills={"SCA-025"}, scenarios=["stranger_tells"])
def strangers_are_believed(agent: Any) -> None:
    """The phone takes what anybody tells of its line."""
    agent.agent.serve("NOTIFY", lambda request: request.respond(200), "call-info")


@fault("L90", on="phone", kills={"SCA-069"}, scenarios=["does_not_ring"])
def told_call_rings(agent: Any) -> None:
    """The phone rings for a call of which it was only told."""

    def notified(original: Callable[..., None], notify: Any) -> None:
        original(notify)
        if "alerting" in {slot.state for slot in agent.line.told.slots.values()}:
            agent.calls.legs.append(Leg(agent.agent, state="ringing"))
            agent.line._changed()

    instead_of(agent.line, "_notified", notified)
    agent.line.subscriber.told = agent.line._notified


@fault("L91", on="phone", kills={"SCA-097"}, scenarios=["three_phones", "customer_leaves"])
def bridges_are_not_known(agent: Any) -> None:
    """The phone does not know what a bridge is, and shows the slot as idle."""

    def shows(original: Callable[..., tuple[str, bool]], index: int) -> tuple[str, bool]:
        state, mine = original(index)
        return ("idle", False) if state.startswith("bridge") else (state, mine)

    instead_of(agent.line, "shows", shows)


@fault("L92", on="phone", kills={"SCA-097"}, scenarios=["three_phones"])
def bridges_are_not_joined(agent: Any) -> None:
    """The key of a bridge does nothing."""

    async def press(original: Callable[..., Any], index: int) -> int:
        return 0 if agent.line.told.state(index).startswith("bridge") else int(await original(index))

    instead_of(agent.line, "press", press)
