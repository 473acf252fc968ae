"""Calls that come in for the line, and the ways in which they are not simply answered."""

import asyncio

import pytest

from sipconform.lab.actors import Server
from sipconform.lab.clock import Clock
from sipconform.lab.line_phone import LinePhone
from sipconform.lab.line_scenes import all_show, at_work, outside, talking


async def ringing(customer: LinePhone, *phones: LinePhone, index: int = 1) -> "asyncio.Future[int]":
    """The customer calls and every phone of the line rings."""
    calling = asyncio.ensure_future(customer.dial(phones[0].line_number))
    for phone in phones:
        await phone.shows(call="ringing")
        await phone.shows_line(index, "alerting")
    return calling


@pytest.mark.race("who answers first")
@pytest.mark.rows("A1")
async def test_two_answer_at_once(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """The manager and the assistant answer in the same instant: one has the call, the other is out of it, and the
    key is free when the call is over."""
    await at_work(manager, assistant)
    await outside(customer)
    calling = await ringing(customer, manager, assistant)
    await asyncio.gather(manager.answer_line(1), assistant.answer_line(1))
    assert await calling == 200, "the call was not answered"
    await asyncio.sleep(2)
    await customer.hang_up()
    await manager.shows(call="idle")
    await assistant.shows(call="idle")
    await all_show(1, "idle", manager, assistant)


@pytest.mark.rows("A1")
async def test_everybody_rejects(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """The manager rejects, then the assistant: the customer is told that nobody wants the call. A proxy takes the
    manager's 603 for the word of all (RFC 3261 §16.7), and the assistant's phone falls silent."""
    await at_work(manager, assistant)
    await outside(customer)
    calling = await ringing(customer, manager, assistant)
    await manager.reject(603)
    await manager.shows(call="idle")
    await asyncio.sleep(1)
    if not calling.done():
        await assistant.shows_line(1, "alerting")
        await assistant.reject()
    assert await calling >= 400, "a call that everybody rejected was answered"
    await all_show(1, "idle", manager, assistant, within=2)


@pytest.mark.rows("A1")
async def test_the_customer_gives_up(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """Nobody answers and the customer hangs up: every phone stops ringing and has missed one call."""
    await at_work(manager, assistant)
    await outside(customer)
    calling = await ringing(customer, manager, assistant)
    await customer.hang_up()
    assert await calling == 487, "the call was not cancelled"
    for phone in (manager, assistant):
        await phone.shows(call="idle", missed=1)
    await all_show(1, "idle", manager, assistant, within=2)


@pytest.mark.race("which states of the line are told before they pass")
@pytest.mark.rows("A1")
async def test_answered_elsewhere_is_not_missed(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """It rings a while and the assistant answers: the manager's phone does not count the call as missed."""
    await at_work(manager, assistant)
    await outside(customer)
    calling = await ringing(customer, manager, assistant)
    await asyncio.sleep(1)
    await assistant.answer_line(1)
    assert await calling == 200, "the call was not answered"
    await manager.shows(call="idle", missed=0)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


@pytest.mark.race("which states of the line are told before they pass")
async def test_one_of_two_ringing_calls_is_given_up(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, second_customer: LinePhone
) -> None:
    """Two calls ring on two keys and the first caller gives up: the first key is free, the second rings on."""
    await at_work(manager, assistant)
    await outside(customer, second_customer)
    first = await ringing(customer, manager, assistant)
    second = await ringing(second_customer, manager, assistant, index=2)
    await customer.hang_up()
    assert await first == 487, "the first call was not cancelled"
    await all_show(1, "idle", manager, assistant)
    await all_show(2, "alerting", manager, assistant)
    await assistant.answer_line(2)
    assert await second == 200, "the second call was not answered"
    await second_customer.hang_up()
    await all_show(2, "idle", manager, assistant)


async def test_the_line_is_busy_where_nobody_disturbs(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, server: Server
) -> None:
    """Do Not Disturb is on for the line's user: a call is refused, and no phone of the line rings."""
    await at_work(manager, assistant)
    await outside(customer)
    await server.set_dnd(manager.line_number, True)
    assert await customer.dial(manager.line_number) >= 400, "the call came through"
    await all_show(1, "idle", manager, assistant)


@pytest.mark.rows("A2")
async def test_a_private_line_says_nothing_of_its_calls(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone
) -> None:
    """On the assistant's phone the shared line is switched off: it rings and can be answered as any phone, and takes
    no part in what the keys show."""
    await at_work(manager)
    await outside(assistant, customer)
    calling = asyncio.ensure_future(customer.dial(manager.line_number))
    await assistant.shows(call="ringing")
    await assistant.answer()
    assert await calling == 200, "the call was not answered"
    await manager.shows_line(1, "active")
    await assistant.hang_up()
    await manager.shows_line(1, "idle")


@pytest.mark.race("which states of the line are told before they pass")
async def test_the_line_is_left_in_good_order(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """The assistant switches the shared line off: her phone is told nothing more, the manager's still is."""
    await at_work(manager, assistant)
    await outside(customer)
    await assistant.leave_line()
    await talking(customer, manager)
    await manager.hang_up_line(1)
    await manager.shows_line(1, "idle")


async def test_a_customer_who_stays_unknown(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """A customer calls who does not want to be known: no phone of the line is told who it is."""
    await at_work(manager, assistant)
    await outside(customer)
    calling = asyncio.ensure_future(customer.dial_anonymously(manager.line_number))
    await manager.shows(call="ringing")
    await manager.answer_line(1)
    assert await calling == 200, "the call was not answered"
    await assistant.shows_line(1, "active")
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


async def test_the_line_is_followed_for_hours(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, clock: Clock
) -> None:
    """The phones stay on the line for longer than a subscription lasts: they refresh it in time, and are still told."""
    await at_work(manager, assistant)
    await outside(customer)
    await clock.passes(4000)
    await talking(customer, manager, assistant)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


async def test_a_phone_asks_for_no_time(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """The assistant's phone follows the line without saying for how long: it is told like all others."""
    await assistant.set_line(names_no_time=True)
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)
