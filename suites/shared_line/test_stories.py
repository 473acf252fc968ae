"""What a shared line is for: a manager and her assistant are signed in to one line."""

import asyncio

import pytest

from sipconform.lab.line_phone import LinePhone
from sipconform.lab.line_scenes import at_work, outside, talking
from sipconform.lab.listening import Listening
from sipconform.lab.profile import Profile


@pytest.mark.rows("A1", "A4", "A9", "A10")
async def test_the_manager_rejects_and_the_assistant_goes_on_ringing(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone
) -> None:
    """A call comes in for the shared line: the phones of the manager and the assistant ring at the same time. The
    manager is busy and rejects the call, which silences his own phone; the assistant's goes on ringing until she
    answers. Then no other phone rings, and nobody has missed a call."""
    await at_work(manager, assistant)
    await outside(customer)
    calling = asyncio.ensure_future(customer.dial(manager.line_number))
    for phone in (manager, assistant):
        await phone.shows(call="ringing")
        await phone.shows_line(1, "alerting")
    await manager.reject()
    await manager.shows(call="idle")
    await assistant.shows_line(1, "alerting")
    await assistant.answer_line(1)
    assert await calling == 200, "the call was not answered"
    await assistant.shows_line(1, "active", mine=True)
    await manager.shows_line(1, "active")
    await manager.shows(missed=0)
    await assistant.hang_up_line(1)
    await manager.shows_line(1, "idle")
    await assistant.shows_line(1, "idle")


@pytest.mark.rows("A6", "A9", "A11")
async def test_the_assistant_holds_and_the_manager_takes_over(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, audio: Listening
) -> None:
    """The assistant has answered and wants to hand the call to the manager: she presses public hold. The manager
    presses the line key, which blinks slowly in red, and goes on with the call; the assistant is out of it."""
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, assistant, manager)
    await audio.who_hears_whom(assistant="customer", customer="assistant")
    assert await assistant.hold_line() == 200, "the hold was refused"
    await assistant.shows_line(1, "held", mine=True)
    await manager.shows_line(1, "held")
    await audio.who_hears_whom(assistant="", customer="")
    assert await manager.press_line(1) == 200, "the call could not be retrieved"
    await manager.shows_line(1, "active", mine=True)
    await assistant.shows(call="idle")
    await assistant.shows_line(1, "active")
    await audio.who_hears_whom(manager="customer", customer="manager", assistant="")
    await manager.hang_up_line(1)
    await assistant.shows_line(1, "idle")
    await customer.shows(call="idle")


@pytest.mark.rows("A7", "A12")
async def test_the_manager_holds_privately_and_nobody_takes_over(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, audio: Listening, profile: Profile
) -> None:
    """The manager is talking with an important customer and has to leave for a moment. He presses private hold, so
    that nobody takes the call over: on the assistant's phone the key is steady red, as for any call in progress.
    She presses it all the same, and does not get the call; whether that is refused or taken for barging in is the
    dialect's. The manager comes back and goes on."""
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    await audio.who_hears_whom(manager="customer", customer="manager")
    assert await manager.hold_line(private=True) == 200, "the private hold was refused"
    await manager.shows_line(1, "held-private", mine=True)
    await assistant.shows_line(1, "held-private")
    pressed = await assistant.take_line(1)
    if profile.shared_line.private_press == "reject":
        assert pressed >= 400, f"the assistant was let into a private call: {pressed}"
        await assistant.shows_line(1, "held-private")
        await audio.who_hears_whom(customer="", manager="")
    else:
        assert pressed == 200, f"barging in was refused: {pressed}"
        await manager.shows(call="active")
    assert await manager.resume_line() == 200, "the call could not be resumed"
    if pressed == 200:
        await audio.who_hears_whom(manager="customer, assistant", customer="manager, assistant")
        await assistant.hang_up_line(1)
    await manager.shows_line(1, "active", mine=True)
    await assistant.shows_line(1, "active")
    await audio.who_hears_whom(manager="customer", customer="manager")
    await customer.hang_up()
    await manager.shows_line(1, "idle")


@pytest.mark.rows("A8", "A13")
async def test_the_assistant_joins_the_call_to_take_notes(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, audio: Listening, profile: Profile
) -> None:
    """The manager is talking with a customer and wants the assistant to take notes. She presses the line key and is
    in a conference of three: everybody hears everybody. She leaves and the call goes on; where the dialect has no
    bridging she is refused, and the call is not disturbed."""
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    await audio.who_hears_whom(manager="customer", customer="manager")
    pressed = await assistant.take_line(1)
    if not profile.shared_line.bridging:
        assert pressed >= 400, f"the assistant was let in where there is no bridging: {pressed}"
        await audio.who_hears_whom(manager="customer", customer="manager")
        await customer.hang_up()
        return
    assert pressed == 200, f"the assistant could not join: {pressed}"
    await assistant.shows_line(1, "bridge-active", mine=True)
    await manager.shows_line(1, "bridge-active", mine=True)
    await asyncio.sleep(1)  # the warning tone, where there is one, has died away
    await audio.who_hears_whom(
        manager="customer, assistant", assistant="customer, manager", customer="manager, assistant"
    )
    await assistant.hang_up_line(1)
    await manager.shows_line(1, "active", mine=True)
    await assistant.shows_line(1, "active")
    await audio.who_hears_whom(manager="customer", customer="manager")
    await customer.hang_up()
    await manager.shows_line(1, "idle")
    await assistant.shows_line(1, "idle")
