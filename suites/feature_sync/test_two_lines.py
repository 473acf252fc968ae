"""A phone with two lines, each at home on a server of its own: what is true of one says nothing of the other."""

import asyncio

import pytest

from sipconform.lab.actors import Phone, Server


@pytest.mark.rows("B3", "B4")
async def test_the_lines_of_a_phone_are_kept_apart(
    phone: Phone, second_line: Phone, server: Server, other_server: Server
) -> None:
    """The phone has a line at the office and one at another company. Each server switches something on, then the user
    does: each time that one line shows it, and the other stays as it was."""
    for line in (phone, second_line):
        await line.start()
        await line.synchronised()
    await asyncio.sleep(0.5)
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)
    await second_line.shows(dnd=False)
    await other_server.forward(second_line.user, "cfu", "2050")
    await second_line.shows(cfu="2050", dnd=False)
    await phone.shows(cfu="")
    await asyncio.sleep(1.5)
    await second_line.set_dnd(True)
    await second_line.shows(dnd=True)
    await phone.set_dnd(False)
    await phone.shows(dnd=False)
    await second_line.shows(dnd=True)
    await asyncio.sleep(1.5)
