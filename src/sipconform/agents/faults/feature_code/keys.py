"""What a key press leads to: codes mixed up, left out, bent, repeated, and roads that should be one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from sipconform.agents.faults import fault
from sipconform.agents.faults.tampering import instead_of
from sipconform.features.feature_code import CodeTable, Feature

Status = Awaitable[int]


@fault("FC01", on="phone", kills={"FC-001"}, scenarios=["broadworks_dnd"])
def pressed_once_dialled_twice(agent: Any) -> None:
    """Each press is dialled twice, though the first call was accepted."""

    async def twice(dial: Callable[[str], Status], code: str) -> int:
        await dial(code)
        return await dial(code)

    instead_of(agent.codes, "_dial_patiently", twice)


@fault("FC06", on="phone", kills={"FC-006"}, scenarios=["broadworks_dnd"])
def blank_off_code_is_dialled(agent: Any) -> None:
    """The code for off is blank: the phone calls the empty user, and do not disturb cannot be switched off."""

    async def press(original: Callable[[str | None], Status], code: str | None) -> int:
        if code != "*79":
            return await original(code)
        return int(await agent.codes.dial("", f"sip:{agent.account.domain}"))

    instead_of(agent.codes, "_press", press)


@fault("M49", on="phone", kills={"FC-001"}, seen="Huawei eSpace thread", scenarios=["broadworks_dnd"])
def blank_off_code(agent: Any) -> None:
    """The code for off is blank: nothing is sent at all, and do not disturb cannot be switched off."""

    async def press(original: Callable[[str | None], Status], code: str | None) -> int:
        return 0 if code == "*79" else await original(code)

    instead_of(agent.codes, "_press", press)


@fault("M50", on="phone", kills={"FC-002"}, seen="a template for Fanvil's X4", scenarios=["broadworks_dnd"])
def every_forward_dials_the_same_code(agent: Any) -> None:
    """Forwards on busy and on no answer dial the codes of the unconditional one."""
    table = agent.codes.table
    right = [code for code in table.codes if code.feature not in (Feature.CFB, Feature.CFNA)]
    unconditional = [code for code in right if code.feature is Feature.CFU]
    wrong = [replace(code, feature=kind) for kind in (Feature.CFB, Feature.CFNA) for code in unconditional]
    agent.codes.table = CodeTable((*right, *wrong), table.others)


@fault("M51", on="phone", kills={"FC-002"}, seen="FusionPBX issue 6342", scenarios=["broadworks_dnd"])
def dnd_dials_the_code_of_a_forward(agent: Any) -> None:
    """The key for do not disturb dials the code that ends the unconditional forward."""

    async def press(original: Callable[[str | None], Status], code: str | None) -> int:
        return await original("*73" if code == "*78" else code)

    instead_of(agent.codes, "_press", press)


@fault("FC04", on="phone", kills={"FC-004"}, scenarios=["without_separators"])
def number_loses_a_digit(agent: Any) -> None:
    """The last digit of the number is lost behind a separator."""
    _dials(agent, lambda code: code[:-1] if code.startswith("*72") else code)


@fault("FC05", on="phone", kills={"FC-005"}, scenarios=["huawei_ims_forwards"])
def suffix_left_out(agent: Any) -> None:
    """The hash at the end of a code is never sent."""
    _dials(agent, lambda code: code.rstrip("#"))


@fault("FC17", on="phone", kills={"FC-017"}, scenarios=["broadworks_dnd"])
def dial_plan_adds_a_prefix(agent: Any) -> None:
    """The dial plan puts a 0 for an outside line before everything."""
    _dials(agent, lambda code: f"0{code}")


def _dials(agent: Any, bend: Callable[[str], str]) -> None:
    async def dial(original: Callable[..., Status], code: str, *rest: Any) -> Any:
        return await original(bend(code), *rest)

    instead_of(agent.codes, "_dial", dial)


@fault("FC12", on="phone", kills={"FC-012"}, scenarios=["refused_code"])
def never_gives_up(agent: Any) -> None:
    """A refused code is dialled again at once, ten times."""
    agent.codes.tries, agent.codes.pause = 10, 0.1


@fault("FC18", on="phone", kills={"FC-018"}, scenarios=["quick_order"])
def last_press_is_dialled_first(agent: Any) -> None:
    """A press waits a moment before it is dialled, unless another comes."""
    late: list[float] = [1.5, 0.0]

    async def press(original: Callable[[str | None], Status], code: str | None) -> int:
        await asyncio.sleep(late.pop(0) if late else 0)
        return await original(code)

    instead_of(agent.codes, "_press", press)


@fault("FC10", on="phone", kills={"FC-010", "FC-011"}, scenarios=["refused_code", "proves_nothing"])
def display_follows_the_key(agent: Any) -> None:
    """The display shows what was pressed, whatever the server answers."""

    async def press(original: Callable[[bool], Status], on: bool) -> int:
        status = await original(on)
        agent.features.show(agent.features.shown.with_dnd(on))
        return status

    instead_of(agent.codes, "press_dnd", press)


@fault("FC14", on="phone", kills={"FC-014"}, scenarios=["so_many_seconds"])
def timer_of_any_length(agent: Any) -> None:
    """The timer of a forward on no answer is counted in seconds of the user's liking."""
    _dials(agent, lambda code: code.replace("**20#", "**17#"))


@fault("M37", on="phone", kills={"FS-131"}, seen="FusionPBX c7038a78d9", scenarios=["one_road"])
def both_roads_at_once(agent: Any) -> None:
    """One press sends a SUBSCRIBE with the wish and dials the code too."""

    async def press(original: Callable[[bool], Awaitable[None]], on: bool) -> None:
        await original(on)
        await agent.codes.press_dnd(on)

    instead_of(agent.features, "press_dnd", press)


@fault("M45", on="phone", kills={"FS-128"}, seen="kazoo-configs issue 63, sipXcom issue 62", scenarios=["two_masters"])
def dnd_is_done_here_too(agent: Any) -> None:
    """The phone refuses calls by itself although do not disturb is the server's affair."""
    agent.calls.refuse = lambda _: 480 if agent.features.shown.dnd else 0
