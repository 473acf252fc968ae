"""An actor and what his device shows: a display that can be read must agree, and one that cannot is no witness."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sipconform.agents.changes import Changes
from sipconform.lab.actor import Actor, BeliefError, NotSupportedError


class Display:
    """A device that shows what it is made with, and can do nothing."""

    ours = False

    def __init__(self, **beliefs: Any) -> None:
        self.beliefs = beliefs
        self.changes = Changes()

    async def do(self, verb: str, **arguments: Any) -> Any:
        raise NotSupportedError(verb)

    async def inspect(self, wanted: dict[str, Any]) -> None: ...


def test_what_nobody_can_tell_is_not_supported_unless_it_is_one_witness_of_several() -> None:
    phone = Actor("phone", Display(call="idle"))
    asyncio.run(phone.shows(call="idle"))
    asyncio.run(phone.shows_too(call="idle", dnd=True))
    asyncio.run(phone.shows_too(dnd=True))
    with pytest.raises(NotSupportedError, match="nobody can tell what phone shows for dnd"):
        asyncio.run(phone.shows(call="idle", dnd=True))


def test_a_witness_who_disagrees_is_heard() -> None:
    phone = Actor("phone", Display(dnd=False))
    with pytest.raises(BeliefError, match="dnd False"):
        asyncio.run(phone.shows_too(within=0.01, dnd=True, cfu="2002"))
