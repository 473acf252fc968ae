"""An ordinary call between two users: the ground all features stand on."""

import asyncio
from typing import Any

import pytest

from sipconform.lab.actors import Phone, Server


async def test_a_call_is_answered_held_resumed_and_ended(phone: Phone, other_phone: Phone) -> None:
    """The user calls a colleague, who answers. The user puts the call on hold, takes it up again, and hangs up."""
    await _talking(phone, other_phone)
    assert await phone.hold() == 200, "the hold was refused"
    assert await phone.resume() == 200, "the call could not be resumed"
    await phone.hang_up()
    await other_phone.shows(call="idle")


async def test_both_hold_one_after_the_other(phone: Phone, other_phone: Phone) -> None:
    """The user puts the call on hold, and so does the colleague. The colleague takes it up again, but the user still
    holds, and nobody hears anybody until he takes it up too."""
    await _talking(phone, other_phone)
    assert await phone.hold() == 200, "the hold was refused"
    await asyncio.sleep(1)
    assert await other_phone.hold() == 200, "the second hold was refused"
    await asyncio.sleep(1)
    assert await other_phone.resume() == 200, "the colleague could not resume"
    await asyncio.sleep(1)
    assert await phone.resume() == 200, "the call could not be resumed"
    await phone.hang_up()
    await other_phone.shows(call="idle")


@pytest.mark.parametrize(
    "how", [{"style": "inactive"}, {"style": "0.0.0.0"}, {"late": True}], ids=["inactive", "old", "late"]
)
async def test_the_other_ways_to_hold(phone: Phone, other_phone: Phone, how: dict[str, Any]) -> None:
    """A hold may be said as inactive, by an address that is none, or only in the ACK of a re-INVITE that offers
    nothing: the colleague's phone takes each."""
    await _talking(phone, other_phone)
    assert await phone.hold(**how) == 200, "the hold was refused"
    assert await phone.resume() == 200, "the call could not be resumed"
    await phone.hang_up()
    await other_phone.shows(call="idle")


async def test_a_caller_gives_up_and_the_call_is_missed(phone: Phone, other_phone: Phone) -> None:
    """Nobody answers and the caller hangs up: the phone stops ringing and shows one missed call."""
    await phone.start(sync=False)
    await other_phone.start(sync=False)
    calling = asyncio.ensure_future(phone.dial(other_phone.user))
    await other_phone.shows(call="ringing")
    await phone.hang_up()
    assert await calling == 487, "the call was not cancelled"
    await other_phone.shows(call="idle", missed=1)


async def test_dnd_at_the_server_refuses_a_call(phone: Phone, other_phone: Phone, server: Server) -> None:
    """Do Not Disturb is a state of calls, not only of a display: a call to the user is refused, and the phone does
    not ring."""
    await phone.start()
    await phone.synchronised()
    await other_phone.start(sync=False)
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)
    status = await other_phone.dial(phone.user)
    assert status in (480, 486, 600, 603), f"a call to a user who is not to be disturbed got {status}"


async def _talking(caller: Phone, called: Phone) -> None:
    await caller.start(sync=False)
    await called.start(sync=False)
    calling = asyncio.ensure_future(caller.dial(called.user))
    await called.shows(call="ringing")
    await called.answer()
    assert await calling == 200, "the call was not answered"
