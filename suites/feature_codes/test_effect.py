"""A feature switched by a code is a feature: calls go where it says, and every phone of the user shows it."""

import asyncio

import pytest

from sipconform.lab.actors import Phone, Server
from sipconform.lab.coded import needs_codes, needs_features
from sipconform.lab.profile import Profile

pytestmark = pytest.mark.profile("broadworks-fac")


async def test_dnd_by_code_refuses_calls(phone: Phone, other_phone: Phone, profile: Profile) -> None:
    """After *78 a call to the user is refused, and the phone does not ring; after *79 it rings again."""
    needs_codes(profile, "dnd")
    await phone.start()
    await other_phone.start()
    await phone.set_dnd(True)
    status = await other_phone.dial(phone.user)
    assert status in (480, 486, 600, 603), f"a call to a user who is not to be disturbed got {status}"
    await phone.shows(call="idle", missed=0)
    await phone.set_dnd(False)
    await _rings(other_phone, phone.user, phone)


async def test_a_forward_by_code_takes_effect(
    phone: Phone, other_phone: Phone, caller: Phone, profile: Profile
) -> None:
    """After *72 with a number a call to the user rings there."""
    needs_codes(profile, "cfu")
    for each in (phone, other_phone, caller):
        await each.start()
    await phone.forward("cfu", other_phone.user)
    await _rings(caller, phone.user, other_phone)


async def test_a_forward_on_busy_by_code_takes_effect(
    phone: Phone, other_phone: Phone, caller: Phone, profile: Profile
) -> None:
    """After *90 with a number a call that the user refuses as busy rings there."""
    needs_codes(profile, "cfb")
    for each in (phone, other_phone, caller):
        await each.start()
    await phone.forward("cfb", other_phone.user)
    calling = asyncio.ensure_future(caller.dial(phone.user))
    await phone.shows(call="ringing")
    await phone.reject()
    await other_phone.shows(call="ringing")
    await caller.hang_up()
    await calling


@pytest.mark.rows("B11")
async def test_a_change_by_code_reaches_phones_that_subscribe(
    phone: Phone, second_phone: Phone, server: Server, profile: Profile
) -> None:
    """One phone of the user dials codes, another subscribes to the feature state: it follows."""
    needs_codes(profile, "dnd", "cfu")
    await second_phone.set_mode("subscribe")
    await second_phone.start()
    await second_phone.synchronised()
    await phone.start()
    await phone.set_dnd(True)
    await second_phone.shows(dnd=True)
    await phone.forward("cfu", "2002")
    await second_phone.shows(cfu="2002")
    await phone.set_dnd(False)
    await second_phone.shows(dnd=False)
    await server.has(phone.user, dnd=False, cfu="2002")


@pytest.mark.rows("B11")
async def test_a_change_by_subscription_is_not_dialled(
    phone: Phone, second_phone: Phone, server: Server, profile: Profile
) -> None:
    """The other way round: the phone that subscribes asks for a change, and the one that dials codes dials none."""
    needs_features(profile, "dnd")
    await second_phone.set_mode("subscribe")
    await second_phone.start()
    await second_phone.synchronised()
    await phone.start()
    await second_phone.set_dnd(True)
    await second_phone.shows(dnd=True)
    await server.has(phone.user, dnd=True)


async def test_a_press_goes_one_road(phone: Phone, profile: Profile) -> None:
    """The phone is set to subscribe, and the system has codes too: one press is one SUBSCRIBE and no call."""
    needs_features(profile, "dnd")
    await phone.set_mode("subscribe")
    await phone.start()
    await phone.synchronised()
    await phone.set_dnd(True)
    await phone.shows(dnd=True)


async def test_server_and_phone_are_not_two_masters(phone: Phone, server: Server, profile: Profile) -> None:
    """Do Not Disturb is the server's affair, and the phone shows it. When the server lets a call through all the same,
    as for an emergency, the phone rings."""
    needs_features(profile, "dnd")
    await phone.set_mode("subscribe")
    await phone.start()
    await phone.synchronised()
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=True)
    ringing = asyncio.ensure_future(server.let_through(phone.user))
    await phone.shows(call="ringing")
    await phone.answer()
    assert await ringing == 200, "the call was not answered"


async def _rings(caller: Phone, number: str, called: Phone) -> None:
    calling = asyncio.ensure_future(caller.dial(number))
    await called.shows(call="ringing")
    await called.answer()
    assert await calling == 200, "the call was not answered"
    await caller.hang_up()
    await called.shows(call="idle")
