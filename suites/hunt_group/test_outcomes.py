"""What becomes of a call to the group when it does not simply meet one answer."""

import asyncio
import contextlib

import pytest

from sipconform.lab.actor import CouldNotRunError
from sipconform.lab.actors import Phone, Server

pytestmark = pytest.mark.profile("estos-ucserver")
RINGING_ON = 1.5  # seconds the others go on ringing after one has refused
A_MOMENT = 0.0015  # seconds: long enough for the server to have heard of an answer, too short for its CANCEL


async def ring(caller: Phone, server: Server, *members: Phone) -> "asyncio.Future[int]":
    """Everybody signs in, the caller dials the group, and all members ring."""
    await caller.start(sync=False)
    for member in members:
        await member.start(sync=False)
    calling = asyncio.ensure_future(caller.dial(server.group_number))
    for member in members:
        await member.shows(call="ringing")
    return calling


@pytest.mark.race("who answers first")
@pytest.mark.rows("D5")
async def test_two_answer_at_once(caller: Phone, member_one: Phone, member_two: Phone, server: Server) -> None:
    """Two members lift the receiver in the same instant: one gets the call, the other's is ended at once."""
    calling = await ring(caller, server, member_one, member_two)
    await asyncio.gather(member_one.answer(), member_two.answer())
    assert await calling == 200, "the call to the group was not answered"
    await caller.hang_up()
    await member_one.shows(call="idle")
    await member_two.shows(call="idle")


@pytest.mark.race("whose answer arrives first")
@pytest.mark.rows("D5")
async def test_an_answer_crosses_the_cancel(
    caller: Phone, member_one: Phone, member_two: Phone, server: Server
) -> None:
    """A member answers while the server's CANCEL is on its way to him: his call is ended, the other one stands."""
    calling = await ring(caller, server, member_one, member_two)
    await member_one.answer()
    await asyncio.sleep(A_MOMENT)
    with contextlib.suppress(CouldNotRunError):  # on a real network the CANCEL may be the faster one
        await member_two.answer()
    assert await calling == 200, "the call to the group was not answered"
    await caller.hang_up()
    await member_one.shows(call="idle", within=40)
    await member_two.shows(call="idle", within=40)


@pytest.mark.rows("D5")
async def test_two_forks_answer_behind_a_proxy(caller: Phone, member_one: Phone, server: Server) -> None:
    """The server behaves as a forking proxy, and the caller hears of two answers: he keeps one and ends the other."""
    await server.behave_as_proxy()
    calling = await ring(caller, server, member_one)
    await member_one.answer()
    assert await calling == 200, "the call to the group was not answered"
    await caller.hang_up()
    await member_one.shows(call="idle")


@pytest.mark.rows("D5")
async def test_everybody_is_busy(caller: Phone, member_one: Phone, member_two: Phone, server: Server) -> None:
    """Every member refuses the call as busy: the caller hears busy."""
    calling = await ring(caller, server, member_one, member_two)
    await member_one.reject()
    await member_two.reject()
    status = await calling
    assert status in (486, 600), f"every member was busy, and the caller got {status}"


@pytest.mark.rows("D5")
@pytest.mark.parametrize("status", [486, 603])
async def test_one_refuses_and_another_answers(
    status: int, caller: Phone, member_one: Phone, member_two: Phone, server: Server
) -> None:
    """One member refuses the call; the other goes on ringing and answers. (A forking proxy would end the call for all
    on a 603; a group that rings all need not.)"""
    calling = await ring(caller, server, member_one, member_two)
    await member_one.reject(status)
    await asyncio.sleep(RINGING_ON)
    await member_two.answer()
    outcome = await calling
    assert outcome == 200 or (status >= 600 and outcome >= 600), f"the caller got {outcome}"
    await caller.hang_up()
    await member_two.shows(call="idle")


@pytest.mark.rows("D5")
async def test_nobody_answers(caller: Phone, member_one: Phone, member_two: Phone, server: Server) -> None:
    """The group rings until the server's patience ends: the caller is told that nobody is there, and every member
    shows a missed call."""
    calling = await ring(caller, server, member_one, member_two)
    status = await calling
    assert status in (408, 480), f"nobody answered, and the caller got {status}"
    await member_one.shows(call="idle", missed=1)
    await member_two.shows(call="idle", missed=1)


@pytest.mark.rows("D5")
async def test_the_caller_hangs_up(caller: Phone, member_one: Phone, member_two: Phone, server: Server) -> None:
    """The caller gives up while the group rings: every member stops ringing and shows a missed call."""
    calling = await ring(caller, server, member_one, member_two)
    await caller.hang_up()
    await calling
    await member_one.shows(call="idle", missed=1)
    await member_two.shows(call="idle", missed=1)


@pytest.mark.rows("D5")
async def test_early_media_of_one_member_is_not_everybodys(
    caller: Phone, member_one: Phone, member_two: Phone, server: Server
) -> None:
    """One member plays an announcement while the others ring, and another one answers: the caller hears ringing, and
    then the one who answered."""
    calling = await ring(caller, server, member_one, member_two)
    await member_one.early_media()
    await member_two.answer()
    assert await calling == 200, "the call to the group was not answered"
    await caller.hang_up()
    await member_two.shows(call="idle")
