"""A line server that grants slots wrongly, or forgets whose they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, is_request, tamper, tamper_answers
from sipconform.features.appearance import Appearance, State, appearance_of
from sipconform.sip.compose import Draft

GLARE = ["two_lift", "two_hundred"]


def grant(agent: Any, allowed: Callable[[Any], bool]) -> None:
    """A refused seizure is granted all the same where `allowed` says so of the slot."""

    def refusal(original: Callable[..., int], line: Any, device: Any, slot: Any) -> int:
        status = original(line, device, slot)
        return 0 if status == 480 and slot is not None and allowed(slot) else status

    instead_of(agent.lines, "_refusal", refusal)


def ending(draft: Draft) -> bool:
    """The last NOTIFY of a seizure."""
    over = draft.get("Subscription-State").startswith("terminated")
    return is_request(draft, "NOTIFY") and draft.get("Event") == "line-seize" and over


@fault("F02", on="server", kills={"SCA-031"}, seen="Kamailio 522d06e75b; OpenSIPS 3595af488d", scenarios=GLARE)
def both_are_granted(agent: Any) -> None:
    """Both of two seizures at once are granted."""
    grant(agent, lambda slot: slot.state is State.SEIZED)


@fault("F04", on="server", kills={"SCA-031"}, seen="FreeSWITCH", scenarios=GLARE)
def later_seizure_wins(agent: Any) -> None:
    """A later seizure takes the slot of an earlier one, which is told nothing."""

    def steal(slot: Any) -> bool:
        if slot.seizure is not None and slot.seizure.subscription is not None:
            slot.seizure.subscription.drop()
        return slot.state in (State.SEIZED, State.IDLE)

    grant(agent, steal)


@fault(
    "F54", on="server", kills={"SCA-031", "SCA-104"}, seen="PhreakNet", scenarios=["two_lift"], lab={"one_host": True}
)
def phones_are_one(agent: Any) -> None:
    """Phones are not told apart, as if behind one address: a seizure of another is taken for one's own."""
    grant(agent, lambda slot: slot.seizure is not None)


@fault("F03", on="server", kills={"SCA-032"}, seen="OpenSIPS issue 4193", scenarios=["key_in_use"])
def call_is_seized(agent: Any) -> None:
    """A slot with a call on it is granted."""
    grant(agent, lambda slot: bool(slot.talkers))


@fault("F05", on="server", kills={"SCA-039"}, seen="Kamailio 43cc6015e8", scenarios=["other_key"])
def first_slot_is_kept(agent: Any) -> None:
    """A phone that seizes a second slot keeps the first for ever."""
    agent.lines._release_seizures = lambda *_: None
    agent.lines.line_seize.on_ended = None


@fault("F06", on="server", kills={"SCA-035"}, seen="Kamailio a6f80374c4; OpenSIPS", scenarios=["runs_out"])
def expiry_is_not_told(agent: Any) -> None:
    """A seizure that runs out is not told over, and its slot stays taken."""
    tamper(agent, ending, lambda _: None)
    agent.lines.line_seize.on_ended = None


@fault("L20", on="server", kills={"SCA-035"}, scenarios=["runs_out"])
def expired_slot_stays(agent: Any) -> None:
    """A seizure that runs out is told to its phone, and its slot stays taken."""
    agent.lines.line_seize.on_ended = None


@fault("F51", on="server", kills={"SCA-037"}, seen="FreeSWITCH", scenarios=["calls_out", "lives_on"])
def end_is_not_told(agent: Any) -> None:
    """The seizure of a call is never told over."""
    tamper(agent, ending, lambda _: None)


@fault("F23", on="server", kills={"SCA-103"}, seen="FreeSWITCH 4e554cc92e", scenarios=["stranger"])
def strangers_are_let_in(agent: Any) -> None:
    """Anybody may seize a slot of anybody's line."""
    line = next(iter(agent.lines.lines.values()))
    agent.lines._line_for = lambda request, device: line
    agent.lines._refusal = lambda line, device, slot: 0


@fault("F35", on="server", kills={"SCA-012"}, seen="Kamailio 480399653e", scenarios=["for_hours"])
def refresh_is_lost(agent: Any) -> None:
    """A refresh is looked for under another address and not found."""
    agent.lines.call_info.resubscribed = lambda request, subscription: request.respond(481)


