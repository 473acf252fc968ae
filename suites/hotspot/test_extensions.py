"""Numbers within the hotspot: 0 is the host and 1, 2, … are the clients; behind the prefix 8 they are 8000, 8001, …"""

import asyncio

import pytest

from sipconform.lab.actors import Phone
from sipconform.lab.hotspot import HotspotClient, HotspotHost
from sipconform.lab.hotspot_scenes import at_home, handing_over, talk

pytestmark = pytest.mark.profile("fanvil-hotspot")
GROUP = "777"


@pytest.mark.rows("E3")
@pytest.mark.parametrize("prefix", ["", "8"])
async def test_everybody_calls_everybody(
    prefix: str, host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient
) -> None:
    """The host hands out the numbers. Host to client, client to host, client to client: each call arrives."""
    await at_home(host, client_b, client_c, prefix=prefix)
    written = ("8000", "8001", "8002") if prefix else ("0", "1", "2")
    numbers: dict[Phone, str] = dict(zip((host, client_b, client_c), written, strict=True))
    assert client_b.extension == numbers[client_b], f"the first client got the number {client_b.extension}"
    assert client_c.extension == numbers[client_c], f"the second client got the number {client_c.extension}"
    await talk(host, numbers[client_b], client_b)
    await talk(client_b, numbers[host], host)
    await talk(client_b, numbers[client_c], client_c)
    await talk(client_c, numbers[client_b], client_b)


@pytest.mark.rows("E2")
@pytest.mark.parametrize("prefix", ["", "8"])
async def test_a_client_calls_out(
    prefix: str, outside_caller: Phone, host: HotspotHost, client_b: HotspotClient
) -> None:
    """A client dials a number outside: the one who is called sees the host's number and no other."""
    await outside_caller.start(sync=False)
    await at_home(host, client_b, prefix=prefix)
    await talk(client_b, outside_caller.user, outside_caller)


@pytest.mark.rows("E2")
async def test_the_host_calls_out(outside_caller: Phone, host: HotspotHost, client_b: HotspotClient) -> None:
    """The host dials a number outside, like any phone."""
    await outside_caller.start(sync=False)
    await at_home(host, client_b)
    await talk(host, outside_caller.user, outside_caller)


@pytest.mark.rows("E7", "E6")
async def test_a_group_number_rings_its_members(
    host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient
) -> None:
    """A client is entered in a group. Whoever dials the group's number rings its members, and nobody else."""
    await at_home(host, client_b, client_c)
    await host.manage(client_c)
    await host.add_to_group(client_c, GROUP)
    await talk(client_b, GROUP, client_c)
    await host.shows(call="idle", missed=0)


@pytest.mark.rows("E7")
async def test_everybody_in_the_group_rings(
    host: HotspotHost, client_b: HotspotClient, client_c: HotspotClient, client_d: HotspotClient
) -> None:
    """Two clients are in a group, and a third calls it: both ring, one answers, the other stops."""
    await at_home(host, client_b, client_c, client_d)
    for member in (client_b, client_c):
        await host.manage(member)
        await host.add_to_group(member, GROUP)
    calling = asyncio.ensure_future(client_d.dial(GROUP))
    await client_b.shows(call="ringing")
    await client_c.shows(call="ringing")
    await client_c.answer()
    assert await calling == 200, "the call to the group was not answered"
    await client_b.shows(call="idle", missed=0)
    await client_d.hang_up()
    await client_c.shows(call="idle")


@pytest.mark.rows("E10")
async def test_the_host_transfers_a_call_to_a_client(
    outside_caller: Phone, host: HotspotHost, client_b: HotspotClient
) -> None:
    """The host answers a call from outside and hands it over to a client. The two talk; the host is free."""
    offered = await handing_over(outside_caller, host, client_b)
    await client_b.answer()
    assert await offered == 200, "the client did not get the call"
    await host.shows(call="idle")
    assert await outside_caller.hold() == 200, "the hold was refused"
    assert await outside_caller.resume() == 200, "the call could not be resumed"
    await client_b.hang_up()
    await outside_caller.shows(call="idle")


@pytest.mark.rows("E10")
async def test_a_client_does_not_want_the_call(
    outside_caller: Phone, host: HotspotHost, client_b: HotspotClient
) -> None:
    """The client refuses what the host would hand over: the host still has the call."""
    offered = await handing_over(outside_caller, host, client_b)
    await client_b.reject()
    assert await offered == 486, "the client refused, and the host heard something else"
    await host.shows(call="active")
    await host.hang_up()
    await outside_caller.shows(call="idle")


@pytest.mark.rows("E10")
async def test_a_client_cannot_transfer(outside_caller: Phone, host: HotspotHost, client_b: HotspotClient) -> None:
    """A client has basic calls only: its wish to transfer one is refused, and the call goes on."""
    await outside_caller.start(sync=False)
    await at_home(host, client_b)
    calling = asyncio.ensure_future(client_b.dial(outside_caller.user))
    await outside_caller.shows(call="ringing")
    await outside_caller.answer()
    assert await calling == 200, "the call was not answered"
    headers = {"Refer-To": f"<sip:{host.user}@{host.account.domain}>", "Referred-By": f"<{host.account.aor}>"}
    status = await client_b.probe("REFER", "call", headers=headers)
    assert status >= 400, f"a client's transfer got {status}"
    await outside_caller.shows(call="active")
    await client_b.hang_up()
    await outside_caller.shows(call="idle")
