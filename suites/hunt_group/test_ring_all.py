"""A hunt group rings the softphones of all its members at once, and one of them gets the call."""

import asyncio

import pytest

from sipconform.lab.actors import Phone, Server

pytestmark = pytest.mark.profile("estos-ucserver")


async def sign_in(*phones: Phone) -> None:
    for phone in phones:
        await phone.start(sync=False)


@pytest.mark.rows("D1", "D2")
async def test_the_first_answer_wins(
    caller: Phone, member_one: Phone, member_two: Phone, member_three: Phone, server: Server
) -> None:
    """Three members are signed in. A call to the group rings all three; the second answers, the others stop ringing
    and show no missed call. The conversation is held, taken up and ended like any other."""
    await sign_in(caller, member_one, member_two, member_three)
    calling = asyncio.ensure_future(caller.dial(server.group_number))
    for member in (member_one, member_two, member_three):
        await member.shows(call="ringing")
    await member_two.answer()
    assert await calling == 200, "the call to the group was not answered"
    await member_one.shows(call="idle", missed=0)
    await member_three.shows(call="idle", missed=0)
    assert await caller.hold() == 200, "the hold was refused"
    assert await caller.resume() == 200, "the call could not be resumed"
    await caller.hang_up()
    await member_two.shows(call="idle")


@pytest.mark.rows("D1")
async def test_members_without_a_softphone_line_are_not_rung(
    caller: Phone, member_one: Phone, desk_member: Phone, server: Server
) -> None:
    """One member is signed in with a softphone, another has only a hardware telephone, two are not signed in. The
    softphone alone rings, and the call works all the same."""
    await sign_in(caller, member_one, desk_member)
    calling = asyncio.ensure_future(caller.dial(server.group_number))
    await member_one.shows(call="ringing")
    await member_one.answer()
    assert await calling == 200, "the call to the group was not answered"
    await desk_member.shows(call="idle", missed=0)
    await member_one.hang_up()
    await caller.shows(call="idle")


@pytest.mark.rows("D1", "D5")
async def test_nobody_is_signed_in(caller: Phone, server: Server) -> None:
    """No member is signed in: the caller is told so at once."""
    await sign_in(caller)
    status = await caller.dial(server.group_number)
    assert 400 <= status < 500, f"a call to a group with nobody there got {status}"


@pytest.mark.rows("D4")
async def test_a_member_calls_the_group(member_one: Phone, member_two: Phone, server: Server) -> None:
    """A member calls his own group: the others ring, he does not."""
    await sign_in(member_one, member_two)
    calling = asyncio.ensure_future(member_one.dial(server.group_number))
    await member_two.shows(call="ringing")
    await member_two.answer()
    assert await calling == 200, "the call to the group was not answered"
    await member_one.hang_up()
    await member_two.shows(call="idle")


@pytest.mark.rows("D4")
async def test_a_member_cannot_leave_the_group(
    caller: Phone, member_one: Phone, member_two: Phone, server: Server
) -> None:
    """One member has Do Not Disturb switched on at the server, another forwards all his calls. A call to the group
    rings both all the same, for nobody can opt out of it."""
    await sign_in(caller, member_one, member_two)
    await server.set_dnd(member_one.user, True)
    await server.forward(member_two.user, "cfu", caller.user)
    calling = asyncio.ensure_future(caller.dial(server.group_number))
    await member_one.shows(call="ringing")
    await member_two.shows(call="ringing")
    await member_one.answer()
    assert await calling == 200, "the call to the group was not answered"
    await member_two.shows(call="idle", missed=0)
    await caller.hang_up()
    await member_one.shows(call="idle")


@pytest.mark.rows("D4")
async def test_the_group_number_is_no_line(caller: Phone, server: Server) -> None:
    """A softphone tries to sign in with the number of the group and is refused."""
    status = await caller.register_as(server.group_number)
    assert status >= 400, f"the number of the group was registered: {status}"


@pytest.mark.rows("D1")
async def test_a_member_signs_in_while_it_rings(
    caller: Phone, member_one: Phone, member_two: Phone, server: Server
) -> None:
    """While the group rings a second member signs in; the first one answers as if nothing had happened."""
    await sign_in(caller, member_one)
    calling = asyncio.ensure_future(caller.dial(server.group_number))
    await member_one.shows(call="ringing")
    await sign_in(member_two)
    await member_one.answer()
    assert await calling == 200, "the call to the group was not answered"
    await caller.hang_up()
    await member_one.shows(call="idle")


@pytest.mark.rows("D1")
async def test_a_member_signs_out_while_it_rings(
    caller: Phone, member_one: Phone, member_two: Phone, server: Server
) -> None:
    """While the group rings one member signs out: the call goes on, and the other one answers."""
    await sign_in(caller, member_one, member_two)
    calling = asyncio.ensure_future(caller.dial(server.group_number))
    await member_one.shows(call="ringing")
    await member_two.shows(call="ringing")
    await member_two.stop()
    await member_one.answer()
    assert await calling == 200, "the call to the group was not answered"
    await caller.hang_up()
    await member_one.shows(call="idle")
