"""What a line server tells its phones of the calls, told wrongly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.shared_line.retelling import Slots, keep, renamed, retell, stuck
from sipconform.agents.faults.tampering import instead_of
from sipconform.features.appearance import Appearance


@fault("F01", on="server", kills={"SCA-052"}, seen="Kamailio 82e67c07ee", scenarios=["calls_out"])
def caller_alerts(agent: Any) -> None:
    """A call that goes out is told as alerting."""
    retell(agent, renamed("progressing", "alerting"))


@fault("F07", on="server", kills={"SCA-053"}, seen="Kamailio dab6e5b5af", scenarios=["made_on_the_line", "calls_out"])
def answer_is_not_told(agent: Any) -> None:
    """The answer to a call that goes out is not told."""

    def change(slots: Slots, last: Slots) -> Slots:
        return {i: last[i] if i in last and last[i].state == "progressing" else s for i, s in slots.items()}

    retell(agent, change)


@fault("F08", on="server", kills={"SCA-054"}, seen="Kamailio 6cdc9c4f3e", scenarios=["call_out_is_refused"])
def refusal_leaves_progressing(agent: Any) -> None:
    """A call that was refused after ringing stays progressing."""
    retell(agent, stuck("progressing"))


@fault("F09", on="server", kills={"SCA-054"}, seen="Kamailio, 302", scenarios=["call_out_is_refused[302]"])
def redirection_leaves_seized(agent: Any) -> None:
    """A call that was redirected leaves its slot seized."""
    retell(agent, stuck("progressing", "seized", shown="seized"))


@fault(
    "F10",
    on="server",
    kills={"SCA-055"},
    seen="Kamailio 287cccf2af",
    scenarios=["made_on_the_line", "answered_elsewhere"],
)
def bye_leaves_active(agent: Any) -> None:
    """A BYE without Call-Info leaves the lamp lit."""
    retell(agent, stuck("active"))


@fault("F11", on="server", kills={"SCA-070"}, seen="Kamailio issue 2583", scenarios=["ways_to_hold"])
def hold_goes_to_slot_zero(agent: Any) -> None:
    """A hold is noted on slot 0, that is nowhere."""
    retell(agent, renamed("held", "active"))


@fault("F12", on="server", kills={"SCA-056"}, seen="Kamailio c9088726be", scenarios=["side_by_side"])
def other_bye_frees_the_slot(agent: Any) -> None:
    """The BYE of one call frees the slot of another."""

    def change(slots: Slots, last: Slots) -> Slots:
        return {} if len(slots) < len(last) else slots

    retell(agent, change)


@fault(
    "F13", on="server", kills={"SCA-078"}, seen="Kamailio issue 341", scenarios=["ways_to_retrieve", "made_on_the_line"]
)
def retrieved_call_stays(agent: Any) -> None:
    """A call that has changed hands stays active after its BYE."""
    retell(agent, stuck("active"))


@fault("F14", on="server", kills={"SCA-071"}, seen="Kamailio 81b5473f5a", scenarios=["private_hold_ends"])
def private_is_told_active(agent: Any) -> None:
    """A private hold is told as active."""
    retell(agent, renamed("held-private", "active"))


@fault("L01", on="server", kills={"SCA-071"}, scenarios=["private_hold_ends"])
def private_is_told_held(agent: Any) -> None:
    """A private hold is told as a public one."""
    retell(agent, renamed("held-private", "held"))


@fault("F18", on="server", kills={"SCA-070"}, seen="OpenSIPS issue 1578", scenarios=["ways_to_hold"])
def hold_is_not_told(agent: Any) -> None:
    """Nothing is told of a hold."""
    retell(agent, lambda slots, _: None if any(s.state == "held" for s in slots.values()) else slots)


@fault(
    "F22", on="server", kills={"SCA-090"}, seen="FreeSWITCH dad670713b", scenarios=["customer_leaves", "first_owner"]
)
def barging_blanks_the_slot(agent: Any) -> None:
    """A phone that joins takes the lamp away while the call lives."""
    retell(agent, renamed("bridge-active", "idle"))


@fault("F24", on="server", kills={"SCA-066"}, seen="FreeSWITCH 59f6654e96", scenarios=["everybody_rejects", "gives_up"])
def losers_leave_alerting(agent: Any) -> None:
    """A call that nobody answered goes on alerting."""
    retell(agent, stuck("alerting"))


@fault("F28", on="server", kills={"SCA-060"}, seen="Kamailio 6805fcb2f6", scenarios=["unknown", "customer_holds"])
def another_slot_is_told(agent: Any) -> None:
    """What is told is another slot than the one the phones were given."""
    retell(agent, lambda slots, _: {i + 6: s for i, s in slots.items()})


@fault("F29", on="server", kills={"SCA-067"}, seen="Kamailio 92bbfd0b04", scenarios=["names_no_key"])
def answer_without_slot_is_lost(agent: Any) -> None:
    """A call answered without Call-Info has no slot."""
    nameless: set[int] = set()

    def talk(original: Callable[..., None], line: Any, slot: Any, talker: Any) -> None:
        original(line, slot, talker)
        if talker.leg.answer is not None and not talker.leg.answer.has("Call-Info"):
            nameless.add(slot.index)

    instead_of(agent.lines.line_calls, "_talk", talk)
    retell(agent, lambda slots, _: {i: s for i, s in slots.items() if i not in nameless})


@fault("L14", on="server", kills={"SCA-058"}, seen="Kamailio pull request 3249", scenarios=["acknowledgement_is_late"])
def late_ack_ends_the_slot(agent: Any) -> None:
    """A call that was not acknowledged for two seconds is told idle."""
    late: list[bool] = []

    def give_up(leg: Any) -> None:
        late[:] = [True] if not leg._confirmed.is_set() else []
        for line in agent.lines.lines.values():
            agent.lines._tell(line)

    def talk(original: Callable[..., None], line: Any, slot: Any, talker: Any) -> None:
        original(line, slot, talker)
        asyncio.get_running_loop().call_later(2.0, give_up, talker.leg)

    instead_of(agent.lines.line_calls, "_talk", talk)
    retell(agent, lambda slots, _: {} if late else slots)


@fault("L15", on="server", kills={"SCA-080"}, scenarios=["as_the_call_is_retrieved"])
def crossing_leaves_the_lamp_lit(agent: Any) -> None:
    """A call whose holder hangs up as another asks for it stays on every lamp."""
    retell(agent, stuck("held", "active"))


@fault(
    "F39",
    on="server",
    kills={"SCA-053"},
    seen="Kamailio 27d02adf7b",
    scenarios=["key_in_use"],
    lab={"transport": "tcp"},
)
def transport_hides_the_line(agent: Any) -> None:
    """A phone whose Contact names a transport is not known for one of the line: its calls are not told."""
    retell(agent, lambda slots, _: {})


@fault("F40", on="server", kills={"SCA-056"}, seen="Kamailio pull request 3249", scenarios=["side_by_side"])
def lost_ack_ends_the_slot(agent: Any) -> None:
    """A while into the call the slot is told idle, for want of an ACK that was there."""

    def change(slots: Slots, last: Slots) -> Slots:
        old = {i for i, s in last.items() if s.state == "active"}
        return {i: s for i, s in slots.items() if i not in old or len(slots) < 2}

    retell(agent, change)


@fault("F61", on="server", kills={"SCA-066"}, scenarios=["one_of_two_ringing"])
def wrong_slot_goes_idle(agent: Any) -> None:
    """When one of two ringing calls is given up the other's slot is told idle."""

    def change(slots: Slots, last: Slots) -> Slots:
        gone = [i for i in last if i not in slots]
        return dict(zip(gone, slots.values(), strict=True)) if len(gone) == 1 and len(slots) == 1 else slots

    retell(agent, change)


