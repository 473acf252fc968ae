"""As many phones and calls as a line can have."""

import asyncio

import pytest

from sipconform.lab.actor import BeliefError, CouldNotRunError
from sipconform.lab.line_phone import LinePhone
from sipconform.lab.line_scenes import all_show, at_work, outside
from sipconform.lab.profile import Profile


@pytest.mark.race("who lifts first, and which states of the line are told before they pass")
@pytest.mark.rows("A3", "A4")
async def test_thirty_five_phones_on_one_line(desks: list[LinePhone], profile: Profile) -> None:
    """Every place of the line has a phone, and all lift the receiver at once: all the keys are taken, each by one
    phone, and every phone shows them all. All put it back, and all keys are free."""
    await at_work(*desks)
    count = min(len(desks), profile.shared_line.appearances)
    loop = asyncio.get_running_loop()
    lifted = loop.time()
    answers = await asyncio.gather(*(phone.seize(index) for index, phone in enumerate(desks[:count], 1)))
    refused = [f"key {index}: {answer}" for index, answer in enumerate(answers, 1) if answer != 200]
    assert not refused, f"keys could not be seized: {refused}"
    try:
        for phone in desks:
            for index in {1, 2, 10, 11, 12, count}:
                await phone.shows_line(index, "seized", mine=phone is desks[index - 1])
    except BeliefError as error:
        if loop.time() - lifted < profile.shared_line.seize_expires:
            raise
        raise CouldNotRunError(f"the network loses so much that the seizures ran out meanwhile: {error}") from error
    await asyncio.gather(*(phone.put_back() for phone in desks))
    for index in range(1, count + 1):
        await all_show(index, "idle", *desks)


@pytest.mark.race("who lifts first, each time")
@pytest.mark.rows("A5")
async def test_two_hundred_races(manager: LinePhone, assistant: LinePhone, secretary: LinePhone) -> None:
    """Three phones take the same key in the same instant, two hundred times: each time exactly one gets it."""
    phones = (manager, assistant, secretary)
    await at_work(*phones)
    for race in range(200):
        answers = await asyncio.gather(*(phone.seize(1) for phone in phones))
        winners = [phone for phone, answer in zip(phones, answers, strict=True) if answer < 300]
        assert len(winners) == 1, f"race {race + 1}: the phones were answered {answers}"
        await winners[0].put_back()
        await all_show(1, "idle", *phones)


@pytest.mark.race("which states of the line are told before they pass")
@pytest.mark.rows("A3", "A5")
async def test_twenty_changes_in_a_second(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """The manager holds and resumes as fast as he can press: in the end every key shows what is true."""
    await at_work(manager, assistant)
    await outside(customer)
    calling = asyncio.ensure_future(customer.dial(manager.line_number))
    await manager.shows(call="ringing")
    await manager.answer_line(1)
    assert await calling == 200, "the call was not answered"
    for _ in range(10):
        assert await manager.hold_line() == 200, "a hold was refused"
        assert await manager.resume_line() == 200, "the call could not be resumed"
    await assistant.shows_line(1, "active")
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)
