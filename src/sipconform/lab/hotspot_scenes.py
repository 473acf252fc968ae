"""What happens in many stories about SIP hotspots."""

from __future__ import annotations

import asyncio

from sipconform.lab.actors import Phone
from sipconform.lab.hotspot import HotspotClient, HotspotHost


async def at_home(host: HotspotHost, *clients: HotspotClient, **settings: object) -> None:
    """The host is set up, signs in and opens its hotspot; the clients find it and get a line."""
    if settings:
        await host.set_hotspot(**settings)
    await host.start()
    for client in clients:
        await client.start()
        await client.connected()


async def talk(one: Phone, number: str, other: Phone) -> None:
    """One calls the other by a number; they talk, and the one hangs up."""
    calling = asyncio.ensure_future(one.dial(number))
    await other.shows(call="ringing")
    await other.answer()
    assert await calling == 200, f"the call from {one.name} to {number} was not answered"
    await one.hang_up()
    await other.shows(call="idle")


async def handing_over(outside_caller: Phone, host: HotspotHost, client: HotspotClient) -> asyncio.Future[int]:
    """The host, with one client, answers a call from outside and offers it to the client, who rings; gives what will
    become of that."""
    await outside_caller.start(sync=False)
    await at_home(host, client)
    await host.set_hotspot(ring_mode="host")
    calling = asyncio.ensure_future(outside_caller.dial(host.user))
    await host.shows(call="ringing")
    await host.answer()
    assert await calling == 200, "the call from outside was not answered"
    offered = asyncio.ensure_future(host.transfer(client.extension))
    await client.shows(call="ringing")
    return offered