@fault("L05", on="server", kills={"SCA-036"}, scenarios=["receiver_is_put_back"])
def put_back_is_not_told(agent: Any) -> None:
    """A slot that was given up stays seized."""
    retell(agent, stuck("seized"))


@fault("L06", on="server", kills={"SCA-041"}, scenarios=["lives_on"])
def call_is_told_idle(agent: Any) -> None:
    """A call that went out and was answered is told idle."""
    retell(agent, renamed("active", "idle"))


@fault("L07", on="server", kills={"SCA-061"}, scenarios=["answered_elsewhere"])
def alerting_is_not_told(agent: Any) -> None:
    """Nothing is told while a call alerts."""
    retell(agent, renamed("alerting", "idle"))


@fault("L08", on="server", kills={"SCA-073"}, scenarios=["ways_to_hold"])
def resume_is_not_told(agent: Any) -> None:
    """A call that was held is told held until it ends."""
    keep(agent, "held", "active")


@fault("L09", on="server", kills={"SCA-093"}, scenarios=["one_of_the_bridge"])
def bridge_hold_is_not_told(agent: Any) -> None:
    """A bridge is never told as held."""
    retell(agent, renamed("bridge-held", "bridge-active"))


@fault("L10", on="server", kills={"INV-001"}, scenarios=["one_of_the_bridge"])
def bridge_is_told_active(agent: Any) -> None:
    """A bridge that is held is told like any call."""
    retell(agent, renamed("bridge-held", "active"))


@fault("L11", on="server", kills={"INV-002"}, scenarios=["answered_elsewhere", "private_hold_ends"])
def private_out_of_nothing(agent: Any) -> None:
    """A call that comes in is told as a private hold."""
    retell(agent, renamed("alerting", "held-private"))


@fault("L13", on="server", kills={"INV-005"}, scenarios=["runs_out"])
def granted_while_told_in_use(agent: Any) -> None:
    """A slot that ran out is told in a call a while later, and granted to the next who asks."""
    over: list[bool] = []
    forget = agent.lines.line_seize.on_ended

    def tell() -> None:
        over.append(True)
        for line in agent.lines.lines.values():
            agent.lines._tell(line)

    def ended(subscription: Any) -> None:
        forget(subscription)
        asyncio.get_running_loop().call_later(0.5, tell)

    agent.lines.line_seize.on_ended = ended
    retell(agent, lambda slots, _: slots | {1: Appearance(1, "active")} if over else slots)


@fault("L96", on="server", kills={"INV-003"}, scenarios=["made_on_the_line", "answered_elsewhere"])
def a_lamp_is_left_over(agent: Any) -> None:
    """After a call a key is lit on which nothing ever happened."""

    def change(slots: Slots, last: Slots) -> Slots:
        return slots or ({9: Appearance(9, "active")} if last else {})

    retell(agent, change)


@fault("F17", on="server", kills={"SCA-072"}, seen="Kamailio 900dee7717", scenarios=["customer_holds"])
def far_hold_is_told(agent: Any) -> None:
    """The far party's hold is told as if the line's own phone held."""
    held: list[bool] = []

    def offers(original: Callable[..., None], slot: Any, leg: Any, request: Any) -> None:
        original(slot, leg, request)
        held[:] = [request.message.sdp is not None and request.message.sdp.is_hold]
        for line in agent.lines.lines.values():
            asyncio.get_running_loop().call_later(0.1, agent.lines._tell, line)

    instead_of(agent.lines.line_calls, "_far_offers", offers)
    state = {True: "held", False: "active"}
    retell(agent, lambda slots, _: {i: replace(s, state=state[held[0]]) if held else s for i, s in slots.items()})
