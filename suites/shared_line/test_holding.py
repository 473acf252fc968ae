"""Holding a call of the line, and taking it up again: by whoever held it, or by another phone."""

import asyncio

import pytest

from sipconform.lab.line_phone import LinePhone
from sipconform.lab.line_scenes import all_show, at_work, outside, talking
from sipconform.lab.listening import Listening
from sipconform.lab.profile import Profile

LONG_AFTER = 5.0  # seconds: whatever a hold leads to has been told by then


@pytest.mark.rows("A6", "A7")
@pytest.mark.parametrize("style", ["sendonly", "inactive", "0.0.0.0"])
@pytest.mark.parametrize("late", [False, True])
async def test_the_ways_to_hold(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, audio: Listening, style: str, late: bool
) -> None:
    """Phones say hold in several ways, some only in the ACK. Whichever it is, every key shows the hold, and shows
    the call again when it is taken up."""
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    await audio.who_hears_whom(manager="customer", customer="manager")
    assert await manager.hold_line(style=style, late=late) == 200, "the hold was refused"
    await manager.shows_line(1, "held", mine=True)
    await assistant.shows_line(1, "held")
    await audio.who_hears_whom(manager="", customer="")
    assert await manager.resume_line() == 200, "the call could not be resumed"
    await manager.shows_line(1, "active", mine=True)
    await assistant.shows_line(1, "active")
    await audio.who_hears_whom(manager="customer", customer="manager")
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


async def test_the_customer_holds(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """The customer puts the manager on hold: the line is in a call all the same. The manager holds too, and the
    customer comes back: the key still shows the hold, for the manager has not come back."""
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    await asyncio.sleep(LONG_AFTER)
    assert await customer.hold() == 200, "the customer's hold was refused"
    await asyncio.sleep(LONG_AFTER)
    await assistant.shows_line(1, "active")
    assert await manager.hold_line() == 200, "the hold was refused"
    await assistant.shows_line(1, "held")
    assert await customer.resume() == 200, "the customer could not come back"
    await asyncio.sleep(LONG_AFTER)
    await assistant.shows_line(1, "held")
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


@pytest.mark.rows("A6")
@pytest.mark.parametrize("names_nobody", [False, True])
async def test_the_ways_to_retrieve(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, audio: Listening, names_nobody: bool
) -> None:
    """Phones ask for a held call with the line's own address or with the server's alone: either gets it. It can be
    handed back in the same way, and ends when the customer hangs up."""
    await at_work(manager, assistant)
    await outside(customer)
    await assistant.set_line(names_nobody=names_nobody)
    await manager.set_line(names_nobody=names_nobody, says_state=True)
    await talking(customer, manager, assistant)
    await audio.who_hears_whom(manager="customer", customer="manager")
    assert await manager.hold_line() == 200, "the hold was refused"
    await assistant.shows_line(1, "held")
    assert await assistant.press_line(1) == 200, "the call could not be retrieved"
    await assistant.shows_line(1, "active", mine=True)
    await manager.shows_line(1, "active")
    await audio.who_hears_whom(assistant="customer", customer="assistant", manager="")
    assert await assistant.hold_line() == 200, "the second hold was refused"
    await manager.shows_line(1, "held")
    assert await manager.press_line(1) == 200, "the call could not be handed back"
    await manager.shows_line(1, "active", mine=True)
    await audio.who_hears_whom(manager="customer", customer="manager", assistant="")
    await asyncio.sleep(LONG_AFTER)
    await assistant.shows_line(1, "active")
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


async def test_a_call_made_on_the_line_is_retrieved(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone
) -> None:
    """The call was made by the manager, not received: it changes hands all the same, and ends when the new owner
    hangs up."""
    await at_work(manager, assistant)
    await outside(customer)
    calling = asyncio.ensure_future(manager.dial_on_line(customer.user))
    await customer.shows(call="ringing")
    await customer.answer()
    assert await calling == 200, "the call was not answered"
    await assistant.shows_line(1, "active")
    assert await manager.hold_line() == 200, "the hold was refused"
    await assistant.shows_line(1, "held")
    assert await assistant.press_line(1) == 200, "the call could not be retrieved"
    await manager.shows(call="idle")
    await manager.shows_line(1, "active")
    await assistant.hang_up_line(1)
    await customer.shows(call="idle")
    await all_show(1, "idle", manager, assistant)


async def test_the_holder_hangs_up_as_the_call_is_retrieved(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone
) -> None:
    """The assistant presses the key in the moment in which the manager hangs up: either she gets the call or it is
    over. No key stays lit and nobody is left on the line alone."""
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    assert await manager.hold_line() == 200, "the hold was refused"
    await assistant.shows_line(1, "held")
    pressed, _ = await asyncio.gather(assistant.press_line(1), manager.hang_up_line(1))
    if pressed < 300:
        await assistant.shows_line(1, "active", mine=True)
        await assistant.hang_up_line(1)
    await customer.shows(call="idle")
    await all_show(1, "idle", manager, assistant)


@pytest.mark.race("who takes the call first")
async def test_two_retrieve_at_once(
    manager: LinePhone, assistant: LinePhone, secretary: LinePhone, customer: LinePhone, profile: Profile
) -> None:
    """The assistant and the secretary press the key of a held call in the same instant: one of them has the call,
    the other joins it where there is bridging, and is refused where there is none."""
    await at_work(manager, assistant, secretary)
    await outside(customer)
    await talking(customer, manager, assistant, secretary)
    assert await manager.hold_line() == 200, "the hold was refused"
    await all_show(1, "held", assistant, secretary)
    answers = await asyncio.gather(assistant.press_line(1), secretary.press_line(1))
    assert min(answers) == 200, f"nobody got the call: {answers}"
    assert profile.shared_line.bridging or max(answers) >= 400, f"both have the call: {answers}"
    await manager.shows(call="idle")
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant, secretary)


async def test_a_free_key_gives_no_call(manager: LinePhone, assistant: LinePhone) -> None:
    """A phone that knows better asks for the call of a key that has none: it is refused, and the key stays free."""
    await at_work(manager, assistant)
    assert await assistant.take_line(1) >= 400, "there was a call on a free key"
    await all_show(1, "idle", manager, assistant)


@pytest.mark.rows("A7")
async def test_a_private_hold_ends_with_its_holder(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone
) -> None:
    """The manager holds privately, comes back, holds publicly, and hangs up: each time every key shows it."""
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    for private, state in ((True, "held-private"), (False, "held")):
        assert await manager.hold_line(private=private) == 200, f"{state} was refused"
        await manager.shows_line(1, state, mine=True)
        await assistant.shows_line(1, state)
        assert await manager.resume_line() == 200, "the call could not be resumed"
        await assistant.shows_line(1, "active")
    await manager.hang_up_line(1)
    await customer.shows(call="idle")
    await all_show(1, "idle", manager, assistant)
