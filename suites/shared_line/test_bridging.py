"""Joining a call that another phone of the line is in, and leaving it in every order."""

import asyncio

import pytest

from sipconform.lab.actor import NotSupportedError
from sipconform.lab.line_phone import LinePhone
from sipconform.lab.line_scenes import all_show, at_work, outside, talking
from sipconform.lab.listening import Listening
from sipconform.lab.profile import Profile


async def bridged(profile: Profile, customer: LinePhone, first: LinePhone, *others: LinePhone) -> None:
    """The first phone talks with the customer and the others join."""
    if not profile.shared_line.bridging:
        raise NotSupportedError("this dialect has no bridging")
    await at_work(first, *others)
    await outside(customer)
    await talking(customer, first, *others)
    for phone in others:
        assert await phone.press_line(1) == 200, f"{phone.name} could not join"
        await phone.shows_line(1, "bridge-active", mine=True)
    await first.shows_line(1, "bridge-active", mine=True)
    await asyncio.sleep(1)


@pytest.mark.rows("A8")
async def test_three_phones_and_the_customer(
    manager: LinePhone,
    assistant: LinePhone,
    secretary: LinePhone,
    customer: LinePhone,
    audio: Listening,
    profile: Profile,
) -> None:
    """The assistant joins, then the secretary: all four hear each other. They leave one after the other, and the
    call goes on until the last has gone."""
    await bridged(profile, customer, manager, assistant, secretary)
    await audio.who_hears_whom(
        customer="manager, assistant, secretary",
        manager="customer, assistant, secretary",
        secretary="customer, manager, assistant",
    )
    await manager.hang_up_line(1)
    await assistant.shows_line(1, "bridge-active", mine=True)
    await manager.shows_line(1, "bridge-active")
    await audio.who_hears_whom(customer="assistant, secretary", assistant="customer, secretary")
    await secretary.hang_up_line(1)
    await assistant.shows_line(1, "active", mine=True)
    await all_show(1, "active", manager, secretary)
    await audio.who_hears_whom(customer="assistant", assistant="customer", manager="", secretary="")
    await assistant.hang_up_line(1)
    await customer.shows(call="idle")
    await all_show(1, "idle", manager, assistant, secretary)


@pytest.mark.rows("A8")
async def test_the_first_owner_leaves(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, audio: Listening, profile: Profile
) -> None:
    """The assistant has joined, and the manager whose call it was leaves: it is hers now."""
    await bridged(profile, customer, manager, assistant)
    await manager.hang_up_line(1)
    await assistant.shows_line(1, "active", mine=True)
    await manager.shows_line(1, "active")
    await audio.who_hears_whom(customer="assistant", assistant="customer")
    await assistant.hang_up_line(1)
    await customer.shows(call="idle")
    await all_show(1, "idle", manager, assistant)


@pytest.mark.rows("A8")
async def test_the_customer_leaves(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, profile: Profile
) -> None:
    """The customer hangs up: the call is over for everybody."""
    await bridged(profile, customer, manager, assistant)
    await customer.hang_up()
    for phone in (manager, assistant):
        await phone.shows(call="idle")
    await all_show(1, "idle", manager, assistant)


@pytest.mark.rows("A8")
async def test_one_of_the_bridge_holds(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, audio: Listening, profile: Profile
) -> None:
    """The assistant holds: the others go on talking without her. Whether the keys show that, or only when all of
    them hold, is the dialect's. She comes back, and all three hear each other."""
    await bridged(profile, customer, manager, assistant)
    await asyncio.sleep(5)
    assert await assistant.hold_line() == 200, "the hold was refused"
    state = "bridge-held" if profile.shared_line.bridge_held == "any" else "bridge-active"
    await asyncio.sleep(1)
    await manager.shows_line(1, state, mine=True)
    await audio.who_hears_whom(manager="customer", customer="manager", assistant="")
    assert await manager.hold_line() == 200, "the second hold was refused"
    await manager.shows_line(1, "bridge-held", mine=True)
    await audio.who_hears_whom(manager="", customer="", assistant="")
    assert await manager.resume_line() == 200, "the call could not be resumed"
    assert await assistant.resume_line() == 200, "the call could not be resumed"
    await manager.shows_line(1, "bridge-active", mine=True)
    await audio.who_hears_whom(manager="customer, assistant", customer="manager, assistant")
    await asyncio.sleep(5)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


@pytest.mark.race("which report the next one overtakes")
@pytest.mark.rows("A8")
async def test_the_holder_stays_alone_in_the_bridge(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, profile: Profile
) -> None:
    """The assistant holds and the manager leaves: the call is held by her, and the manager can take it again."""
    await bridged(profile, customer, manager, assistant)
    assert await assistant.hold_line() == 200, "the hold was refused"
    await asyncio.sleep(1)
    await manager.hang_up_line(1)
    await assistant.shows_line(1, "held", mine=True)
    await manager.shows_line(1, "held")
    assert await manager.press_line(1) == 200, "the call could not be retrieved"
    await manager.shows_line(1, "active", mine=True)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


@pytest.mark.rows("A8")
async def test_a_phone_that_may_not_barge_in(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """On the assistant's phone barging in is switched off: the key of a call elsewhere does nothing."""
    await at_work(manager, assistant)
    await outside(customer)
    await assistant.set_line(barge_in=False)
    await talking(customer, manager, assistant)
    assert await assistant.press_line(1) == 0, "the phone has sent something"
    await assistant.shows_line(1, "active")
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


@pytest.mark.rows("A8")
@pytest.mark.profile("poly")
async def test_bridging_is_off(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, audio: Listening, profile: Profile
) -> None:
    """The server allows no bridging: the assistant is refused, and the call of the manager is not disturbed."""
    if profile.shared_line.bridging:
        raise NotSupportedError("this dialect has bridging")
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    await audio.who_hears_whom(manager="customer", customer="manager")
    assert await assistant.take_line(1) >= 400, "the assistant was let in"
    await asyncio.sleep(1)
    await manager.shows_line(1, "active", mine=True)
    await audio.who_hears_whom(manager="customer", customer="manager")
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)
