"""What some phones do otherwise than most, and lines have to live with."""

import asyncio

import pytest

from sipconform.lab.line_phone import LinePhone
from sipconform.lab.line_scenes import all_show, at_work, outside
from sipconform.lab.profile import Profile

CALLS = 12  # on as many keys at once; with their names they fill more than 4 KB
LATE = 6.0  # seconds


@pytest.mark.rows("A3")
async def test_a_seizure_is_refreshed(manager: LinePhone, assistant: LinePhone, profile: Profile) -> None:
    """The manager listens to the dial tone for longer than a seizure lasts, and his phone refreshes it: the key stays
    his until he puts the receiver back."""
    await at_work(manager, assistant)
    assert await manager.seize(1) == 200, "the line could not be seized"
    await asyncio.sleep(max(0, profile.shared_line.seize_expires - 10))
    assert await manager.keep_seizing() == 200, "the seizure could not be refreshed"
    await asyncio.sleep(13)
    await manager.shows_line(1, "seized", mine=True)
    await assistant.shows_line(1, "seized")
    await manager.put_back()
    await all_show(1, "idle", manager, assistant)


async def test_an_acknowledgement_is_late(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """The manager's phone acknowledges only after a while that the customer has answered: the key shows the call from
    the answer on."""
    await manager.set_line(ack_after=LATE)
    await at_work(manager, assistant)
    await outside(customer)
    calling = asyncio.ensure_future(manager.dial_on_line(customer.user))
    await customer.shows(call="ringing")
    await customer.answer()
    assert await calling == 200, "the call was not answered"
    await asyncio.sleep(LATE + 2)
    await manager.shows_line(1, "active", mine=True)
    await assistant.shows_line(1, "active")
    await manager.hang_up_line(1)
    await customer.shows(call="idle")
    await all_show(1, "idle", manager, assistant)


async def test_an_answer_names_no_key(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """The manager's phone does not say on which key it answers: it is the one that rang."""
    await manager.set_line(names_slot=False)
    await at_work(manager, assistant)
    await outside(customer)
    calling = asyncio.ensure_future(customer.dial(manager.line_number))
    await manager.shows(call="ringing")
    await manager.answer_line(1)
    assert await calling == 200, "the call was not answered"
    await assistant.shows_line(1, "active")
    await asyncio.sleep(5)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


@pytest.mark.race("which call comes first, and which states of the line are told before they pass")
@pytest.mark.rows("A3", "A4")
async def test_many_calls_with_long_names(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """Twelve calls ring at once, each from somebody with a very long name: every key shows its call. They give up one
    after the other, and every key is free again."""
    await at_work(manager, assistant)
    await outside(customer)
    calls: list[asyncio.Future[int]] = []
    for number in range(1, CALLS + 1):
        name = f"Caller {number}, " + "of a house with a very long name, " * 9
        calls.append(asyncio.ensure_future(customer.dial_as(manager.line_number, name)))
        await all_show(number, "alerting", manager, assistant)
    await asyncio.sleep(5)
    for call in reversed(calls):
        await customer.hang_up()
        assert await call == 487, "a call was not given up"
    for index in range(1, CALLS + 1):
        await all_show(index, "idle", manager, assistant)
