"""How phones follow a line: when they come, what they ask to be told, and how they leave it or fall silent."""

import asyncio

import pytest

from sipconform.lab.actors import Server
from sipconform.lab.clock import Clock
from sipconform.lab.line_phone import LinePhone
from sipconform.lab.line_scenes import all_show, at_work, outside, talking

LONG = 5.0  # seconds after which whatever is to be told has been told
EXPIRED = 3700  # seconds after which a subscription that was not refreshed has run out


@pytest.mark.rows("A3", "A4")
async def test_a_phone_comes_late(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """The manager is in a call when the assistant comes to work: her phone shows the call at once."""
    await at_work(manager)
    await outside(customer)
    await talking(customer, manager)
    await asyncio.sleep(LONG)
    await at_work(assistant)
    await assistant.shows_line(1, "active")
    await asyncio.sleep(LONG)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


@pytest.mark.race("which states of the line are told before they pass")
async def test_a_phone_no_longer_refreshes(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, clock: Clock
) -> None:
    """The assistant's phone forgets to refresh: when its time has run out it is told so, and no more after that."""
    await assistant.set_line(refreshes=False)
    await at_work(manager, assistant)
    await outside(customer)
    await clock.passes(EXPIRED)
    await talking(customer, manager)
    await customer.hang_up()
    await manager.shows_line(1, "idle")


@pytest.mark.race("whether the phone is told of the line before it forgets it")
async def test_a_phone_has_lost_its_subscription(
    manager: LinePhone, assistant: LinePhone, secretary: LinePhone, customer: LinePhone
) -> None:
    """The assistant's phone no longer knows that it follows the line, and says so when it is told of a call. The others
    are told as before."""
    await at_work(manager, assistant, secretary)
    await outside(customer)
    await assistant.forget_line()
    await talking(customer, manager, secretary)
    await asyncio.sleep(LONG)
    await customer.hang_up()
    await all_show(1, "idle", manager, secretary)


async def test_a_package_that_nobody_knows(manager: LinePhone) -> None:
    """A phone asks the line server for an event package that does not exist: it is told which there are."""
    await at_work(manager)
    headers = {"Event": "x-nobody-knows-this", "Expires": "60"}
    status = await manager.probe("SUBSCRIBE", headers=headers)
    assert status >= 400, f"an unknown event package was accepted with {status}"


@pytest.mark.rows("A4")
@pytest.mark.profile("kamailio-sca")
async def test_a_server_answers_in_the_old_way(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """A server that answers 202 where others answer 200: the phones follow the line all the same."""
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


async def test_a_stranger_tells_of_the_line(manager: LinePhone, server: Server) -> None:
    """Somebody whom the phone has not asked tells it of a call on its line: it refuses to hear it."""
    await at_work(manager)
    lit = f"<sip:{manager.account.domain}>;appearance-index=1;appearance-state=active"
    headers = {"Event": "call-info", "Subscription-State": "active;expires=600", "Call-Info": lit}
    status = await server.probe(manager.user, "NOTIFY", headers=headers)
    assert status >= 400, f"the phone took it: {status}"
    await manager.shows_line(1, "idle")


@pytest.mark.parametrize("spelling", ["parameters", "escaped"])
async def test_the_line_is_spelled_otherwise(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, spelling: str
) -> None:
    """One address can be written in several ways. However the assistant's phone writes it, it follows the same line."""
    await assistant.set_line(spelling=spelling)
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


async def test_a_proxy_stays_on_the_path(manager: LinePhone, assistant: LinePhone, customer: LinePhone) -> None:
    """Between the assistant's phone and the server a proxy stays on the path: what she is told comes over it."""
    await assistant.set_line(by_proxy=True)
    await at_work(manager, assistant)
    await outside(customer)
    await talking(customer, manager, assistant)
    await customer.hang_up()
    await all_show(1, "idle", manager, assistant)


async def test_a_caller_is_parked(
    manager: LinePhone, assistant: LinePhone, customer: LinePhone, server: Server
) -> None:
    """A caller is parked against the line. The assistant's phone has asked to hear of that and shows who waits; the
    manager's has not, and is told nothing of it."""
    await assistant.set_line(follows_parks=True)
    await at_work(manager, assistant)
    await server.park(customer.account.aor, 'Rosa "the first"')
    await assistant.shows(parked=customer.account.aor)
    await server.park("")
    await assistant.shows(parked="")
