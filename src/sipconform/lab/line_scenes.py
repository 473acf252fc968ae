"""What happens at the beginning of many stories about shared lines."""

from __future__ import annotations

import asyncio

from sipconform.lab.line_phone import LinePhone


async def at_work(*phones: LinePhone) -> None:
    """Phones of the line come up one after the other."""
    for phone in phones:
        await phone.start_line()


async def outside(*phones: LinePhone) -> None:
    """Phones that have nothing to do with the line come up."""
    for phone in phones:
        await phone.start(sync=False)
        await phone.speak()


async def talking(caller: LinePhone, phone: LinePhone, *others: LinePhone, index: int = 1) -> None:
    """The caller calls the line and the phone answers; the others show that it talks."""
    calling = asyncio.ensure_future(caller.dial(phone.line_number))
    await phone.shows(call="ringing")
    await phone.answer_line(index)
    assert await calling == 200, "the call was not answered"
    await phone.shows_line(index, "active", mine=True)
    for other in others:
        await other.shows_line(index, "active")


async def all_show(index: int, state: str, *phones: LinePhone, within: float = 5.0) -> None:
    """None of these phones has to do with the slot, and all show its state."""
    for phone in phones:
        await phone.shows_line(index, state, within=within)
