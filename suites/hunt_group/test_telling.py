"""What the members are told of a call to the group: who calls, who forwarded it, and who has taken it."""

import asyncio

import pytest

from sipconform.lab.actors import Phone, Server

pytestmark = pytest.mark.profile("estos-ucserver")


async def answered_by_one(caller: Phone, member_one: Phone, member_two: Phone, server: Server) -> None:
    """A call to the group that the first member takes."""
    await caller.start(sync=False)
    await member_one.start(sync=False)
    await member_two.start(sync=False)
    calling = asyncio.ensure_future(caller.dial(server.group_number))
    await member_one.shows(call="ringing")
    await member_two.shows(call="ringing")
    await member_one.answer()
    assert await calling == 200, "the call to the group was not answered"


@pytest.mark.rows("D2")
@pytest.mark.parametrize("reason", ["canonical", "no-text", "other-text", "spaced", "q850"])
async def test_a_call_taken_by_another_is_not_missed(
    reason: str, caller: Phone, member_one: Phone, member_two: Phone, server: Server
) -> None:
    """Servers tell in different words that another member has answered. In whichever of them it is told, the other
    phones show no missed call."""
    await server.group_tells(reason=reason)
    await answered_by_one(caller, member_one, member_two, server)
    await member_two.shows(call="idle", missed=0)
    await caller.hang_up()
    await member_one.shows(call="idle")


@pytest.mark.rows("D2")
async def test_a_call_that_ends_without_a_reason_is_missed(
    caller: Phone, member_one: Phone, member_two: Phone, server: Server
) -> None:
    """The server ends the ringing without saying why: the other phones show a missed call."""
    await server.group_tells(reason="none")
    await answered_by_one(caller, member_one, member_two, server)
    await member_two.shows(call="idle", missed=1)
    await caller.hang_up()
    await member_one.shows(call="idle")


@pytest.mark.rows("D2")
async def test_the_others_learn_who_has_answered(
    caller: Phone, member_one: Phone, member_two: Phone, server: Server
) -> None:
    """The journal of the other members says who has spoken with the caller."""
    await answered_by_one(caller, member_one, member_two, server)
    await member_two.shows(call="idle", answered_by=member_one.user)
    await caller.hang_up()
    await member_one.shows(call="idle")


@pytest.mark.rows("D3")
@pytest.mark.parametrize("telling", ["both", "history-info", "diversion", "conflicting"])
async def test_the_group_is_shown_as_forwarded_by(
    telling: str, caller: Phone, member_one: Phone, member_two: Phone, server: Server
) -> None:
    """The display of every member names the group as the one who forwarded the call, whether History-Info tells it,
    Diversion, or both; should they differ, History-Info counts."""
    await server.group_tells(telling=telling)
    await caller.start(sync=False)
    await member_one.start(sync=False)
    await member_two.start(sync=False)
    calling = asyncio.ensure_future(caller.dial(server.group_number))
    await member_one.shows(call="ringing", forwarded_by=server.group_number)
    await member_two.shows(call="ringing", forwarded_by=server.group_number)
    await member_one.answer()
    assert await calling == 200, "the call to the group was not answered"
    await caller.hang_up()
    await member_one.shows(call="idle")


@pytest.mark.rows("D3")
@pytest.mark.parametrize(
    ("alert_info", "tone"), [("<urn:alert:source:internal>", "internal"), ("<http://192.0.2.9/ring.wav>", "usual")]
)
async def test_alert_info_may_change_the_tone_and_nothing_else(
    alert_info: str, tone: str, caller: Phone, member_one: Phone, server: Server
) -> None:
    """The server asks for a ringing tone. A phone may know it; it rings in any case, and fetches nothing from a URL
    a caller could have written."""
    await server.group_tells(alert_info=alert_info)
    await caller.start(sync=False)
    await member_one.start(sync=False)
    calling = asyncio.ensure_future(caller.dial(server.group_number))
    await member_one.shows(call="ringing", tone=tone)
    await member_one.answer()
    assert await calling == 200, "the call to the group was not answered"
    await caller.hang_up()
    await member_one.shows(call="idle")