@fault("F36", on="server", kills={"SCA-010"}, seen="Kamailio 3b557293a3", scenarios=["two_lift"])
def no_time_in_the_answer(agent: Any) -> None:
    """The 2xx does not say for how long."""
    tamper_answers(agent, "SUBSCRIBE", [200, 202], lambda d: d.remove("Expires"))


@fault("F37", on="server", kills={"SCA-012"}, seen="Kamailio", scenarios=["asks_for_no_time"])
def no_time_means_the_end(agent: Any) -> None:
    """A SUBSCRIBE without Expires is taken for the end."""

    def granted(original: Callable[..., int | None], message: Any) -> int | None:
        return original(message) if message.has("Expires") else 0

    instead_of(agent.lines.call_info, "granted", granted)


@fault("F38", on="server", kills={"SCA-003"}, seen="Kamailio 97653df1d9", scenarios=["not_shared"])
def phantom_slots(agent: Any) -> None:
    """A user without a shared line is told of slots all the same."""
    line = next(iter(agent.lines.lines.values()))
    agent.lines.call_info.admit = lambda request: line.user
    line.slot(9).caller = object()


@fault("F42", on="server", kills={"SCA-101"}, seen="Kamailio 56e4f45180", scenarios=["index_that_is_none"])
def odd_index_is_granted(agent: Any) -> None:
    """An index that is none is granted."""
    _admit_seizures(agent, lambda text: bool(text) and not isinstance(appearance_of([text]), Appearance))


@fault("L21", on="server", kills={"SCA-033"}, scenarios=["seizure_of_nothing"])
def nothing_is_granted(agent: Any) -> None:
    """A seizure that names no slot is granted."""
    _admit_seizures(agent, lambda text: not text)


def _admit_seizures(agent: Any, wanted: Callable[[str], bool]) -> None:
    admit = agent.lines.line_seize.admit
    line = next(iter(agent.lines.lines.values()))

    def altered(request: Any) -> str | None:
        given: str | None = line.user if wanted(request.message.text("Call-Info")) else admit(request)
        return given

    agent.lines.line_seize.admit = altered


def _refuse_seizures(agent: Any, word: str) -> None:
    admit = agent.lines.line_seize.admit

    def altered(request: Any) -> str | None:
        if word in request.message.text("Call-Info"):
            request.respond(400)
            return None
        given: str | None = admit(request)
        return given

    agent.lines.line_seize.admit = altered


@fault("F43", on="server", kills={"SCA-100"}, seen="Kamailio; PhreakNet", scenarios=["other_words"])
def first_value_must_be_a_slot(agent: Any) -> None:
    """A value about something else before the slot's is refused."""
    _refuse_seizures(agent, "answer-after")


@fault("F44", on="server", kills={"SCA-100"}, seen="Kamailio", scenarios=["other_words"])
def order_of_parameters_matters(agent: Any) -> None:
    """Parameters in another order than the usual are refused."""
    _refuse_seizures(agent, "purpose")


@fault("L22", on="server", kills={"SCA-034"}, scenarios=["two_lift"])
def seizure_lasts_for_hours(agent: Any) -> None:
    """A seizure is granted for an hour."""
    tamper_answers(agent, "SUBSCRIBE", [200], lambda d: d.set("Expires", "3600") if d.get("Expires") == "15" else d)


@fault("L23", on="server", kills={"SCA-030"}, scenarios=["receiver_is_put_back", "two_lift"])
def another_slot_is_granted(agent: Any) -> None:
    """The seizing phone is told another slot than the one it asked for."""

    def edit(draft: Draft) -> Draft:
        return draft.set("Call-Info", draft.get("Call-Info").replace("index=1", "index=5"))

    tamper(agent, lambda d: is_request(d, "NOTIFY") and d.get("Event") == "line-seize", edit)


@fault("F31", on="server", kills={"SCA-019"}, seen="Kamailio c0fb2a67a6", scenarios=["loses_its_power"])
def restart_is_not_noticed(agent: Any) -> None:
    """A phone that has lost its power keeps its slots."""
    agent.lines._restarted = lambda line, device: None


@fault("L24", on="server", kills={"SCA-001"}, scenarios=["receiver_is_put_back"])
def only_the_primary_registers(agent: Any) -> None:
    """A place of the line that has an address of its own may not register."""

    def register(original: Callable[..., None], request: Any) -> None:
        if request.message.has("Authorization") and "sip:2100-" in request.message.text("To"):
            request.respond(403)
        else:
            original(request)

    instead_of(agent.registrar, "_register", register)
    agent.agent.serve("REGISTER", agent.registrar._register)
