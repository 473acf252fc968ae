"""The intents that concern line keys, for our own phone, and what it shows on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from sipconform.agents.phone.phone import Phone
from sipconform.features import call_park
from sipconform.features.appearance import LINE_SEIZE, seize_value
from sipconform.lab.actor import CouldNotRunError, NotSupportedError

Verb = Callable[..., Awaitable[Any]]
SETTINGS = ("barge_in", "names_nobody", "says_state", "private_press", "names_slot", "ack_after")
SPELLINGS = {  # of one and the same address (RFC 3261 §19.1.4)
    "parameters": "sip:{user}@{domain};transport=udp;user=phone",
    "escaped": "sip:%{first:X}{rest}@{domain}",
}


def line_verbs(phone: Phone, announce: Callable[[str, str | None], None] | None = None) -> dict[str, Verb]:
    """By name. `announce` lets the record know of what no phone would send by itself."""
    line, agent = phone.line, phone.agent

    async def seize_elsewhere(user: str, index: int) -> int:
        aor = f"sip:{user}@{phone.account.domain}"
        draft = agent.new_request("SUBSCRIBE", aor, f"<{aor}>")
        for name, value in (("Contact", agent.contact), ("Event", LINE_SEIZE), ("Expires", "15")):
            draft.add(name, value)
        draft.add("Call-Info", seize_value(f"sip:{phone.account.domain}", index))
        answer = await agent.ask(draft)
        return answer.status if answer is not None else 408

    async def call_on(index: int, number: str) -> int:
        leg = phone.calls.begin(number, [("Call-Info", seize_value(f"sip:{phone.account.domain}", index))])
        if announce:
            announce(leg.dialog.call_id, None)
        await leg.outcome()
        leg.hang_up()
        return leg.status

    async def dial_anonymously(number: str) -> int:
        leg = await phone.calls.dial(number, [("Privacy", "id")])
        return leg.status

    async def hold_line(private: bool, style: str, late: bool) -> int:
        return await _with_call(line.hold(private=private, style=style, late=late))

    async def resume_line() -> int:
        return await _with_call(line.resume())

    async def hang_up_line(index: int) -> None:
        if index not in line.legs:
            raise CouldNotRunError(f"the phone has no call on line key {index}")
        line.legs[index].hang_up()

    async def set_line(**settings: Any) -> None:
        if settings.pop("names_no_time", False):
            line.subscriber.expires = 0
        line.subscriber.once = not settings.pop("refreshes", True)
        if settings.pop("by_proxy", False):
            line.subscriber.extra = (("Record-Route", f"<sip:{agent.endpoint.transports[0].local};lr>"),)
        if settings.pop("follows_parks", False):
            line.subscriber.accept = call_park.CONTENT_TYPE
        if spelling := settings.pop("spelling", ""):
            line.subscriber.resource = spelled(phone, spelling)
        for name, value in settings.items():
            if name not in SETTINGS:
                raise NotSupportedError(f"our phone has no setting {name!r}; there are {', '.join(SETTINGS)}")
            setattr(line, name, value)

    async def forget_line() -> None:
        line.subscriber.close()

    async def dial_as(number: str, name: str) -> int:
        leg = phone.calls.begin(number, sender=f'"{name}" <{phone.account.aor}>')
        return await leg.outcome()

    async def restart() -> None:
        for leg in list(phone.calls.legs):
            phone.agent.detach(leg)
        phone.calls.legs.clear()
        line.legs.clear()
        line.subscriber.close()
        await line.join()

    return {
        "speak": phone.speak,
        "join_line": line.join,
        "leave_line": line.leave,
        "seize": line.seize,
        "seize_elsewhere": seize_elsewhere,
        "put_back": line.release,
        "dial_on_line": line.dial,
        "call_on": call_on,
        "dial_anonymously": dial_anonymously,
        "dial_as": dial_as,
        "keep_seizing": line.keep_seizing,
        "forget_line": forget_line,
        "press_line": line.press,
        "take_line": line.take,
        "hold_line": hold_line,
        "resume_line": resume_line,
        "hang_up_line": hang_up_line,
        "set_line": set_line,
        "restart": restart,
    }


def line_beliefs(phone: Phone) -> dict[str, Any]:
    """What every line key shows; nothing while the shared line is off."""
    line = phone.line
    if not line.on:
        return {}
    told: dict[str, Any] = {}
    for index in range(1, line.keys + 1):
        state, mine = line.shows(index)
        told[f"line.{index}"] = f"{state}, {'mine' if mine else 'theirs'}"
        told[f"lamp.{index}"] = line.lamp(index)
    if line.subscriber.accept:
        told["parked"] = line.parked.uri
    return told


def spelled(phone: Phone, spelling: str) -> str:
    """The phone's own address in another spelling."""
    if spelling not in SPELLINGS:
        raise NotSupportedError(f"our phone knows no spelling {spelling!r}; there are {', '.join(SPELLINGS)}")
    user, domain = phone.account.user, phone.account.domain
    return SPELLINGS[spelling].format(
        user=user, domain=domain, first=ord(user[0]), rest=user[1:]
    )  # fmt: skip


def show_keys(phone: Phone, wanted: Iterable[str]) -> None:
    """Has the phone show the keys that these beliefs are about."""
    numbers = [key.partition(".")[2] for key in wanted if key.startswith(("line.", "lamp."))]
    phone.line.keys = max(phone.line.keys, *map(int, numbers), 0)


async def _with_call(doing: Awaitable[int]) -> int:
    try:
        return await doing
    except LookupError as error:
        raise CouldNotRunError(str(error)) from error
