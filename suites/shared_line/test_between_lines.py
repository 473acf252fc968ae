"""Two shared lines that speak with each other: each counts its own keys."""

import asyncio

import pytest

from sipconform.lab.actors import Server
from sipconform.lab.line_phone import LinePhone
from sipconform.lab.line_scenes import all_show, at_work, outside, talking
from sipconform.lab.listening import Listening


async def two_lines(server: Server, customer: LinePhone, *phones: LinePhone) -> None:
    """The customer has a shared line too."""
    await server.share_line(customer.user)
    await at_work(*phones, customer)


@pytest.mark.rows("A3", "A6")
async def test_one_line_calls_the_other(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, server: Server, audio: Listening
) -> None:
    """The manager calls the customer, who has a shared line too. Each line shows the call on a key of its own; the
    manager holds and the assistant takes the call over, and the customer's key shows a call all the time."""
    await two_lines(server, customer, manager, assistant)
    calling = asyncio.ensure_future(manager.dial_on_line(customer.user))
    await customer.shows(call="ringing")
    await assistant.shows_line(1, "progressing")
    await customer.answer_line(1)
    assert await calling == 200, "the call was not answered"
    await assistant.shows_line(1, "active")
    await customer.shows_line(1, "active", mine=True)
    await audio.who_hears_whom(manager="customer", customer="manager")
    assert await manager.hold_line() == 200, "the hold was refused"
    await assistant.shows_line(1, "held")
    await customer.shows_line(1, "active", mine=True)
    assert await assistant.press_line(1) == 200, "the call could not be retrieved"
    await manager.shows_line(1, "active")
    await audio.who_hears_whom(assistant="customer", customer="assistant", manager="")
    await customer.hang_up_line(1)
    await all_show(1, "idle", manager, assistant, customer)


async def test_each_line_counts_its_own_keys(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, second_customer: LinePhone, server: Server
) -> None:
    """The manager's first key is in use when he calls the customer, so the call is on his second; on the customer's
    line it is on the first. He hangs up, and both keys are free."""
    await two_lines(server, customer, manager, assistant)
    await outside(second_customer)
    await talking(second_customer, assistant, manager)
    await asyncio.sleep(2)
    calling = asyncio.ensure_future(manager.dial_on_line(customer.user))
    await customer.shows(call="ringing")
    await customer.answer_line(1)
    assert await calling == 200, "the call was not answered"
    await assistant.shows_line(2, "active")
    await customer.shows_line(1, "active", mine=True)
    await asyncio.sleep(2)
    await manager.hang_up_line(2)
    await all_show(2, "idle", manager, assistant)
    await customer.shows_line(1, "idle")
    await second_customer.hang_up()
    await all_show(1, "idle", manager, assistant)


async def test_the_other_line_does_not_want_the_call(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, server: Server
) -> None:
    """The customer rejects the manager's call: the keys of both lines are free at once."""
    await two_lines(server, customer, manager, assistant)
    calling = asyncio.ensure_future(manager.dial_on_line(customer.user))
    await customer.shows(call="ringing")
    await customer.reject()
    assert await calling >= 400, "a refused call was answered"
    await all_show(1, "idle", manager, assistant, customer, within=2)
