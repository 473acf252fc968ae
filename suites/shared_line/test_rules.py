"""What an administrator allows on a line, and what becomes of it when a phone tries all the same."""

import asyncio

import pytest

from sipconform.lab.actor import NotSupportedError
from sipconform.lab.actors import Server
from sipconform.lab.line_phone import LinePhone
from sipconform.lab.line_scenes import all_show, at_work, outside, talking
from sipconform.lab.listening import Listening


async def test_one_call_at_a_time(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, second_customer: LinePhone, server: Server
) -> None:
    """Calls may not be side by side on this line. While the manager talks the assistant gets no key, and who calls
    the line finds it busy; when he is done she gets one."""
    await server.line_rules(multiple_call_arrangement=False)
    await at_work(manager, assistant)
    await outside(customer, second_customer)
    await talking(customer, manager, assistant)
    assert await assistant.seize(2) >= 400, "a second call may be made beside the first"
    assert await second_customer.dial(manager.line_number) >= 400, "a second call came in beside the first"
    await all_show(2, "idle", manager, assistant)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)
    assert await assistant.seize() == 200, "the line is not free again"
    await assistant.put_back()


async def test_a_place_that_may_not_call(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, server: Server
) -> None:
    """From the assistant's place nobody may call out: she gets no key. Calls that come in she answers."""
    await server.line_place(assistant.user, originates=False)
    await at_work(manager, assistant)
    await outside(customer)
    assert await assistant.seize() >= 400, "the place got a key though it may not call"
    await all_show(1, "idle", manager, assistant)
    await talking(customer, assistant, manager)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


async def test_a_place_that_does_not_ring(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, server: Server
) -> None:
    """At the assistant's place calls do not ring: her key shows that one comes in, and her phone is silent."""
    if assistant.user == manager.user:
        raise NotSupportedError("in this dialect all places of a line have one address, and are one to the server")
    await server.line_place(assistant.user, terminates=False)
    await at_work(manager, assistant)
    await outside(customer)
    calling = asyncio.ensure_future(customer.dial(manager.line_number))
    await manager.shows(call="ringing")
    await assistant.shows_line(1, "alerting")
    await asyncio.sleep(3)
    await assistant.shows(call="idle")
    await manager.answer_line(1)
    assert await calling == 200, "the call was not answered"
    await assistant.shows_line(1, "active")
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


async def test_who_does_not_follow_the_line_gets_no_key(
    manager: LinePhone, assistant: LinePhone, server: Server
) -> None:
    """The server gives keys only to phones that follow the line: the assistant's, which does not, is refused."""
    await server.line_rules(seizes_unsubscribed=False)
    await at_work(manager)
    await outside(assistant)
    assert await assistant.seize(1) >= 400, "a phone that does not follow the line got a key"
    await manager.shows_line(1, "idle")
    assert await manager.seize(1) == 200, "a phone that follows the line got no key"
    await manager.put_back()


@pytest.mark.rows("A8", "A13")
@pytest.mark.parametrize("tone", ["none", "barge-in", "barge-in-and-repeat"])
async def test_a_tone_warns_of_who_joins(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, server: Server, audio: Listening, tone: str
) -> None:
    """The assistant joins the manager's call. Whether a tone tells them so, once or again and again, is set at the
    server; her coming is shown in any case."""
    await server.line_rules(warning_tone=tone, bridging=True)
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    await audio.who_hears_whom(manager="customer", customer="manager")
    begun = audio.now
    assert await assistant.press_line(1) == 200, "the assistant could not join"
    await audio.warns(tone != "none", begun, "manager", "customer")
    await asyncio.sleep(2)
    begun = audio.now
    await asyncio.sleep(11)
    await audio.warns(tone == "barge-in-and-repeat", begun, "manager", "customer")
    await assistant.hang_up_line(1)
    await manager.shows_line(1, "active", mine=True)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


@pytest.mark.rows("A8")
async def test_a_bridge_is_held_when_all_hold(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, server: Server
) -> None:
    """On this line a bridge counts as held only when every phone of it holds: one that holds changes nothing."""
    await server.line_rules(bridge_held="all", bridging=True)
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    assert await assistant.press_line(1) == 200, "the assistant could not join"
    await manager.shows_line(1, "bridge-active", mine=True)
    assert await assistant.hold_line() == 200, "the hold was refused"
    await asyncio.sleep(5)
    await manager.shows_line(1, "bridge-active", mine=True)
    assert await manager.hold_line() == 200, "the second hold was refused"
    await manager.shows_line(1, "bridge-held", mine=True)
    await assistant.shows_line(1, "bridge-held", mine=True)
    assert await manager.resume_line() == 200, "the call could not be resumed"
    await manager.shows_line(1, "bridge-active", mine=True)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)
