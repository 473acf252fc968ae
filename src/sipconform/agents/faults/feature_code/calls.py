"""The phone's call to a code: its Request-URI, its offer, its credentials and its end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of, is_request, tamper, tamper_answers, tamper_requests
from sipconform.sip.compose import Draft

Status = Awaitable[int]


@fault("M47", on="phone", kills={"FC-003"}, seen="sofia-sip issue 293, Teams", scenarios=["huawei_ims_dnd"])
def raw_hash(agent: Any) -> None:
    """A hash goes out as it is."""

    def raw(draft: Draft) -> Draft:
        draft.start_line = draft.start_line.replace("%23", "#")
        return draft.set("To", draft.get("To").replace("%23", "#"))

    tamper_requests(agent, "INVITE", raw)


@fault("FC07", on="phone", kills={"FC-007"}, scenarios=["broadworks_dnd"])
def offer_without_media(agent: Any) -> None:
    """The offer has no stream in it, for there is nobody to hear the prompt: legal, and a surprise to servers."""
    offer = b"v=0\r\no=- 1 1 IN IP4 10.0.1.11\r\ns=-\r\nc=IN IP4 10.0.1.11\r\nt=0 0\r\n"
    _edit_codes(agent, lambda d: d.with_body("application/sdp", offer))


@fault("FC07b", on="phone", kills={"FC-007"}, scenarios=["takes_no_audio"])
def lost_without_audio(agent: Any) -> None:
    """A 200 that refuses the audio stream is more than the phone can bear: it never acknowledges it."""
    tamper(agent, lambda d: is_request(d, "ACK") and "*" not in d.start_line, lambda d: None)


@fault("FC07c", on="phone", kills={"FC-007"}, scenarios=["broadworks_dnd"])
def offer_without_a_port(agent: Any) -> None:
    """The stream in the offer has no port, for there is nobody to hear the prompt."""
    _edit_codes(agent, lambda d: d.with_body("application/sdp", re.sub(rb"m=audio [0-9]+", b"m=audio", d.body)))


def _edit_codes(agent: Any, edit: Callable[[Draft], Draft]) -> None:
    tamper(agent, lambda d: is_request(d, "INVITE") and ";tag=" not in d.get("To"), edit)


@fault("FC08", on="phone", kills={"FC-008"}, scenarios=["never_ends"])
def never_hangs_up(agent: Any) -> None:
    """The phone listens to a prompt for as long as it lasts."""
    agent.codes.longest = 3600.0


@fault("FC08b", on="phone", kills={"FC-008"}, scenarios=["broadworks_dnd"])
def refuses_to_be_hung_up(agent: Any) -> None:
    """The server's BYE is answered 481."""
    tamper_answers(agent, "BYE", [200], lambda d: replace(d, start_line="SIP/2.0 481 Call Does Not Exist"))


@fault("FC09", on="phone", kills={"FC-009"}, scenarios=["broadworks_dnd"])
def has_no_credentials_for_codes(agent: Any) -> None:
    """The call to a code carries no credentials, nor is it made again when they are asked for."""

    async def ask(original: Callable[..., Any], draft: Draft, *rest: Any, **named: Any) -> Any:
        if not is_request(draft, "INVITE"):
            return await original(draft, *rest, **named)
        known, agent.agent.credentials = agent.agent.credentials, None
        asking = asyncio.ensure_future(original(draft, *rest, **named))
        await asyncio.sleep(0)
        agent.agent.credentials = known
        return await asking

    instead_of(agent.agent, "ask", ask)


@fault("FC13", on="phone", kills={"FC-013"}, scenarios=["leaves_the_call_alone"])
def code_puts_the_call_on_hold(agent: Any) -> None:
    """To dial a code the phone first puts the running call on hold."""

    async def dial(original: Callable[..., Status], *given: Any) -> Any:
        for leg in agent.calls.legs:
            leg.spawn(agent.calls.hold(leg))
        return await original(*given)

    instead_of(agent.codes, "_dial", dial)


@fault("FC15", on="phone", kills={"FC-015"}, scenarios=["every_form"])
def dial_string_without_context(agent: Any) -> None:
    """A dial string does not say where it was dialled."""
    _edit_codes(agent, _without_context)


def _without_context(draft: Draft) -> Draft:
    before, found, after = draft.start_line.partition(";phone-context=")
    if found and "user=dialstring" in after:
        draft.start_line = f"{before}@{after.partition('@')[2]}"
    return draft


@fault("FC16", on="phone", kills={"FC-016"}, scenarios=["broadworks_dnd"])
def code_said_to_be_a_telephone_number(agent: Any) -> None:
    """Every Request-URI ends in user=phone."""
    agent.codes.form = "phone"
